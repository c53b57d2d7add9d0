package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JitterTest {
  private static final Settings DEFAULTS = Settings.defaults();

  private static Jitter jitter(Duration least, Duration most) {
    return new Jitter(new Random(42), least, most);
  }

  /** Asserts that the values are evenly distributed: Pearson's chi-square over this many buckets. */
  static void assertEven(long least, long most, int buckets, LongStream values) {
    long[] counts = new long[buckets];
    long all = 0;
    for (long value : values.toArray()) {
      assertTrue(value >= least && value <= most, () -> value + " is not in " + least + ".." + most);
      counts[(int) ((value - least) * buckets / (most - least + 1))]++;
      all++;
    }
    double expected = (double) all / buckets;
    double chiSquare = 0;
    for (long count : counts) {
      chiSquare += (count - expected) * (count - expected) / expected;
    }
    // Its mean is the degrees of freedom, its variance twice that; five standard deviations are one in a million.
    int freedom = buckets - 1;
    double limit = freedom + 5 * Math.sqrt(2.0 * freedom);
    assertTrue(chiSquare < limit, "chi-square " + chiSquare + " of at most " + limit);
  }

  @Test
  void reconnectTimesAreEvenOverTheRangeInWholeMilliseconds() {
    var jitter = jitter(Duration.ofSeconds(1), Duration.ofSeconds(5));
    assertEven(1000, 5000, 20, LongStream.generate(() -> jitter.reconnect().toMillis()).limit(20_000));
  }

  @Test
  void bothEndsOfTheRangeAreReached() {
    var jitter = jitter(Duration.ofMillis(7), Duration.ofMillis(9));
    var seen = new TreeMap<Long, Integer>();
    for (int i = 0; i < 300; i++) {
      seen.merge(jitter.reconnect().toMillis(), 1, Integer::sum);
    }
    assertEquals(Set.of(7L, 8L, 9L), seen.keySet());
  }

  @Test
  void aRangeOfOneValueIsThatValueAlsoAtTheExtremes() {
    assertEquals(Duration.ZERO, jitter(Duration.ZERO, Duration.ZERO).reconnect());
    assertEquals(Duration.ofSeconds(3), jitter(Duration.ofSeconds(3), Duration.ofSeconds(3)).reconnect());
    var absurd = Duration.ofSeconds(Long.MAX_VALUE);
    assertTrue(jitter(absurd, absurd).reconnect().toMillis() > 0);
    assertTrue(jitter(Duration.ZERO, absurd).reconnect().toMillis() >= 0);
  }

  @Test
  void lifetimesAreEvenOverTheLastTenth() {
    var jitter = jitter(Duration.ZERO, Duration.ZERO);
    assertEven(900_000, 1_000_000, 20, LongStream.generate(() -> jitter.lifetime(1_000_000)).limit(20_000));
    assertEquals(1, jitter.lifetime(1));
    assertTrue(jitter.lifetime(Long.MAX_VALUE - 1) > Long.MAX_VALUE / 10 * 9 - 10);
  }

  @Test
  void firstTimesAreEvenOverThePeriodAndNeverAtOnce() {
    var jitter = jitter(Duration.ZERO, Duration.ZERO);
    assertEven(1, 1_000_000, 20, LongStream.generate(() -> jitter.within(1_000_000)).limit(20_000));
    assertEquals(1, jitter.within(1));
  }

  @Test
  void pausesAreEvenFromHalfToOneAndAHalf() {
    var jitter = jitter(Duration.ZERO, Duration.ZERO);
    assertEven(500_000, 1_500_000, 20, LongStream.generate(() -> jitter.around(1_000_000).toNanos()).limit(20_000));
  }

  @Test
  void badRangesAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> DEFAULTS.withReconnect(Duration.ofMillis(-1), Duration.ofSeconds(1)));
    var e = assertThrows(IllegalArgumentException.class, () -> DEFAULTS.withReconnect(Duration.ofSeconds(2), Duration.ofSeconds(1)));
    assertEquals("most must not be shorter than least, PT2S: PT1S", e.getMessage());
    var same = DEFAULTS.withReconnect(Duration.ofSeconds(2), Duration.ofSeconds(2));
    assertEquals(same.values().leastReconnect(), same.values().mostReconnect());
    assertEquals(Duration.ofSeconds(1), DEFAULTS.values().leastReconnect());
    assertEquals(Duration.ofSeconds(5), DEFAULTS.values().mostReconnect());
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "999, 1", "1000, 1", "1001, 2", "5000, 5"})
  void retryAfterIsInWholeSecondsRoundedUp(long millis, String seconds) {
    assertEquals(seconds, Refusal.seconds(Duration.ofMillis(millis)));
  }
}
