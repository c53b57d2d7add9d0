package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;

/** Reads the rest of a request, and admits or refuses its stream. */
final class Admission {
  private final Engine engine;
  private final StreamIndex index;
  private final Duplicates duplicates;

  Admission(Engine engine, StreamIndex index, Duplicates duplicates) {
    this.engine = engine;
    this.index = index;
    this.duplicates = duplicates;
  }

  /**
   * Admits a stream that has claimed its exchange, or ends it, with another response unless the client is gone. The
   * stream of a HEAD request is never admitted, and sends only the headers.
   */
  void begin(Member member) {
    var exchange = member.exchange();
    var life = member.stream().life();
    try {
      if (!engine.deadlines().isClosed() && !drain(exchange)) {
        var tooLarge = RequestBody.tooLarge(engine.values().bodyLimit());
        life.refuse(Refusal.with(tooLarge.status(), tooLarge.getMessage()), Ending.REFUSED);
        return;
      }
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "no stream opened, because the request body did not arrive: " + Quoted.java(e));
      life.apart();
      life.end(Ending.CLIENT_GONE);
      return;
    }
    if (LastEventId.isCompleted(exchange, engine.values().lastEventIdParameter())) {
      life.refuse(Refusal.forGood(), Ending.COMPLETED);
      return;
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      if (index.hasRoom(member, duplicates)) {
        life.beginHead();
      } else {
        refuseForNow(member);
      }
      return;
    }
    var leaving = index.enter(member, duplicates);
    if (leaving.contains(member)) {
      refuseForNow(member);
      return;
    }
    leaving.forEach(older -> older.stream().life().end(Ending.REPLACED));
    life.begin();
  }

  private void refuseForNow(Member member) {
    var refusal = Refusal.forNow(member.exchange(), engine.jitter().reconnect());
    member.stream().life().refuse(refusal, Ending.REFUSED);
  }

  /** Reads the rest of the request body. Returns whether it is within the limit. */
  private boolean drain(HttpExchange exchange) throws IOException {
    return !RequestBody.isPresent(exchange)
        || RequestBody.drain(exchange, engine.deadlines().newGuard(), engine.values().bodyLimit());
  }
}
