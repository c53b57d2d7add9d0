package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CorsTest {
  private static final String ORIGIN = "https://app.example";

  private static Map<String, String> answer(Cors cors, String method, String... headers) throws IOException {
    try (var server = SseServer.builder().anyHost().build()) {
      server.context().getFilters().add(cors);
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("x");
        }
      });
      server.start();
      try (var client = Client.send(method, server.uri(), "HTTP/1.1", "", headers)) {
        client.headers().put("status", Integer.toString(client.status()));
        return client.headers();
      }
    }
  }

  @Test
  void aNamedOriginIsReflectedWithVary() throws Exception {
    var headers = answer(Cors.origins(ORIGIN, "http://localhost:3000"), "GET", "Origin: " + ORIGIN);
    assertEquals(ORIGIN, headers.get("Access-Control-Allow-Origin"));
    assertEquals("Origin", headers.get("Vary"));
    assertFalse(headers.containsKey("Access-Control-Allow-Credentials"));
    assertEquals("text/event-stream; charset=utf-8", headers.get("Content-Type"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://evil.example", "null", "https://app.example.evil.example", "http://app.example", "HTTPS://APP.EXAMPLE"})
  void otherOriginsGetNothingButVary(String origin) throws Exception {
    var headers = answer(Cors.origins(ORIGIN), "GET", "Origin: " + origin);
    assertFalse(headers.containsKey("Access-Control-Allow-Origin"));
    assertEquals("Origin", headers.get("Vary"));
    assertEquals("200", headers.get("status"));
  }

  @Test
  void withoutAnOriginOnlyVaryIsSaid() throws Exception {
    var headers = answer(Cors.origins(ORIGIN).withCredentials(), "GET");
    assertFalse(headers.containsKey("Access-Control-Allow-Origin"));
    assertFalse(headers.containsKey("Access-Control-Allow-Credentials"));
    assertEquals("Origin", headers.get("Vary"));
  }

  @Test
  void credentialsAreAllowedToNamedOriginsOnly() throws Exception {
    var headers = answer(Cors.origins(ORIGIN).withCredentials(), "GET", "Origin: " + ORIGIN);
    assertEquals("true", headers.get("Access-Control-Allow-Credentials"));
    assertThrows(IllegalStateException.class, () -> Cors.anyOrigin().withCredentials());
  }

  @Test
  void headersAreExposedToAllowedOriginsOnly() throws Exception {
    var exposing = Cors.origins(ORIGIN).withExposedHeaders("A").withExposedHeaders("Job-Id", "X-Left").withCredentials();
    var headers = answer(exposing, "GET", "Origin: " + ORIGIN);
    assertEquals("Job-Id, X-Left", headers.get("Access-Control-Expose-Headers"));
    assertEquals("true", headers.get("Access-Control-Allow-Credentials"));
    assertFalse(answer(exposing, "GET", "Origin: https://evil.example").containsKey("Access-Control-Expose-Headers"));
    assertFalse(answer(Cors.anyOrigin(), "GET", "Origin: " + ORIGIN).containsKey("Access-Control-Expose-Headers"));
    assertThrows(IllegalArgumentException.class, () -> Cors.anyOrigin().withExposedHeaders("Job Id"));
  }

  @Test
  void anyOriginIsAStarWithoutVary() throws Exception {
    var headers = answer(Cors.anyOrigin(), "GET", "Origin: " + ORIGIN);
    assertEquals("*", headers.get("Access-Control-Allow-Origin"));
    assertFalse(headers.containsKey("Vary"));
  }

  @Test
  void aPreflightIsAnsweredAndNeverReachesTheHandler() throws Exception {
    var headers = answer(Cors.origins(ORIGIN), "OPTIONS", "Origin: " + ORIGIN,
        "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: last-event-id, x-custom");
    assertEquals("204", headers.get("status"));
    assertEquals(ORIGIN, headers.get("Access-Control-Allow-Origin"));
    assertEquals("POST", headers.get("Access-Control-Allow-Methods"));
    assertEquals("last-event-id, x-custom", headers.get("Access-Control-Allow-Headers"));
    assertEquals("3600", headers.get("Access-Control-Max-Age"));
    assertTrue(headers.get("Vary").startsWith("Origin, Access-Control-Request-Method"));
  }

  @Test
  void aPreflightOfAnotherOriginGetsNoPermission() throws Exception {
    var headers = answer(Cors.origins(ORIGIN).withCredentials(), "OPTIONS", "Origin: https://evil.example", "Access-Control-Request-Method: POST");
    assertEquals("204", headers.get("status"));
    assertFalse(headers.keySet().stream().anyMatch(name -> name.toLowerCase().startsWith("access-control")));
  }

  @Test
  void whatAPreflightDoesNotAskForIsNotAllowed() throws Exception {
    var headers = answer(Cors.anyOrigin(), "OPTIONS", "Origin: " + ORIGIN, "Access-Control-Request-Method: DELETE");
    assertEquals("204", headers.get("status"));
    assertEquals("DELETE", headers.get("Access-Control-Allow-Methods"));
    assertFalse(headers.containsKey("Access-Control-Allow-Headers"));
  }

  @Test
  void whatIsNoPreflightPasses() throws Exception {
    assertEquals("405", answer(Cors.origins(ORIGIN), "OPTIONS", "Origin: " + ORIGIN).get("status"));
    assertEquals("405", answer(Cors.origins(ORIGIN), "OPTIONS", "Access-Control-Request-Method: GET").get("status"));
    var headers = answer(Cors.origins(ORIGIN), "GET", "Origin: " + ORIGIN, "Access-Control-Request-Method: GET");
    assertEquals("200", headers.get("status"));
    assertEquals(ORIGIN, headers.get("Access-Control-Allow-Origin"));
  }

  @Test
  void itWorksOnAnyContext() throws Exception {
    var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    var context = http.createContext("/", exchange -> {
      try (exchange) {
        exchange.sendResponseHeaders(204, -1);
      }
    });
    context.getFilters().add(Cors.origins(ORIGIN));
    http.start();
    try (var client = Client.get(URI.create("http://localhost:" + http.getAddress().getPort() + "/"), "Origin: " + ORIGIN)) {
      assertEquals(ORIGIN, client.headers().get("Access-Control-Allow-Origin"));
    } finally {
      http.stop(0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "*", "example.org", "https://example.org/", "https://example.org/path", "https://", "a b", "null"})
  void whatIsNoOriginIsRefused(String origin) {
    var e = assertThrows(IllegalArgumentException.class, () -> Cors.origins(origin));
    assertTrue(e.getMessage().contains(Quoted.java(origin)), e.getMessage());
    assertThrows(IllegalArgumentException.class, Cors::origins);
  }

  @Test
  void anotherFiltersVaryStays() throws Exception {
    try (var server = SseServer.create(0)) {
      server.context().getFilters().add(Filter.beforeHandler("varies", exchange ->
          exchange.getResponseHeaders().add("Vary", "Accept-Language")));
      server.context().getFilters().add(Cors.origins(ORIGIN));
      server.get("/", request -> request.respond(200));
      server.start();
      try (var client = Client.get(server.uri(), "Origin: " + ORIGIN)) {
        assertEquals("Accept-Language, Origin", client.headers().get("Vary"));
      }
    }
  }
}
