package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Keeps other sites away from a server on loopback, which every page in the browser can reach: a name
 * of theirs that resolves to 127.0.0.1 stands in Host (DNS rebinding), their own one in Origin.
 */
final class DemoGuard extends Filter {
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
          "Host must be localhost, 127.0.0.1 or [::1]: " + Quoted.java(host));
    }
    return Optional.ofNullable(headers.getFirst("Origin"))
        .filter(origin -> !origin.equalsIgnoreCase("http://" + host))
        .map(origin -> "Origin must be http://" + host + ": " + Quoted.java(origin));
  }
}
