package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Filter;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.FileNotFoundException;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import java.util.zip.ZipException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A disconnect is not a failure of the handler, and a failure of the handler is never taken for a disconnect. */
class PeerTest {
  private static final String HALF_AN_UPLOAD = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\nhalf";
  private static final String HALF_A_CHUNK =
      "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf";
  private static final String DOWNLOAD = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

  private final LinkedBlockingQueue<String> ended = new LinkedBlockingQueue<>();
  private LogRecords log;
  private SseServer server;

  @BeforeEach
  void open() {
    log = new LogRecords();
  }

  @AfterEach
  void close() {
    log.close();
    if (server != null) {
      server.close();
    }
  }

  private void serve(Scheme scheme, SseHandler handler) throws IOException {
    server = scheme.builder().build();
    SseHandler noticed = request -> {
      try {
        handler.handle(request);
      } finally {
        ended.add("a handler");
      }
    };
    server.get("/", noticed).post("/", noticed).start();
  }

  /** Waits for the handler and closes the server, so that the log is complete. */
  private void awaitHandler() throws InterruptedException {
    Await.next("the handler to end", ended);
    server.close();
  }

  private void assertQuiet() {
    assertEquals(List.of(), loud());
    assertTrue(log.messages(Level.FINE).stream().anyMatch(text -> text.contains(Peer.GONE)), log.messages()::toString);
    assertFalse(log.hasStackTraces());
  }

  private List<String> loud() {
    return log.loud().stream().map(record -> record.getMessage()).filter(text -> !text.contains("nodelay")).toList();
  }

  private void assertLoud(Class<? extends Throwable> type) {
    assertEquals(List.of("the handler of \"GET /\" threw " + type.getName()), log.messages(Level.SEVERE));
    assertEquals(type, log.loud().getLast().getThrown().getClass());
  }

  // Uploads.

  /** How a handler reads. */
  private enum Upload {
    TRANSFER(request -> request.exchange().getRequestBody().transferTo(OutputStream.nullOutputStream())),
    ALL_BYTES(request -> request.exchange().getRequestBody().readAllBytes()),
    BYTE_BY_BYTE(request -> {
      while (request.exchange().getRequestBody().read() >= 0) {}
    }),
    SKIP(request -> request.exchange().getRequestBody().skipNBytes(4000)),
    CLOSE(request -> request.exchange().getRequestBody().close()),
    TEXT(SseRequest::text),
    WRAPPED_TEXT(request -> {
      try {
        request.text();
      } catch (IOException e) {
        throw new IllegalStateException("no text", e);
      }
    }),
    LINES(request -> {
      try (var reader = new BufferedReader(new InputStreamReader(request.exchange().getRequestBody()))) {
        reader.lines().forEach(line -> {});
      }
    }),
    WRAPPED(request -> {
      try {
        request.exchange().getRequestBody().readAllBytes();
      } catch (IOException e) {
        throw new IllegalStateException("not read", new RuntimeException(e));
      }
    }),
    SWALLOWED(request -> {
      try {
        request.exchange().getRequestBody().readAllBytes();
      } catch (IOException e) {
        return; // there is no client to answer
      }
    });

    private final SseHandler reader;

    Upload(SseHandler reader) {
      this.reader = reader;
    }
  }

  static List<Object[]> uploads() {
    var cases = new ArrayList<Object[]>();
    for (var upload : Upload.values()) {
      for (String request : List.of(HALF_AN_UPLOAD, HALF_A_CHUNK)) {
        cases.add(new Object[] {Scheme.HTTP, upload, request, false});
        cases.add(new Object[] {Scheme.HTTP, upload, request, true});
      }
    }
    cases.add(new Object[] {Scheme.HTTPS, Upload.TRANSFER, HALF_AN_UPLOAD, false});
    cases.add(new Object[] {Scheme.HTTPS, Upload.TRANSFER, HALF_AN_UPLOAD, true});
    return cases;
  }

  @ParameterizedTest
  @MethodSource("uploads")
  void aClientThatLeavesDuringItsUploadIsNoFailure(Scheme scheme, Upload upload, String request, boolean reset) throws Exception {
    var reads = new CountDownLatch(1);
    serve(scheme, received -> {
      reads.countDown();
      upload.reader.handle(received);
      if (upload != Upload.SWALLOWED && upload != Upload.CLOSE) {
        received.respond(204);
      }
    });
    var client = Client.raw(server.uri(), request);
    Await.latch("the handler", reads);
    if (reset) {
      client.reset();
    } else {
      client.close();
    }
    Await.next("the handler to end", ended);
    Await.until("the JDK has forgotten the connection", () -> LeakTest.booked(server) == 0);
    server.close();
    if (upload == Upload.CLOSE) { // the JDK's own close swallows the failure, or reports it
      assertEquals(List.of(), log.messages(Level.SEVERE));
    } else {
      assertEquals(List.of(), loud());
      assertFalse(log.hasStackTraces());
    }
  }

  @Test
  void aClientThatOnlyHalfClosesIsToldSo() throws Exception {
    serve(Scheme.HTTP, Upload.TRANSFER.reader);
    try (var client = Client.raw(server.uri(), HALF_AN_UPLOAD)) {
      client.socket().shutdownOutput();
      assertEquals(400, client.status());
      assertEquals(Peer.GONE + "\n", client.toEnd());
    }
    awaitHandler();
    assertQuiet();
  }

  @Test
  void aFilterThatReplacesTheRequestIsNotInTheWay() throws Exception {
    serve(Scheme.HTTP, Upload.TRANSFER.reader);
    server.context().getFilters().add(Filter.adaptRequest("tag", request -> request.with("Tag", List.of("yes"))));
    Client.raw(server.uri(), HALF_AN_UPLOAD).close();
    awaitHandler();
    assertQuiet();
  }

  @Test
  void aStreamOpenedOverHalfABodyIsGone() throws Exception {
    var endings = new LinkedBlockingQueue<Ending>();
    serve(Scheme.HTTP, request -> {
      try (var sse = request.getEventSource()) {
        endings.add(sse.keepAlive());
      }
    });
    Client.raw(server.uri(), HALF_AN_UPLOAD).close();
    assertEquals(Ending.CLIENT_GONE, Await.next("an ending", endings));
    awaitHandler();
    assertEquals(List.of(), loud());
  }

  // Downloads.

  /** How a handler writes. */
  private enum Download {
    CHUNKED(request -> write(request, 0)),
    OF_KNOWN_LENGTH(request -> write(request, 1_000_000_000)),
    CLOSED_BY_RESOURCE(request -> {
      request.exchange().sendResponseHeaders(200, 1_000_000_000);
      try (var out = request.exchange().getResponseBody()) {
        for (int i = 0; i < 1000; i++) {
          out.write(new byte[1_000_000]);
        }
      }
    }),
    CLOSED_IN_FINALLY(request -> {
      request.exchange().sendResponseHeaders(200, 1_000_000_000);
      var out = request.exchange().getResponseBody();
      try {
        for (int i = 0; i < 1000; i++) {
          out.write(new byte[1_000_000]);
        }
      } finally {
        out.close(); // throws too, since bytes are missing, and hides the first exception
      }
    }),
    WRITER(request -> {
      request.exchange().sendResponseHeaders(200, 0);
      try (var out = new BufferedWriter(new OutputStreamWriter(request.exchange().getResponseBody()))) {
        for (int i = 0; i < 1000; i++) {
          out.write("x".repeat(1_000_000));
        }
      }
    }),
    FLUSHED(request -> {
      request.exchange().sendResponseHeaders(200, 1_000_000_000);
      for (int i = 0; i < 1_000_000; i++) {
        request.exchange().getResponseBody().write(new byte[1000]); // fits into the server's own buffer
        request.exchange().getResponseBody().flush();
      }
    }),
    WRAPPED(request -> {
      try {
        write(request, 0);
      } catch (IOException e) {
        throw new RuntimeException(e);
      }
    });

    private final SseHandler writer;

    Download(SseHandler writer) {
      this.writer = writer;
    }

    private static void write(SseRequest request, long length) throws IOException {
      request.exchange().sendResponseHeaders(200, length);
      for (int i = 0; i < 1000; i++) {
        request.exchange().getResponseBody().write(new byte[1_000_000]);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aClientThatLeavesDuringItsDownloadIsNoFailure(Download download) throws Exception {
    leavesDuringItsDownload(Scheme.HTTP, download);
  }

  @ParameterizedTest
  @EnumSource
  void onHttpAndHttps(Scheme scheme) throws Exception {
    leavesDuringItsDownload(scheme, Download.CHUNKED);
  }

  private void leavesDuringItsDownload(Scheme scheme, Download download) throws Exception {
    serve(scheme, download.writer);
    try (var client = Client.raw(server.uri(), DOWNLOAD)) {
      assertEquals(200, client.status());
      client.reset();
    }
    Await.next("the handler to end", ended);
    Await.until("the JDK has forgotten the connection", () -> LeakTest.booked(server) == 0);
    server.close();
    assertQuiet();
  }

  // Failures that stay failures.

  private static final class Circle extends RuntimeException {
    private static final long serialVersionUID = 1;

    @Override
    public synchronized Throwable getCause() {
      return this;
    }
  }

  /** A handler's own mistake and the exception that it throws; the client may be connected or gone. */
  private enum Mistake {
    MISSING_FILE(FileNotFoundException.class, request -> {
      throw new FileNotFoundException("no such file");
    }),
    MISSING_PATH(NoSuchFileException.class, request -> Files.copy(Path.of("/no/such/file"), request.exchange().getResponseBody())),
    PIPE_OF_ITS_OWN(IOException.class, request -> {
      throw new IOException("Broken pipe");
    }),
    CIRCLE(Circle.class, request -> {
      throw new Circle();
    });

    private final Class<? extends Throwable> type;
    private final SseHandler handler;

    Mistake(Class<? extends Throwable> type, SseHandler handler) {
      this.type = type;
      this.handler = handler;
    }
  }

  @ParameterizedTest
  @EnumSource
  void aHandlersOwnFailureStaysOne(Mistake mistake) throws Exception {
    serve(Scheme.HTTP, mistake.handler);
    try (var client = Client.raw(server.uri(), DOWNLOAD)) {
      assertEquals(500, client.status());
    }
    awaitHandler();
    assertLoud(mistake.type);
  }

  @ParameterizedTest
  @EnumSource
  void alsoIfTheClientIsGoneAtTheSameTime(Mistake mistake) throws Exception {
    serve(Scheme.HTTP, request -> {
      try {
        Download.CHUNKED.writer.handle(request);
      } catch (IOException e) {
        mistake.handler.handle(request);
      }
    });
    try (var client = Client.raw(server.uri(), DOWNLOAD)) {
      assertEquals(200, client.status());
      client.reset();
    }
    awaitHandler();
    assertLoud(mistake.type);
  }

  @Test
  void alsoIfItSuppressesThatTheClientIsGone() throws Exception {
    serve(Scheme.HTTP, request -> {
      request.exchange().sendResponseHeaders(200, 0);
      try (var out = request.exchange().getResponseBody(); var _ = (AutoCloseable) () -> out.write(new byte[50_000_000])) {
        throw new FileNotFoundException("no such file");
      }
    });
    try (var client = Client.raw(server.uri(), DOWNLOAD)) {
      assertEquals(200, client.status());
      client.reset();
    }
    awaitHandler();
    assertLoud(FileNotFoundException.class);
    assertEquals(1, log.loud().getLast().getThrown().getSuppressed().length);
  }

  /** Misuses of the exchange's own streams. */
  private enum Misuse {
    WRITE_BEFORE_THE_HEAD(request -> request.exchange().getResponseBody().write(1)),
    FLUSH_BEFORE_THE_HEAD(request -> request.exchange().getResponseBody().flush()),
    WRITE_TOO_MUCH(request -> {
      request.exchange().sendResponseHeaders(200, 5);
      request.exchange().getResponseBody().write(new byte[6]);
    }),
    WRITE_TOO_MUCH_LATER(request -> {
      request.exchange().sendResponseHeaders(200, 5);
      request.exchange().getResponseBody().write(new byte[5]);
      request.exchange().getResponseBody().write(1);
    }),
    WRITE_TOO_MUCH_BYTE_BY_BYTE(request -> {
      request.exchange().sendResponseHeaders(200, 5);
      for (int i = 0; i < 6; i++) {
        request.exchange().getResponseBody().write(i);
      }
    }),
    CLOSE_TOO_EARLY(request -> {
      request.exchange().sendResponseHeaders(200, 5);
      request.exchange().getResponseBody().write(new byte[4]);
      request.exchange().getResponseBody().close();
    }),
    WRITE_AFTER_THE_END(request -> {
      request.exchange().sendResponseHeaders(200, 0);
      request.exchange().getResponseBody().close();
      request.exchange().getResponseBody().write(1);
    }),
    READ_AFTER_ITS_END(request -> {
      request.exchange().getRequestBody().close();
      request.exchange().getRequestBody().read();
    }),
    READ_AFTER_THE_RESPONSE(request -> {
      request.exchange().sendResponseHeaders(204, -1);
      request.exchange().getRequestBody().read(new byte[10]);
    });

    private final SseHandler handler;

    Misuse(SseHandler handler) {
      this.handler = handler;
    }
  }

  @ParameterizedTest
  @EnumSource
  void whoUsesTheStreamsWronglyFails(Misuse misuse) throws Exception {
    serve(Scheme.HTTP, misuse.handler);
    try (var client = Client.raw(server.uri(), DOWNLOAD)) {
      Await.next("the handler to end", ended);
      server.close();
      client.toEndOrCut();
    }
    assertEquals(1, log.messages(Level.SEVERE).size(), log.messages()::toString);
    assertTrue(log.hasStackTraces());
  }

  /** The streams of a filter may fail by themselves. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatAFiltersOwnStreamThrowsIsNoClientThatIsGone(boolean reads) throws Exception {
    serve(Scheme.HTTP, request -> {
      if (reads) {
        request.exchange().getRequestBody().readAllBytes();
      } else {
        request.exchange().sendResponseHeaders(200, 0);
        request.exchange().getResponseBody().write(1);
      }
    });
    server.context().getFilters().add(Filter.beforeHandler("broken", exchange -> exchange.setStreams(
        new FilterInputStream(exchange.getRequestBody()) {
          @Override
          public int read(byte[] bytes, int start, int length) throws IOException {
            throw new ZipException("no such format");
          }
        },
        new FilterOutputStream(exchange.getResponseBody()) {
          @Override
          public void write(int b) throws IOException {
            throw new ZipException("no more");
          }
        })));
    try (var client = Client.raw(server.uri(), DOWNLOAD)) {
      awaitHandler();
      client.toEndOrCut();
    }
    assertLoud(ZipException.class);
  }

  // Interrupts.

  private void interrupted(boolean byTheStop) throws Exception {
    var reads = new LinkedBlockingQueue<Thread>();
    serve(Scheme.HTTP, request -> {
      reads.add(Thread.currentThread());
      request.exchange().getRequestBody().readAllBytes();
    });
    try (var client = Client.raw(server.uri(), HALF_AN_UPLOAD)) {
      var handler = Await.next("the handler", reads);
      if (!byTheStop) {
        handler.interrupt(); // for example, by a timeout of the application
        Await.until("it is logged", () -> !log.loud().isEmpty());
      }
      server.close();
      client.toEndOrCut();
    }
  }

  @Test
  void anUploadThatAStopCutsIsNoFailure() throws Exception {
    interrupted(true);
    assertEquals(List.of(), loud());
    assertTrue(log.messages(Level.FINE).contains("interrupted: the handler of \"POST /\""), log.messages()::toString);
    assertFalse(log.hasStackTraces());
  }

  @Test
  void anUploadThatTheApplicationInterruptsIsTheApplicationsAffair() throws Exception {
    interrupted(false);
    assertEquals(List.of("the handler of \"POST /\" threw java.nio.channels.ClosedByInterruptException"), log.messages(Level.SEVERE));
  }

  // Cost.

  @Test
  void theStreamsOfAnExchangeAreReplacedOnceAndReadInBulk() throws Exception {
    var sizes = new LinkedBlockingQueue<Integer>();
    serve(Scheme.HTTP, request -> {
      var in = request.exchange().getRequestBody();
      assertSame(in, request.exchange().getRequestBody());
      sizes.add(in.read(new byte[100], 10, 90));
      request.respond(200, "text/plain", "x");
    });
    try (var client = Client.send("POST", server.uri(), "HTTP/1.1", "y".repeat(50))) {
      assertEquals(200, client.status());
    }
    assertEquals(50, Await.next("a read", sizes));
    assertNull(sizes.poll());
  }
}
