package dev.tidings;

import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Finds handlers by path and method. */
final class Routes {
  private static final Set<String> STANDARD = // RFC 9110, 9.3, and RFC 5789
      Set.of("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE");

  private final Map<String, Route> literal = new ConcurrentHashMap<>(); // by decoded path
  private final RouteTree patterns = new RouteTree();

  synchronized void add(String method, String path, SseHandler handler) {
    checkMethod(method);
    var pattern = PathPattern.of(path);
    var route =
        pattern.hasPlaceholders()
            ? patterns.at(pattern)
            : literal.computeIfAbsent(path, key -> new Route(pattern));
    route.add(method, handler);
  }

  private static void checkMethod(String method) {
    Checks.requireToken("method", method);
    String capitals = method.toUpperCase(Locale.ROOT);
    if (STANDARD.contains(capitals) && !method.equals(capitals)) {
      throw new IllegalArgumentException(
          "method must be in capitals, as in the request line: " + Quoted.java(method));
    }
  }

  /** Returns the handler, or one that responds with 404, 405, or 400 if a placeholder cannot be decoded. */
  SseHandler find(String method, URI uri) {
    if (!hasPath(uri)) {
      return Routes::notFound;
    }
    var first = first(uri);
    if (first != null) {
      return first.handler(method);
    }
    return patterns.find(uri.getRawPath())
        .map(match -> withValues(match, match.route().handler(method)))
        .or(() -> exact(uri).map(route -> route.handler(method)))
        .orElse(Routes::notFound);
  }

  /** Returns whether the request has a path: {@code *}, {@code mailto:x} or {@code http://host} are targets, too. */
  private static boolean hasPath(URI uri) {
    return uri.getRawPath() != null && uri.getRawPath().startsWith("/");
  }

  private static void notFound(SseRequest request) throws IOException {
    request.respond(404, "text/plain", "not found\n");
  }

  /** Returns the path of the route, with placeholders. */
  Optional<String> pathOf(URI uri) {
    if (!hasPath(uri)) {
      return Optional.empty();
    }
    return Optional.ofNullable(first(uri))
        .or(() -> patterns.find(uri.getRawPath()).map(RouteTree.Match::route))
        .or(() -> exact(uri))
        .map(route -> route.path().path());
  }

  /**
   * Returns the route without placeholders that precedes all routes with placeholders, or null. If a segment of the
   * request has an encoded slash, a placeholder that matches the segment precedes literal segments.
   */
  private Route first(URI uri) {
    String raw = uri.getRawPath();
    boolean slash = raw.indexOf('%') >= 0 && (raw.contains("%2F") || raw.contains("%2f"));
    return slash ? null : literal.get(uri.getPath());
  }

  private Optional<Route> exact(URI uri) {
    return Optional.ofNullable(literal.get(uri.getPath()));
  }

  private static SseHandler withValues(RouteTree.Match match, SseHandler handler) {
    return request -> {
      request.setPathValues(values(match));
      handler.handle(request);
    };
  }

  private static PathValues values(RouteTree.Match match) {
    var pattern = match.route().path();
    var values = new ArrayList<String>();
    for (int i = 0; i < pattern.segments().size(); i++) {
      if (pattern.segments().get(i).isPlaceholder()) {
        String raw = match.path().raw(i);
        values.add(
            match.path().segment(i)
                .orElseThrow(() -> new StatusException(400, "path is not percent-encoded UTF-8: " + Quoted.java(raw))));
      }
    }
    return new PathValues(pattern.path(), pattern.names(), values);
  }
}
