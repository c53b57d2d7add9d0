package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.time.Duration;
import java.util.Optional;

/**
 * The answer to a client that gets no stream now.
 *
 * @param status 200 for an EventSource, which never comes back after any other one
 * @param event what such a client is told before the end
 * @param retryAfter the header that tells the others, in seconds
 */
record Refusal(int status, Optional<Event> event, Optional<String> retryAfter) {

  /** Come again after this time. */
  static Refusal forNow(HttpExchange exchange, Duration retry) {
    return acceptsStream(exchange)
        ? new Refusal(200, Optional.of(Event.empty().withRetry(retry)), Optional.empty())
        : new Refusal(503, Optional.empty(), Optional.of(seconds(retry)));
  }

  /** Never come again. */
  static Refusal forGood() {
    return with(204);
  }

  static boolean acceptsStream(HttpExchange exchange) {
    var accept = exchange.getRequestHeaders().getFirst("Accept");
    return accept != null && accept.contains(WireFormat.MEDIA_TYPE);
  }

  /** As Retry-After counts; rounded up, so that nobody comes too early. */
  static String seconds(Duration retry) {
    return Long.toString(Math.ceilDiv(retry.toMillis(), 1000L));
  }

  /** Never with this request. */
  static Refusal with(int status) {
    return new Refusal(status, Optional.empty(), Optional.empty());
  }
}
