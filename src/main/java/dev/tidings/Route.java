package dev.tidings;

import java.io.IOException;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The handlers of one path.
 *
 * @param path the path, perhaps with placeholders
 * @param methods the handlers by method
 */
record Route(PathPattern path, Map<String, SseHandler> methods) {
  Route(PathPattern path) {
    this(path, new ConcurrentHashMap<>());
  }

  void add(String method, SseHandler handler) {
    if (methods.putIfAbsent(method, handler) != null) {
      throw new IllegalArgumentException("there is a handler already for " + method + " " + path.path());
    }
  }

  /** Returns the handler, or one that responds with 405. */
  SseHandler handler(String method) {
    var handler = methods.get(method);
    if (handler == null && method.equals("HEAD")) {
      handler = methods.get("GET");
    }
    return handler != null ? handler : this::refuse;
  }

  private void refuse(SseRequest request) throws IOException {
    var allowed = new TreeSet<>(methods.keySet());
    if (allowed.contains("GET")) {
      allowed.add("HEAD");
    }
    request.exchange().getResponseHeaders().set("Allow", String.join(", ", allowed));
    request.respond(405, "text/plain", "use " + String.join(" or ", allowed) + "\n");
  }
}
