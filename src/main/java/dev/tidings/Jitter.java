package dev.tidings;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** Random delays, so that clients that disconnect together do not reconnect together. Thread-safe. */
final class Jitter {
  private static final long MOST_MILLIS = Long.MAX_VALUE - 1;

  private final RandomGenerator random;
  private final long least; // milliseconds
  private final long most;

  /** Creates a jitter with this range for {@link #reconnect}. The generator must be thread-safe. */
  Jitter(RandomGenerator random, Duration least, Duration most) {
    this.random = random;
    this.least = millis(least);
    this.most = millis(most);
  }

  /** Creates a jitter for delays that no test has to control. */
  static Jitter ofThread() {
    return new Jitter(() -> ThreadLocalRandom.current().nextLong(), Duration.ZERO, Duration.ZERO);
  }

  private static long millis(Duration duration) {
    return Math.min(TimeUnit.MILLISECONDS.convert(duration), MOST_MILLIS);
  }

  /** Returns how long one client should wait before it reconnects, in whole milliseconds. */
  Duration reconnect() {
    return Duration.ofMillis(random.nextLong(least, most + 1));
  }

  /** Returns the first delay of a periodic task that each stream has: from 1 ns to the whole period. */
  long within(long nanos) {
    return nanos - random.nextLong(nanos);
  }

  /** Returns the lifetime of one stream: from nine tenths of the maximum to all of it. */
  long lifetime(long nanos) {
    return nanos - random.nextLong(nanos / 10 + 1);
  }

  /** Returns a pause before a retry: 0.5 to 1.5 times this duration. */
  Duration around(long nanos) {
    return Duration.ofNanos(nanos / 2 + random.nextLong(nanos + 1));
  }
}
