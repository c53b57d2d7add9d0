package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** The log in memory at its bounds, by a clock that the tests set. */
class MemoryEventLogTest implements EventLogContract {
  private static final Duration HOUR = Duration.ofHours(1);
  private long now = 1_000_000;
  private final InstantSource clock = () -> Instant.ofEpochMilli(now);

  @Override
  public EventLog emptyLog() {
    return EventLog.inMemory();
  }

  private MemoryEventLog log(int events, long bytes, Duration age) {
    return new MemoryEventLog(events, bytes, age, clock);
  }

  private static List<String> append(EventLog log, int count) {
    var ids = new ArrayList<String>();
    for (int i = 0; i < count; i++) {
      ids.add(log.append(Event.of("event " + i)));
    }
    return ids;
  }

  private static EventLog.Reading read(EventLog log, String after) throws InterruptedException {
    return log.read(after, 1000, Duration.ZERO);
  }

  @Test
  void idsAreOfTimeAndSequence() {
    var log = log(10, 1000, HOUR);
    assertEquals("1000000-0", log.latest());
    assertEquals("1000000-1", log.append(Event.of("x")));
    now += 5;
    assertEquals("1000005-2", log.append(Event.of("x")));
    now -= 1000;
    assertEquals("1000005-3", log.append(Event.of("x")), "never goes back");
  }

  @Test
  void countIsHeldAtItsEdge() throws Exception {
    var log = log(5, 1_000_000, HOUR);
    String start = log.latest();
    var ids = append(log, 4);
    assertTrue(log.covers(start));
    ids.addAll(append(log, 1));
    assertEquals(5, read(log, start).events().size());
    ids.addAll(append(log, 1));
    assertFalse(log.covers(start));
    assertTrue(log.covers(ids.getFirst()), "all after the one that was forgotten is there");
    var reading = read(log, start);
    assertEquals(ids.getFirst(), reading.from());
    assertEquals(OptionalLong.of(1), reading.missed());
    assertEquals(5, reading.events().size());
    ids.addAll(append(log, 3));
    assertFalse(log.covers(ids.get(2)));
    assertTrue(log.covers(ids.get(3)));
    assertEquals(OptionalLong.of(1), read(log, ids.get(2)).missed());
    assertEquals(OptionalLong.of(4), read(log, start).missed());
  }

  @Test
  void bytesAreHeldAtTheirEdge() throws Exception {
    long size = WireFormat.bytes(Event.of("event 0")).length;
    var log = log(1000, 3 * size, HOUR);
    String start = log.latest();
    append(log, 3);
    assertEquals(3, read(log, start).events().size());
    append(log, 1);
    assertEquals(3, read(log, start).events().size());
    assertFalse(log.covers(start));
    log.append(Event.of("event 01")); // one byte more
    assertEquals(2, read(log, start).events().size());
  }

  @Test
  void theNewestEventIsHeldHoweverLarge() throws Exception {
    var log = log(1000, 100, HOUR);
    append(log, 3);
    String before = log.latest();
    log.append(Event.of("x".repeat(1000)));
    assertEquals(1, read(log, before).events().size());
    assertEquals(1, read(log, "").events().size());
    log.append(Event.of("small"));
    assertFalse(log.covers(before));
    assertEquals(1, read(log, before).events().size());
  }

  @Test
  void ageIsHeldAtItsEdge() throws Exception {
    var log = log(1000, 1_000_000, Duration.ofSeconds(10));
    String start = log.latest();
    String first = log.append(Event.of("a"));
    now += 4000;
    String second = log.append(Event.of("b"));
    now += 6000;
    assertTrue(log.covers(start), "as old as may be");
    now += 1;
    assertFalse(log.covers(start));
    assertTrue(log.covers(first));
    assertEquals(OptionalLong.of(1), read(log, start).missed());
    now += 4000;
    assertFalse(log.covers(first));
    assertEquals(EventLog.Reading.covered(second, List.of()), read(log, second), "nothing is lost after it");
    assertEquals(second, log.latest());
    assertEquals(EventLog.Reading.gap(second, List.of(), OptionalLong.of(2)), read(log, start));
    String third = log.append(Event.of("c"));
    assertEquals(1, read(log, second).events().size());
    now -= 1_000_000;
    assertTrue(log.covers(second), "a clock that goes back forgets nothing");
    assertTrue(log.covers(third));
  }

  @Test
  void anIdFromBeforeARestartIsTooOldAndNotTakenForANewOne() throws Exception {
    var before = append(log(1000, 1_000_000, HOUR), 20);
    now += 3000;
    var log = log(1000, 1_000_000, HOUR);
    var after = append(log, 10);
    for (String id : before) {
      var reading = read(log, id);
      assertFalse(reading.covered(), id);
      assertEquals(10, reading.events().size());
      assertEquals("1003000-0", reading.from());
      assertEquals(OptionalLong.empty(), reading.missed(), "nobody knows");
    }
    assertTrue(log.covers(after.get(4)));
  }

  @Test
  void idsThatLookRealAreNotCoveredAndNothingIsSaidOfWhatTheyMissed() throws Exception {
    var log = log(5, 1_000_000, HOUR);
    append(log, 10);
    for (String id : List.of("1000000-11", "999999-2", "1000001-2", "1000000--1", "1000000-02", "01000000-2", "1000000-1.5",
        "999999-8", "1000000-9223372036854775807", "1000000-9223372036854775808", "-1000000-2", "1000000-+2", "-2")) {
      var reading = read(log, id);
      assertFalse(reading.covered(), id);
      assertEquals(OptionalLong.empty(), reading.missed(), id);
    }
    assertEquals(OptionalLong.of(3), read(log, "1000000-2").missed());
  }

  @Test
  void boundsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> EventLog.inMemory(0, 1, HOUR));
    assertThrows(IllegalArgumentException.class, () -> EventLog.inMemory(1, 0, HOUR));
    assertThrows(IllegalArgumentException.class, () -> EventLog.inMemory(1, 1, Duration.ZERO));
    EventLog.inMemory(1, 1, Duration.ofNanos(1));
    EventLog.inMemory(Integer.MAX_VALUE, Long.MAX_VALUE, Duration.ofSeconds(Long.MAX_VALUE));
  }

  @Test
  void aReadingHasIdsThatCanBeSent() {
    var none = OptionalLong.empty();
    assertThrows(IllegalArgumentException.class, () -> EventLog.Reading.gap("1\n2", List.of(), none));
    assertThrows(IllegalArgumentException.class, () -> EventLog.Reading.gap("1", List.of(Event.of("no id")), none));
  }
}
