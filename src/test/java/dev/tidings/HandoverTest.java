package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** From history to live, with the other side held where it hurts. */
class HandoverTest {
  /** A log that runs something once, between finding nothing more for a replay and saying so. */
  private static final class HookedLog extends ForwardingLog {
    private final AtomicReference<Hook> afterEmptyReplay = new AtomicReference<>();
    private final AtomicReference<Hook> beforeTailIsTold = new AtomicReference<>();

    HookedLog() {
      super(EventLog.inMemory());
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      boolean replay = wait.isZero();
      var reading = super.read(after, most, wait);
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
  private String start;
  private Client live;

  @BeforeEach
  void liveClient() throws Exception {
    site = new Site(EventSources.create(), stream -> {
      channel.join(stream);
      return stream.keepAlive();
    });
    live = Client.get(site.uri());
    live.awaitText("id: ");
    start = channel.publish("first");
    assertEquals("first", live.next().data());
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

  @ParameterizedTest
  @ValueSource(ints = {1, 63, 64, 65, 127, 128, 129, 1000})
  void theTailIsAheadByLessOrMoreThanOneReading(int events) throws Exception {
    log.afterEmptyReplay.set(() -> {
      publish(0, events);
      awaitLive(0, events);
      hooked.countDown();
    });
    try (var replayer = Client.get(site.uri(), "Last-Event-ID: " + start)) {
      Await.latch("the hook", hooked);
      publish(events, events + 10);
      assertEquals(numbers(0, events + 10), replayer.data(events + 10));
      awaitLive(events, events + 10);
    }
  }

  /** Whether the tail passed a position that it began at, and did not come to, must be known too. */
  @Test
  void theTailBeganWhereTheReplayEnds() throws Exception {
    live.close();
    channel.leave(site.sources.streams().getFirst());
    Await.until("the tail ended", () -> !channel.tail().isRunning());
    live = Client.get(site.uri());
    live.awaitText("id: ");
    Await.until("another tail runs", () -> channel.tail().isRunning());
    theTailIsAheadByLessOrMoreThanOneReading(1);
  }

  @Test
  void theTailIsBehind() throws Exception {
    var replayed = new CountDownLatch(1);
    log.beforeTailIsTold.set(() -> Await.latch("the replay", replayed));
    publish(0, 20);
    log.afterEmptyReplay.set(hooked::countDown);
    try (var replayer = Client.get(site.uri(), "Last-Event-ID: " + start)) {
      assertEquals(numbers(0, 20), replayer.data(20));
      Await.latch("the end of the history", hooked);
      publish(20, 30);
      Await.until("it waits for the tail", () -> channel.tail().ahead() == 1);
      replayed.countDown();
      assertEquals(numbers(20, 30), replayer.data(10));
      awaitLive(0, 30);
    }
  }

  @Test
  void theTailIsAnotherOne() throws Exception {
    log.afterEmptyReplay.set(() -> {
      channel.leave(site.sources.streams().stream().filter(stream -> stream.lastEventId().isEmpty()).findFirst().orElseThrow());
      Await.until("the tail ended", () -> !channel.tail().isRunning());
      publish(0, 1);
      startAnotherTail();
      hooked.countDown();
    });
    try (var replayer = Client.get(site.uri(), "Last-Event-ID: " + start)) {
      Await.latch("the hook", hooked);
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
