package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SseRequestTest {
  private final LinkedBlockingQueue<Object> seen = new LinkedBlockingQueue<>();
  private SseHandler handler;
  private SseServer server;

  @BeforeEach
  void start() throws IOException {
    server = SseServer.builder().settings(Settings.defaults().bodyLimit(100)).build();
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

  @Test
  void queryParametersAreDecoded() throws Exception {
    handler = request -> {
      seen.add(request.query());
      seen.add(request.query("a"));
      seen.add(request.query("none"));
      assertThrows(UnsupportedOperationException.class, () -> request.query().clear());
      request.respond(200);
    };
    try (var client = Client.get(uri("?a=1&b=%C3%A9+%26%3D&a=2&c&&=x&%F0%9F%98%80=%0A"))) {
      assertEquals(200, client.status());
    }
    assertEquals(
        Map.of("a", List.of("1", "2"), "b", List.of("é &="), "c", List.of(""), "", List.of("x"), "\uD83D\uDE00", List.of("\n")),
        Await.next("the query", seen));
    assertEquals(Optional.of("1"), Await.next("a", seen));
    assertEquals(Optional.empty(), Await.next("none", seen));
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
      request.respond(200);
    };
    try (var client = Client.get(uri("?q"), "X-Mixed: value")) {
      assertEquals(200, client.status());
    }
    assertEquals(
        List.of("GET /", Optional.of("value"), "value", true, "HTTP/1.1"), List.copyOf(seen));
  }

  @Test
  void theBodyIsTextInItsCharset() throws Exception {
    handler = request -> request.respond(200, "text/plain", request.text());
    assertBody("text/plain; charset=ISO-8859-1", "Ã©");
    assertBody("text/plain; Charset=\"utf-8\"", "é");
    assertBody("text/plain", "é");
    try (var client = Client.send("POST", uri(""), "HTTP/1.1", "x", "Content-Type: text/plain; charset=no-such")) {
      assertEquals(415, client.status());
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
    String head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
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
    // java.net.URI lets through only what is well-formed, so the broken one is well-formed UTF-8-wise only.
    try (var client = Client.get(uri("?a=%FF"))) {
      assertEquals(200, client.status());
      assertEquals("\uFFFD", client.toEnd());
    }
    try (var client = Client.raw(uri(""), "GET /?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n")) {
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

  @Test
  void badAnswersAreErrors() throws Exception {
    handler = request -> {
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.respond(199)).getMessage());
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.respond(600)).getMessage());
      seen.add(assertThrows(IllegalArgumentException.class, () -> request.respond(200, "a\r\nb", "")).getMessage());
      request.respond(200);
    };
    try (var client = Client.get(uri(""))) {
      assertEquals(200, client.status());
    }
    assertEquals(3, seen.size());
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
      try (var client = Client.raw(uri(""), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf")) {
        client.socket().shutdownOutput();
        assertEquals(400, client.status());
      }
      Await.next("the error", seen);
      assertEquals(List.of(), log.loud());
    }
  }
}
