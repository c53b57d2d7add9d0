package dev.tidings;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Routes with placeholders, by segment. Of the routes that match a path, the most specific one wins: at the first
 * segment in which two differ, a literal one precedes a placeholder. A route that matches is found even if a more
 * specific one matches only the beginning of the path.
 *
 * <p>Routes are added by one thread at a time, and found by any thread. To find a route takes time linear in the length
 * of the path and in the number of segments of all routes, because each node is visited at most once.
 */
final class RouteTree {

  /** The routes that have the same segments so far. */
  private static final class Node {
    final Map<String, Node> literals = new ConcurrentHashMap<>();
    volatile Node placeholder; // null for none
    volatile Route route; // of the path that ends here; null for none

    Node next(PathPattern.Segment segment) {
      if (!segment.isPlaceholder()) {
        return literals.computeIfAbsent(segment.text(), text -> new Node());
      }
      if (placeholder == null) {
        placeholder = new Node();
      }
      return placeholder;
    }
  }

  private final Node root = new Node();
  private volatile int most; // segments of a path

  /** Returns the route of this path, which is added if it is new. */
  Route at(PathPattern path) {
    var node = root;
    for (var segment : path.segments()) {
      node = node.next(segment);
    }
    if (node.route == null) {
      node.route = new Route(path);
      most = Math.max(most, path.segments().size());
    } else if (!node.route.path().equals(path)) {
      throw new IllegalArgumentException(
          "a path must not differ from another one in the names of placeholders only: "
              + Quoted.java(path.path()) + " and " + Quoted.java(node.route.path().path()));
    }
    return node.route;
  }

  /** A route, and the path that it matches. */
  record Match(Route route, RequestPath path) {}

  /** Returns the most specific route that matches this path, which is not decoded. */
  Optional<Match> find(String rawPath) {
    return most == 0 ? Optional.empty() : RequestPath.of(rawPath, most).flatMap(this::find);
  }

  private Optional<Match> find(RequestPath path) {
    return Optional.ofNullable(find(root, path, 0)).map(route -> new Match(route, path));
  }

  /** Returns the route, or null. Calls itself for each segment, at most as often as the longest route has segments. */
  private static Route find(Node node, RequestPath path, int index) {
    if (index == path.count()) {
      return node.route;
    }
    var literal = path.segment(index).map(node.literals::get);
    var found = literal.isPresent() ? find(literal.get(), path, index + 1) : null;
    if (found == null && node.placeholder != null && !path.raw(index).isEmpty()) {
      found = find(node.placeholder, path, index + 1);
    }
    return found;
  }
}
