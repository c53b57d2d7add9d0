package dev.tidings;

import java.util.concurrent.atomic.AtomicLong;

/** Lets something happen at most once per period. Thread-safe. */
final class Interval {
  private final long period; // nanoseconds
  private final AtomicLong next = new AtomicLong(System.nanoTime()); // when it may happen again

  Interval(long period) {
    this.period = period;
  }

  /** Returns whether it may happen now. If so, it may not happen again for the period. */
  boolean isDue() {
    long due = next.get();
    long now = System.nanoTime();
    return now - due >= 0 && next.compareAndSet(due, now + period);
  }
}
