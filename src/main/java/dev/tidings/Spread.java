package dev.tidings;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** Chance, so that clients who left at one moment do not all return at one moment. Thread-safe. */
final class Spread {
  private static final long MOST_MILLIS = Long.MAX_VALUE - 1;

  private final RandomGenerator random;
  private final long least; // milliseconds
  private final long most;

  /** The generator has to be thread-safe. */
  Spread(Settings settings, RandomGenerator random) {
    this.random = random;
    this.least = millis(settings.leastReconnect());
    this.most = millis(settings.mostReconnect());
  }

  private static long millis(Duration duration) {
    return Math.min(TimeUnit.MILLISECONDS.convert(duration), MOST_MILLIS);
  }

  /** How long one client shall wait before it reconnects, in whole milliseconds. */
  Duration reconnect() {
    return Duration.ofMillis(random.nextLong(least, most + 1));
  }

  /** A time within the first period of something that many do again and again: 1 to all of it. */
  long within(long nanos) {
    return nanos - random.nextLong(nanos);
  }

  /** How much one stream gets of the largest lifetime: between nine tenths and all of it. */
  long lifetime(long nanos) {
    return nanos - random.nextLong(nanos / 10 + 1);
  }
}
