package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class NumberedRingTest {
  private record Value(long number) implements NumberedRing.Numbered {}

  /** The numbers exceed the range of an int, since a log begins at any number. */
  @Test
  void itHoldsExactlyWhatWasAddedAndNotRemoved() {
    for (long seed = 0; seed < 50; seed++) {
      var random = new Random(seed);
      var ring = new NumberedRing<Value>();
      var expected = new TreeMap<Long, Value>();
      long next = random.nextLong(1L << 40);
      for (int i = 0; i < 500; i++) {
        boolean grows = random.nextInt(100) < (i / 100 % 2 == 0 ? 70 : 30);
        if (grows) {
          var value = new Value(next++);
          ring.add(value);
          expected.put(value.number(), value);
        } else if (!expected.isEmpty()) {
          ring.removeFirst();
          expected.pollFirstEntry();
        }
        assertEquals(expected.size(), ring.size());
        for (long number = next - 300; number < next + 3; number++) {
          assertEquals(Optional.ofNullable(expected.get(number)), ring.get(number), "seed " + seed);
        }
      }
    }
  }
}
