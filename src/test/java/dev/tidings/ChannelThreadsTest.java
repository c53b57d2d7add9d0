package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.timeout;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whatever filters and logs do to a channel's threads, the channel goes on. */
class ChannelThreadsTest {
  private static final Duration PAUSE = Duration.ofMillis(10);

  /** What foreign code does to the thread that calls it. */
  private enum Harm {
    SETS_THE_STATUS {
      @Override
      void act() {
        Thread.currentThread().interrupt();
      }
    },
    SETS_THE_STATUS_AND_THROWS {
      @Override
      void act() {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("the pool was restarted");
      }
    },
    THROWS_INTERRUPTED {
      @Override
      void act() {
        sneak(new InterruptedException("the pool was restarted"));
      }
    },
    THROWS_CHECKED {
      @Override
      void act() {
        sneak(new IOException("lookup failed"));
      }
    },
    THROWS_AN_ERROR {
      @Override
      void act() {
        throw new StackOverflowError();
      }
    },
    THROWS_WHAT_IS_NO_EXCEPTION {
      @Override
      void act() {
        sneak(new Throwable("neither"));
      }
    };

    abstract void act();

    boolean throwsSomething() {
      return this != SETS_THE_STATUS;
    }

    /** As other languages, and generated code, let checked exceptions out. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable thrown) throws T {
      throw (T) thrown;
    }
  }

  /** Does what a test says at each reading and asking. */
  private static final class HarmfulLog extends ForwardingLog {
    private final AtomicReference<Runnable> atRead = new AtomicReference<>(() -> {});
    private final AtomicReference<Runnable> atLatest = new AtomicReference<>(() -> {});

    HarmfulLog() {
      super(EventLog.inMemory());
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      atRead.get().run();
      return super.read(after, most, wait.isZero() ? wait : Duration.ofMillis(20));
    }

    @Override
    public String latest() {
      atLatest.get().run();
      return super.latest();
    }
  }

  private static Runnable times(int times, Runnable what) {
    var left = new AtomicInteger(times);
    return () -> {
      if (left.getAndDecrement() > 0) {
        what.run();
      }
    };
  }

  private final HarmfulLog log = new HarmfulLog();
  private final Channel channel = new Channel("", log, PAUSE);
  private Site site;

  @AfterEach
  void close() {
    channel.close();
    if (site != null) {
      site.close();
    }
  }

  /** The first stream has this filter, those after it none. */
  private void serve(Predicate<Event> filterOfFirst) throws IOException {
    var first = new AtomicBoolean(true);
    site = new Site(EventSources.create(), stream -> {
      channel.join(stream, first.getAndSet(false) ? filterOfFirst : event -> true);
      return stream.keepAlive();
    });
  }

  private Client connect(String... headers) throws Exception {
    var client = Client.get(site.uri(), headers);
    site.opened();
    return client;
  }

  private List<String> publish(int from, int to) {
    return IntStream.range(from, to).mapToObj(Integer::toString).peek(channel::publish).toList();
  }

  // Filters.

  @ParameterizedTest
  @EnumSource
  void aFilterHarmsNoLiveStream(Harm harm) throws Exception {
    serve(event -> {
      if (event.data().orElseThrow().equals("2")) {
        harm.act();
      }
      return true;
    });
    try (var records = new LogRecords();
        var filtered = connect().awaitText("id: "); // it has joined, before the other one can
        var plain = connect().awaitText("id: ")) {
      Await.until("it is live", () -> channel.tail().isRunning());
      for (int i = 0; i < 5; i++) {
        var published = publish(i, i + 1);
        assertEquals(published, plain.data(1));
        if (i != 2 || !harm.throwsSomething()) {
          assertEquals(published, filtered.data(1));
        }
      }
      try (var late = connect()) {
        late.awaitText("id: ");
        assertEquals(publish(5, 7), late.data(2));
      }
      assertTrue(records.messages(Level.SEVERE).stream().allMatch(message -> message.contains("filter")));
      assertEquals(harm.throwsSomething(), !records.messages(Level.SEVERE).isEmpty());
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFilterHarmsNoReplay(Harm harm) throws Exception {
    String start = channel.publish("start");
    publish(0, 200);
    serve(event -> {
      if (Integer.parseInt(event.data().orElseThrow()) % 50 == 2) {
        harm.act();
      }
      return true;
    });
    try (var client = connect("Last-Event-ID: " + start)) {
      publish(200, 300);
      int missing = harm.throwsSomething() ? 6 : 0;
      var got = client.data(300 - missing);
      assertEquals("299", got.getLast());
    }
  }

  /** Whoever closes or leaves interrupts, and the filter takes that for itself. */
  @Test
  void aFilterThatTakesInterruptsKeepsNoThread() throws Exception {
    var asked = new CountDownLatch(1);
    serve(event -> {
      asked.countDown();
      try {
        new CountDownLatch(1).await();
      } catch (InterruptedException e) {
        return true;
      }
      return true;
    });
    try (var client = connect()) {
      client.awaitText("id: ");
      Await.until("it is live", () -> channel.tail().isRunning());
      channel.publish("live");
      Await.latch("the filter", asked);
      publish(0, 10);
      channel.close();
      Await.until("its thread ended", () -> !channel.tail().isRunning() && VirtualThreads.named("tidings-channel").isEmpty());
    }
  }

  @Test
  void aFilterThatTakesInterruptsKeepsNoReplayOfAStreamThatLeft() throws Exception {
    String start = channel.publish("start");
    publish(0, 10);
    var asked = new CountDownLatch(1);
    var going = new AtomicInteger();
    serve(event -> {
      going.incrementAndGet();
      asked.countDown();
      try {
        new CountDownLatch(1).await();
      } catch (InterruptedException e) {
        return false;
      }
      return true;
    });
    try (var _ = connect("Last-Event-ID: " + start)) {
      Await.latch("the filter", asked);
      channel.leave(site.sources.streams().getFirst());
      Await.until("its thread ended", () -> VirtualThreads.named("tidings-replay").isEmpty());
      assertEquals(1, going.get(), "asked no more");
    }
  }

  // Logs.

  @ParameterizedTest
  @EnumSource
  void aLogThatHarmsTheLiveEndIsReadAgain(Harm harm) throws Exception {
    serve(event -> true);
    try (var records = new LogRecords(); var client = connect()) {
      client.awaitText("id: ");
      assertEquals(publish(0, 2), client.data(2));
      Await.until("it is live", () -> channel.tail().isRunning());
      log.atRead.set(times(3, harm::act));
      assertEquals(publish(2, 5), client.data(3));
      assertEquals(publish(5, 7), client.data(2));
      assertTrue(channel.tail().isRunning());
      assertEquals(1, records.messages(Level.SEVERE).size(), "told once: " + records.messages(Level.SEVERE));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aLogThatHarmsAReplayIsReadAgain(Harm harm) throws Exception {
    String start = channel.publish("start");
    var expected = publish(0, 200);
    log.atRead.set(times(5, harm::act));
    serve(event -> true);
    try (var client = connect("Last-Event-ID: " + start)) {
      assertEquals(expected, client.data(200));
      assertEquals(publish(200, 203), client.data(3));
    }
  }

  @Test
  void aLogThatAnswersNothingIsReadAgain() throws Exception {
    var nothing = mock(EventLog.class);
    var memory = EventLog.inMemory();
    when(nothing.latest()).thenAnswer(call -> memory.latest());
    when(nothing.read(any(), anyInt(), any())).thenReturn(null).thenAnswer(call -> memory.read(call.getArgument(0), 9, Duration.ZERO));
    try (var other = new Channel("", nothing, PAUSE)) {
      site = new Site(EventSources.create(), stream -> {
        other.join(stream);
        return stream.keepAlive();
      });
      try (var client = connect()) {
        client.awaitText("id: ");
        memory.append(Event.of("x"));
        assertEquals("x", client.next().data());
      }
    }
  }

  /** The thread is the application's there. */
  @ParameterizedTest
  @EnumSource
  void aLogThatHarmsAJoinIsAskedAgainByTheChannel(Harm harm) throws Exception {
    log.atLatest.set(times(2, harm::act));
    var joined = new AtomicReference<Throwable>();
    var status = new AtomicBoolean();
    var returned = new CountDownLatch(1);
    site = new Site(EventSources.create(), stream -> {
      try {
        channel.join(stream);
      } catch (Throwable e) {
        joined.set(e);
      }
      status.set(Thread.interrupted());
      returned.countDown();
      return stream.keepAlive();
    });
    try (var client = connect()) {
      client.awaitText("id: ");
      Await.latch("the handler", returned);
      assertEquals(null, joined.get());
      boolean interrupts = harm == Harm.SETS_THE_STATUS || harm == Harm.SETS_THE_STATUS_AND_THROWS || harm == Harm.THROWS_INTERRUPTED;
      assertEquals(interrupts, status.get(), "an interrupt of the application's thread is not lost");
      assertEquals(publish(0, 3), client.data(3));
    }
  }

  @Test
  void aLogThatIsDownHoldsNoThreadForStreamsThatHaveGone() throws Exception {
    serve(event -> true);
    try (var client = connect()) {
      client.awaitText("id: ");
      Await.until("it is live", () -> channel.tail().isRunning());
      var attempts = new CountDownLatch(2);
      log.atRead.set(() -> {
        attempts.countDown();
        throw new IllegalStateException("down");
      });
      Await.latch("it to be down", attempts);
      channel.leave(site.sources.streams().getFirst());
      Await.until("its thread ended", () -> !channel.tail().isRunning());
    }
  }

  // What nobody thought of.

  @ParameterizedTest
  @EnumSource
  void aLiveEndThatDiesHasItsStreamsReadForThemselves(Harm harm) throws Exception {
    var reader = new LogReader(log, PAUSE);
    var threads = new Threads().virtual("tidings-channel-test");
    var tail = new Tail(reader, threads);
    var subscriber = mock(Subscriber.class);
    var died = new CountDownLatch(harm.throwsSomething() ? 1 : 0);
    when(subscriber.isIn()).thenReturn(true);
    when(subscriber.writers()).thenReturn(new Writers(new ManualTicker(), threads));
    when(subscriber.deliver(any(), anyInt(), any(), any())).thenAnswer(call -> {
      died.countDown();
      harm.act();
      return true;
    });
    try (var _ = new LogRecords()) {
      assertTrue(tail.await(subscriber, log.latest()).isEmpty());
      log.append(Event.of("x"));
      if (harm.throwsSomething()) {
        Await.latch("its death", died);
        verify(subscriber, timeout(20_000)).fallBack();
        Await.until("it has nobody left", () -> !tail.isRunning());
      } else {
        for (int i = 1; i <= 3; i++) {
          verify(subscriber, timeout(20_000).times(i)).deliver(any(), anyInt(), any(), any());
          log.append(Event.of("x"));
        }
        assertTrue(tail.isRunning());
      }
    } finally {
      reader.close();
      tail.close();
    }
  }

  @Test
  void aReplayThatDiesBeginsAnewFromItsPosition() throws Exception {
    String start = channel.publish("start");
    String last = channel.publish("x");
    var cursor = mock(Cursor.class);
    var sender = mock(Sender.class);
    when(sender.awaitWritten()).thenReturn(true);
    when(cursor.sender()).thenReturn(sender);
    when(cursor.isIn(any())).thenReturn(true);
    when(cursor.position(any())).thenReturn(java.util.Optional.of(start));
    var delivered = new CountDownLatch(1);
    doThrow(new OutOfMemoryError("once")).doAnswer(call -> {
      when(cursor.position(any())).thenReturn(java.util.Optional.of(last));
      delivered.countDown();
      return Answer.TAKEN;
    }).when(cursor).offer(any(), any(), any());
    try (var records = new LogRecords()) {
      new Subscriber(channel, cursor, java.util.Optional.of(start), java.util.Optional.empty()).begin();
      Await.latch("another attempt", delivered);
      Await.until("it is live", () -> channel.tail().isRunning());
      assertEquals(1, records.messages(Level.SEVERE).size());
    }
  }
}
