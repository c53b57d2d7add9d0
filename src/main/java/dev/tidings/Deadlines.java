package dev.tidings;

import java.time.Duration;
import java.util.HashMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * The write deadline of all streams of a registry: a sweep over the guards that are in a blocking
 * call, of which there are few, however many streams are open.
 */
final class Deadlines {
  private static final long LONGEST_PERIOD = Duration.ofMillis(100).toNanos();
  private static final long MOMENT = Duration.ofMillis(100).toNanos();

  private final Ticker ticker;
  private final long limit;
  private final Lookout lookout;
  private final Set<Guard> busy = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  Deadlines(Ticker ticker, Duration limit) {
    this.ticker = ticker;
    this.limit = Time.nanos(limit);
    long period = Math.clamp(this.limit / 10, 1, LONGEST_PERIOD);
    this.lookout = new Lookout(ticker, period, this::sweep, () -> !busy.isEmpty());
  }

  Guard newGuard() {
    return new Guard(this);
  }

  long limit() {
    return limit;
  }

  long now() {
    return ticker.now();
  }

  void entered(Guard guard) {
    busy.add(guard);
    lookout.watch();
  }

  /**
   * Cuts off whatever blocks, since nobody looks after the time any more. What is inside a call that
   * only takes a moment, such as the refusal of a client, is given that moment.
   */
  void close() {
    closed = true;
    var inside = new HashMap<Guard, Long>();
    busy.forEach(guard -> inside.put(guard, guard.entered()));
    long start = System.nanoTime();
    do {
      inside.entrySet().removeIf(e -> !isInsideSince(e.getKey(), e.getValue()));
      if (!inside.isEmpty()) {
        LockSupport.parkNanos(MOMENT / 50);
      }
    } while (!inside.isEmpty() && System.nanoTime() - start < MOMENT);
    inside.keySet().forEach(Guard::cut);
  }

  private boolean isInsideSince(Guard guard, long entered) {
    return busy.contains(guard) && guard.entered() == entered;
  }

  boolean isClosed() {
    return closed;
  }

  void left(Guard guard) {
    busy.remove(guard);
  }

  private void sweep() {
    long now = now();
    for (Guard guard : busy) {
      guard.cutIfOverdue(now);
    }
  }
}
