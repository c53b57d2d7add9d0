package dev.tidings;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Limits how often the outage of a store is logged, which many logs may share: all of them fail at the same time.
 * Thread-safe.
 */
final class Outages implements LogReader.Report {
  private final long quiet; // nanoseconds
  private final AtomicLong next = new AtomicLong(System.nanoTime()); // when the next one is logged

  /** Creates a limit: after an outage has been logged, others are not logged for this many nanoseconds. */
  Outages(long quiet) {
    this.quiet = quiet;
  }

  /** Logs that a log has begun to fail, at DEBUG if another outage has just been logged. */
  @Override
  public void failed(Throwable why) {
    long due = next.get();
    long now = System.nanoTime();
    if (now - due >= 0 && next.compareAndSet(due, now + quiet)) {
      Log.failure("the log of a channel", why);
    } else {
      Log.debug(() -> "the log of another channel: " + Quoted.java(why));
    }
  }
}
