package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The transition from history to live, with the other side held at the critical points. */
class HandoverTest {
  /** A log that runs a hook once, when a read for a replay or the tail is done and has not returned. */
  private static final class HookedLog extends ForwardingLog {
    private final AtomicReference<Hook> afterReplay = new AtomicReference<>();
    private final AtomicReference<Hook> afterEmptyReplay = new AtomicReference<>();
    private volatile String end = ""; // a replay finds nothing after this id
    private final AtomicReference<Hook> beforeTailIsTold = new AtomicReference<>();

    HookedLog() {
      super(EventLog.inMemory());
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      boolean replay = wait.isZero();
      var reading =
          replay && after.equals(end) ? Reading.covered(after, List.of()) : super.read(after, most, wait);
      if (replay) {
        run(afterReplay);
      }
      if (replay && reading.events().isEmpty()) {
        run(afterEmptyReplay);
      } else if (!replay && !reading.events().isEmpty()) {
        run(beforeTailIsTold);
      }
      return reading;
    }

    private static void run(AtomicReference<Hook> once) throws InterruptedException {
      var hook = once.getAndSet(null);
      if (hook != null) {
        hook.run();
      }
    }
  }

  private interface Hook {
    void run() throws InterruptedException;
  }

  private final HookedLog log = new HookedLog();
  private final Channel channel = Channel.create(log);
  private final CountDownLatch hooked = new CountDownLatch(1);
  private Site site;
  private String start; // unknown to the tail, which begins after it
  private Client live;

  @BeforeEach
  void liveClient() throws Exception {
    site = new Site(EventSources.create(), stream -> {
      channel.join(stream);
      return stream.keepAlive();
    });
    start = channel.publish("start");
    channel.publish("first");
    live = Client.get(site.uri());
    live.awaitText("id: ");
    Await.until("it is live", () -> channel.tail().isRunning());
  }

  @AfterEach
  void close() throws Exception {
    live.close();
    channel.close();
    site.close();
  }

  private List<String> publish(int from, int to) {
    return numbers(from, to).stream().peek(channel::publish).toList();
  }

  private static List<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(Integer::toString).toList();
  }

  private void awaitLive(int from, int to) {
    try {
      assertEquals(numbers(from, to), live.data(to - from));
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Connects a client that comes back; it gets the first event before all others. */
  private Client comeBack() throws Exception {
    var replayer = Client.get(site.uri(), "Last-Event-ID: " + start);
    Await.latch("the hook", hooked);
    assertEquals("first", replayer.next().data());
    return replayer;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 127, 128, 129, Remembered.MOST - 1, Remembered.MOST, Remembered.MOST + 1, 3 * Remembered.MOST})
  void theTailIsAheadByLessOrMoreThanItRemembers(int events) throws Exception {
    log.afterReplay.set(() -> {
      publish(0, events);
      awaitLive(0, events);
      hooked.countDown();
    });
    try (var replayer = comeBack()) {
      publish(events, events + 10);
      assertEquals(numbers(0, events + 10), replayer.data(events + 10));
      awaitLive(events, events + 10);
    }
  }

  /** The tail remembers large events up to a separate bound. */
  @Test
  void theTailIsAheadByMoreThanItHoldsOfLargeEvents() throws Exception {
    String large = "x".repeat(600_000);
    log.afterReplay.set(() -> {
      String passed = channel.publish(large + 0);
      for (int i = 1; i < 3; i++) {
        channel.publish(large + i);
      }
      try {
        assertEquals(large + 2, live.data(3).getLast());
      } catch (java.io.IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
      assertEquals(Optional.empty(), channel.tail().join(someoneIn(), passed), "forgotten");
      hooked.countDown();
    });
    try (var records = new LogRecords(); var replayer = comeBack()) {
      publish(0, 1);
      assertEquals(List.of(large + 0, large + 1, large + 2, "0"), replayer.data(4));
      assertEquals(List.of(), records.messages(Level.SEVERE));
    }
  }

  private static Subscriber someoneIn() {
    var subscriber = mock(Subscriber.class);
    when(subscriber.isIn()).thenReturn(true);
    return subscriber;
  }

  @Test
  void theTailIsBehind() throws Exception {
    var replayed = new CountDownLatch(1);
    log.beforeTailIsTold.set(() -> Await.latch("the replay", replayed));
    publish(0, 20);
    log.afterEmptyReplay.set(hooked::countDown);
    try (var replayer = comeBack()) {
      assertEquals(numbers(0, 20), replayer.data(20));
      publish(20, 30);
      Await.until("it waits for the tail", () -> channel.tail().ahead() == 1);
      replayed.countDown();
      assertEquals(numbers(20, 30), replayer.data(10));
      awaitLive(0, 30);
    }
  }

  /** The tail was behind when the replay saw the end of the log, and has passed when the replay begins to wait. */
  @ParameterizedTest
  @ValueSource(ints = {1, Remembered.MOST, Remembered.MOST + 1})
  void theTailHasJustPassed(int events) throws Exception {
    var replayed = new CountDownLatch(1);
    log.beforeTailIsTold.set(() -> Await.latch("the replay", replayed));
    publish(0, 20);
    log.afterEmptyReplay.set(() -> {
      replayed.countDown();
      publish(20, 20 + events);
      awaitLive(0, 20 + events);
      hooked.countDown();
    });
    try (var replayer = comeBack()) {
      publish(20 + events, 30 + events);
      assertEquals(numbers(0, 30 + events), replayer.data(30 + events));
      awaitLive(20 + events, 30 + events);
    }
  }

  /** A log shared by several machines may show an event to one reader later than to another. */
  @Test
  void theTailHasPassedWhereAReplayStillSeesTheEnd() throws Exception {
    var replayed = new CountDownLatch(1);
    log.beforeTailIsTold.set(() -> Await.latch("the replay", replayed));
    publish(0, 19);
    log.end = channel.publish("19");
    channel.publish("20");
    log.afterEmptyReplay.set(() -> {
      replayed.countDown();
      awaitLive(0, 21);
      hooked.countDown();
    });
    try (var replayer = comeBack()) {
      assertEquals(numbers(0, 21), replayer.data(21));
    }
  }

  /** Filters run before a delivery. The filter of a stream that becomes live meanwhile must run too. */
  @Test
  void itBecomesLiveWhileFiltersAreAsked() throws Exception {
    var asked = new CountDownLatch(1);
    var second = new CountDownLatch(1);
    Map<String, Predicate<Event>> filters = Map.of(
        "first", event -> {
          if (event.data().equals(Optional.of("asked"))) {
            asked.countDown();
            Await.until("the second one is live", () -> second.getCount() == 0);
          }
          return true;
        },
        "second", event -> !event.data().equals(Optional.of("asked")));
    try (var filtered = new Site(EventSources.create(), stream -> {
          channel.join(stream, filters.get(stream.identifier().orElseThrow()));
          return stream.keepAlive();
        });
        var first = Client.get(filtered.uri("first"))) {
      first.awaitText("id: ");
      Await.until("it is live", () -> VirtualThreads.named("tidings-replay").isEmpty());
      String before = channel.publish("before");
      assertEquals("before", first.next().data());
      channel.publish("asked");
      Await.latch("the first one's filter", asked);
      try (var newcomer = Client.get(filtered.uri("second"), "Last-Event-ID: " + before)) {
        newcomer.awaitText(":\n\n");
        Await.until("it is live", () -> VirtualThreads.named("tidings-replay").isEmpty());
        second.countDown();
        channel.publish("after");
        assertEquals("after", newcomer.next().data());
        assertEquals(List.of("asked", "after"), first.data(2));
      }
    }
  }

  @Test
  void theTailIsAnotherOne() throws Exception {
    log.afterReplay.set(() -> {
      channel.leave(site.sources.streams().stream().filter(stream -> stream.lastEventId().isEmpty()).findFirst().orElseThrow());
      Await.until("the tail ended", () -> !channel.tail().isRunning());
      publish(0, 1);
      startAnotherTail();
      hooked.countDown();
    });
    try (var replayer = comeBack()) {
      publish(1, 10);
      assertEquals(numbers(0, 10), replayer.data(10));
      live.close();
      live = third;
      awaitLive(1, 10);
    }
  }

  private Client third;

  private void startAnotherTail() {
    try {
      third = Client.get(site.uri());
      third.awaitText("id: ");
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    Await.until("another tail runs", () -> channel.tail().isRunning());
  }
}
