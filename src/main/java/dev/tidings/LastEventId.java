package dev.tidings;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import java.util.Optional;

/** The id of the last event that a reconnecting client received. Any text is valid. */
final class LastEventId {
  private LastEventId() {}

  /**
   * Reads the id from the header, or else from this query parameter, unless its name is empty. An empty id
   * counts as none (WHATWG HTML, 9.2.4).
   */
  static Optional<String> of(HttpExchange exchange, String parameter) {
    return fromHeader(exchange)
        .or(() -> fromQuery(exchange, parameter))
        .filter(id -> !id.isEmpty());
  }

  /** Returns whether the client reconnects although it was instructed not to. */
  static boolean isCompleted(HttpExchange exchange, String parameter) {
    return of(exchange, parameter).filter(WireFormat.COMPLETED_ID::equals).isPresent();
  }

  /** Decodes the header as UTF-8. The server has decoded each byte of the header as one character. */
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
