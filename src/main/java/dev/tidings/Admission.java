package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;

/** Who gets a stream: reads what is left of the request, and lets the client in or says why not. */
final class Admission {
  private final Settings settings;
  private final Registry registry;
  private final Deadlines deadlines;
  private final Spread spread;

  Admission(Settings settings, Registry registry, Deadlines deadlines, Spread spread) {
    this.settings = settings;
    this.registry = registry;
    this.deadlines = deadlines;
    this.spread = spread;
  }

  /**
   * Begins the life of a stream that has claimed its exchange: as one of the registry's open ones, or
   * as the short one of a client that gets another answer.
   */
  void begin(EventSource stream, HttpExchange exchange) {
    try {
      if (stream.answersBody() && !deadlines.isClosed() && !drain(exchange)) {
        stream.refuse(Refusal.with(413));
        return;
      }
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "no stream, since the request's body did not arrive: " + Quoted.java(e));
      stream.beginUnlisted();
      stream.end(Ending.CLIENT_GONE);
      return;
    }
    if (isCompleted(exchange)) {
      stream.stayAway();
      return;
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      stream.beginHead();
      return;
    }
    var leaving = registry.enter(stream, settings.duplicates());
    if (leaving.contains(stream)) {
      stream.refuse(Refusal.forNow(exchange, spread.reconnect()));
      return;
    }
    leaving.forEach(older -> older.end(Ending.REPLACED));
    stream.begin();
  }

  /** Whether the client comes back although it was told not to. */
  private boolean isCompleted(HttpExchange exchange) {
    var lastEventId = LastEventId.of(exchange, settings);
    return lastEventId.filter(WireFormat.COMPLETED_ID::equals).isPresent();
  }

  /** Reads what is left of the request's body; false if that is more than the limit. */
  private boolean drain(HttpExchange exchange) throws IOException {
    var within = new boolean[1];
    deadlines
        .newGuard()
        .run(
            () -> {
              var body = exchange.getRequestBody();
              var buffer = new byte[2048];
              long left = settings.bodyLimit();
              int count;
              while (left >= 0 && (count = body.read(buffer)) >= 0) {
                left -= count;
              }
              within[0] = left >= 0;
            });
    return within[0];
  }
}
