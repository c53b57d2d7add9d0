package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.timeout;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A channel keeps working, whatever filters and logs do to its threads. */
class ChannelThreadsTest {
  private static final Duration PAUSE = Duration.ofMillis(10);

  /** Harm that foreign code does to the thread that calls it. */
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

    /** Throws a checked exception undeclared, as other languages and generated code do. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable thrown) throws T {
      throw (T) thrown;
    }
  }

  /** Runs the action of a test at each call of {@code read} and {@code latest}. */
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
  private final Channel channel = new Channel("", log, "gap", PAUSE);
  private final Writers writers = new Writers(new ManualTicker(), new Threads().virtual("tidings-writer-test"));
  private Site site;

  @AfterEach
  void close() {
    channel.close();
    if (site != null) {
      site.close();
    }
  }

  /** The first stream has this filter, later ones have none. */
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
        var filtered = connect().awaitText("id: "); // joined before the other one
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

  /** Closing and leaving interrupt the thread, and the filter swallows the interrupt. */
  @Test
  void aFilterThatTakesInterruptsKeepsNoThread() throws Exception {
    var asked = new CountDownLatch(1);
    serve(event -> {
      asked.countDown();
      Await.interrupt();
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
      Await.interrupt();
      return false;
    });
    try (var _ = connect("Last-Event-ID: " + start)) {
      Await.latch("the filter", asked);
      channel.leave(site.sources.streams().getFirst());
      Await.until("its thread ended", () -> VirtualThreads.named("tidings-replay").isEmpty());
      assertEquals(1, going.get(), "the filter is not called again");
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
      assertEquals(1, records.messages(Level.SEVERE).size(), "logged once: " + records.messages(Level.SEVERE));
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
    try (var other = new Channel("", nothing, "gap", PAUSE)) {
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
      assertFalse(status.get(), "the log does not run on the application's thread");
      if (harm.throwsSomething()) {
        assertEquals("gap", client.next().type(), "it may have missed events");
      }
      assertEquals(publish(0, 3), client.data(3));
    }
  }

  @Test
  void aLogThatFailsAJoinOnlyIsReportedToo() {
    log.atLatest.set(times(1, Harm.THROWS_CHECKED::act));
    try (var records = new LogRecords(); var sources = EventSources.create()) {
      channel.join(sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream())));
      assertEquals(1, records.messages(Level.SEVERE).size());
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
      Await.latch("two failed reads", attempts);
      channel.leave(site.sources.streams().getFirst());
      Await.until("its thread ended", () -> !channel.tail().isRunning());
    }
  }

  // Unexpected failures.

  @ParameterizedTest
  @EnumSource
  void aLiveEndThatDiesHasItsStreamsReadForThemselves(Harm harm) throws Exception {
    var reader = new LogReader(log, PAUSE);
    var threads = new Threads().virtual("tidings-channel-test");
    var tail = new Tail(reader, threads, new LogEntry.Gaps("gap", ""), new EntryCache());
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
        Await.latch("the failure", died);
        verify(subscriber, timeout(20_000)).fallBack();
        Await.until("the tail has ended", () -> !tail.isRunning());
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
    when(cursor.enter(any())).thenReturn(true);
    when(cursor.position(any())).thenReturn(Optional.of(start));
    var delivered = new CountDownLatch(1);
    int turns = channel.threads().turns().availablePermits();
    doThrow(new OutOfMemoryError("once")).doAnswer(call -> {
      when(cursor.position(any())).thenReturn(Optional.of(last));
      delivered.countDown();
      return Answer.TAKEN;
    }).when(cursor).offer(any(), any(), any());
    try (var records = new LogRecords()) {
      new Subscriber(new Subscription(channel, From.live(), Optional.empty()), cursor).begin();
      Await.latch("another attempt", delivered);
      Await.until("it is live", () -> channel.tail().isRunning());
      assertEquals(1, records.messages(Level.SEVERE).size());
      Await.until("its turns are released", () -> channel.threads().turns().availablePermits() == turns);
    }
  }

  /** Returns a mock cursor at this position of the channel, without a stream. */
  private Cursor cursorAt(String id, AtomicBoolean in) {
    var cursor = mock(Cursor.class);
    var sender = mock(Sender.class);
    when(sender.awaitWritten()).thenReturn(true);
    when(sender.writers()).thenReturn(writers);
    when(cursor.sender()).thenReturn(sender);
    when(cursor.isIn(any())).thenAnswer(call -> in.get());
    when(cursor.enter(any())).thenReturn(true);
    when(cursor.position(any())).thenReturn(Optional.of(id));
    return cursor;
  }

  private Subscriber subscriber(Cursor cursor) {
    return new Subscriber(new Subscription(channel, From.live(), Optional.empty()), cursor);
  }

  @Test
  void aReplayThatDiesPausesBeforeItBeginsAnew() throws Exception {
    String start = channel.publish("start");
    channel.publish("x");
    var in = new AtomicBoolean(true);
    var cursor = cursorAt(start, in);
    var attempts = new LinkedBlockingQueue<Long>();
    when(cursor.offer(any(), any(), any())).thenAnswer(call -> {
      attempts.add(System.nanoTime());
      throw new IllegalStateException("each time");
    });
    try (var _ = new LogRecords(); var patient = new Channel("", log, "gap", Duration.ofMillis(100))) {
      var subscriber = new Subscriber(new Subscription(patient, From.live(), Optional.empty()), cursor);
      subscriber.begin();
      long first = Await.next("the first attempt", attempts);
      long second = Await.next("another one", attempts);
      assertTrue(second - first >= Duration.ofMillis(50).toNanos(), () -> second - first + " ns");
      in.set(false);
      subscriber.stop();
    }
  }

  @Test
  void aReplayThatDiesOnceItIsLiveIsOver() throws Exception {
    var tail = mock(Tail.class);
    var other = mock(Channel.class);
    var threads = new LinkedBlockingQueue<Thread>();
    when(tail.join(any(), any())).thenThrow(new OutOfMemoryError("once")).thenReturn(Optional.of(List.of()));
    when(tail.has(any())).thenReturn(true);
    when(other.tail()).thenReturn(tail);
    when(other.reader()).thenReturn(new LogReader(log, PAUSE));
    when(other.cache()).thenReturn(new EntryCache());
    var its = mock(ChannelThreads.class);
    when(other.threads()).thenReturn(its);
    when(its.turns()).thenReturn(new Semaphore(1));
    when(its.replays()).thenReturn(task -> {
      var thread = Thread.ofVirtual().unstarted(task);
      threads.add(thread);
      return thread;
    });
    try (var _ = new LogRecords()) {
      var cursor = cursorAt("1-1", new AtomicBoolean(true));
      new Subscriber(new Subscription(other, From.live(), Optional.empty()), cursor).begin();
      Await.end(Await.next("its thread", threads));
      verify(tail).join(any(), any()); // joining twice would deliver each event twice
    }
  }

  /** A replay waits for its client after a number of bytes, not only after a number of events. */
  @Test
  void aReplayWaitsForItsClientAfterAFewLargeEvents() throws Exception {
    String start = channel.publish("start");
    for (int i = 0; i < 10; i++) {
      channel.publish("x".repeat(40_000));
    }
    var cursor = cursorAt(start, new AtomicBoolean(true));
    var waiting = new AtomicInteger();
    var most = new AtomicInteger();
    when(cursor.offer(any(), any(), any())).thenAnswer(call -> {
      when(cursor.position(any())).thenReturn(Optional.of(call.<LogEntry>getArgument(1).id()));
      most.accumulateAndGet(waiting.incrementAndGet(), Math::max);
      return Answer.TAKEN;
    });
    when(cursor.sender().awaitWritten()).thenAnswer(call -> {
      waiting.set(0);
      return true;
    });
    subscriber(cursor).begin();
    Await.until("it is live", () -> channel.tail().isRunning());
    assertEquals(2, most.get());
  }

  /** Otherwise a client that loses its connection during the replay would come back to a gap. */
  @Test
  void aReplayTellsAPositionThatHasComeFarAlsoIfNothingOfItIsSent() {
    try (var small = new Channel("", EventLog.inMemory(100, 1_000_000, Duration.ofHours(1)), "gap", PAUSE)) {
      String start = small.publish("start");
      IntStream.range(0, 15).forEach(i -> small.publish("x"));
      var cursor = cursorAt(start, new AtomicBoolean(true));
      doAnswer(call -> {
        when(cursor.position(any())).thenReturn(Optional.of(call.getArgument(1)));
        return null;
      }).when(cursor).skip(any(), any());
      when(cursor.offerPosition(any(), any())).thenReturn(Answer.TAKEN);
      when(cursor.offer(any(), any(), any())).thenReturn(Answer.TAKEN);
      new Subscriber(new Subscription(small, From.live(), Optional.of(event -> false)), cursor).begin();
      Await.until("it is live", () -> small.tail().isRunning());
      verify(cursor).offerPosition(any(), any());
    }
  }

  /** The replay may be about to pass the subscriber to the tail. */
  @Test
  void whoLeavesWhileItBecomesLiveIsNotLive() {
    String id = channel.publish("x");
    var in = new AtomicBoolean(true);
    var cursor = cursorAt(id, in);
    var subscriber = subscriber(cursor);
    doAnswer(call -> {
      channel.tail().await(subscriber, id);
      in.set(false);
      return null;
    }).when(cursor).leave(subscriber);
    subscriber.stop();
    assertFalse(channel.tail().has(subscriber));
  }

  /** The numbers by which streams are removed start anew when all have left. */
  @Test
  void whoLeavesTwiceTakesNobodyAlong() throws Exception {
    String id = channel.publish("x");
    var leaves = subscriber(cursorAt(id, new AtomicBoolean(true)));
    var tail = channel.tail();
    assertEquals(Optional.empty(), tail.await(leaves, id));
    tail.drop(leaves);
    assertFalse(tail.isRunning());
    var delivered = new CountDownLatch(1);
    var other = cursorAt(id, new AtomicBoolean(true));
    when(other.offerLive(any(), any(), any())).thenAnswer(call -> {
      delivered.countDown();
      return Answer.TAKEN;
    });
    assertEquals(Optional.empty(), tail.await(subscriber(other), id));
    tail.drop(leaves);
    channel.publish("z");
    Await.latch("its event", delivered);
  }

  @Test
  void theLiveEndAsksNothingForWhoHasLeft() {
    String id = channel.publish("x");
    var tail = channel.tail();
    var cursor = cursorAt(id, new AtomicBoolean(true));
    when(cursor.offerLive(any(), any(), any())).thenReturn(Answer.TAKEN);
    var left = mock(Subscriber.class);
    when(left.isIn()).thenReturn(true);
    when(left.hasFilter()).thenReturn(true);
    when(left.writers()).thenReturn(writers);
    var number = new AtomicLong(Tail.NOT_LIVE); // the thread of the tail asks for it too
    when(left.number()).thenAnswer(call -> number.get());
    doAnswer(call -> {
      number.set(call.getArgument(0));
      return null;
    }).when(left).number(anyLong());
    assertEquals(Optional.empty(), tail.await(subscriber(cursor), id));
    assertEquals(Optional.empty(), tail.await(left, id));
    tail.drop(left);
    String next = channel.publish("y");
    Await.until("the tail has passed the event", () -> tail.passed().equals(Optional.of(next)));
    verify(left, never()).isWanted();
  }

  @Test
  void whoHasGoneBecomesNeitherLiveNorWaits() {
    String id = channel.publish("x");
    var tail = channel.tail();
    var gone = subscriber(cursorAt(id, new AtomicBoolean(false)));
    assertEquals(Optional.empty(), tail.await(gone, id));
    assertFalse(tail.isRunning());
    var present = subscriber(cursorAt(id, new AtomicBoolean(true)));
    assertEquals(Optional.empty(), tail.await(present, id));
    assertEquals(Optional.of(List.of()), tail.join(gone, id));
    assertFalse(tail.has(gone));
    var waits = subscriber(cursorAt(id, new AtomicBoolean(true)));
    var wait = tail.await(waits, "9-9").orElseThrow();
    assertTrue(tail.has(waits));
    assertTrue(tail.withdraw(wait));
    assertFalse(tail.has(waits));
  }
}
