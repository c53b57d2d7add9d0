package dev.tidings;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A response that refuses a stream.
 *
 * @param isStream whether it is for an EventSource, which reconnects only after status 200; any other client
 *     would interpret 200 as success
 * @param body an event for an EventSource, text for any other client
 * @param retryAfter the value of the Retry-After header for other clients, in seconds
 */
record Refusal(int status, boolean isStream, Optional<Frame> body, Optional<String> retryAfter) {
  private static final Pattern NEVER = Pattern.compile("\\s*[qQ]=0(\\.0*)?\\s*");

  /** Refuses a request temporarily: the client may retry after this time. */
  static Refusal forNow(HttpExchange exchange, Duration retry) {
    return isEventSource(exchange)
        ? new Refusal(200, true, Optional.of(Frame.parting(Event.empty().withRetry(retry))), Optional.empty())
        : new Refusal(503, false, Optional.empty(), Optional.of(seconds(retry)));
  }

  void addRetryAfter(Headers response) {
    retryAfter.ifPresent(after -> response.set("Retry-After", after));
  }

  /** Refuses a client permanently: it must not reconnect. */
  static Refusal forGood() {
    return with(204, "");
  }

  /**
   * Returns whether the client may be an EventSource, which sends GET and accepts the media type of streams.
   * Fetch clients may do the same, and HEAD counts as GET.
   */
  static boolean isEventSource(HttpExchange exchange) {
    String method = exchange.getRequestMethod();
    return (method.equals("GET") || method.equals("HEAD"))
        && exchange.getRequestHeaders().getOrDefault("Accept", List.of()).stream()
            .flatMap(accept -> Arrays.stream(accept.split(",")))
            .anyMatch(Refusal::isStream);
  }

  /** Returns whether the media range is that of streams, ignoring case, with a weight above 0 (RFC 9110, 12.5.1). */
  private static boolean isStream(String range) {
    String type = WireFormat.MEDIA_TYPE;
    String wanted = range.strip();
    if (!wanted.regionMatches(true, 0, type, 0, type.length())) {
      return false; // the usual case
    }
    var parts = wanted.split(";");
    return parts[0].strip().equalsIgnoreCase(type)
        && Arrays.stream(parts).noneMatch(part -> NEVER.matcher(part).matches());
  }

  /** Returns the value of Retry-After, rounded up so that no client retries too early. */
  static String seconds(Duration retry) {
    return Long.toString(Math.ceilDiv(retry.toMillis(), 1000L));
  }

  /** Refuses a request with this status and text, and without a time to retry. */
  static Refusal with(int status, String text) {
    boolean empty = !hasContent(status) || text.isEmpty();
    return new Refusal(
        status, false, empty ? Optional.empty() : Optional.of(Frame.text(line(text))), Optional.empty());
  }

  /** Returns whether a response with this status may have a body (RFC 9110, 15.3.5, 15.3.6 and 15.4.5). */
  static boolean hasContent(int status) {
    return status != 204 && status != 205 && status != 304;
  }

  /** Returns one line of text as a body. */
  static String line(String text) {
    return text.isEmpty() ? "" : text + "\n";
  }
}
