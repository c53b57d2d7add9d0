package dev.tidings;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The answer to a client that gets no stream now.
 *
 * @param status 200 for an EventSource, which never comes back after any other one; to any other client
 *     that would say that its request was done
 * @param event what such a client is told before the end
 * @param retryAfter the header that tells the others, in seconds
 */
record Refusal(int status, Optional<Event> event, Optional<String> retryAfter) {
  private static final Pattern NEVER = Pattern.compile("\\s*[qQ]=0(\\.0*)?\\s*");

  /** Come again after this time. */
  static Refusal forNow(HttpExchange exchange, Duration retry) {
    return isEventSource(exchange)
        ? new Refusal(200, Optional.of(Event.empty().withRetry(retry)), Optional.empty())
        : new Refusal(503, Optional.empty(), Optional.of(seconds(retry)));
  }

  /** Whether it looks like a stream, which ends at once. */
  boolean isStream() {
    return status == 200;
  }

  void addRetryAfter(Headers response) {
    retryAfter.ifPresent(after -> response.set("Retry-After", after));
  }

  /** Never come again. */
  static Refusal forGood() {
    return with(204);
  }

  /** Whether it may be an EventSource, which only ever sends GET; fetch-based clients accept its type too. */
  static boolean isEventSource(HttpExchange exchange) {
    String method = exchange.getRequestMethod();
    return (method.equals("GET") || method.equals("HEAD"))
        && exchange.getRequestHeaders().getOrDefault("Accept", List.of()).stream()
            .flatMap(accept -> Arrays.stream(accept.split(",")))
            .anyMatch(Refusal::isStream);
  }

  /** Whether the media range is that of streams, in any case, and its weight not zero (RFC 9110, 12.5.1). */
  private static boolean isStream(String range) {
    String type = WireFormat.MEDIA_TYPE;
    String wanted = range.strip();
    if (!wanted.regionMatches(true, 0, type, 0, type.length())) {
      return false; // as most are
    }
    var parts = wanted.split(";");
    return parts[0].strip().equalsIgnoreCase(type)
        && Arrays.stream(parts).noneMatch(part -> NEVER.matcher(part).matches());
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
