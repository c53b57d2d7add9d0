package dev.tidings;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import java.util.Optional;

/** What a client that reconnects says it got last: any text, and never a failure. */
final class LastEventId {
  private LastEventId() {}

  /**
   * From the header, else from this parameter of the query, if it has a name; an empty id is none (WHATWG
   * HTML, 9.2.4).
   */
  static Optional<String> of(HttpExchange exchange, String parameter) {
    return fromHeader(exchange)
        .or(() -> fromQuery(exchange, parameter))
        .filter(id -> !id.isEmpty());
  }

  /** The header carries UTF-8, and the server reads each byte of it as a character. */
  private static Optional<String> fromHeader(HttpExchange exchange) {
    return Optional.ofNullable(exchange.getRequestHeaders().getFirst("Last-Event-ID"))
        .filter(bytes -> !bytes.isEmpty())
        .map(bytes -> new String(bytes.getBytes(ISO_8859_1), UTF_8));
  }

  private static Optional<String> fromQuery(HttpExchange exchange, String parameter) {
    return parameter.isEmpty()
        ? Optional.empty()
        : Query.find(exchange.getRequestURI().getRawQuery(), parameter);
  }
}
