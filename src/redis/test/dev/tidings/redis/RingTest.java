package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A ring, compared with a list. */
final class RingTest {
  private static final String E = "0000001eeeee";
  private static final String F = "0000002fffff";

  private static Event event(long number) {
    return Event.of("x".repeat((int) (number % 50))).withId(new Place(number, E).id());
  }

  private static List<Event> events(long after, int count) {
    var events = new ArrayList<Event>();
    for (int i = 1; i <= count; i++) {
      events.add(event(after + i));
    }
    return events;
  }

  private static void assertHolds(long start, long last, Ring ring) {
    assertEquals(start, ring.start().number());
    assertEquals(last, ring.last());
    assertEquals(last - start, ring.size());
    assertEquals(new Place(last, E), ring.end());
    assertTrue(ring.isAt(new Place(last, E)) && !ring.isAt(new Place(last, F)));
    assertEquals(events(start, (int) (last - start)), ring.after(ring.start(), Integer.MAX_VALUE).orElseThrow());
    long bytes = events(start, (int) (last - start)).stream().mapToLong(Fields::size).sum();
    assertEquals(bytes, ring.bytes());
    assertTrue(ring.after(new Place(start - 1, E), 1).isEmpty());
    assertTrue(ring.after(new Place(last + 1, E), 1).isEmpty());
    assertTrue(ring.after(new Place(last, "other"), 1).isEmpty());
  }

  @Test
  void aRingIsTheNewestPartOfTheSequence() {
    var random = new Random(7);
    for (int round = 0; round < 60; round++) {
      long start = 1000 + random.nextInt(100);
      long last = start;
      var ring = Ring.at(new Place(start, E));
      for (int step = 0; step < 60; step++) {
        var before = ring;
        long beforeStart = start;
        long beforeLast = last;
        switch (random.nextInt(6)) {
          case 0 -> {
            int count = random.nextInt(40);
            if (start - count > 0) {
              ring = ring.withOlder(new Place(start - count, E), events(start - count, count));
              start = ring.size() == last - start ? start : start - count;
            }
          }
          case 1 -> {
            last = start + random.nextInt((int) (last - start) + 1);
            ring = ring.until(last);
          }
          case 2 -> {
            start = start + random.nextInt((int) (last - start) + 1);
            ring = ring.without(start);
          }
          default -> {
            int count = random.nextInt(random.nextInt(10) == 0 ? 700 : 20);
            ring = ring.with(events(last, count));
            last += count;
            start = Math.max(start, last - Ring.MOST_EVENTS);
          }
        }
        assertHolds(start, last, ring);
        assertHolds(beforeStart, beforeLast, before); // it has not changed
      }
    }
  }

  @Test
  void aRingIsBoundedInBytes() {
    var ring = Ring.at(new Place(0, E));
    for (int i = 1; i <= 100; i++) {
      ring = ring.with(List.of(Event.of("x".repeat(50_000)).withId(i + "." + E)));
      assertEquals(i, ring.last());
      assertTrue(ring.bytes() <= Ring.MOST_BYTES);
    }
    assertTrue(ring.size() >= 5);
    ring = ring.with(List.of(Event.of("x".repeat(1_000_000)).withId("101." + E))); // too large for the ring
    assertEquals(0, ring.size());
    assertEquals(new Place(101, E), ring.end());
  }
}
