package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Streams that the library opens and closes, on its own server and on a server of the application. */
class StreamRouteTest {
  private final BlockingQueue<Object> told = new LinkedBlockingQueue<>();
  private final AtomicInteger runs = new AtomicInteger();

  /** The two kinds of server that such a handler may run on. */
  private enum Host {
    SSE_SERVER,
    OWN_SERVER
  }

  /** A server with one stream, at its root. */
  private record Running(URI uri, EventSources sources, Runnable stop) implements AutoCloseable {
    @Override
    public void close() {
      stop.run();
    }
  }

  private static Running start(Host host, Settings settings, String method, StreamId id, RequestHandler handler)
      throws IOException {
    if (host == Host.SSE_SERVER) {
      var server = SseServer.builder().settings(settings).build();
      server = id == null ? server.stream(method, "/", handler) : server.stream(method, "/", id, handler);
      return new Running(server.start().uri(), server.eventSources(), server::close);
    }
    var sources = EventSources.create(settings);
    var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
    var executor = Executors.newVirtualThreadPerTaskExecutor();
    http.setExecutor(executor);
    http.createContext("/", id == null ? sources.handler(handler) : sources.handler(id, handler));
    http.start();
    return new Running(URI.create("http://localhost:" + http.getAddress().getPort() + "/"), sources, () -> {
      sources.close();
      http.stop(0);
      executor.shutdownNow();
    });
  }

  private Running start(Host host, RequestHandler handler) throws IOException {
    return start(host, Settings.defaults(), "GET", null, handler);
  }

  private static Client post(URI uri, String body, String... headers) throws IOException {
    return Client.send("POST", uri, "HTTP/1.1", body, headers);
  }

  // Endings.

  @ParameterizedTest
  @EnumSource
  void theStreamIsClosedWhenTheHandlerReturns(Host host) throws Exception {
    try (var running = start(host, (request, sse) -> {
      sse.onEnd(told::add);
      sse.send("one");
    });
        var client = Client.get(running.uri)) {
      assertEquals("data: one\n\n", client.toEnd());
      assertEquals(Ending.CLOSED, Await.next("the ending", told));
    }
  }

  @Test
  void aHandlerMayTakeTheStreamAlone() throws Exception {
    try (var server = SseServer.create(0).stream("/", sse -> sse.send("one")).start();
        var client = Client.get(server.uri())) {
      assertEquals("data: one\n\n", client.toEnd());
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFailureDeliversWhatWasAcceptedAndBreaksTheResponseOff(Host host) throws Exception {
    try (var records = new LogRecords();
        var running = start(host, (request, sse) -> {
          sse.onEnd(told::add);
          for (int i = 0; i < 3; i++) {
            sse.send("" + i);
          }
          throw new IllegalStateException("upstream is gone");
        });
        var client = Client.get(running.uri)) {
      assertEquals(List.of("0", "1", "2"), client.data(3));
      assertThrows(IOException.class, client::next);
      assertEquals(Ending.FAILED, Await.next("the ending", told));
      assertEquals(1, records.messages(Level.SEVERE).size());
      assertEquals(Map.of(Ending.FAILED, 1L), running.sources.stats().ended());
    }
  }

  /** Queued broadcasts are dropped with the stream. */
  @ParameterizedTest
  @CsvSource({
    "SSE_SERVER, 404, 'no such room\n', 0", "OWN_SERVER, 404, 'no such room\n', 0",
    "SSE_SERVER, 503, 'no such room\n', 0", "SSE_SERVER, 200, 'no such room\n', 0",
    "SSE_SERVER, 204, '', 0", "OWN_SERVER, 304, '', 0", "SSE_SERVER, 205, '', 0",
    "SSE_SERVER, 0, 'the handler failed\n', 1", "OWN_SERVER, 0, 'the handler failed\n', 1"
  })
  void aFailureBeforeAnythingWasSentIsAnswered(Host host, int status, String body, int errors) throws Exception {
    var sources = new java.util.concurrent.atomic.AtomicReference<EventSources>();
    try (var records = new LogRecords();
        var running = start(host, (request, sse) -> {
          sources.get().broadcast("dropped");
          throw status == 0 ? new IllegalStateException("upstream is gone") : new StatusException(status, "no such room");
        })) {
      sources.set(running.sources);
      try (var client = Client.get(running.uri)) {
        assertEquals(status == 0 ? 500 : status, client.status());
        boolean hasContent = !body.isEmpty();
        assertEquals(hasContent ? "text/plain; charset=utf-8" : null, client.headers().get("Content-Type"));
        assertEquals(body, hasContent ? client.toEnd() : "");
      }
      assertEquals(errors, records.messages(Level.SEVERE).size());
    }
  }

  @Test
  void aStatusThatComesTooLateBreaksTheResponseOff() throws Exception {
    try (var records = new LogRecords();
        var running = start(Host.SSE_SERVER, (request, sse) -> {
          sse.send("one");
          throw new StatusException(404, "no such room");
        });
        var client = Client.get(running.uri)) {
      assertEquals(List.of("one"), client.data(1));
      assertThrows(IOException.class, client::next);
      assertEquals(0, records.messages(Level.SEVERE).size(), "it is the client's fault");
    }
  }

  @Test
  void statusesThatCannotBeSentAreRefused() {
    for (int status : new int[] {-1, 0, 100, 199, 600}) {
      var e = assertThrows(IllegalArgumentException.class, () -> new StatusException(status, ""));
      assertEquals("status must be 200 to 599: " + status, e.getMessage());
    }
    assertThrows(NullPointerException.class, () -> new StatusException(400, null));
  }

  /** The table of {@link Ending}. */
  @ParameterizedTest
  @CsvSource({
    "CLOSED, true, true, true", "COMPLETED, true, true, true", "IDLE, true, true, true",
    "STOPPING, true, true, false", "EXPIRED, true, true, false", "REVOKED, true, true, false", "REPLACED, true, true, false",
    "FAILED, true, false, false", "INTERRUPTED, true, false, false",
    "TOO_SLOW, false, false, false", "OVERFLOW, false, false, false", "CLIENT_GONE, false, false, false"
  })
  void howTheResponseEnds(Ending why, boolean flushed, boolean wholeForGet, boolean wholeForOthers) throws Exception {
    for (String method : List.of("GET", "POST")) {
      try (var running = start(Host.SSE_SERVER, Settings.defaults(), method, null, (request, sse) -> {
        sse.onEnd(told::add);
        sse.send("one");
        sse.flush();
        sse.keepAlive();
      });
          var client = Client.send(method, running.uri, "HTTP/1.1", "")) {
        assertEquals("one", client.next().data());
        var stream = running.sources.streams().getFirst();
        stream.offer("queued");
        if (why == Ending.CLOSED) {
          stream.close();
        } else if (why == Ending.COMPLETED) {
          stream.complete();
        } else {
          stream.life().end(why);
        }
        boolean whole = method.equals("GET") ? wholeForGet : wholeForOthers;
        if (flushed) {
          assertEquals("queued", client.next().data());
        }
        if (whole) {
          client.toEnd();
        } else {
          assertThrows(IOException.class, client::toEnd);
        }
        assertEquals(why, Await.next("the ending", told));
      }
      assertEquals(null, told.poll(), "notified once");
    }
  }

  /** HTTP/1.0 has no last chunk, so the client sees a normal end in both cases. */
  @Test
  void http10CannotTellAFailure() throws Exception {
    try (var records = new LogRecords();
        var running = start(Host.SSE_SERVER, (request, sse) -> {
          sse.send("one");
          throw new IllegalStateException("upstream is gone");
        });
        var client = Client.send("GET", running.uri, "HTTP/1.0", "")) {
      assertEquals("data: one\n\n", client.toEnd());
      assertEquals(1, records.messages(Level.SEVERE).size());
    }
  }

  // The request.

  @ParameterizedTest
  @EnumSource
  void theBodyIsReadBeforeTheHandlerRuns(Host host) throws Exception {
    try (var running = start(host, Settings.defaults().withBodyLimit(5), "POST", request -> request.text(), (request, sse) -> {
      runs.incrementAndGet();
      assertThrows(StatusException.class, () -> request.bytes(2));
      sse.send(request.text() + request.text() + sse.identifier().orElseThrow());
    })) {
      try (var client = post(running.uri, "abc")) {
        assertEquals("data: abcabcabc\n\n", client.toEnd());
      }
      try (var client = post(running.uri, "abcdef")) {
        assertEquals(413, client.status());
        assertEquals("request body is larger than 5 bytes\n", client.toEnd());
      }
      assertEquals(1, runs.get());
      assertEquals(1, running.sources.stats().refused());
      assertEquals(0, running.sources.stats().ended().getOrDefault(Ending.FAILED, 0L));
    }
  }

  @ParameterizedTest
  @EnumSource
  void theIdentifierIsChosenBeforeTheOpeningAndMayBeRefused(Host host) throws Exception {
    try (var records = new LogRecords();
        var running = start(host, Settings.defaults(), "GET", request -> {
          if (request.require("user").equals("ann")) {
            request.appendHeader("Greeting", "hello");
            return "ann";
          }
          if (request.require("user").equals("null")) {
            return null;
          }
          throw new StatusException(403, "not you");
        }, (request, sse) -> sse.send(sse.identifier().orElseThrow()))) {
      try (var client = Client.get(URI.create(running.uri + "?user=ann"))) {
        assertEquals("data: ann\n\n", client.toEnd());
        assertEquals("hello", client.headers().get("Greeting"));
      }
      try (var client = Client.get(URI.create(running.uri + "?user=ben"))) {
        assertEquals(403, client.status());
        assertEquals("not you\n", client.toEnd());
      }
      try (var client = Client.get(running.uri)) {
        assertEquals(400, client.status());
        assertEquals("missing query parameter: \"user\"\n", client.toEnd());
      }
      assertEquals(0, records.messages(Level.SEVERE).size());
      try (var client = Client.get(URI.create(running.uri + "?user=null"))) {
        assertEquals(500, client.status());
      }
      assertEquals(1, records.messages(Level.SEVERE).size());
      assertEquals(1, running.sources.stats().opened());
    }
  }

  /** A client that repeats its POST after each end must not start another job. */
  @ParameterizedTest
  @EnumSource
  void aClientThatWasToldNotToComeBackIsAnsweredBeforeTheHandler(Host host) throws Exception {
    try (var running = start(host, Settings.defaults(), "POST", request -> {
      told.add("asked");
      return "id";
    }, (request, sse) -> {
      runs.incrementAndGet();
      sse.send("token");
      sse.complete();
    })) {
      String id;
      try (var client = post(running.uri, "{}")) {
        client.toEnd();
        id = client.parser().lastEventId();
      }
      for (int i = 0; i < 3; i++) {
        try (var client = post(running.uri, "{}", "Last-Event-ID: " + id)) {
          assertEquals(204, client.status());
        }
      }
      assertEquals(1, runs.get());
      assertEquals(1, told.size());
    }
  }

  @ParameterizedTest
  @EnumSource
  void headRunsTheIdentifierAndTheLimitsAndNotTheHandler(Host host) throws Exception {
    try (var running = start(host, Settings.defaults().withMaxStreams(1), "GET", request -> {
      request.query("refuse").ifPresent(status -> {
        throw new StatusException(Integer.parseInt(status), "refused");
      });
      return "id of " + request.query("name").orElse("");
    }, (request, sse) -> {
      runs.incrementAndGet();
      sse.keepAlive();
    })) {
      assertEquals(200, head(running.uri).status());
      assertEquals("text/event-stream; charset=utf-8", head(running.uri).headers().get("Content-Type"));
      assertEquals(403, head(URI.create(running.uri + "?refuse=403")).status());
      assertEquals(0, runs.get());
      try (var client = Client.get(running.uri)) {
        assertEquals(200, client.status());
        assertEquals(503, head(URI.create(running.uri + "?name=other")).status());
        assertEquals(200, head(URI.create(running.uri + "?name=other"), "Accept: text/event-stream").status());
        assertEquals(200, head(running.uri).status(), "a GET would replace the stream");
        assertEquals(1, running.sources.count(), "HEAD does not replace the stream");
      }
      assertEquals(1, runs.get());
    }
  }

  private static Client head(URI uri, String... headers) throws IOException {
    try (var client = Client.send("HEAD", uri, "HTTP/1.1", "", headers)) {
      client.head();
      return client;
    }
  }

  @Test
  void headOfAnIdentifierInUseIsRefusedWhereAStreamWouldBe() throws Exception {
    var settings = Settings.defaults().withDuplicates(Duplicates.REFUSE);
    try (var running = start(Host.SSE_SERVER, settings, "GET", request -> "id", (request, sse) -> sse.keepAlive());
        var client = Client.get(running.uri)) {
      assertEquals(200, client.status());
      assertEquals(503, head(running.uri).status());
    }
  }

  @Test
  void theHandlerDoesNotRunForARefusedRequest() throws Exception {
    try (var running = start(Host.OWN_SERVER, Settings.defaults().withMaxStreams(1), "GET", null, (request, sse) -> {
      runs.incrementAndGet();
      sse.keepAlive();
    });
        var one = Client.get(running.uri)) {
      assertEquals(200, one.status());
      try (var other = Client.get(running.uri, "Accept: text/event-stream")) {
        assertTrue(other.toEnd().startsWith("retry: "));
      }
      assertEquals(1, runs.get());
    }
  }

  /** Any other status than 200 would make an EventSource give up. */
  @Test
  void aStopWhileTheIdentifierIsChosenRefusesForNow() throws Exception {
    var chooses = new java.util.concurrent.CountDownLatch(2);
    try (var server = SseServer.create(0)) {
      server.stream("/", request -> {
        chooses.countDown();
        new java.util.concurrent.CountDownLatch(1).await(); // until it is interrupted
        return "never";
      }, (request, sse) -> runs.incrementAndGet());
      server.start();
      try (var browser = Client.get(server.uri(), "Accept: text/event-stream"); var other = Client.get(server.uri())) {
        Await.latch("both to be asked", chooses);
        server.stop(java.time.Duration.ZERO);
        assertEquals(200, browser.status());
        assertTrue(browser.toEnd().startsWith("retry: "));
        assertEquals(503, other.status());
        assertEquals(0, runs.get());
      }
    }
  }

  /** An interrupt would close the connection at the write. */
  @Test
  void aThreadThatIsInterruptedCanRespond() throws Exception {
    try (var running = start(Host.SSE_SERVER, Settings.defaults(), "GET", request -> {
      Thread.currentThread().interrupt();
      throw new StatusException(409, "in use");
    }, (request, sse) -> {});
        var client = Client.get(running.uri)) {
      assertEquals(409, client.status());
      assertEquals("in use\n", client.toEnd());
    }
    try (var server = SseServer.create(0)) {
      server.get("/", request -> {
        Thread.currentThread().interrupt();
        request.respond(200, "text/plain", "all");
        told.add(Thread.interrupted());
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals("all", client.toEnd());
        assertEquals(true, Await.next("the interrupt status", told));
      }
    }
  }

  @Test
  void nothingMayBeNull() {
    try (var server = SseServer.builder().build(); var sources = EventSources.create()) {
      assertThrows(NullPointerException.class, () -> server.stream("/", (StreamHandler) null));
      assertThrows(NullPointerException.class, () -> server.stream("/", (RequestHandler) null));
      assertThrows(NullPointerException.class, () -> server.stream("GET", "/", null, (request, sse) -> {}));
      assertThrows(NullPointerException.class, () -> server.stream("GET", "/", request -> "", null));
      assertThrows(NullPointerException.class, () -> sources.handler(null));
      assertThrows(NullPointerException.class, () -> sources.handler(null, (request, sse) -> {}));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  // Responses to clients that write all of their body before they read.

  private static final int LARGE = 10 * 1024 * 1024;

  /** The connection must not be reset while the client still writes; otherwise it never sees the status. */
  @ParameterizedTest
  @ValueSource(ints = {413, 404, 405, 500, 400, 401, 204})
  void aClientThatWritesAllBeforeItReadsSeesTheStatus(int status) throws Exception {
    try (var _ = new LogRecords(); var server = SseServer.create(0)) {
      server.stream("POST", "/413", (request, sse) -> sse.send("never"));
      server.get("/405", request -> request.respond(200));
      server.post("/500", request -> {
        throw new IllegalStateException("a bug");
      });
      server.post("/400", request -> {
        throw new StatusException(400, "not like this");
      });
      server.post("/401", request -> request.respond(401)); // without a body
      server.post("/204", request -> request.respond(204));
      server.start();
      String body = "x".repeat(LARGE);
      for (int i = 0; i < 3; i++) {
        try (var client = post(server.uri().resolve("/" + status), body)) {
          assertEquals(status, client.status());
          if (status != 204) {
            assertEquals(status == 401, client.toEnd().isEmpty());
          }
        }
      }
    }
  }

  @Test
  void soDoesOneWhoseStreamIsRefusedForItsBody() throws Exception {
    try (var server = SseServer.create(0)) {
      server.post("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("never");
        }
      });
      server.start();
      for (int i = 0; i < 3; i++) {
        try (var client = post(server.uri(), "x".repeat(LARGE))) {
          assertEquals(413, client.status());
          assertEquals("request body is larger than 1048576 bytes\n", client.toEnd());
        }
      }
    }
  }

  /** The server reads on for some seconds, but the response is complete before that. */
  @ParameterizedTest
  @ValueSource(strings = {"/413", "/401", "/stream"})
  void aClientThatStopsItsUploadGetsTheWholeResponseAtOnce(String path) throws Exception {
    try (var server = SseServer.create(0)) {
      server.post("/413", SseRequest::bytes);
      server.post("/401", request -> request.respond(401, "text/plain", "who are you?"));
      server.post("/stream", request -> request.getEventSource().close());
      server.start();
      String head = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n\r\n";
      try (var client = Client.raw(server.uri(), head + "x".repeat(2 * 1024 * 1024))) {
        assertEquals(path.equals("/401") ? 401 : 413, client.status());
        String length = client.headers().get("Content-Length");
        assertEquals(Integer.parseInt(length), client.toEnd().length());
      }
    }
  }
}
