package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** The contents of the log, and failures of the log itself. */
class LogTest {
  private static final String FORGED = "a\r\nNov 25, 2026 8:00:00 AM audit\u0085\u2028\u001b[2J\u202eSEVERE: admin logged in";

  /** A broken log handler of the application. */
  private static final class Broken extends Handler implements AutoCloseable {
    private final Logger logger = Logger.getLogger("dev.tidings");
    private final Supplier<Error> error;
    final CountDownLatch called = new CountDownLatch(1);

    Broken() {
      this(() -> null);
    }

    /** Throws the supplied error, or an exception if that is null. */
    Broken(Supplier<Error> error) {
      this.error = error;
      logger.setLevel(Level.ALL);
      logger.setUseParentHandlers(false);
      logger.addHandler(this);
    }

    @Override
    public void publish(LogRecord record) {
      called.countDown();
      var thrown = error.get();
      if (thrown != null) {
        throw thrown;
      }
      throw new IllegalStateException("the log collector is gone");
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
      logger.removeHandler(this);
      logger.setUseParentHandlers(true);
      logger.setLevel(null);
    }
  }

  @Test
  void whatALogThrowsGoesNoFurtherAndWhatItWasToldIsShownUnlessItIsDetail() throws Exception {
    var shown = new ByteArrayOutputStream();
    var before = System.err;
    System.setErr(new PrintStream(shown, true, UTF_8));
    try (var broken = new Broken(StackOverflowError::new)) {
      Log.failure("a test", new IOException("x"));
      Log.warning("a test warns");
      Log.debug(() -> "a detail of a test");
      Await.latch("a line of the log", broken.called);
    } finally {
      System.setErr(before);
    }
    var lines = shown.toString(UTF_8).lines().toList();
    String why = " (the log threw java.lang.StackOverflowError)";
    assertTrue(lines.contains("ERROR dev.tidings: a test threw java.io.IOException" + why), lines::toString);
    assertTrue(lines.contains("WARNING dev.tidings: a test warns" + why), lines::toString);
    assertTrue(lines.stream().noneMatch(line -> line.contains("a detail of a test")), lines::toString);
  }

  @Test
  void aLogThatThrowsLeavesNoStreamWithoutAWriter() throws Exception {
    try (var broken = new Broken(); var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new Headers(), new OutputStream() {
        @Override
        public void write(int b) throws IOException {
          throw new IOException("Broken pipe");
        }
      }));
      stream.send("x");
      Await.until("it has ended", () -> !stream.isOpen());
      var closing = Thread.ofVirtual().start(stream::close);
      Await.latch("a line of the log", broken.called);
      Await.end(closing);
      assertEquals(Ending.CLIENT_GONE, stream.ending().orElseThrow());
    }
  }

  @Test
  void aLogThatThrowsStopsNoListenerCheckChannelHandlerOrStop() throws Exception {
    var told = new LinkedBlockingQueue<Ending>();
    var settings = Settings.defaults().withHeartbeat(Duration.ofMillis(50)).withRecheck(stream -> {
      throw new IllegalStateException("no");
    });
    try (var broken = new Broken(); var channel = Channel.create()) {
      var server = SseServer.builder().settings(settings).build();
      server.eventSources().onOpen(stream -> {
        throw new IllegalStateException("listener");
      });
      server.eventSources().onEnd((stream, why) -> {
        throw new IllegalStateException("listener");
      });
      server.eventSources().onEnd((stream, why) -> told.add(why));
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          channel.join(sse, event -> {
            throw new IllegalStateException("filter");
          });
          channel.publish("not for it");
          sse.keepAlive();
        }
        throw new IllegalStateException("handler");
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals(200, client.status());
        assertEquals(Ending.REVOKED, Await.next("the ending", told));
        client.toEndOrCut();
      }
      Await.latch("a line of the log", broken.called);
      Await.end(Thread.ofVirtual().start(server::close));
    }
  }

  /** Logging may block. */
  @Test
  void aStreamWhoseCheckHangsHasEndedBeforeThatIsLogged() throws Exception {
    var ticker = new ManualTicker();
    var asked = new CountDownLatch(1);
    var counts = new LinkedBlockingQueue<Integer>();
    var settings = Settings.defaults().withRecheck(stream -> {
      asked.countDown();
      Await.interrupt();
      return false;
    });
    try (var sources = ticker.sources(settings)) {
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      ticker.advance(Duration.ofSeconds(15));
      Await.latch("the check", asked);
      try (var broken = new Broken(() -> {
            counts.add(sources.count());
            return null;
          })) {
        ticker.advance(Duration.ofSeconds(30));
        Await.latch("a line of the log", broken.called);
      }
      assertEquals(Ending.REVOKED, stream.ending().orElseThrow());
      assertFalse(counts.contains(1), counts::toString);
    }
  }

  @Test
  void textFromOutsideIsQuotedAndCutAtEveryLevel() throws Exception {
    var filtered = new CountDownLatch(1);
    var settings = Settings.defaults().withHeartbeat(Duration.ofMillis(50)).withRecheck(stream -> {
      Await.until("its filter was asked", () -> filtered.getCount() == 0); // the stream ends with the check
      throw new IllegalStateException(FORGED);
    });
    try (var log = new LogRecords()) {
      try (var server = SseServer.builder().settings(settings).build(); var channel = Channel.create()) {
        server.get("/" + FORGED, request -> {
          try (var sse = request.getEventSource(FORGED + "x".repeat(5000))) {
            channel.join(sse, event -> {
              filtered.countDown();
              throw new IllegalStateException(FORGED);
            });
            channel.publish(FORGED);
            sse.onEnd(why -> {
              throw new IllegalStateException(FORGED);
            });
            sse.keepAlive();
          }
          throw new IOException(FORGED);
        });
        server.get("/silent" + FORGED, request -> {});
        server.get("/throws" + FORGED, request -> {
          throw new IllegalStateException(FORGED);
        });
        server.get("/query" + FORGED, request -> request.query("x"));
        server.post("/text" + FORGED, SseRequest::text);
        server.start();
        String path = java.net.URLEncoder.encode(FORGED, java.nio.charset.StandardCharsets.UTF_8).replace("+", "%20");
        for (String start : List.of("/", "/silent", "/throws")) {
          try (var client = Client.get(server.uri().resolve(start + path))) {
            client.toEndOrCut();
          }
        }
        try (var client = Client.raw(server.uri(), "GET /query" + path + "?%zz HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
          client.toEndOrCut();
        }
        try (var client = Client.send("POST", server.uri().resolve("/text" + path), "HTTP/1.1", "x", "Content-Type: text/plain; charset=a\u001bb")) {
          assertEquals(415, client.status());
          client.toEndOrCut();
        }
        Client.raw(server.uri(), "POST /text" + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf").close();
        var gone = Client.get(server.uri().resolve("/" + path));
        gone.head();
        gone.reset();
        Await.until("all is logged", () -> count(log, "filter") >= 1 && count(log, "recheck") >= 1
            && count(log, "handler of") >= 4 && count(log, "415") >= 1 && count(log, "disconnected") >= 1);
      }
      for (String message : log.messages()) {
        assertTrue(message.codePoints().noneMatch(c -> Character.isISOControl(c) || c == 0x2028 || c == 0x202e), message);
        assertTrue(message.length() < 500, message);
      }
      assertFalse(log.messages().stream().anyMatch(message -> message.contains("the recheck of EventSource[a")));
    }
  }

  @Test
  void aTextIsQuotedAsInJavaSource() {
    assertEquals("\"a b\u00e9\uD83C\uDF88'\"", Quoted.java("a b\u00e9\uD83C\uDF88'"));
    assertEquals("\"\\n\\r\\\"\\\\\"", Quoted.java("\n\r\"\\"));
    assertEquals("\"\\u0009\\u007f\\u0085\"", Quoted.java("\t\u007f\u0085"));
    assertEquals("\"\\u2028\\u2029\"", Quoted.java("\u2028\u2029"));
    assertEquals("\"\\u202e\\udb40\\udc41\"", Quoted.java("\u202e\uDB40\uDC41")); // invisible tags lie beyond U+FFFF
    assertEquals("\"\\udf88\\ud83c\\uffff\"", Quoted.java("\uDF88\uD83C\uFFFF"));
    for (String one : List.of("x", "\uD83C\uDF88")) {
      assertEquals('"' + one.repeat(80) + '"', Quoted.java(one.repeat(80)));
      assertEquals('"' + one.repeat(80) + "\" (cut)", Quoted.java(one.repeat(81)));
    }
    assertEquals("java.io.IOException", Quoted.java(new IOException()));
    assertEquals("java.io.IOException \"a\\nb\"", Quoted.java(new IOException("a\nb")));
  }

  private static long count(LogRecords log, String text) {
    return log.messages().stream().filter(message -> message.contains(text)).count();
  }
}
