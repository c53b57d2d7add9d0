package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SseRequestTest {
  private final LinkedBlockingQueue<Object> seen = new LinkedBlockingQueue<>();
  private SseHandler handler;
  private SseServer server;

  @BeforeEach
  void start() throws IOException {
    server = SseServer.builder().settings(Settings.defaults().withBodyLimit(100)).build();
    server.get("/", request -> handler.handle(request));
    server.post("/", request -> handler.handle(request));
    server.start();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private URI uri(String query) {
    return URI.create(server.uri() + query);
  }

  /** A query of 30 KB takes a megabyte once it is parsed. */
  @Test
  void aStreamKeepsNoParsedQuery() throws Exception {
    handler = request -> {
      var before = request.query();
      assertSame(before, request.query());
      try (var _ = request.getEventSource()) {
        seen.add(before != request.query() && before.equals(request.query()));
      }
    };
    try (var client = Client.get(uri("?a=1&b=2"))) {
      assertEquals(200, client.status());
      assertEquals(true, Await.next("the answer", seen));
    }
  }

  @Test
  void aLimitBelowNothingIsAnErrorOfTheHandler() throws Exception {
    handler = request -> {
      var error = assertThrows(IllegalArgumentException.class, () -> request.text(-1));
      assertEquals("limit must be at least 0: -1", error.getMessage());
      assertThrows(IllegalArgumentException.class, () -> request.bytes(-1));
      request.respond(200, "text/plain", request.text(1));
    };
    for (String type : List.of("Content-Type: text/plain;charset=utf-8", "X-No: type")) {
      try (var client = Client.raw(uri(""), "POST / HTTP/1.1\r\nHost: localhost\r\n" + type + "\r\nContent-Length: 1\r\n\r\na")) {
        assertEquals(200, client.status());
      }
    }
  }

  /** The write deadline applies to each read, so that only maxReqTime bounds a slow upload. */
  @Test
  void aBodyMayComeForLongerThanTheWriteDeadline() throws Exception {
    var ticker = new ManualTicker();
    var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
    when(exchange.getRequestBody()).thenReturn(slowBody(ticker));
    var sources = new EventSources(Settings.defaults().withWriteDeadline(Duration.ofSeconds(10)), ticker);
    assertEquals("abcdefgh", sources.handling(exchange).request().text());
    assertFalse(Thread.interrupted());
  }

  private static InputStream slowBody(ManualTicker ticker) {
    return new InputStream() {
      private int sent;

      @Override
      public int read() throws IOException {
        ticker.advance(Duration.ofSeconds(9)); // each byte takes this long
        if (Thread.currentThread().isInterrupted()) {
          throw new ClosedByInterruptException(); // as a channel does
        }
        return sent == 8 ? -1 : 'a' + sent++;
      }

      @Override
      public int read(byte[] bytes, int start, int length) throws IOException {
        int next = read();
        if (next >= 0) {
          bytes[start] = (byte) next;
        }
        return next < 0 ? -1 : 1;
      }
    };
  }

  /** A client that sends a byte now and then must not delay an opening, or hold a place, for longer. */
  @Test
  void whatAStreamDrainsHasTheWriteDeadlineAsAWhole() throws Exception {
    var ticker = new ManualTicker();
    var exchange = MockExchange.uploading(slowBody(ticker));
    try (var sources = new EventSources(Settings.defaults().withWriteDeadline(Duration.ofSeconds(10)), ticker);
        var stream = sources.open(exchange)) {
      assertEquals(Optional.of(Ending.CLIENT_GONE), stream.ending());
    }
    assertFalse(Thread.interrupted());
  }

  /** An opening may fail, for example because the request has a stream already. */
  @Test
  void headersOfAnOpeningThatFailsAreNotDoubled() throws Exception {
    handler = request -> {
      request.appendHeader("Set-Cookie", "a=1");
      request.getEventSource();
    };
    try (var failing = SseServer.builder().settings(Settings.defaults().withMaxStreamsPerClient(1).withClient(exchange -> new Object() {
          @Override
          public int hashCode() {
            throw new IllegalStateException("no hash");
          }
        })).build(); var log = new LogRecords()) {
      failing.get("/", handler);
      failing.start();
      try (var client = Client.raw(failing.uri(), "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) {
        String answer = client.rest();
        assertTrue(answer.startsWith("HTTP/1.1 500 "), answer);
        assertEquals(2, answer.split("(?i)set-cookie: a=1", -1).length, answer);
      }
      assertFalse(log.messages(Level.SEVERE).isEmpty());
    }
  }

  @Test
  void queryParametersAreDecoded() throws Exception {
    handler = request -> {
      seen.add(request.query());
      seen.add(request.query("a"));
      seen.add(request.query("none"));
      seen.add(List.copyOf(request.query().keySet()));
      assertThrows(UnsupportedOperationException.class, () -> request.query().clear());
      assertThrows(UnsupportedOperationException.class, () -> request.query().get("a").add("3"));
      request.respond(200);
    };
    try (var client = Client.get(uri("?a=1&b=%C3%A9+%26%3D&a=2&c&&=x&d=e=f;g=h&%F0%9F%98%80=%0A"))) {
      assertEquals(200, client.status());
    }
    assertEquals(
        Map.of("a", List.of("1", "2"), "b", List.of("é &="), "c", List.of(""), "", List.of("x"), "d", List.of("e=f;g=h"), "\uD83D\uDE00", List.of("\n")),
        Await.next("the query", seen));
    assertEquals(Optional.of("1"), Await.next("a", seen));
    assertEquals(Optional.empty(), Await.next("none", seen));
    assertEquals(List.of("a", "b", "c", "", "d", "\uD83D\uDE00"), Await.next("the names", seen));
  }

  @Test
  void lastEventIdIsUtf8() throws Exception {
    handler = request -> {
      seen.add(request.lastEventId());
      request.respond(200);
    };
    try (var client = Client.get(uri(""), "Last-Event-ID: é€\uD83D\uDE00 x")) {
      assertEquals(200, client.status());
    }
    assertEquals(Optional.of("é€\uD83D\uDE00 x"), Await.next("the id", seen));
    try (var client = Client.get(uri(""))) {
      assertEquals(200, client.status());
    }
    assertEquals(Optional.empty(), Await.next("no id", seen));
  }

  @Test
  void methodPathHeadersAddressAndExchangeAreThere() throws Exception {
    handler = request -> {
      seen.add(request.method() + " " + request.path());
      seen.add(request.header("x-MiXed"));
      seen.add(request.headers().getFirst("X-Mixed"));
      seen.add(request.remoteAddress().getAddress().isLoopbackAddress());
      seen.add(request.exchange().getProtocol());
      seen.add(request.remoteAddress().getPort());
      request.respond(200);
    };
    try (var client = Client.get(uri("?q"), "X-Mixed: value")) {
      assertEquals(200, client.status());
      assertEquals(
          List.of("GET /", Optional.of("value"), "value", true, "HTTP/1.1", client.socket().getLocalPort()), List.copyOf(seen));
    }
  }

  @Test
  void theBodyIsTextInItsCharset() throws Exception {
    handler = request -> request.respond(200, "text/plain", request.text());
    assertBody("text/plain; charset=ISO-8859-1", "Ã©");
    assertBody("text/plain; Charset=\"iso-8859-1\"", "Ã©");
    assertBody("text/plain; charset=\"utf-8\"", "é");
    assertBody("text/plain", "é");
    assertBody("text/plain; old-charset=ISO-8859-1", "é");
    for (String name : List.of("no-such", "a*b")) { // the second is not a legal charset name
      try (var client = Client.send("POST", uri(""), "HTTP/1.1", "x", "Content-Type: text/plain; charset=" + name)) {
        assertEquals(415, client.status());
      }
    }
  }

  private void assertBody(String contentType, String expected) throws IOException {
    try (var client = Client.send("POST", uri(""), "HTTP/1.1", "é", "Content-Type: " + contentType)) {
      assertEquals(expected, client.toEnd());
      assertEquals("text/plain; charset=utf-8", client.headers().get("Content-Type"));
    }
  }

  @Test
  void aBodyAtTheLimitIsReadAndOneAboveIs413() throws Exception {
    handler = request -> request.respond(200, "text/plain", Integer.toString(request.bytes().length));
    assertEquals("99", post(99));
    assertEquals("100", post(100));
    assertEquals("request body is larger than 100 bytes\n", post(101));
    handler = request -> request.respond(200, "text/plain", Integer.toString(request.bytes(0).length));
    assertEquals("0", post(0));
    assertEquals("request body is larger than 0 bytes\n", post(1));
    handler = request -> request.respond(200, "text/plain", Integer.toString(request.bytes(Integer.MAX_VALUE).length));
    assertEquals("101", post(101));
  }

  private String post(int size) throws IOException {
    try (var client = Client.send("POST", uri(""), "HTTP/1.1", "x".repeat(size))) {
      String body = client.toEnd();
      assertEquals(body.startsWith("request") ? 413 : 200, client.status());
      return body;
    }
  }

  @Test
  void aChunkedBodyIsLimitedToo() throws Exception {
    handler = request -> request.respond(200, "text/plain", request.text());
    String head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    try (var client = Client.raw(uri(""), head + "3\r\nabc\r\n0\r\n\r\n")) {
      assertEquals("abc", client.toEnd());
    }
    try (var client = Client.raw(uri(""), head + "ff\r\n" + "x".repeat(255) + "\r\n0\r\n\r\n")) {
      assertEquals(413, client.status());
    }
  }

  @Test
  void aQueryThatCannotBeDecodedIs400() throws Exception {
    handler = request -> request.respond(200, "text/plain", request.query("a").orElse(""));
    // java.net.URI accepts only well-formed queries, so the first one is malformed only as UTF-8.
    try (var client = Client.get(uri("?a=%FF"))) {
      assertEquals(200, client.status());
      assertEquals("\uFFFD", client.toEnd());
    }
    try (var client = Client.raw(uri(""), "GET /?a=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
      assertEquals(400, client.status());
    }
  }

  @Test
  void answeringTwiceIsAnError() throws Exception {
    handler = request -> {
      request.respond(200, "text/plain", "one");
      seen.add(assertThrows(IllegalStateException.class, () -> request.respond(200)));
      seen.add(assertThrows(IllegalStateException.class, request::getEventSource));
    };
    try (var client = Client.get(uri(""))) {
      assertEquals("one", client.toEnd());
    }
    Await.next("an error", seen);
    Await.next("another", seen);
    handler = request -> {
      try (var sse = request.getEventSource()) {
        seen.add(assertThrows(IllegalStateException.class, () -> request.respond(200)));
        seen.add(assertThrows(IllegalStateException.class, () -> request.getEventSource("x")));
        sse.send("streamed");
      }
    };
    try (var client = Client.get(uri(""))) {
      assertEquals("data: streamed\n\n", client.toEnd());
    }
  }

  // Headers that are set before the response.

  @Test
  void headersThatWereAppendedBeforeAreOnAStream() throws Exception {
    server.eventSources().onOpen(stream -> {
      stream.send("from a listener");
      stream.flush(); // sends the head
    });
    handler = request -> {
      assertSame(request, request.appendHeader("Looked-Up", "one"));
      request.appendHeader("looked-up", "two").appendHeader("Cache-Control", "must-understand").appendHeader("Pragma", "no-cache");
      try (var sse = request.query("id").isPresent() ? request.getEventSource("me") : request.getEventSource()) {
        sse.send("x");
      }
    };
    for (String query : List.of("", "?id")) {
      try (var client = Client.get(uri(query))) {
        assertEquals(200, client.status());
        assertEquals("one, two", client.headers().get("Looked-Up"));
        assertEquals("no-store, no-transform, must-understand", client.headers().get("Cache-Control"));
        assertEquals("no-cache", client.headers().get("Pragma"));
        assertEquals("text/event-stream; charset=utf-8", client.headers().get("Content-Type"));
        assertEquals("data: from a listener\n\ndata: x\n\n", client.toEnd());
      }
    }
    try (var client = Client.send("HEAD", uri(""), "HTTP/1.1", "")) {
      assertEquals("one, two", client.headers().get("Looked-Up"));
    }
  }

  @Test
  void headersThatWereAppendedBeforeAreOnATextToo() throws Exception {
    handler = request -> {
      request.appendHeader("Looked-Up", "one").appendHeader("Looked-Up", "two").appendHeader("ETag", "\"é\"");
      if (request.method().equals("POST")) {
        request.text(); // may be too large
      }
      request.respond(200, "text/plain", "x");
    };
    try (var client = Client.get(uri(""))) {
      assertEquals("one, two", client.headers().get("Looked-Up"));
      assertEquals("\"é\"", client.headers().get("ETag"));
      assertEquals("x", client.toEnd());
    }
    try (var client = Client.send("POST", uri(""), "HTTP/1.1", "x".repeat(101))) {
      assertEquals(413, client.status());
      assertEquals("one, two", client.headers().get("Looked-Up"));
    }
  }

  @Test
  void headersThatTheStreamNeedsAndBadOnesAreRefused() throws Exception {
    handler = request -> {
      for (String name : List.of("Connection", "content-length", "CONTENT-TYPE", "Transfer-Encoding")) {
        seen.add(assertThrows(IllegalArgumentException.class, () -> request.appendHeader(name, "x")).getMessage());
      }
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.appendHeader("a b", "x")).getMessage());
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.appendHeader("a", "x\r\nb: c")).getMessage());
      seen.add(assertThrows(NullPointerException.class, () -> request.appendHeader("a", null)).getClass());
      request.respond(200);
    };
    try (var client = Client.get(uri(""))) {
      assertEquals(200, client.status());
      assertFalse(client.headers().containsKey("a"));
    }
    assertEquals(7, seen.size());
    assertEquals("the stream itself sets this header: Connection", seen.peek());
    assertTrue(seen.toString().contains("header name must be a token (RFC 9110, 5.6.2): \"a b\""), seen::toString);
  }

  @Test
  void afterTheAnswerItIsTooLateForHeaders() throws Exception {
    handler = request -> {
      if (request.method().equals("POST")) {
        request.respond(200, "text/plain", "x");
      } else if (request.query("exchange").isPresent()) {
        request.exchange().sendResponseHeaders(200, -1);
      } else {
        request.getEventSource().send("x");
      }
      seen.add(assertThrows(IllegalStateException.class, () -> request.appendHeader("a", "b")).getMessage());
    };
    for (String path : List.of("", "?exchange")) {
      try (var client = Client.get(uri(path))) {
        client.toEnd();
        assertFalse(client.headers().containsKey("a"));
      }
      assertEquals("this request has been answered", Await.next("an error", seen));
    }
    try (var client = Client.send("POST", uri(""), "HTTP/1.1", "body")) {
      assertEquals("x", client.toEnd());
    }
    assertEquals("this request has been answered", Await.next("an error", seen));
  }

  @Test
  void badAnswersAreErrors() throws Exception {
    handler = request -> {
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.respond(199)).getMessage());
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.respond(600)).getMessage());
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.respond(200, "a\r\nb", "")).getMessage());
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.respond(200, "text/\u007f", "")).getMessage());
      seen.add(assertThrows(NullPointerException.class, () -> request.getEventSource(null)).getClass());
      request.respond(599);
    };
    try (var client = Client.get(uri(""))) {
      assertEquals(599, client.status());
    }
    assertEquals(5, seen.size());
    assertTrue(seen.peek().toString().endsWith(": 199"));
  }

  @Test
  void aClientThatLeavesInTheMiddleOfItsBodyIsNoFailure() throws Exception {
    handler = request -> {
      try {
        request.bytes();
      } catch (IOException e) {
        seen.add(e);
        throw e;
      }
    };
    try (var log = new LogRecords()) {
      try (var client = Client.raw(uri(""), "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nhalf")) {
        client.socket().shutdownOutput();
        assertEquals(400, client.status());
      }
      Await.next("the error", seen);
      assertEquals(List.of(), log.loud());
    }
  }

  /** Otherwise the next step of its thread would fail, such as the response. */
  @Test
  void aReadThatIsCutAtTheWriteDeadlineLeavesACleanInterruptStatus() throws Exception {
    var ticker = new ManualTicker();
    var cut = new LinkedBlockingQueue<Boolean>();
    var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
    when(exchange.getRequestBody()).thenReturn(new InputStream() {
      @Override
      public int read() throws IOException {
        ticker.advance(Duration.ofSeconds(11));
        cut.add(Thread.currentThread().isInterrupted());
        throw new ClosedByInterruptException(); // as a channel does, which leaves the interrupt status set
      }
    });
    try (var sources = new EventSources(Settings.defaults().withWriteDeadline(Duration.ofSeconds(10)), ticker)) {
      var request = sources.handling(exchange).request();
      assertThrows(IOException.class, request::bytes);
      assertEquals(List.of(true), List.copyOf(cut));
      assertFalse(Thread.interrupted());
    }
  }

  @Test
  void whatHasNoContentIsAnsweredWithoutBodyAndType() throws Exception {
    handler = request -> {
      request.respond(Integer.parseInt(request.query("status").orElseThrow()), "text/plain", "not to be sent");
      seen.add("answered");
    };
    for (int status : List.of(204, 304)) {
      try (var client = Client.get(uri("?status=" + status), "Connection: close")) {
        assertEquals(status, client.status());
        assertEquals(null, client.headers().get("Content-Type"));
        assertEquals("", client.rest());
        assertEquals("answered", Await.next("the handler", seen));
      }
    }
  }

  @Test
  void anEmptyTextIsAnsweredWithoutABodyAndNotInChunks() throws Exception {
    var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
    doAnswer(call -> seen.add(call.getArguments()[1])).when(exchange).sendResponseHeaders(anyInt(), anyLong());
    try (var sources = EventSources.create()) {
      sources.handling(exchange).request().respond(200, "text/plain", "");
      sources.handling(exchange).request().respond(200, "text/plain", "é");
    }
    assertEquals(List.of(-1L, 2L), List.copyOf(seen));
  }

  @Test
  void aRequestForTheHeadersOfATextGetsItsLengthAndNoBody() throws Exception {
    handler = request -> request.respond(200, "text/plain", "é");
    try (var client = Client.send("HEAD", uri(""), "HTTP/1.1", "", "Connection: close")) {
      assertEquals(200, client.status());
      assertEquals("2", client.headers().get("Content-Length"));
      assertEquals("text/plain; charset=utf-8", client.headers().get("Content-Type"));
      assertEquals("", client.rest());
    }
  }

  @Test
  void anAnswerThatTheClientDoesNotReadIsCutAtTheWriteDeadline() throws Exception {
    var ticker = new ManualTicker();
    var cut = new LinkedBlockingQueue<Boolean>();
    var exchange = MockExchange.with(new Headers(), new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        ticker.advance(Duration.ofSeconds(11));
        cut.add(Thread.currentThread().isInterrupted());
        throw new ClosedByInterruptException(); // as a channel does, which leaves the interrupt status set
      }
    });
    try (var sources = new EventSources(Settings.defaults().withWriteDeadline(Duration.ofSeconds(10)), ticker)) {
      var request = sources.handling(exchange).request();
      assertThrows(IOException.class, () -> request.respond(200, "text/plain", "x"));
      assertEquals(List.of(true), List.copyOf(cut));
      assertFalse(Thread.interrupted());
    }
  }

  @Test
  void onlyATextWithoutACharsetGetsOne() throws Exception {
    handler = request -> request.respond(200, request.header("Wanted").orElseThrow(), "x");
    for (var types : List.of(
        List.of("text/html", "text/html; charset=utf-8"),
        List.of("text/html; charset=utf-8", "text/html; charset=utf-8"),
        List.of("Text/HTML", "Text/HTML; charset=utf-8"),
        List.of("text/html; Charset=\"utf-8\"", "text/html; Charset=\"utf-8\""),
        List.of("application/json", "application/json"))) {
      try (var client = Client.get(uri(""), "Wanted: " + types.getFirst())) {
        assertEquals(types.getLast(), client.headers().get("Content-Type").replace(";charset", "; charset"));
      }
    }
  }
}
