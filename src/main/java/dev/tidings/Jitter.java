package dev.tidings;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** Random times, so that clients that left at one moment do not all return at one moment. Thread-safe. */
final class Jitter {
  private static final long MOST_MILLIS = Long.MAX_VALUE - 1;

  private final RandomGenerator random;
  private final long least; // milliseconds
  private final long most;

  /** Creates one with a range for {@link #reconnect}; the generator has to be thread-safe. */
  Jitter(RandomGenerator random, Duration least, Duration most) {
    this.random = random;
    this.least = millis(least);
    this.most = millis(most);
  }

  /** One for times that no test has to know. */
  static Jitter ofThread() {
    return new Jitter(() -> ThreadLocalRandom.current().nextLong(), Duration.ZERO, Duration.ZERO);
  }

  private static long millis(Duration duration) {
    return Math.min(TimeUnit.MILLISECONDS.convert(duration), MOST_MILLIS);
  }

  /** How long one client shall wait before it reconnects, in whole milliseconds. */
  Duration reconnect() {
    return Duration.ofMillis(random.nextLong(least, most + 1));
  }

  /** A time within the first period of a repeated task that many streams have: 1 to all of it. */
  long within(long nanos) {
    return nanos - random.nextLong(nanos);
  }

  /** How much one stream gets of the largest lifetime: between nine tenths and all of it. */
  long lifetime(long nanos) {
    return nanos - random.nextLong(nanos / 10 + 1);
  }

  /** A pause before a retry: half of this to one and a half. */
  Duration around(long nanos) {
    return Duration.ofNanos(nanos / 2 + random.nextLong(nanos + 1));
  }
}
