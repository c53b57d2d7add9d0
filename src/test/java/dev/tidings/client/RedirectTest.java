package dev.tidings.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.tidings.Event;
import dev.tidings.SelfSigned;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which redirects are followed, and what goes to another origin. */
class RedirectTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  private static RawServer.Answer to(int status, String location) {
    return RawServer.status(status + " Moved", "Location: " + location, "Content-Length: 0");
  }

  @ParameterizedTest
  @ValueSource(ints = {301, 302, 303, 307, 308})
  void withinAnOriginARedirectKeepsHeadersAndTheLastEventId(int status) throws Exception {
    try (var server = new RawServer(to(status, "/b/c?d"), to(status, "e"), to(status, "?f=g"), RawServer.stream("data: x\n\n"));
        var client = EventClient.builder(server.uri("/a")).header("Authorization", "secret").lastEventId("7").open()) {
      for (String path : List.of("/a", "/b/c?d", "/b/e", "/b/e?f=g")) {
        var request = server.next();
        assertEquals("GET " + path + " HTTP/1.1", request.requestLine());
        assertEquals("secret", request.header("Authorization"));
        assertEquals("7", request.header("Last-Event-ID"));
      }
      assertEquals(Event.of("x"), client.next(BOUND).orElseThrow());
    }
  }

  @Test
  void nothingOfTheApplicationGoesToAnotherOriginNorBack() throws Exception {
    try (var other = new RawServer(exchange -> exchange.head("302 Found", "Location: " + exchange.header("X-Back"), "Content-Length: 0").close())) {
      RawServer.Answer[] answers = {to(302, other.uri("/there").toString()), RawServer.stream("data: back\n\n")};
      try (var home = new RawServer(answers)) {
        try (var back = new RawServer(to(302, home.uri("/again").toString()));
            var start = new RawServer(to(302, back.uri().toString()));
            var client = EventClient.builder(start.uri()).header("Authorization", "secret").header("Cookie", "a=b").header("X-Mine", "1").lastEventId("7").build()) {
          // start → back → home → other: each is another origin.
          var thrown = assertThrows(EventClientException.class, () -> client.next(BOUND));
          assertEquals("secret", start.next().header("Authorization"));
          for (RawServer server : List.of(back, home, other)) {
            var request = server.next();
            for (String name : List.of("Authorization", "Cookie", "X-Mine", "Last-Event-ID")) {
              assertEquals("", request.header(name), name);
            }
            assertEquals("text/event-stream", request.header("Accept"));
          }
          assertEquals(302, thrown.status().orElseThrow()); // other has no Location, because X-Back is missing
        }
      }
    }
  }

  @Test
  void theHeadersDoNotComeBackWithTheFirstOrigin() throws Exception {
    try (var away = new RawServer(exchange -> exchange.head("302 Found", "Location: http://127.0.0.1:" + exchange.requestLine().split("[/ ]")[2] + "/last", "Content-Length: 0").close());
        var home = new RawServer(exchange -> to(302, away.uri("/" + exchange.socket().getLocalPort()).toString()).to(exchange), RawServer.stream("data: x\n\n"));
        var client = EventClient.builder(home.uri()).header("Authorization", "secret").open()) {
      assertEquals(Event.of("x"), client.next(BOUND).orElseThrow());
      assertEquals("secret", home.next().header("Authorization"));
      assertEquals("", away.next().header("Authorization"));
      var last = home.next();
      assertEquals("GET /last HTTP/1.1", last.requestLine());
      assertEquals("", last.header("Authorization"));
    }
  }

  @Test
  void nothingIsRememberedOfAPermanentRedirect() throws Exception {
    try (var server = new RawServer(to(301, "/b"), RawServer.ending("id: 1\ndata: x\n\n"), to(308, "/c"), RawServer.stream("data: y\n\n"));
        var client = EventClient.builder(server.uri("/a")).retry(Duration.ZERO).open()) {
      assertEquals(Event.of("x").withId("1"), client.next(BOUND).orElseThrow());
      assertEquals(Event.of("y"), client.next(BOUND).orElseThrow());
      for (String path : List.of("/a", "/b", "/a", "/c")) {
        assertEquals("GET " + path + " HTTP/1.1", server.next().requestLine());
      }
    }
  }

  @Test
  void twentyRedirectsAreFollowedAndNoMore() throws Exception {
    var answers = new RawServer.Answer[42];
    for (int i = 0; i < 42; i++) {
      answers[i] = i == 20 ? RawServer.stream("data: x\n\n") : to(302, "/" + i);
    }
    try (var server = new RawServer(answers)) {
      try (var client = EventClient.open(server.uri())) {
        assertEquals(Event.of("x"), client.next(BOUND).orElseThrow());
      }
      var thrown = assertThrows(EventClientException.class, () -> EventClient.open(server.uri()));
      assertTrue(thrown.getMessage().endsWith(": more than 20 redirects"), thrown.getMessage());
      assertEquals(42, server.waiting());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'',a redirect has no Location",
    "ftp://127.0.0.1/,a redirect leads to an address that is not http or https",
    "file:///etc/passwd,a redirect leads to an address that is not http or https",
    "http:///x,a redirect leads to an address that is not http or https",
    "http://[,a redirect leads to an address that is not valid"
  })
  void otherLocationsAreExceptions(String location, String reason) throws Exception {
    try (var server = new RawServer(to(302, location))) {
      var thrown = assertThrows(EventClientException.class, () -> EventClient.open(server.uri()));
      assertEquals(server.uri() + ": " + reason, thrown.getMessage());
      assertEquals(302, thrown.status().orElseThrow());
    }
  }

  @Test
  void neverFromHttpsToHttp() throws Exception {
    var https = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(SelfSigned.context()));
    try (var plain = new RawServer(RawServer.stream("data: x\n\n")); var http = HttpClient.newBuilder().sslContext(SelfSigned.context()).build()) {
      https.createContext("/", exchange -> {
        exchange.getResponseHeaders().set("Location", plain.uri().toString());
        exchange.sendResponseHeaders(302, -1);
        exchange.close();
      });
      https.start();
      var uri = URI.create("https://localhost:" + https.getAddress().getPort() + "/");
      var thrown = assertThrows(EventClientException.class, () -> EventClient.builder(uri).client(http).open());
      assertEquals(uri + ": a redirect leads from https to http", thrown.getMessage());
      assertEquals(0, plain.waiting());
    } finally {
      https.stop(0);
    }
  }

  @ParameterizedTest
  @CsvSource({"301,GET", "302,GET", "303,GET", "307,POST", "308,POST"})
  void aPostIsRedirectedAsTheStandardSays(int status, String method) throws Exception {
    try (var server = new RawServer(to(status, "/b"), RawServer.stream("data: x\n\n"));
        var client = EventClient.builder(server.uri("/a")).post("question", "text/plain").open()) {
      assertEquals("question", server.next().body());
      var second = server.next();
      assertEquals(method + " /b HTTP/1.1", second.requestLine());
      assertEquals(method.equals("POST") ? "question" : "", second.body());
      assertEquals(method.equals("POST") ? "text/plain" : "", second.header("Content-Type")); // Fetch, 4.4
      assertEquals(Event.of("x"), client.next(BOUND).orElseThrow());
    }
  }

  @Test
  void aBodyGoesToNoOtherOrigin() throws Exception {
    try (var other = new RawServer(RawServer.stream("data: x\n\n")); var server = new RawServer(to(307, other.uri().toString()))) {
      var thrown = assertThrows(EventClientException.class, () -> EventClient.builder(server.uri()).post("question", "text/plain").open());
      assertEquals(server.uri() + ": a redirect leads a request with a body to another origin", thrown.getMessage());
      assertEquals(0, other.waiting());
    }
  }
}
