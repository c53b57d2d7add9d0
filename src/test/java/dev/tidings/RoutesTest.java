package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Paths with placeholders. */
class RoutesTest {
  private static final List<String> PATHS =
      List.of(
          "/", "/rooms", "/rooms/new", "/rooms/{id}", "/rooms/{id}/", "/rooms/{id}/log", "/rooms/new/{entry}",
          "/a/{x}/c", "/a/b/{y}", "/a/b/{y}/z", "/b c/{e}", "/rooms/lit/eral", "/ü/{u}", "//{double}", "/{x}/{y}/{z}/{end}");

  private static String found(Routes routes, String uri) {
    return routes.pathOf(URI.create(uri)).orElse("none");
  }

  private static Routes routes(List<String> paths) {
    var routes = new Routes();
    paths.forEach(path -> routes.add("GET", path, request -> {}));
    return routes;
  }

  /** Whatever the order in which they are added. */
  @ParameterizedTest
  @CsvSource({
    "/, /", "/rooms, /rooms", "/rooms/, none", "/rooms/new, /rooms/new", "/rooms/ne%77, /rooms/new",
    "/rooms/old, /rooms/{id}", "/rooms/New, /rooms/{id}", "/rooms/old/, /rooms/{id}/", "/rooms//, none",
    "/rooms/new/log, /rooms/new/{entry}", "/rooms/old/log, /rooms/{id}/log", "/rooms/old/logs, none",
    "/rooms/new%2Flog, /rooms/{id}", "/rooms/lit/eral, /rooms/lit/eral", "/rooms/lit%2Feral, /rooms/{id}", "/rooms/%2f, /rooms/{id}", "/rooms%2Fnew, /rooms/new", "/%2Frooms, none", "/rooms%2Fold, none", "/rooms/.., /rooms/{id}",
    "/rooms/%2E, /rooms/{id}", "/rooms/new/, /rooms/{id}/",
    "/a/b/c, /a/b/{y}", "/a/x/c, /a/{x}/c", "/a/b/d, /a/b/{y}", "/a/x/d, none", "/a/b/c/z, /a/b/{y}/z",
    "/a/b/c/d, /{x}/{y}/{z}/{end}", "/a/b/c/, none", "/a/b/c/d/e, none", "/b%20c/d, /b c/{e}", "/%C3%BC/x, /ü/{u}",
    "/%FC/x, none", "/rooms/%FC, /rooms/{id}", "/%72ooms/x, /rooms/{id}", "/./rooms/x, none"
  })
  void theMostSpecificRouteWins(String uri, String path) {
    var paths = new ArrayList<>(PATHS);
    var random = new Random(1);
    for (int i = 0; i < 20; i++) {
      Collections.shuffle(paths, random);
      assertEquals(path, found(routes(paths), uri));
    }
  }

  /** The rule of the documentation, in a plain form: among all that match, compare segment by segment. */
  @Test
  void randomRoutesAreFoundAsTheRuleSays() {
    var random = new Random(2);
    for (int i = 0; i < 2000; i++) {
      var paths = new ArrayList<String>();
      for (int j = random.nextInt(1, 10); j > 0; j--) {
        var path = new StringBuilder();
        for (int k = random.nextInt(1, 5); k > 0; k--) {
          path.append('/').append(random.nextBoolean() ? "{p" + k + "}" : random.nextBoolean() ? "a" : "b");
        }
        if (paths.stream().noneMatch(other -> shape(other).equals(shape(path.toString())))) {
          paths.add(path.toString());
        }
      }
      var routes = routes(paths);
      for (int j = 0; j < 20; j++) {
        var uri = new StringBuilder();
        for (int k = random.nextInt(1, 6); k > 0; k--) {
          uri.append('/').append(List.of("a", "b", "c", "").get(random.nextInt(10) % 4));
        }
        var expected = paths.stream().filter(path -> matches(path, uri.toString())).min((x, y) -> shape(x).compareTo(shape(y)));
        assertEquals(expected, routes.pathOf(uri.toString().startsWith("//") ? URI.create("http://h" + uri) : URI.create(uri.toString())), () -> uri + " in " + paths);
      }
    }
  }

  /** Returns the path with each placeholder as a text that sorts behind all others. */
  private static String shape(String path) {
    return path.replaceAll("\\{\\w+}", "~");
  }

  private static boolean matches(String path, String uri) {
    String[] segments = path.split("/", -1);
    String[] parts = uri.split("/", -1);
    boolean matches = segments.length == parts.length;
    for (int i = 0; matches && i < parts.length; i++) {
      matches = segments[i].startsWith("{") ? !parts[i].isEmpty() : segments[i].equals(parts[i]);
    }
    return matches;
  }

  /** Many routes match the beginning of this path in many ways. */
  @Test
  @Timeout(20)
  void noPathMakesTheSearchLong() {
    var routes = new Routes();
    for (int i = 0; i < 20; i++) {
      routes.add("GET", "/a".repeat(i) + "/{x}" + "/a".repeat(19 - i) + "/end", request -> {});
      routes.add("GET", placeholders(20) + "/end" + i, request -> {});
    }
    var uris = List.of(URI.create("/a".repeat(20) + "/nowhere"), URI.create("/" + "a/".repeat(15_000)));
    for (int i = 0; i < 20_000; i++) {
      uris.forEach(uri -> assertEquals(Optional.empty(), routes.pathOf(uri)));
    }
  }

  private static String placeholders(int count) {
    var path = new StringBuilder();
    for (int i = 0; i < count; i++) {
      path.append("/{p").append(i).append('}');
    }
    return path.toString();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/{", "/}", "/{}", "/a{b}c", "/{a}b", "/a/{b", "/{a-b}", "/{a.b}", "/{a b}", "/{é}", "/{a}{b}", "/{a/b}", "/{{a}}", "/{*}"})
  void bracesThatAreNotThoseOfAPlaceholderAreRefused(String path) {
    String message = assertThrows(IllegalArgumentException.class, () -> new Routes().add("GET", path, request -> {})).getMessage();
    assertTrue(message.startsWith("a placeholder must be a whole segment {name} whose name has letters, digits and _ only: "), message);
    assertTrue(message.endsWith(" in \"" + path + "\""), message);
  }

  @Test
  void conflictsAreRefused() {
    var routes = routes(List.of("/rooms/{id}", "/rooms/{id}/log"));
    assertConflict(routes, "POST", "/rooms/{name}", "a path must not differ from another one in the names of placeholders only: \"/rooms/{name}\" and \"/rooms/{id}\"");
    assertConflict(routes, "GET", "/rooms/{id}", "there is a handler already for GET /rooms/{id}");
    assertConflict(routes, "GET", "/{a}/b/{a}", "the placeholders of a path must have different names: \"/{a}/b/{a}\"");
    routes.add("POST", "/rooms/{id}", request -> {});
    routes.add("GET", "/rooms/{room}/members", request -> {});
    assertEquals("/rooms/{id}", found(routes, "/rooms/x"));
    assertEquals("/rooms/{room}/members", found(routes, "/rooms/x/members"));
  }

  private static void assertConflict(Routes routes, String method, String path, String message) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, () -> routes.add(method, path, request -> {})).getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"*", "mailto:x", "http://host", "http://host?x", ""})
  void aTargetWithoutAPathIsNotFound(String target) {
    var routes = routes(PATHS);
    assertEquals("none", found(routes, target));
    assertNotNull(routes.find("GET", URI.create(target)));
  }

  // On a server.

  private static void assertAnswer(SseServer server, String method, String path, int status, String body) throws IOException {
    var uri = server.uri();
    try (var client = Client.raw(uri, method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
      assertEquals(status, client.status(), path);
      if (!method.equals("HEAD")) {
        assertEquals(body, client.toEnd(), path);
      }
    }
  }

  @Test
  void aHandlerReceivesTheDecodedSegments() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/a/{x}/{y_2}", request -> request.respond(200, "text/plain", request.path("x") + "|" + request.path("y_2") + "|" + request.path()));
      server.start();
      assertAnswer(server, "GET", "/a/b/c?x=d", 200, "b|c|/a/b/c");
      assertAnswer(server, "GET", "/a/b%2Fc/%20+%C3%BC%F0%9F%98%80", 200, "b/c| +ü😀|/a/b/c/ +ü😀");
      assertAnswer(server, "GET", "/a/%25/%7Bx%7D", 200, "%|{x}|/a/%/{x}");
      assertAnswer(server, "HEAD", "/a/b/c", 200, "");
      assertAnswer(server, "GET", "/a/b/%FC", 400, "path is not percent-encoded UTF-8: \"%FC\"\n");
      assertAnswer(server, "GET", "/a/%C3/c", 400, "path is not percent-encoded UTF-8: \"%C3\"\n");
      assertAnswer(server, "GET", "/a/%ED%A0%80/c", 400, "path is not percent-encoded UTF-8: \"%ED%A0%80\"\n");
      assertAnswer(server, "POST", "/a/b/%FC", 400, "path is not percent-encoded UTF-8: \"%FC\"\n");
      assertAnswer(server, "GET", "/b/%FC/c", 404, "not found\n");
    }
  }

  @Test
  void theMethodsOfTheMostSpecificPathAreAllowed() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/rooms/new", request -> request.respond(200, "text/plain", "new"));
      server.post("/rooms/{id}", request -> request.respond(200, "text/plain", "posted to " + request.path("id")));
      server.route("DELETE", "/rooms/{id}", request -> request.respond(204));
      server.start();
      assertAnswer(server, "POST", "/rooms/old", 200, "posted to old");
      assertAnswer(server, "POST", "/rooms/new", 405, "use GET or HEAD\n");
      assertAnswer(server, "GET", "/rooms/old", 405, "use DELETE or POST\n");
      try (var client = Client.send("PUT", server.uri().resolve("/rooms/x"), "HTTP/1.1", "")) {
        assertEquals(405, client.status());
        assertEquals("DELETE, POST", client.headers().get("Allow"));
      }
    }
  }

  @Test
  void aStreamAndItsIdentifierKnowThePlaceholder() throws Exception {
    try (var server = SseServer.create(0)) {
      server.stream("/users/{id}", request -> "user:" + request.path("id"), (request, sse) -> sse.send(request.path("id") + sse.identifier()));
      server.start();
      assertAnswer(server, "GET", "/users/42", 200, "data: 42" + Optional.of("user:42") + "\n\n");
    }
  }

  @Test
  void aNameThatTheRouteDoesNotHaveIsAFailureOfTheHandler() throws Exception {
    try (var records = new LogRecords(); var server = SseServer.create(0)) {
      var thrown = new LinkedBlockingQueue<String>();
      SseHandler handler = request -> {
        try {
          request.path("name");
        } catch (IllegalArgumentException e) {
          thrown.add(e.getMessage());
          throw e;
        }
      };
      server.get("/rooms/{id}", handler).get("/rooms", handler).start();
      assertAnswer(server, "GET", "/rooms/x", 500, "the handler failed\n");
      assertAnswer(server, "GET", "/rooms", 500, "the handler failed\n");
      assertEquals("the route \"/rooms/{id}\" has no placeholder \"{name}\"", thrown.take());
      assertEquals("the route of \"GET /rooms\" has no placeholder \"{name}\"", thrown.take());
      assertEquals(2, records.messages(Level.SEVERE).size());
    }
  }

  @Test
  void aContextOfTheUsersHasNoPlaceholders() throws Exception {
    var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    try (var records = new LogRecords(); var sources = EventSources.create(); var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      http.setExecutor(executor);
      http.createContext("/rooms", sources.handler((request, sse) -> request.path("id")));
      http.start();
      try (var client = Client.get(URI.create("http://localhost:" + http.getAddress().getPort() + "/rooms/1"))) {
        assertEquals(500, client.status());
      }
      assertEquals(1, records.messages(Level.SEVERE).size());
    } finally {
      http.stop(0);
    }
  }

  /** The client chooses the segment, so that each would cause a warning. */
  @Test
  void warningsNameTheRoute() throws Exception {
    try (var server = SseServer.create(0)) {
      var named = new LinkedBlockingQueue<String>();
      server.stream("/rooms/{id}", sse -> named.add(sse.life().route()));
      server.stream("/rooms/new", sse -> named.add(sse.life().route()));
      server.start();
      for (String path : List.of("/rooms/1", "/rooms/2%2F3", "/rooms/new")) {
        assertAnswer(server, "GET", path, 200, "");
      }
      assertEquals(List.of("/rooms/{id}", "/rooms/{id}", "/rooms/new"), List.copyOf(named));
    }
  }
}
