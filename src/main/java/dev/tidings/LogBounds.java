package dev.tidings;

import java.time.Duration;

/**
 * The limits of a log that drops its oldest events. The newest event is always held, even if it exceeds them.
 *
 * @param events the largest number of events
 * @param bytes the largest total size of the events
 * @param age the largest age of an event in nanoseconds
 */
record LogBounds(int events, long bytes, long age) {

  /** Checks the limits. */
  static LogBounds of(int events, long bytes, Duration age) {
    Checks.requireAtLeast("events", events, 1);
    Checks.requireAtLeast("bytes", bytes, 1);
    return new LogBounds(events, bytes, Checks.nanos(Checks.requirePositive("age", age)));
  }

  /** Returns whether a log with this many events, of this total size, must drop its oldest one. */
  boolean isExceeded(long held, long size) {
    return held > events || size > bytes && held > 1;
  }

  boolean isTooOld(long nanos) {
    return nanos > age;
  }

  /**
   * Returns whether this many skipped events are at least a tenth of those that fit at the current average size, or
   * this time is at least a tenth of the maximum age.
   */
  boolean isTenth(long skipped, long nanos, long held, long size) {
    long fitting = held == 0 || size == 0 ? events : bytes / Math.max(1, size / held);
    return skipped >= Math.max(1, Math.min(events, fitting) / 10) || nanos >= age / 10;
  }
}
