package dev.tidings.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.EventLog.Reading;
import dev.tidings.NotAppendedException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/**
 * Tests for the contract of {@link EventLog}. The test class of an implementation implements this interface and provides
 * logs.
 */
public interface EventLogContract {

  /** Returns an empty log that holds at least a thousand events of 100 bytes for a minute. */
  EventLog emptyLog() throws Exception;

  /** Returns whether the log supports {@link EventLog#append(Event, String)}. */
  default boolean hasKeys() {
    return true;
  }

  /** Returns whether the log supports {@link EventLog#since}. */
  default boolean hasTimes() {
    return true;
  }

  /** Returns whether the log holds all events that were appended after the id. */
  static boolean covers(EventLog log, String id) throws InterruptedException {
    return log.read(id, 1, Duration.ZERO).covered();
  }

  /** Waits for the next element, with a bound. */
  private static <T> T next(BlockingQueue<T> queue) throws InterruptedException {
    T next = queue.poll(20, TimeUnit.SECONDS);
    assertTrue(next != null, "timed out");
    return next;
  }

  /** Waits until the thread waits, with a bound. */
  private static void awaitParked(Thread thread) throws InterruptedException {
    long begin = System.nanoTime();
    while (thread.getState() != Thread.State.TIMED_WAITING && thread.getState() != Thread.State.WAITING) {
      assertTrue(System.nanoTime() - begin < 20_000_000_000L, "timed out");
      Thread.sleep(1);
    }
  }

  private static Reading read(EventLog log, String after, int most) throws InterruptedException {
    return log.read(after, most, Duration.ZERO);
  }

  private static List<String> data(Reading reading) {
    return reading.events().stream().map(event -> event.data().orElse("(none)")).toList();
  }

  private static List<String> ids(Reading reading) {
    return reading.events().stream().map(event -> event.id().orElseThrow()).toList();
  }

  @Test
  default void whatIsAppendedIsReadInItsOrderWithItsIds() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    var ids = List.of(log.append(Event.of("a")), log.append(Event.of("b")), log.append(Event.of("c")));
    var reading = read(log, start, 10);
    assertTrue(reading.covered());
    assertEquals(start, reading.from());
    assertEquals(List.of("a", "b", "c"), data(reading));
    assertEquals(ids, ids(reading));
    assertEquals(List.of("c"), data(read(log, ids.get(1), 10)));
  }

  @Test
  default void readingGoesOnFromTheLastIdWhateverIsReadAtOnce() throws Exception {
    var log = emptyLog();
    String at = log.latest();
    var expected = new ArrayList<String>();
    for (int i = 0; i < 100; i++) {
      log.append(Event.of("event " + i));
      expected.add("event " + i);
    }
    var read = new ArrayList<String>();
    for (int most = 1; read.size() < 100; most = most % 7 + 1) {
      var reading = read(log, at, most);
      assertTrue(reading.covered());
      assertTrue(!reading.events().isEmpty() && reading.events().size() <= most, reading::toString);
      read.addAll(data(reading));
      at = ids(reading).getLast();
    }
    assertEquals(expected, read);
  }

  @Test
  default void everyPartOfAnEventButItsIdIsKept() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    var event =
        Event.of("näme", "da\nta\n\n\uD83D\uDE00")
            .withId("mine")
            .withRetry(Duration.ofMillis(1234))
            .withComment("com\r\nment")
            .withField("field", "value");
    String id = log.append(event);
    assertNotEquals("mine", id);
    assertEquals(List.of(event.withId(id)), read(log, start, 1).events());
    String next = log.append(Event.empty());
    assertEquals(List.of(Event.empty().withId(next)), read(log, id, 1).events());
  }

  @Test
  default void idsAreNeverEmptyAndNeverTheSame() throws Exception {
    var log = emptyLog();
    var ids = new HashSet<String>();
    for (int i = 0; i < 1000; i++) {
      String id = log.append(Event.of("x"));
      assertTrue(id.matches("[A-Za-z0-9._~-]{1,64}"), id);
      assertEquals(Optional.of(id), Event.empty().withId(id).id());
      assertTrue(ids.add(id), id);
    }
  }

  @Test
  default void latestIsWhereWhatIsAppendedNextBegins() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    assertTrue(covers(log, start));
    assertEquals(start, log.latest());
    assertEquals(List.of(), read(log, start, 1).events());
    String id = log.append(Event.of("a"));
    assertEquals(id, log.latest());
    assertTrue(covers(log, id));
    assertEquals(Reading.covered(id, List.of()), read(log, id, 1));
    log.append(Event.of("b"));
    assertEquals(List.of("b"), data(read(log, id, 5)));
  }

  @Test
  default void anIdThatTheLogNeverGaveIsNotCoveredAndNeverAFailure() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    String first = log.append(Event.of("a"));
    String latest = log.append(Event.of("b"));
    var strangers =
        List.of("", " ", "0", "-1", "x", "0-0", "1-1", "-", "--", "0-", "-0", "\0", "é€\uD83D\uDE00", "\uD83D", "9".repeat(19) + "-1",
            "1-" + "9".repeat(19), "9".repeat(40), "y".repeat(65_536), "1-".repeat(32_768), "news=1&prices=2", latest + " ", " " + latest,
            latest + "0", "0" + latest, "+" + latest, latest + "\n", latest.toUpperCase() + "X", first + latest);
    for (String stranger : strangers) {
      assertFalse(covers(log, stranger), () -> "covers " + stranger);
      var reading = read(log, stranger, 10);
      assertFalse(reading.covered());
      assertEquals(start, reading.from(), "nothing is forgotten yet");
      assertEquals(List.of("a", "b"), data(reading));
      assertTrue(reading.missed().isEmpty());
      assertTrue(covers(log, reading.from()));
    }
  }

  @Test
  default void aReadThatIsNotCoveredDoesNotWait() throws Exception {
    var log = emptyLog();
    var reading = log.read("never given", 1, Duration.ofDays(1));
    assertFalse(reading.covered());
    assertEquals(List.of(), reading.events());
    assertEquals(log.latest(), reading.from());
  }

  @Test
  default void aReadWaitsForTheFirstEvent() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    var readings = new LinkedBlockingQueue<Reading>();
    var readers = new ArrayList<Thread>();
    for (int i = 0; i < 5; i++) {
      readers.add(Thread.ofVirtual().start(() -> {
        try {
          readings.add(log.read(start, 10, Duration.ofSeconds(60)));
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }));
    }
    for (var reader : readers) {
      awaitParked(reader);
    }
    assertEquals(0, readings.size());
    log.append(Event.of("at last"));
    for (int i = 0; i < 5; i++) {
      assertEquals("at last", data(next(readings)).getFirst());
    }
  }

  /** A later read sees at least as much, even if the append has not returned. */
  @Test
  default void whatOneReadHasReturnedEveryLaterReadAndTheLatestIdSee() throws Exception {
    var log = emptyLog();
    var start = log.latest();
    var missed = new AtomicInteger();
    var follower = Thread.ofVirtual().start(() -> {
      try {
        String at = start;
        for (int read = 0; read < 200; ) {
          var reading = log.read(at, 10, Duration.ofSeconds(20));
          read += reading.events().size();
          at = reading.events().isEmpty() ? at : ids(reading).getLast();
          String latest = log.latest();
          var all = read(log, start, 1000);
          missed.addAndGet(all.events().size() < read ? 1 : 0);
          missed.addAndGet(ids(all).indexOf(latest) < read - 1 ? 1 : 0);
        }
      } catch (InterruptedException e) {
        missed.incrementAndGet();
      }
    });
    for (int i = 0; i < 200; i++) {
      log.append(Event.of("event " + i));
    }
    assertTrue(follower.join(Duration.ofSeconds(20)), "timed out");
    assertEquals(0, missed.get());
  }

  @Test
  default void aWaitEndsByItself() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    long begin = System.nanoTime();
    assertEquals(Reading.covered(start, List.of()), log.read(start, 1, Duration.ofMillis(50)));
    assertTrue(System.nanoTime() - begin >= 50_000_000);
  }

  @Test
  default void anInterruptEndsARead() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    var thrown = new LinkedBlockingQueue<Exception>();
    Runnable read = () -> {
      try {
        log.read(start, 1, Duration.ofDays(1000));
      } catch (InterruptedException | RuntimeException e) {
        thrown.add(e);
      }
    };
    var reader = Thread.ofVirtual().start(read);
    awaitParked(reader);
    reader.interrupt();
    assertEquals(InterruptedException.class, next(thrown).getClass());
    Thread.ofVirtual().start(() -> {
      Thread.currentThread().interrupt();
      read.run();
    });
    assertEquals(InterruptedException.class, next(thrown).getClass());
  }

  @Test
  default void argumentsAreChecked() throws Exception {
    var log = emptyLog();
    assertThrows(IllegalArgumentException.class, () -> log.read(log.latest(), 0, Duration.ZERO));
    assertThrows(IllegalArgumentException.class, () -> log.read(log.latest(), 1, Duration.ofNanos(-1)));
    assertThrows(NullPointerException.class, () -> log.append(null));
    assertThrows(NullPointerException.class, () -> log.read(null, 1, Duration.ZERO));
  }

  @Test
  default void whateverManyAppendAllReadTheSameOrderWithNothingMissing() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    int each = 100;
    var writers = new ArrayList<Thread>();
    for (int w = 0; w < 8; w++) {
      int writer = w;
      writers.add(Thread.ofVirtual().unstarted(() -> {
        for (int i = 0; i < each; i++) {
          log.append(Event.of(writer + ":" + i));
        }
      }));
    }
    var views = new LinkedBlockingQueue<List<String>>();
    for (int r = 0; r < 4; r++) {
      Thread.ofVirtual().start(() -> views.add(readAll(log, start, 8 * each)));
    }
    writers.forEach(Thread::start);
    var view = next(views);
    for (int r = 1; r < 4; r++) {
      assertEquals(view, next(views));
    }
    assertEquals(8 * each, new HashSet<>(view).size());
    for (int w = 0; w < 8; w++) {
      String mine = w + ":";
      var numbers = view.stream().filter(text -> text.startsWith(mine)).map(text -> Integer.parseInt(text.substring(2))).toList();
      assertEquals(java.util.stream.IntStream.range(0, each).boxed().toList(), numbers);
    }
  }

  private static List<String> readAll(EventLog log, String start, int count) {
    var all = new ArrayList<String>();
    try {
      for (String at = start; all.size() < count; ) {
        var reading = log.read(at, 17, Duration.ofSeconds(5));
        all.addAll(data(reading));
        at = reading.events().isEmpty() ? at : ids(reading).getLast();
      }
    } catch (InterruptedException e) {
      all.add(e.toString());
    }
    return all;
  }

  // Appending: several events, keys, completion.

  @Test
  default void severalEventsAreAppendedInTheirOrder() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    var events = new ArrayList<Event>();
    for (int i = 0; i < 700; i++) {
      events.add(Event.of("event " + i));
    }
    var ids = log.appendAll(events);
    assertEquals(700, new HashSet<>(ids).size());
    var read = new ArrayList<Event>();
    for (String at = start; read.size() < 700; at = read.getLast().id().orElseThrow()) {
      read.addAll(read(log, at, 1000).events());
    }
    for (int i = 0; i < 700; i++) {
      assertEquals(events.get(i).withId(ids.get(i)), read.get(i));
    }
    assertEquals(List.of(), log.appendAll(List.of()));
  }

  @Test
  default void anEventWithAKeyIsAppendedOnceHoweverOftenThatIsRepeated() throws Exception {
    if (!hasKeys()) {
      assertThrows(UnsupportedOperationException.class, () -> emptyLog().append(Event.of("x"), "key"));
      return;
    }
    var log = emptyLog();
    String start = log.latest();
    var ids = new LinkedBlockingQueue<String>();
    for (int i = 0; i < 8; i++) {
      Thread.ofVirtual().start(() -> ids.add(log.append(Event.of("paid"), "order 17 \u20ac {paid}")));
    }
    String id = next(ids);
    for (int i = 1; i < 8; i++) {
      assertEquals(id, next(ids));
    }
    String other = log.append(Event.of("other"), "order 18 \u20ac {paid}");
    assertEquals(id, log.append(Event.of("another text"), "order 17 \u20ac {paid}"));
    assertEquals(other, log.latest());
    assertEquals(List.of("paid", "other"), data(read(log, start, 10)));
    assertThrows(IllegalArgumentException.class, () -> log.append(Event.of("x"), ""));
    assertThrows(IllegalArgumentException.class, () -> log.append(Event.of("x"), "k".repeat(257)));
    log.append(Event.of("x"), "k".repeat(256));
  }

  @Test
  default void afterItsCompletionALogRefusesEventsAndItsEndIsBeforeTheCompletion() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    String last = log.append(Event.of("last"));
    Channel.create(log).complete();
    var reading = read(log, start, 10);
    assertEquals(List.of(false, true), reading.events().stream().map(EventLog::isCompletion).toList());
    String completion = ids(reading).getLast();
    assertEquals(last, log.latest());
    assertEquals(List.of(completion), ids(read(log, last, 10)));
    for (int i = 0; i < 2; i++) {
      assertThrows(NotAppendedException.class, () -> log.append(Event.of("late")));
    }
    assertThrows(NotAppendedException.class, () -> log.appendAll(List.of(Event.of("late"), Event.of("later"))));
    if (hasKeys()) {
      assertThrows(NotAppendedException.class, () -> log.append(Event.of("late"), "key"));
    }
    Channel.create(log).complete();
    assertEquals(reading, read(log, start, 10));
    assertEquals(Reading.covered(completion, List.of()), read(log, completion, 10));
    assertEquals(start, log.beforeLast(1));
    assertEquals(last, log.beforeLast(0));
  }

  @Test
  default void anEmptyLogCanBeCompleted() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    Channel.create(log).complete();
    assertEquals(start, log.latest());
    assertTrue(EventLog.isCompletion(read(log, start, 10).events().getFirst()));
  }

  // Places.

  @Test
  default void thePlaceBeforeTheLastEvents() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    assertEquals(start, log.beforeLast(0));
    assertEquals(start, log.beforeLast(3));
    var ids = new ArrayList<String>();
    for (int i = 0; i < 5; i++) {
      ids.add(log.append(Event.of("event " + i)));
    }
    assertEquals(ids.get(4), log.beforeLast(0));
    assertEquals(ids.get(3), log.beforeLast(1));
    assertEquals(ids.get(0), log.beforeLast(4));
    assertEquals(start, log.beforeLast(5));
    assertEquals(start, log.beforeLast(Integer.MAX_VALUE));
    assertThrows(IllegalArgumentException.class, () -> log.beforeLast(-1));
  }

  @Test
  default void thePlaceOfATime() throws Exception {
    if (!hasTimes()) {
      assertThrows(UnsupportedOperationException.class, () -> emptyLog().since(Instant.now()));
      return;
    }
    var log = emptyLog();
    String start = log.latest();
    assertEquals(start, log.since(Instant.MIN));
    assertEquals(start, log.since(Instant.MAX));
    String first = log.append(Event.of("first"));
    String second = log.append(Event.of("second"));
    assertEquals(start, log.since(Instant.MIN));
    assertEquals(start, log.since(Instant.now().minusSeconds(50)));
    assertEquals(second, log.since(Instant.now().plusSeconds(50)));
    assertEquals(second, log.since(Instant.MAX));
    assertTrue(List.of(start, first, second).contains(log.since(Instant.now())));
  }

  /** Also if the time is between two milliseconds, in which the log may count. */
  @Test
  default void thePlaceOfATimeIsBeforeEachEventThatIsAppendedLater() throws Exception {
    if (!hasTimes()) {
      return;
    }
    var log = emptyLog();
    for (int i = 0; i < 200; i++) {
      var now = Instant.now();
      String id = log.append(Event.of("event " + i));
      var found = ids(read(log, log.since(now), 1000));
      assertTrue(found.contains(id), () -> id + " is missing since " + now + ": " + found);
    }
  }

  /** The places that several methods return are compared as strings. */
  @Test
  default void onePlaceHasOneId() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    assertEquals(start, read(log, "", 1).from());
    String first = log.append(Event.of("first"));
    assertEquals(start, read(log, "", 1).from());
    assertEquals(first, log.latest());
    assertEquals(first, log.beforeLast(0));
    assertEquals(first, ids(read(log, start, 1)).getFirst());
    assertEquals(first, ids(log.read(start, 1, Duration.ofSeconds(5))).getFirst());
    var followed = new LinkedBlockingQueue<Reading>();
    var follower = Thread.ofVirtual().start(() -> {
      try {
        followed.add(log.read(first, 1, Duration.ofSeconds(20)));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    awaitParked(follower);
    String second = log.append(Event.of("second"));
    assertEquals(second, ids(next(followed)).getFirst());
    assertEquals(first, log.beforeLast(1));
    assertEquals(second, log.latest());
  }

  /** A thread that is interrupted gets an answer, or an exception and its status; other threads are not affected. */
  @Test
  default void anInterruptHarmsNoOtherCall() throws Exception {
    var log = emptyLog();
    String start = log.latest();
    var wrong = new AtomicReference<Throwable>();
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 20; i++) {
      int number = i;
      threads.add(Thread.ofVirtual().start(() -> {
        Thread.currentThread().interrupt();
        try {
          switch (number % 4) {
            case 0 -> log.append(Event.of("interrupted"));
            case 1 -> log.latest();
            case 2 -> log.beforeLast(1);
            default -> log.appendAll(List.of(Event.of("interrupted")));
          }
        } catch (UncheckedIOException e) {
          // as documented
        } catch (Throwable e) {
          wrong.set(e);
        }
        if (!Thread.interrupted()) {
          wrong.set(new AssertionError("the interrupt status is lost: " + number));
        }
      }));
    }
    for (var thread : threads) {
      assertTrue(thread.join(Duration.ofSeconds(20)), "timed out");
    }
    if (wrong.get() != null) {
      throw new AssertionError(wrong.get());
    }
    String id = log.append(Event.of("after"));
    var all = read(log, start, 100);
    assertTrue(all.covered());
    assertEquals(id, ids(all).getLast());
  }
}
