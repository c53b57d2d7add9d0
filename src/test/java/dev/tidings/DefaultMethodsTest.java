package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.contract.EventLogContract;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A log that implements only what {@link EventLog} requires. */
class DefaultMethodsTest implements EventLogContract {
  private long elapsed; // nanoseconds

  @Override
  public EventLog emptyLog() {
    return new ForwardingLog(EventLog.inMemory());
  }

  @Override
  public boolean hasKeys() {
    return false;
  }

  @Override
  public boolean hasTimes() {
    return false;
  }

  private static List<Event> events(int count) {
    return IntStream.range(0, count).mapToObj(i -> Event.of("event " + i)).toList();
  }

  private MemoryEventLog bounded(int events) {
    return new MemoryEventLog(events, 1_000_000, Duration.ofSeconds(10), InstantSource.system(), () -> elapsed, 0);
  }

  /** Returns a log that appends this many events, and then throws. */
  private static EventLog fullAfter(int events, EventLog log, RuntimeException thrown) {
    var appended = new AtomicInteger();
    return new ForwardingLog(log) {
      @Override
      public String append(Event event) {
        if (appended.getAndIncrement() == events) {
          throw thrown;
        }
        return super.append(event);
      }
    };
  }

  @Test
  void theIndexOfAnExceptionIsTheNumberOfEventsThatWereAppended() throws Exception {
    for (int i : new int[] {0, 2, 4}) {
      var log = EventLog.inMemory();
      String start = log.latest();
      var full = new NotAppendedException("the log is full");
      var thrown = assertThrows(NotAppendedException.class, () -> fullAfter(i, log, full).appendAll(events(5)));
      assertEquals(i, thrown.index());
      assertEquals("the log is full", thrown.getMessage());
      assertSame(full, thrown.getCause());
      assertEquals(i, log.read(start, 10, Duration.ZERO).events().size(), "nothing after it is appended");
    }
  }

  @Test
  void soIsItThroughAChannel() {
    var full = fullAfter(2, EventLog.inMemory(), new NotAppendedException("the log is full"));
    try (var channel = Channel.create(full)) {
      assertEquals(2, assertThrows(NotAppendedException.class, () -> channel.publishAll(events(5))).index());
      assertEquals(0, assertThrows(NotAppendedException.class,
          () -> fullAfter(0, EventLog.inMemory(), new NotAppendedException("the log is full")).append(Event.of("x"))).index());
    }
  }

  /** The event may have been appended. */
  @Test
  void anotherExceptionIsPassedOn() {
    var away = new UncheckedIOException(new java.io.IOException("away"));
    assertSame(away, assertThrows(UncheckedIOException.class, () -> fullAfter(2, EventLog.inMemory(), away).appendAll(events(5))));
  }

  /** The log drops events, by their number or their age, so fewer are left than are asked for. */
  @Test
  void thePlaceBeforeTheLastEventsIsTheOldestThatIsCovered() throws Exception {
    var few = bounded(3);
    var ids = few.appendAll(events(10));
    for (var log : List.of(few, new ForwardingLog(few))) {
      assertEquals(ids.get(8), log.beforeLast(1));
      assertEquals(ids.get(6), log.beforeLast(3));
      assertEquals(ids.get(6), log.beforeLast(4));
      assertEquals(ids.get(6), log.beforeLast(Integer.MAX_VALUE));
      assertTrue(log.read(log.beforeLast(4), 1, Duration.ZERO).covered());
    }
  }

  @Test
  void eventsThatAreTooOldAreNotCounted() throws Exception {
    for (boolean isDefault : new boolean[] {false, true}) {
      var memory = bounded(100);
      var log = isDefault ? new ForwardingLog(memory) : memory;
      var old = memory.appendAll(events(3));
      elapsed += Duration.ofSeconds(6).toNanos();
      var young = memory.appendAll(events(2));
      assertEquals(old.get(0), log.beforeLast(4));
      elapsed += Duration.ofSeconds(6).toNanos(); // nothing else asks the log, which forgets them then
      assertEquals(old.get(2), log.beforeLast(4));
      assertEquals(young.get(0), log.beforeLast(1));
      elapsed += Duration.ofSeconds(6).toNanos();
      assertEquals(young.get(1), log.beforeLast(4));
      assertTrue(log.read(log.beforeLast(4), 1, Duration.ZERO).covered());
    }
  }

  /** The default reads in batches. */
  @Test
  void thePlaceIsFoundInALongLog() {
    var log = emptyLog();
    var ids = log.appendAll(events(2000));
    for (int last : new int[] {1, 511, 512, 513, 1024, 1999}) {
      assertEquals(ids.get(1999 - last), log.beforeLast(last));
    }
  }
}
