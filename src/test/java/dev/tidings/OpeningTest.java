package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OpeningTest {

  @Test
  void headersArriveBeforeAnyEvent() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      assertEquals(200, client.status());
      assertEquals("text/event-stream; charset=utf-8", client.headers().get("Content-Type"));
      assertEquals("no-store, no-transform", client.headers().get("Cache-Control"));
      assertEquals("no", client.headers().get("X-Accel-Buffering"));
      assertEquals("close", client.headers().get("Connection"));
      assertFalse(client.headers().containsKey("Content-Encoding"));
      client.awaitText(":\n\n");
      assertEquals(0, client.parser().messages().size());
    }
  }

  @Test
  void nothingIsSentBeforeTheFirstMessagePingOrWait() throws Exception {
    var go = new CountDownLatch(1);
    try (var site = new Site(EventSources.create(), stream -> {
          Await.latch("the test", go);
          stream.appendHeader("Late", "yes");
          stream.send("x");
          return stream.keepAlive();
        });
        var client = Client.get(site.uri())) {
      site.opened();
      client.socket().setSoTimeout(300);
      assertThrows(java.net.SocketTimeoutException.class, client::head);
      client.socket().setSoTimeout(20_000);
      go.countDown();
      assertEquals("x", client.next().data());
      assertEquals("yes", client.headers().get("Late"));
    }
  }

  @Test
  void appendedHeadersArriveAndAddToOthers() throws Exception {
    try (var site = new Site(EventSources.create(), stream -> {
          stream.appendHeader("Header-Key", "Header-value").appendHeader("Header-Key", "other");
          stream.appendHeader("Cache-Control", "private");
          stream.send("Hello!");
          return stream.keepAlive();
        });
        var client = Client.get(site.uri())) {
      assertEquals("Header-value, other", client.headers().get("Header-Key"));
      assertEquals("no-store, no-transform, private", client.headers().get("Cache-Control"));
    }
  }

  @Test
  void appendHeaderAfterTheFirstMessageIsAnError() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      client.head();
      var stream = site.opened();
      var e = assertThrows(IllegalStateException.class, () -> stream.appendHeader("Too", "late"));
      assertTrue(e.getMessage().contains("Too"), e.getMessage());
    }
  }

  @Test
  void aPingThatWentOutFirstCountsAsMessageForHeaders() throws Exception {
    var ticker = new ManualTicker();
    var go = new CountDownLatch(1);
    try (var site = new Site(ticker.sources(Settings.defaults()), stream -> {
          Await.latch("the test", go);
          return stream.keepAlive();
        });
        var client = Client.get(site.uri())) {
      var stream = site.opened();
      ticker.advance(Duration.ofSeconds(14));
      stream.appendHeader("Early", "yes");
      ticker.advance(Duration.ofSeconds(2));
      assertEquals("yes", client.headers().get("Early"));
      assertThrows(IllegalStateException.class, () -> stream.appendHeader("Too", "late"));
      go.countDown();
    }
  }

  @ParameterizedTest
  @CsvSource({"a b,x", "'',x", "a:b,x", "Content-Length,5", "transfer-encoding,x", "Content-Type,x", "CONNECTION,x"})
  void badHeadersAreRefused(String name, String value) throws Exception {
    assertHeaderRefused(name, value);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\nb", "a\rb", "a\r\n b", "a\0b", "\u0100", "€", "\u001f", "\u007f", "\u0080", "\u009f"})
  void badHeaderValuesAreRefused(String value) throws Exception {
    assertHeaderRefused("Name", value);
  }

  @Test
  void everyCharacterThatAHeaderMayHaveIsTaken() {
    var letters = new StringBuilder("!#$%&'*+-.^_`|~0123456789");
    for (char c = 'a'; c <= 'z'; c++) {
      letters.append(c).append(Character.toUpperCase(c));
    }
    var value = new StringBuilder("\t");
    for (char c = ' '; c <= 0xFF; c++) {
      value.append(c < 0x7F || c >= 0xA0 ? String.valueOf(c) : "");
    }
    var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
    try (var sources = EventSources.create(); var stream = sources.open(exchange)) {
      stream.appendHeader(letters.toString(), value.toString()).appendHeader("x!", "").appendHeader("!x", "");
      assertEquals(value.toString(), exchange.getResponseHeaders().getFirst(letters.toString()));
    }
  }

  private static void assertHeaderRefused(String name, String value) throws Exception {
    var thrown = new LinkedBlockingQueue<Throwable>();
    try (var site = new Site(EventSources.create(), stream -> {
          thrown.add(assertThrows(Throwable.class, () -> stream.appendHeader(name, value)));
          return Ending.CLOSED;
        });
        var client = Client.get(site.uri())) {
      assertEquals(IllegalArgumentException.class, Await.next("an error", thrown).getClass());
      assertFalse(client.headers().containsKey("b"));
      assertEquals("", client.toEnd());
    }
  }

  @Test
  void headGetsTheHeadersOnlyAndIsNoStream() throws Exception {
    try (var site = new Site(EventSources.create(), stream -> {
          stream.appendHeader("Appended", "yes");
          assertFalse(stream.send("never"));
          return stream.keepAlive();
        });
        var client = Client.send("HEAD", site.uri("me"), "HTTP/1.1", "")) {
      assertEquals(200, client.status());
      assertEquals("text/event-stream; charset=utf-8", client.headers().get("Content-Type"));
      assertEquals("yes", client.headers().get("Appended"));
      assertEquals(-1, client.socket().getInputStream().read());
      assertEquals(Ending.CLOSED, site.ending());
      assertEquals(0, site.sources.stats().opened());
    }
  }

  @Test
  void headDoesNotReplaceTheStreamOfThatIdentifier() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri("me"))) {
      client.head();
      try (var head = Client.send("HEAD", site.uri("me"), "HTTP/1.1", "")) {
        assertEquals(200, head.status());
      }
      assertEquals(Ending.CLOSED, site.ending());
      assertEquals(1, site.sources.count());
      assertTrue(site.sources.getByIdentifier("me").orElseThrow().send("alive"));
      assertEquals("alive", client.next().data());
    }
  }

  @Test
  void http10GetsAStreamThatEndsWithTheConnection() throws Exception {
    try (var site = Site.keepingAlive();
        var client = Client.send("GET", site.uri(), "HTTP/1.0", "", "Connection: keep-alive")) {
      assertEquals(200, client.status());
      assertFalse(client.headers().containsKey("Transfer-Encoding"));
      assertEquals("close", client.headers().get("Connection"));
      var stream = site.opened();
      stream.send("one");
      assertEquals("one", client.next().data());
      stream.close();
      assertNull(client.next());
    }
  }

  @Test
  void requestConnectionCloseIsServed() throws Exception {
    try (var site = Site.keepingAlive();
        var client = Client.get(site.uri(), "Connection: close")) {
      site.opened().send("one");
      assertEquals("one", client.next().data());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 1000, 300_000, 1 << 20})
  void anyMethodOpensAndUnreadBodyIsDrained(int size) throws Exception {
    try (var site = new Site(EventSources.create(), stream -> {
          stream.send("streamed");
          return Ending.CLOSED;
        });
        var client = Client.send("PATCH", site.uri(), "HTTP/1.1", "x".repeat(size))) {
      assertEquals("data: streamed\n\n", client.toEnd());
    }
  }

  @Test
  void aBodyLargerThanTheLimitIs413AndNoStream() throws Exception {
    var settings = Settings.defaults().withBodyLimit(1000);
    try (var site = new Site(EventSources.create(settings), EventSource::keepAlive)) {
      try (var fits = Client.send("POST", site.uri(), "HTTP/1.1", "x".repeat(1000))) {
        assertEquals(200, fits.status());
        assertTrue(site.opened().isOpen());
      }
      try (var large = Client.send("POST", site.uri(), "HTTP/1.1", "x".repeat(1001))) {
        assertEquals(413, large.status());
        assertEquals("text/plain; charset=utf-8", large.headers().get("Content-Type"));
      }
      assertEquals(Ending.REFUSED, site.ending());
      assertFalse(site.opened().send("never"));
      assertEquals(1, site.sources.stats().opened());
    }
  }

  /** Providers throw either of them if their client has disconnected. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aBodyThatDoesNotArriveIsNoFailure(boolean checked) throws Exception {
    try (var log = new LogRecords(); var sources = EventSources.create()) {
      var exchange = MockExchange.uploading(new InputStream() {
        @Override
        public int read() throws IOException {
          if (checked) {
            throw new IOException("gone");
          }
          throw new IllegalStateException("gone");
        }
      });
      var stream = sources.open(exchange);
      assertEquals(Optional.of(Ending.CLIENT_GONE), stream.ending());
      assertEquals(0, log.loud().stream().filter(record -> !record.getMessage().contains("nodelay")).count());
      assertEquals(Map.of(), sources.stats().ended());
    }
  }

  /** After the close, no deadline for the body is checked any more. */
  @Test
  void onceTheRegistryIsClosedNoBodyIsWaitedFor() {
    var sources = EventSources.create();
    sources.close();
    var exchange = MockExchange.uploading(InputStream.nullInputStream());
    when(exchange.getRequestBody()).thenThrow(new AssertionError("it is read"));
    assertEquals(Optional.of(Ending.REFUSED), sources.open(exchange).ending());
  }

  @Test
  void aBodyThatNeverEndsIsGivenUpAtTheDeadline() throws Exception {
    var settings = Settings.defaults().withWriteDeadline(Duration.ofMillis(200));
    var told = new LinkedBlockingQueue<Ending>();
    try (var site = new Site(EventSources.create(settings), stream -> {
          stream.onEnd(told::add);
          return stream.keepAlive();
        });
        var client = Client.raw(site.uri(), "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")) {
      assertEquals(Ending.CLIENT_GONE, site.ending());
      assertEquals(Ending.CLIENT_GONE, Await.next("its listener", told));
      assertEquals(-1, client.socket().getInputStream().read());
      assertEquals(0, site.sources.count());
    }
  }

  @Test
  void expectContinueIsAnsweredAndServed() throws Exception {
    try (var site = Site.keepingAlive();
        var client = Client.raw(site.uri(),
            "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")) {
      assertEquals("HTTP/1.1 100 Continue", client.interim());
      client.write("body");
      assertEquals(200, client.status());
      site.opened().send("one");
      assertEquals("one", client.next().data());
    }
  }

  @Test
  void aSecondStreamOnOneRequestIsAnErrorAndTheFirstLives() throws Exception {
    var sources = EventSources.create();
    var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    var thrown = new LinkedBlockingQueue<Throwable>();
    var executor = java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor();
    http.setExecutor(executor);
    http.createContext("/", exchange -> {
      try (var first = sources.open(exchange)) {
        first.appendHeader("Cache-Control", "private");
        thrown.add(assertThrows(IllegalStateException.class, () -> sources.open(exchange)));
        first.send("one");
        thrown.add(assertThrows(IllegalStateException.class, () -> sources.open(exchange, "x")));
        first.life().end(Ending.CLOSED);
        first.life().awaitEnd();
        thrown.add(assertThrows(IllegalStateException.class, () -> sources.open(exchange)));
      }
    });
    http.start();
    try (sources; var client = Client.get(URI.create("http://localhost:" + http.getAddress().getPort() + "/"))) {
      assertEquals("data: one\n\n", client.toEnd());
      assertEquals("no-store, no-transform, private", client.headers().get("Cache-Control"));
      for (int i = 0; i < 3; i++) {
        Await.next("an error", thrown);
      }
      assertEquals(1, sources.stats().opened());
    } finally {
      executor.close();
      http.stop(0);
    }
  }

  @Test
  void withoutAnExecutorTheErrorSaysWhatToSet() throws Exception {
    var sources = EventSources.create();
    var thrown = new LinkedBlockingQueue<Throwable>();
    var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    http.createContext("/", exchange -> {
      try (exchange) {
        thrown.add(assertThrows(IllegalStateException.class, () -> sources.open(exchange)));
        exchange.sendResponseHeaders(500, -1);
      }
    });
    http.start();
    try (sources; var log = new LogRecords();
        var client = Client.get(URI.create("http://localhost:" + http.getAddress().getPort() + "/"))) {
      assertEquals(500, client.status());
      String message = Await.next("an error", thrown).getMessage();
      assertTrue(message.contains("server.setExecutor(Executors.newVirtualThreadPerTaskExecutor())"), message);
      assertEquals(1, log.messages(Level.SEVERE).size());
    } finally {
      http.stop(0);
    }
  }

  @ParameterizedTest
  @Timeout(20) // if one of them were taken for a request, its stream would stay open
  @ValueSource(strings = {
    "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "\0\1\2\3\n\n", "GET http://[ HTTP/1.1\r\n\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
  })
  void garbageHarmsNobody(String garbage) throws Exception {
    try (var site = Site.keepingAlive()) {
      try (var client = Client.raw(site.uri(), garbage)) {
        client.socket().shutdownOutput();
        client.toEndOrCut();
      }
      try (var client = Client.get(site.uri("sound"))) {
        assertEquals(200, client.status());
        Await.until("the valid request has its stream", () -> site.sources.getByIdentifier("sound").isPresent());
      }
    }
  }

  @Test
  void aFlushBeforeTheFirstMessageSendsNothing() throws Exception {
    try (var site = Site.keepingAlive()) {
      var flushing = new java.util.concurrent.LinkedBlockingQueue<Boolean>();
      site.http().createContext("/flush", exchange -> {
        try (var stream = site.sources.open(exchange)) {
          flushing.add(stream.flush());
          stream.appendHeader("After", "flush");
        }
      });
      try (var client = Client.get(site.uri().resolve("/flush"))) {
        assertEquals("flush", client.headers().get("After"));
        assertTrue(Await.next("the answer", flushing));
      }
    }
  }

  /** Jetty's server behind the same API returns 0 where the JDK's returns -1. */
  @Test
  void aResponseCodeOfZeroIsNoAnswerYet() {
    var exchange = MockExchange.with(new com.sun.net.httpserver.Headers(), java.io.OutputStream.nullOutputStream());
    org.mockito.Mockito.when(exchange.getResponseCode()).thenReturn(0);
    try (var sources = EventSources.create(); var stream = sources.open(exchange)) {
      assertTrue(stream.isOpen());
    }
  }

  /** If nothing is sent, the headers alone fire {@code open}. */
  @Test
  void aHandlerOnAPlatformThreadThatWaitsSendsTheHeadersToo() throws Exception {
    try (var _ = new LogRecords();
        var site = new Site(new EventSources(Settings.defaults(), new ManualTicker()), stream -> {
          var waiter = Thread.ofPlatform().start(stream::keepAlive);
          Await.end(waiter);
          return stream.ending().orElseThrow();
        });
        var client = Client.get(site.uri())) {
      assertEquals(200, client.status());
      client.awaitText(":\n\n");
      site.sources.dropAll();
      assertEquals(Ending.REVOKED, site.ending());
    }
  }

  @Test
  void appendHeaderAfterTheEndDoesNothing() throws Exception {
    try (var sources = EventSources.create()) {
      var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
      var stream = sources.open(exchange);
      stream.close();
      assertSame(stream, stream.appendHeader("X-Late", "1"));
      assertFalse(exchange.getResponseHeaders().containsKey("X-Late"));
    }
  }

  @Test
  void aRequestForTheHeadersOnlyGetsThemWithin15SecondsHoweverRarePingsAre() throws Exception {
    for (var heartbeat : List.of(Duration.ofHours(1), Duration.ofSeconds(15))) {
      var ticker = new ManualTicker();
      var busy = new CountDownLatch(1);
      try (var site = new Site(ticker.sources(Settings.defaults().withHeartbeat(heartbeat)), stream -> {
            Await.latch("the test", busy);
            return stream.keepAlive();
          });
          var client = Client.send("HEAD", site.uri(), "HTTP/1.1", "")) {
        var stream = site.opened();
        ticker.advance(Duration.ofMillis(14_999));
        assertTrue(stream.isOpen());
        ticker.advance(Duration.ofMillis(1));
        assertFalse(stream.isOpen());
        assertEquals("text/event-stream; charset=utf-8", client.headers().get("Content-Type"));
        busy.countDown();
        assertEquals(Ending.CLOSED, site.ending());
      }
    }
  }

  /** Each header would take 110 bytes for as long as the stream is open. */
  @Test
  void headersThatAreOutAreLetGo() throws Exception {
    try (var sources = EventSources.create()) {
      var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
      var stream = sources.open(exchange);
      assertTrue(exchange.getResponseHeaders().containsKey("X-Accel-Buffering"));
      stream.send("x");
      stream.flush();
      assertEquals(java.util.Set.of("Content-type"), exchange.getResponseHeaders().keySet());
    }
  }
}
