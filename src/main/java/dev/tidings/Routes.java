package dev.tidings;

import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/** Finds handlers by path and method. */
final class Routes {
  private static final Set<String> STANDARD = // RFC 9110, 9.3, and RFC 5789
      Set.of("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE");

  private final Map<String, Map<String, SseHandler>> byPath = new ConcurrentHashMap<>();

  void add(String method, String path, SseHandler handler) {
    checkMethod(method);
    checkPath(path);
    var methods = byPath.computeIfAbsent(path, key -> new ConcurrentHashMap<>());
    if (methods.putIfAbsent(method, handler) != null) {
      throw new IllegalArgumentException("there is a handler already for " + method + " " + path);
    }
  }

  private static void checkMethod(String method) {
    Checks.requireToken("method", method);
    String capitals = method.toUpperCase(Locale.ROOT);
    if (STANDARD.contains(capitals) && !method.equals(capitals)) {
      throw new IllegalArgumentException(
          "method must be in capitals, as in the request line: " + Quoted.java(method));
    }
  }

  private static void checkPath(String path) {
    if (!path.startsWith("/")) {
      throw new IllegalArgumentException("path must start with /: " + Quoted.java(path));
    }
    Checks.requireWellFormed("path", path);
  }

  /** Returns the handler, or one that responds with 404 or 405. */
  SseHandler find(String method, String path) {
    var methods = byPath.get(path);
    if (methods == null) {
      return request -> request.respond(404, "text/plain", "not found\n");
    }
    var handler = methods.get(method);
    if (handler == null && method.equals("HEAD")) {
      handler = methods.get("GET");
    }
    return handler != null ? handler : request -> refuse(request, methods);
  }

  private static void refuse(SseRequest request, Map<String, SseHandler> methods)
      throws IOException {
    var allowed = new TreeSet<>(methods.keySet());
    if (allowed.contains("GET")) {
      allowed.add("HEAD");
    }
    request.exchange().getResponseHeaders().set("Allow", String.join(", ", allowed));
    request.respond(405, "text/plain", "use " + String.join(" or ", allowed) + "\n");
  }
}
