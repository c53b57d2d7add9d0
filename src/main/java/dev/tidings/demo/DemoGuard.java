package dev.tidings.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Keeps other sites away from a server on loopback, which every page in the browser can reach: a name
 * of theirs that resolves to 127.0.0.1 stands in Host (DNS rebinding), their own one in Origin. A GET of
 * an image, a frame or a script has no Origin, and here a GET may end a stream, so browsers are also asked
 * whose request it is. What is no browser does not say.
 */
final class DemoGuard extends Filter {
  /** What a browser says of the page's own requests, and of an address that a person entered. */
  private static final Set<String> OWN_SITES = Set.of("same-origin", "none");

  private static final Pattern LOCAL =
      Pattern.compile(
          "(localhost|127\\.0\\.0\\.1|\\[::1])(:\\d{1,5})?", Pattern.CASE_INSENSITIVE);

  @Override
  public String description() {
    return "refuses what another site asks for";
  }

  @Override
  public void doFilter(HttpExchange exchange, Chain chain) throws IOException {
    var refusal = refusal(exchange.getRequestHeaders());
    if (refusal.isEmpty()) {
      chain.doFilter(exchange);
      return;
    }
    byte[] text = (refusal.get() + "\n").getBytes(UTF_8);
    boolean head = exchange.getRequestMethod().equals("HEAD");
    try (exchange) {
      exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
      exchange.sendResponseHeaders(403, head ? -1 : text.length);
      if (!head) {
        exchange.getResponseBody().write(text);
      }
    }
  }

  private static Optional<String> refusal(Headers headers) {
    String host = Optional.ofNullable(headers.getFirst("Host")).orElse("");
    if (!LOCAL.matcher(host).matches()) {
      return Optional.of(
          "Host must be localhost, 127.0.0.1 or [::1]: " + Quote.java(host));
    }
    for (String site : headers.getOrDefault("Sec-Fetch-Site", List.of())) {
      if (!OWN_SITES.contains(site)) {
        return Optional.of("Sec-Fetch-Site must be same-origin or none: " + Quote.java(site));
      }
    }
    return Optional.ofNullable(headers.getFirst("Origin"))
        .filter(origin -> !origin.equalsIgnoreCase("http://" + host))
        .map(origin -> "Origin must be http://" + host + ": " + Quote.java(origin));
  }
}
