package dev.tidings.client;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.random.RandomGenerator;

/** The time between two attempts to connect. */
final class Backoff {
  private static final Duration LEAST = Duration.ofMillis(100); // to start from, even if the server says retry: 0
  private static final Duration MOST = Duration.ofSeconds(30); // for a delay that the server has not asked for
  private static final Duration LONGEST = Duration.ofDays(100 * 365); // in place of longer ones, which would overflow
  private static final int MOST_DOUBLINGS = 30;

  private Backoff() {}

  /**
   * Returns the delay before the next attempt. After a stream that sent an event or a comment, it is the reconnection
   * time of the stream, which the server randomizes itself. Each failed attempt doubles that time, and the delay is
   * between half and all of it, at random.
   *
   * @param failures the number of failed attempts since then
   * @param most the longest delay
   */
  static Duration delay(int failures, Duration retry, Duration most, RandomGenerator random) {
    if (failures == 0) {
      return least(retry, most);
    }
    var limit = least(least(greatest(retry, MOST), most), LONGEST);
    var first = least(greatest(retry, LEAST), limit); // limited before it is doubled, so that nothing overflows
    var longest = least(first.multipliedBy(1L << Math.min(failures, MOST_DOUBLINGS)), limit);
    long millis = longest.toMillis();
    return Duration.ofMillis(millis - random.nextLong(millis / 2 + 1));
  }

  /** Returns a time that is long enough that a server that ends each stream does not keep the client busy. */
  static Duration ofServer(Duration retry) {
    return greatest(retry, LEAST);
  }

  /** Returns the time that a {@code Retry-After} asks for (RFC 9110, 10.2.3); zero if it is not valid. */
  static Duration retryAfter(String value, Instant now) {
    if (isNumber(value)) {
      return Duration.ofSeconds(number(value));
    }
    try {
      var delay = Duration.between(now, DateTimeFormatter.RFC_1123_DATE_TIME.parse(value, Instant::from));
      return greatest(delay, Duration.ZERO);
    } catch (DateTimeException | ArithmeticException e) {
      return Duration.ZERO;
    }
  }

  /** Returns whether the text consists of ASCII digits. */
  static boolean isNumber(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  /** Returns the number that these digits are, at most {@code Long.MAX_VALUE / 1000}. */
  static long number(String digits) {
    long number = 0;
    for (int i = 0; i < digits.length(); i++) {
      number = Math.min(10 * number + digits.charAt(i) - '0', Long.MAX_VALUE / 1000);
    }
    return number;
  }

  static Duration least(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  static Duration greatest(Duration one, Duration other) {
    return one.compareTo(other) > 0 ? one : other;
  }
}
