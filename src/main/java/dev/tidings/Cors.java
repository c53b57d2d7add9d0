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
 * A filter that lets pages of other origins use a context: cross-origin resource sharing, by the WHATWG
 * Fetch standard. Immutable; add it to {@link SseServer#context()} or to any other context's filters.
 *
 * {@snippet file="OwnServer.java" region="cors"}
 */
public final class Cors extends Filter {
  private static final Duration MAX_AGE = Duration.ofHours(1);

  private final Optional<Set<String>> origins; // empty for any
  private final boolean credentials;

  private Cors(Optional<Set<String>> origins, boolean credentials) {
    this.origins = origins;
    this.credentials = credentials;
  }

  /**
   * Lets every page in, without credentials.
   *
   * @return the filter
   */
  public static Cors anyOrigin() {
    return new Cors(Optional.empty(), false);
  }

  /**
   * Lets pages of these origins in.
   *
   * @param origins scheme, host and, unless it is the scheme's own, port: {@code https://example.org}; as
   *     browsers say it, in lower case, with a host that is not ASCII as {@code xn--…}
   * @return the filter
   * @throws IllegalArgumentException if there is none, or one is what no browser says
   */
  public static Cors origins(String... origins) {
    if (origins.length == 0) {
      throw new IllegalArgumentException("at least one origin must be named");
    }
    for (String origin : origins) {
      OriginSyntax.check(origin);
    }
    return new Cors(Optional.of(Set.copyOf(List.of(origins))), false);
  }

  /**
   * Lets these origins send cookies and authentication too ({@code withCredentials}).
   *
   * @return a new filter
   * @throws IllegalStateException if any origin is let in, which browsers and good sense forbid
   */
  public Cors withCredentials() {
    if (origins.isEmpty()) {
      throw new IllegalStateException("credentials need origins that are named");
    }
    return new Cors(origins, true);
  }

  /**
   * Adds the headers to the response, answers a preflight, and lets everything else pass.
   *
   * @param exchange the exchange
   * @param chain the filters and the handler behind this one
   * @throws IOException if the answer to a preflight cannot be sent, or from behind
   */
  @Override
  public void doFilter(HttpExchange exchange, Chain chain) throws IOException {
    var request = exchange.getRequestHeaders();
    var response = exchange.getResponseHeaders();
    var origin = Optional.ofNullable(request.getFirst("Origin"));
    boolean allowed = origin.isPresent() && isAllowed(origin.get());
    if (origins.isPresent()) {
      response.add("Vary", "Origin"); // also without one: a cache must not mix the answers
    }
    if (allowed) {
      response.set("Access-Control-Allow-Origin", origins.isPresent() ? origin.get() : "*");
      if (credentials) {
        response.set("Access-Control-Allow-Credentials", "true");
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

  private boolean isAllowed(String origin) {
    return origins.map(named -> named.contains(origin)).orElse(true);
  }

  /** Allows whatever method and headers are asked for: what they do is the handler's business. */
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
