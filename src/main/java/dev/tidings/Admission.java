package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;

/** Decides which requests get a stream: reads what is left of the request, and admits or refuses it. */
final class Admission {
  private final Engine engine;
  private final StreamIndex index;
  private final int bodyLimit;
  private final Duplicates duplicates;

  Admission(Engine engine, StreamIndex index, int bodyLimit, Duplicates duplicates) {
    this.engine = engine;
    this.index = index;
    this.bodyLimit = bodyLimit;
    this.duplicates = duplicates;
  }

  /**
   * Begins the life of a stream that has claimed its exchange: as one of the registry's open ones, or
   * as the short one of a client that gets another answer.
   */
  void begin(Member member) {
    var exchange = member.exchange();
    var life = member.stream().life();
    try {
      if (!engine.deadlines().isClosed() && !drain(exchange)) {
        life.refuse(Refusal.with(413), Ending.REFUSED);
        return;
      }
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "no stream, since the request's body did not arrive: " + Quoted.java(e));
      life.apart();
      life.end(Ending.CLIENT_GONE);
      return;
    }
    if (isCompleted(exchange)) {
      life.refuse(Refusal.forGood(), Ending.COMPLETED);
      return;
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      life.beginHead();
      return;
    }
    var leaving = index.enter(member, duplicates);
    if (leaving.contains(member)) {
      life.refuse(Refusal.forNow(exchange, engine.jitter().reconnect()), Ending.REFUSED);
      return;
    }
    leaving.forEach(older -> older.stream().life().end(Ending.REPLACED));
    life.begin();
  }

  /** Reads what is left of the request's body; false if that is more than the limit. */
  private boolean drain(HttpExchange exchange) throws IOException {
    return !RequestBody.isPresent(exchange)
        || RequestBody.drain(exchange, engine.deadlines().newGuard(), bodyLimit);
  }

  /** Whether the client comes back although it was told not to. */
  private boolean isCompleted(HttpExchange exchange) {
    return LastEventId.of(exchange, engine.values().lastEventIdParameter())
        .filter(WireFormat.COMPLETED_ID::equals)
        .isPresent();
  }
}
