package dev.tidings;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A filter for cross-origin resource sharing (WHATWG Fetch), which allows pages of other origins to use a context.
 * Immutable. Add it to the filters of {@link SseServer#context()} or of any other context. A {@link HostGuard} of the
 * same context accepts the origins that this filter allows.
 *
 * {@snippet file="OwnServer.java" region="cors"}
 */
public final class Cors extends Filter {
  private static final Duration MAX_AGE = Duration.ofHours(1);

  private final Optional<Set<String>> origins; // empty for any
  private final boolean credentials;
  private final List<String> exposed;

  private Cors(Optional<Set<String>> origins, boolean credentials, List<String> exposed) {
    this.origins = origins;
    this.credentials = credentials;
    this.exposed = exposed;
  }

  /**
   * Allows pages of all origins, without credentials.
   *
   * @return the filter
   */
  public static Cors anyOrigin() {
    return new Cors(Optional.empty(), false, List.of());
  }

  /**
   * Allows pages of the given origins.
   *
   * @param origins origins as browsers send them, such as {@code https://example.org}: scheme, host, and port if it is
   *     not the default; in lower case, with non-ASCII hosts in {@code xn--} form
   * @return the filter
   * @throws IllegalArgumentException if no origin is given, or if one does not have this form
   */
  public static Cors origins(String... origins) {
    if (origins.length == 0) {
      throw new IllegalArgumentException("at least one origin is required");
    }
    for (String origin : origins) {
      OriginSyntax.check(origin);
    }
    return new Cors(Optional.of(Set.copyOf(List.of(origins))), false, List.of());
  }

  /**
   * Allows requests from these origins to carry cookies and HTTP authentication.
   *
   * @return a new filter
   * @throws IllegalStateException if all origins are allowed, because browsers reject that combination
   */
  public Cors withCredentials() {
    if (origins.isEmpty()) {
      throw new IllegalStateException("credentials require explicit origins");
    }
    return new Cors(origins, true, exposed);
  }

  /**
   * Allows scripts of these origins to read the given response headers ({@code Access-Control-Expose-Headers}), in
   * addition to the headers that are always readable.
   *
   * @param names header names, which replace all names that were set before
   * @return a new filter
   * @throws IllegalArgumentException if a name is not a token (RFC 9110, 5.6.2)
   */
  public Cors withExposedHeaders(String... names) {
    for (String name : names) {
      Checks.requireToken("header name", name);
    }
    return new Cors(origins, credentials, List.of(names));
  }

  /**
   * Adds the CORS headers to the response if the origin is allowed. Responds to all preflight requests, and passes all
   * other requests to the chain.
   *
   * @param exchange the exchange
   * @param chain the filters and the handler after this one
   * @throws IOException if the response to a preflight request cannot be sent, or if the chain throws it
   */
  @Override
  public void doFilter(HttpExchange exchange, Chain chain) throws IOException {
    var request = exchange.getRequestHeaders();
    var response = exchange.getResponseHeaders();
    var origin = Optional.ofNullable(request.getFirst("Origin"));
    boolean allowed = origin.isPresent() && isAllowed(origin.get());
    if (origins.isPresent()) {
      response.add("Vary", "Origin"); // even if the request has no Origin, so that caches keep the responses apart
    }
    if (allowed) {
      response.set("Access-Control-Allow-Origin", origins.isPresent() ? origin.get() : "*");
      if (credentials) {
        response.set("Access-Control-Allow-Credentials", "true");
      }
      if (!exposed.isEmpty()) {
        response.set("Access-Control-Expose-Headers", String.join(", ", exposed));
      }
    }
    boolean preflight =
        exchange.getRequestMethod().equals("OPTIONS")
            && origin.isPresent()
            && request.containsKey("Access-Control-Request-Method");
    if (preflight) {
      answer(exchange, request, response, allowed);
    } else {
      chain.doFilter(exchange);
    }
  }

  /** Returns whether pages of this origin may use the context. */
  boolean isAllowed(String origin) {
    return origins.map(named -> named.contains(origin)).orElse(true);
  }

  /** Responds to a preflight request. If the origin is allowed, allows any method and headers: handlers check them. */
  private static void answer(
      HttpExchange exchange, Headers request, Headers response, boolean allowed)
      throws IOException {
    if (allowed) {
      response.set(
          "Access-Control-Allow-Methods", request.getFirst("Access-Control-Request-Method"));
      response.put(
          "Access-Control-Allow-Headers",
          request.getOrDefault("Access-Control-Request-Headers", List.of()));
      response.set("Access-Control-Max-Age", Long.toString(MAX_AGE.toSeconds()));
      response.add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers");
    }
    try (exchange) {
      exchange.sendResponseHeaders(204, -1);
    }
  }

  @Override
  public String description() {
    return "cross-origin resource sharing";
  }
}
