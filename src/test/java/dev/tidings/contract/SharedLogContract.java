package dev.tidings.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.NotAppendedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Tests for logs that several processes share: additional tests for the contract of {@link EventLog}. The test class of
 * an implementation implements this interface, in addition to {@link EventLogContract}.
 */
public interface SharedLogContract {

  /** Returns two log objects for one new store, as two processes would create them. */
  List<EventLog> twoOfOneStore() throws Exception;

  @Test
  default void whatOneAppendsTheOtherReadsAtOnce() throws Exception {
    var logs = twoOfOneStore();
    String at = logs.get(1).latest();
    for (int i = 0; i < 100; i++) {
      String id = logs.get(i % 2).append(Event.of("event " + i));
      var other = logs.get((i + 1) % 2);
      assertEquals(id, other.latest());
      var reading = other.read(at, 10, Duration.ZERO);
      assertTrue(reading.covered());
      assertEquals(List.of(Event.of("event " + i).withId(id)), reading.events());
      at = id;
    }
  }

  @Test
  default void whoeverWaitsAtOneIsWokenByTheOther() throws Exception {
    var logs = twoOfOneStore();
    String start = logs.get(0).latest();
    var woken = new LinkedBlockingQueue<EventLog.Reading>();
    for (var log : logs) {
      Thread.ofVirtual().start(() -> {
        try {
          woken.add(log.read(start, 10, Duration.ofSeconds(20)));
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      });
    }
    String id = logs.get(1).append(Event.of("at last"));
    for (int i = 0; i < 2; i++) {
      var reading = woken.poll(20, TimeUnit.SECONDS);
      assertEquals(List.of(Event.of("at last").withId(id)), reading.events());
    }
  }

  @Test
  default void bothSeeOneOrderWhateverEachAppends() throws Exception {
    var logs = twoOfOneStore();
    String start = logs.get(0).latest();
    var writers = new ArrayList<Thread>();
    for (int w = 0; w < 4; w++) {
      int writer = w;
      writers.add(Thread.ofVirtual().start(() -> {
        for (int i = 0; i < 100; i++) {
          logs.get(writer % 2).append(Event.of(writer + ":" + i));
        }
      }));
    }
    var one = follow(logs.get(0), start, 400);
    var other = follow(logs.get(1), start, 400);
    assertEquals(one, other);
    assertEquals(400, one.stream().map(Event::id).distinct().count());
    for (var writer : writers) {
      assertTrue(writer.join(Duration.ofSeconds(20)), "timed out");
    }
  }

  private static List<Event> follow(EventLog log, String start, int count) throws InterruptedException {
    var all = new ArrayList<Event>();
    for (String at = start; all.size() < count; ) {
      var reading = log.read(at, 17, Duration.ofSeconds(20));
      assertTrue(reading.covered());
      assertFalse(reading.events().isEmpty(), "timed out");
      all.addAll(reading.events());
      at = all.getLast().id().orElseThrow();
    }
    return all;
  }

  @Test
  default void whatOneCompletesTheOtherRefuses() throws Exception {
    var logs = twoOfOneStore();
    String last = logs.get(1).append(Event.of("last"));
    Channel.create(logs.get(0)).complete();
    assertThrows(NotAppendedException.class, () -> logs.get(1).append(Event.of("late")));
    assertEquals(last, logs.get(1).latest());
    assertTrue(EventLog.isCompletion(logs.get(1).read(last, 1, Duration.ofSeconds(20)).events().getFirst()));
    Channel.create(logs.get(1)).complete();
  }

  @Test
  default void aKeyIsOneForAll() throws Exception {
    var logs = twoOfOneStore();
    String id = logs.get(0).append(Event.of("paid"), "order 17");
    assertEquals(id, logs.get(1).append(Event.of("paid"), "order 17"));
    assertEquals(id, logs.get(1).latest());
  }
}
