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
 * Refuses requests from other sites, whose pages can reach a loopback server through the browser. Host contains the
 * name of such a site if the name resolves to 127.0.0.1 (DNS rebinding); otherwise, Origin contains the site. A GET
 * request for an image, a frame or a script has no Origin, but can end a stream. Therefore Sec-Fetch-Site, which only
 * browsers send, is also checked.
 */
final class DemoGuard extends Filter {
  /** The values of Sec-Fetch-Site for requests of the page itself, and for an address that the user entered. */
  private static final Set<String> OWN_SITES = Set.of("same-origin", "none");

  private static final Pattern LOCAL =
      Pattern.compile(
          "(localhost|127\\.0\\.0\\.1|\\[::1])(:\\d{1,5})?", Pattern.CASE_INSENSITIVE);

  @Override
  public String description() {
    return "refuses requests of other sites";
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
