package dev.tidings;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Durations as nanoseconds, and the checks of those that a user gives. */
final class Time {
  private Time() {}

  /** As nanoseconds; what is longer than 292 years is as good as for ever. */
  static long nanos(Duration duration) {
    return TimeUnit.NANOSECONDS.convert(duration);
  }

  static Duration requirePositive(String what, Duration duration) {
    if (!duration.isPositive()) {
      throw new IllegalArgumentException(what + " must be longer than zero: " + duration);
    }
    return duration;
  }

  static Duration requireNotNegative(String what, Duration duration) {
    if (duration.isNegative()) {
      throw new IllegalArgumentException(what + " must not be negative: " + duration);
    }
    return duration;
  }
}
