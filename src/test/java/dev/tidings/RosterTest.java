package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A set in the order of joining, compared with one of the JDK, and used by many threads. */
class RosterTest {

  private static <T> List<T> list(Iterable<T> roster) {
    var list = new ArrayList<T>();
    roster.forEach(list::add);
    return list;
  }

  @Test
  void itIsASetInTheOrderOfJoining() {
    long seed = System.nanoTime();
    var random = new Random(seed);
    var roster = new Roster<Long>();
    var expected = new LinkedHashMap<Long, Long>(); // the same, by number
    var present = new ArrayList<Long>();
    for (long i = 0; i < 20_000; i++) {
      // It grows, and shrinks to nothing, and grows again.
      boolean joins = present.isEmpty() || random.nextInt(100) < ((i / 5000) % 2 == 0 ? 70 : 25);
      if (joins) {
        long number = roster.add(i);
        expected.put(number, i);
        present.add(number);
      } else {
        long number = present.remove(random.nextInt(present.size()));
        assertTrue(roster.remove(number));
        assertFalse(roster.remove(number));
        expected.remove(number);
      }
      if (i % 1000 == 0) {
        assertEquals(List.copyOf(expected.values()), list(roster), "seed " + seed);
      }
      assertEquals(expected.size(), roster.size());
    }
    assertEquals(List.copyOf(expected.values()), list(roster), "seed " + seed);
  }

  @Test
  void aWalkUpToANumberLeavesOutThoseThatJoinedLater() {
    var roster = new Roster<Integer>();
    for (int i = 0; i < 300; i++) {
      roster.add(i);
    }
    var earlier = roster.until(roster.next());
    roster.add(300);
    assertEquals(300, list(earlier).size());
    assertEquals(301, list(roster).size());
  }

  @Test
  void theLastOneThatMatchesIsFound() {
    var roster = new Roster<Integer>();
    assertEquals(Optional.empty(), roster.last(i -> true));
    for (int i = 0; i < 1000; i++) {
      roster.add(i);
    }
    roster.remove(999);
    assertEquals(Optional.of(998), roster.last(i -> true));
    assertEquals(Optional.of(10), roster.last(i -> i <= 10));
    assertEquals(Optional.of(0), roster.last(i -> i == 0));
    assertEquals(Optional.empty(), roster.last(i -> i > 998));
  }

  /** The cost of a walk depends on the present members, not on former ones. */
  @Test
  void holesAreFewHoweverManyHaveLeft() {
    var roster = new Roster<Integer>();
    var numbers = new ArrayList<Long>();
    for (int i = 0; i < 100_000; i++) {
      numbers.add(roster.add(i));
    }
    for (int i = 0; i < 100_000; i++) {
      if (i % 100 != 0) {
        roster.remove(numbers.get(i));
      }
    }
    assertEquals(1000, roster.size());
    assertTrue(roster.places() <= 4 * 1000 + 512, roster.places() + " places");
    for (int i = 0; i < 100_000; i++) { // each leaves before the next one joins
      roster.remove(roster.add(i));
    }
    assertTrue(roster.places() <= 4 * 1000 + 512, roster.places() + " places");
    for (int i = 0; i < 100_000; i += 100) {
      assertTrue(roster.remove(numbers.get(i)));
    }
    assertEquals(0, roster.size());
    assertTrue(roster.places() <= 512, roster.places() + " places");
  }

  @Test
  void manyMayJoinAndLeaveAtOnce() throws Exception {
    var roster = new Roster<Integer>();
    var barrier = new CyclicBarrier(4);
    var threads = new ArrayList<FutureTask<Integer>>();
    for (int i = 0; i < 4; i++) {
      var thread = new FutureTask<>(() -> {
        barrier.await(20, TimeUnit.SECONDS);
        var numbers = new ArrayDeque<Long>();
        int left = 0;
        for (int j = 0; j < 100_000; j++) {
          numbers.add(roster.add(j));
          if (j % 4 != 0) {
            left += roster.remove(numbers.remove()) ? 1 : 0;
          }
        }
        return left;
      });
      threads.add(thread);
      Thread.ofPlatform().daemon().start(thread);
    }
    for (var thread : threads) {
      assertEquals(75_000, thread.get(20, TimeUnit.SECONDS));
    }
    assertEquals(100_000, roster.size());
    assertEquals(100_000, list(roster).size());
  }

  @Test
  void aWalkSeesEachOnceThatStaysHoweverManyComeAndGo() throws Exception {
    var roster = new Roster<String>();
    var done = new AtomicBoolean();
    var failure = new AtomicReference<Throwable>();
    var staying = new ArrayList<String>();
    var random = new Random(1);
    for (int i = 0; i < 1000; i++) {
      staying.add("stays " + i);
    }
    var passing = new ArrayList<Long>();
    for (String one : staying) {
      roster.add(one);
      for (int i = 0; i < 5; i++) {
        passing.add(roster.add("leaves"));
      }
    }
    var walker = Thread.ofPlatform().start(() -> {
      try {
        while (!done.get()) {
          var seen = list(roster);
          seen.removeIf(one -> one.equals("leaves"));
          assertEquals(staying, seen);
        }
      } catch (Throwable e) {
        failure.set(e);
      }
    });
    while (!passing.isEmpty()) {
      roster.remove(passing.remove(random.nextInt(passing.size())));
      if (random.nextInt(10) == 0) {
        passing.add(roster.add("leaves"));
      }
    }
    done.set(true);
    Await.end(walker);
    assertEquals(null, failure.get());
    assertEquals(staying, list(roster));
  }
}
