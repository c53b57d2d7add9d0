package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.contract.EventLogContract;
import dev.tidings.contract.SharedLogContract;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The log in memory at its bounds, on a clock that the tests set. */
class MemoryEventLogTest implements EventLogContract, SharedLogContract {
  private static final Duration HOUR = Duration.ofHours(1);
  private long now = 1_000_000; // milliseconds of the wall clock, used only in ids
  private long elapsed = Long.MAX_VALUE - 1_000_000; // nanoseconds, which may wrap
  private long first; // the number before that of the first event
  private final InstantSource clock = () -> Instant.ofEpochMilli(now);

  @Override
  public EventLog emptyLog() {
    return EventLog.inMemory();
  }

  @Override
  public List<EventLog> twoOfOneStore() {
    var log = EventLog.inMemory();
    return List.of(log, log);
  }

  private MemoryEventLog log(int events, long bytes, Duration age) {
    return new MemoryEventLog(events, bytes, age, clock, () -> elapsed, first);
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
  void byDefaultItHoldsTenThousandEventsAndSixteenMebibytesForAnHour() throws Exception {
    var many = EventLog.inMemory();
    assertFalse(((MemoryEventLog) many).isTenth(0, HOUR.toNanos() / 10 - 1));
    assertTrue(((MemoryEventLog) many).isTenth(0, HOUR.toNanos() / 10));
    String start = many.latest();
    append(many, 10_000);
    assertTrue(EventLogContract.covers(many, start));
    append(many, 1);
    assertFalse(EventLogContract.covers(many, start));
    var large = EventLog.inMemory();
    String first = large.latest();
    var mebibyte = Event.of("x".repeat(1024 * 1024 - 8)); // plus its field name and line breaks
    for (int i = 0; i < 16; i++) {
      large.append(mebibyte);
    }
    assertTrue(EventLogContract.covers(large, first));
    large.append(Event.of("x"));
    assertFalse(EventLogContract.covers(large, first));
  }

  @Test
  void countIsHeldAtItsEdge() throws Exception {
    var log = log(5, 1_000_000, HOUR);
    String start = log.latest();
    var ids = append(log, 4);
    assertTrue(EventLogContract.covers(log, start));
    ids.addAll(append(log, 1));
    assertEquals(5, read(log, start).events().size());
    ids.addAll(append(log, 1));
    assertFalse(EventLogContract.covers(log, start));
    assertTrue(EventLogContract.covers(log, ids.getFirst()), "all events after the forgotten one are there");
    var reading = read(log, start);
    assertEquals(ids.getFirst(), reading.from());
    assertEquals(OptionalLong.of(1), reading.missed());
    assertEquals(5, reading.events().size());
    ids.addAll(append(log, 3));
    assertFalse(EventLogContract.covers(log, ids.get(2)));
    assertTrue(EventLogContract.covers(log, ids.get(3)));
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
    assertFalse(EventLogContract.covers(log, start));
    log.append(Event.of("event 01")); // one byte more
    assertEquals(2, read(log, start).events().size());
  }

  /** Events forgotten during a read must not leave a hole, neither between events nor before the first. */
  @Test
  void whoeverIsOvertakenWhileItReadsIsToldOfIt() throws Exception {
    var log = log(2, 1_000_000, HOUR);
    var at = log.latest();
    var writer = Thread.ofPlatform().start(() -> append(log, 50_000));
    while (writer.isAlive()) {
      var reading = read(log, at);
      at = reading.from();
      for (Event event : reading.events()) {
        String id = event.id().orElseThrow();
        assertEquals(number(at) + 1, number(id), reading::toString);
        at = id;
      }
    }
    Await.end(writer);
  }

  private static long number(String id) {
    return Long.parseLong(id.substring(id.indexOf('-') + 1));
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
    assertFalse(EventLogContract.covers(log, before));
    assertEquals(1, read(log, before).events().size());
  }

  @Test
  void ageIsHeldAtItsEdge() throws Exception {
    var log = log(1000, 1_000_000, Duration.ofSeconds(10));
    String start = log.latest();
    String first = log.append(Event.of("a"));
    pass(4000);
    String second = log.append(Event.of("b"));
    pass(6000);
    assertTrue(EventLogContract.covers(log, start), "exactly at the age limit");
    pass(1);
    assertFalse(EventLogContract.covers(log, start));
    assertTrue(EventLogContract.covers(log, first));
    assertEquals(OptionalLong.of(1), read(log, start).missed());
    pass(4000);
    assertFalse(EventLogContract.covers(log, first));
    assertEquals(EventLog.Reading.covered(second, List.of()), read(log, second), "nothing is lost after it");
    assertEquals(second, log.latest());
    assertEquals(EventLog.Reading.gap(second, List.of(), OptionalLong.of(2)), read(log, start));
    String third = log.append(Event.of("c"));
    assertEquals(1, read(log, second).events().size());
    assertTrue(EventLogContract.covers(log, second));
    assertTrue(EventLogContract.covers(log, third));
  }

  @Test
  void agesAreOfRealTime() {
    var log = EventLog.inMemory(10, 1000, Duration.ofMillis(1));
    String start = log.latest();
    append(log, 1);
    Await.until("it is forgotten", () -> {
      try {
        return !EventLogContract.covers(log, start);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    });
  }

  private void pass(long millis) {
    now += millis;
    elapsed += millis * 1_000_000;
  }

  @Test
  void jumpsOfTheWallClockForgetNothingAndKeepNothingForEver() throws Exception {
    for (long jump : new long[] {Duration.ofDays(400).toMillis(), -Duration.ofDays(400).toMillis()}) {
      now = Duration.ofDays(1000).toMillis();
      var log = log(1000, 1_000_000, Duration.ofSeconds(10));
      String start = log.latest();
      var before = log.append(Event.of("before"));
      now += jump;
      assertTrue(EventLogContract.covers(log, start), "nothing is forgotten");
      var after = log.append(Event.of("after"));
      assertEquals(List.of(before, after), read(log, start).events().stream().map(event -> event.id().orElseThrow()).toList());
      pass(10_001);
      assertFalse(EventLogContract.covers(log, before), "nothing is kept without limit");
      assertTrue(EventLogContract.covers(log, after));
    }
  }

  @Test
  void aTenthIsOfWhatFits() {
    assertTenth(100, log(1000, 1_000_000, HOUR));
    assertTenth(1, log(5, 1_000_000, HOUR));
    var large = log(1000, 10_000, HOUR);
    append(large, 3);
    large.append(Event.of("x".repeat(5000)));
    assertTenth(1, large); // at the average size of its events
    assertFalse(large.isTenth(0, HOUR.toNanos() / 10 - 1));
    assertTrue(large.isTenth(0, HOUR.toNanos() / 10));
  }

  private static void assertTenth(long events, MemoryEventLog log) {
    assertFalse(log.isTenth(events - 1, 0));
    assertTrue(log.isTenth(events, 0));
  }

  @Test
  void aClockThatIsSetBackOverARestartRepeatsNoId() throws Exception {
    first = 500_000;
    var before = append(log(1000, 1_000_000, HOUR), 20);
    first = 90_000_000;
    var log = log(1000, 1_000_000, HOUR); // in the same millisecond
    append(log, 30);
    for (String id : before) {
      var reading = read(log, id);
      assertFalse(reading.covered());
      assertEquals(OptionalLong.empty(), reading.missed());
      assertEquals(30, reading.events().size());
    }
    assertNotEquals(EventLog.inMemory().latest().replaceAll(".*-", ""), EventLog.inMemory().latest().replaceAll(".*-", ""));
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
      assertEquals(OptionalLong.empty(), reading.missed(), "the number is not known");
    }
    assertTrue(EventLogContract.covers(log, after.get(4)));
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
    now += 5;
    append(log, 10);
    assertTrue(EventLogContract.covers(log, "1000005-15"));
    assertEquals(OptionalLong.empty(), read(log, "1000000-15").missed(), "the oldest covered number, at another time");
  }

  /** It counts in milliseconds, and an event may have been appended at any moment of its millisecond. */
  @Test
  void thePlaceOfATimeIsBeforeTheEventsOfItsMillisecond() {
    var log = log(10, 1000, HOUR);
    String start = log.latest();
    String first = log.append(Event.of("first"));
    now += 1;
    String second = log.append(Event.of("second"));
    for (int nanos : new int[] {0, 1, 500_000, 999_999}) {
      assertEquals(start, log.since(Instant.ofEpochMilli(999_999).plusNanos(nanos)));
      assertEquals(start, log.since(Instant.ofEpochMilli(1_000_000).plusNanos(nanos)));
      assertEquals(first, log.since(Instant.ofEpochMilli(1_000_001).plusNanos(nanos)));
      assertEquals(second, log.since(Instant.ofEpochMilli(1_000_002).plusNanos(nanos)));
    }
  }

  @Test
  void aKeyIsRememberedAsLongAsItsEvent() throws Exception {
    var log = log(3, 1_000_000, HOUR);
    String first = log.append(Event.of("1"), "key");
    assertEquals(first, log.append(Event.of("again"), "key"));
    append(log, 2);
    assertEquals(first, log.append(Event.of("again"), "key"), "its event is the oldest that is held");
    append(log, 1);
    String second = log.append(Event.of("2"), "key");
    assertNotEquals(first, second);
    assertEquals(second, log.latest());
    append(log, 2);
    assertEquals(second, log.append(Event.of("again"), "key"));
    pass(HOUR.toMillis() + 1);
    assertNotEquals(second, log.append(Event.of("3"), "key"), "also by its age");
  }

  @Test
  void noKeyOutlivesItsEvent() throws Exception {
    var log = log(3, 1_000_000, HOUR);
    for (int i = 0; i < 100; i++) {
      log.append(Event.of("x"), "key " + i);
    }
    assertEquals(3, keys(log));
    append(log, 1);
    assertEquals(2, keys(log));
    pass(HOUR.toMillis() + 1);
    assertTrue(log.isDisposable());
    assertEquals(0, keys(log));
  }

  private static int keys(MemoryEventLog log) throws Exception {
    var keys = MemoryEventLog.class.getDeclaredField("byKey");
    keys.setAccessible(true);
    return ((Map<?, ?>) keys.get(log)).size();
  }

  /** Otherwise many events without data could hold more memory than the limit says. */
  @Test
  void keysCountAsBytes() throws Exception {
    var log = log(1000, 1000, HOUR);
    String start = log.latest();
    for (int i = 0; i < 4; i++) {
      log.append(Event.of("x"), i + "k".repeat(255));
    }
    assertEquals(3, read(log, start).events().size());
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
    for (String id : List.of("", "a b", "é", "a:b", "a=b", "x".repeat(65))) {
      var error = assertThrows(IllegalArgumentException.class, () -> EventLog.Reading.gap(id, List.of(), none));
      assertTrue(error.getMessage().startsWith("an id of a log must be 1 to 64 characters of A-Z a-z 0-9 - . _ ~: "), error.getMessage());
      assertThrows(IllegalArgumentException.class, () -> EventLog.Reading.covered("1", List.of(Event.of("x").withId(id))));
    }
    EventLog.Reading.gap("AZaz09-._~" + "x".repeat(54), List.of(), none);
    EventLog.Reading.covered("any \u20ac text", List.of());
    assertThrows(NullPointerException.class, () -> new EventLog.Reading(true, "1", List.of(), null));
    var events = new ArrayList<>(List.of(Event.of("x").withId("2")));
    var reading = EventLog.Reading.covered("1", events);
    events.clear();
    assertEquals(1, reading.events().size(), "later changes of the log's list have no effect");
  }

  /** Also an interrupt before the read, whether or not there are events to read. */
  @Test
  void anInterruptBeforeAReadEndsItToo() {
    var log = log(10, 1000, HOUR);
    String start = log.latest();
    append(log, 1);
    for (var wait : List.of(Duration.ZERO, HOUR)) {
      Thread.currentThread().interrupt();
      assertThrows(InterruptedException.class, () -> log.read(start, 10, wait));
      assertFalse(Thread.interrupted());
    }
  }

  /** A thread may have been unparked because of an earlier call. */
  @Test
  void aWakeUpForNothingEndsNoWait() throws Exception {
    var log = log(10, 1000, HOUR);
    LockSupport.unpark(Thread.currentThread());
    long begin = System.nanoTime();
    assertEquals(List.of(), log.read(log.latest(), 1, Duration.ofMillis(50)).events());
    assertTrue(System.nanoTime() - begin >= 50_000_000);
  }

  @Test
  void whoeverHasWaitedIsForgotten() throws Exception {
    var log = log(10, 1000, HOUR);
    var reader = readAWhile(log);
    Await.until("its thread is forgotten", () -> {
      System.gc();
      return reader.refersTo(null);
    });
    append(log, 1); // wakes all waiting readers
  }

  private static WeakReference<Thread> readAWhile(EventLog log) throws InterruptedException {
    var thread = Thread.ofVirtual().start(() -> {
      Await.uninterrupted(() -> log.read(log.latest(), 10, Duration.ofMillis(1)));
    });
    Await.end(thread);
    return new WeakReference<>(thread);
  }
}
