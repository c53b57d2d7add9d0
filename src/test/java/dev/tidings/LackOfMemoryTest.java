package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Scheduling a task fails once. Nothing may stop because of that, and no check may fail open. */
class LackOfMemoryTest {
  /** Fails once for a call from the given class of the library. */
  private static final class FailingTicker implements Ticker {
    private final ManualTicker ticker = new ManualTicker();
    private volatile Class<?> failing;

    @Override
    public long now() {
      return ticker.now();
    }

    @Override
    public Timer schedule(long nanos, Runnable task) {
      var caller = StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE).getCallerClass();
      if (caller == failing) {
        failing = null;
        throw new OutOfMemoryError("not really");
      }
      return ticker.schedule(nanos, task);
    }

    /** Survives an error of a task, like the system ticker, which logs it. */
    void advance(Duration step) {
      try {
        ticker.advance(step);
      } catch (OutOfMemoryError e) {
        assertEquals("not really", e.getMessage());
      }
    }

    @Override
    public void close() {
      ticker.close();
    }
  }

  /** The time advances in leaps, and a writer may be slow to start. */
  private static final Settings PATIENT = Settings.defaults().withWriteDeadline(Duration.ofDays(1));

  private final FailingTicker ticker = new FailingTicker();

  private static String pings(ByteArrayOutputStream body) {
    return body.toString(java.nio.charset.StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void heartbeatsGoOn(boolean whenOneIsAdded) {
    try (var _ = new LogRecords(); var sources = new EventSources(PATIENT, ticker)) {
      var bodies = IntStream.range(0, 3).mapToObj(i -> new ByteArrayOutputStream()).toList();
      var streams = List.of(open(sources, bodies.get(0)), open(sources, bodies.get(1)));
      if (!whenOneIsAdded) {
        ticker.failing = Heartbeats.class;
        beat(streams, 1);
        assertEquals(null, ticker.failing);
      } else {
        ticker.advance(Duration.ofMillis(15_600)); // both have had their writes; the next pings are due at 20 s
        ticker.failing = Heartbeats.class;
      }
      var third = open(sources, bodies.get(2));
      third.withPing(ping -> ping.interval(Duration.ofSeconds(1)).start()); // due before the others
      assertEquals(null, ticker.failing, "it has failed");
      var all = List.of(streams.get(0), streams.get(1), third);
      var fourth = open(sources, new ByteArrayOutputStream()); // a stream that opens later
      assertTrue(fourth.isOpen());
      beat(all, 20);
      for (var body : bodies) {
        assertTrue(pings(body).split("\n\n").length > 10, () -> pings(body));
      }
    }
  }

  private static EventSource open(EventSources sources, ByteArrayOutputStream body) {
    var stream = sources.open(MockExchange.with(new Headers(), body));
    stream.withPing(ping -> ping.interval(Duration.ofSeconds(5)).start());
    return stream;
  }

  private void beat(List<EventSource> streams, int times) {
    for (int i = 0; i < times; i++) {
      ticker.advance(Duration.ofSeconds(5));
      streams.forEach(EventSource::flush);
    }
  }

  @Test
  void aStreamThatCannotBeCheckedIsRevoked() {
    var asked = new AtomicInteger();
    var settings = PATIENT.withRecheck(stream -> asked.incrementAndGet() > 0);
    try (var _ = new LogRecords(); var sources = new EventSources(settings, ticker)) {
      var stream = sources.open(MockExchange.with(new Headers(), new ByteArrayOutputStream()));
      ticker.advance(Duration.ofSeconds(15));
      Await.until("the check has run", () -> asked.get() == 1);
      ticker.failing = Lease.class;
      ticker.advance(Duration.ofSeconds(15));
      assertEquals(Ending.REVOKED, stream.ending().orElseThrow());
    }
  }

  @Test
  void aThreadThatIsInNoGuardIsNotInterruptedForIt() throws Exception {
    var deadlines = new Deadlines(ticker, Duration.ofSeconds(10));
    var guard = deadlines.newGuard();
    ticker.failing = Ticker.Lookout.class;
    assertThrows(OutOfMemoryError.class, () -> guard.run(() -> {}));
    deadlines.newGuard().run(() -> ticker.advance(Duration.ofSeconds(9))); // checked again
    ticker.advance(Duration.ofSeconds(100));
    guard.cut();
    assertFalse(Thread.interrupted());
  }

  @Test
  void anOpeningThatFailsOnceItHasItsPlaceGivesItBack() {
    var lifetime = Duration.ofDays(300);
    var forgetful = failingOnce(nanos -> nanos > lifetime.toNanos() / 2);
    try (var sources = new EventSources(PATIENT.withMaxLifetime(lifetime).withMaxStreams(1), forgetful)) {
      var exchange = MockExchange.with(new Headers(), new ByteArrayOutputStream());
      assertThrows(OutOfMemoryError.class, () -> sources.open(exchange, "me"));
      assertEquals(0, sources.count());
      assertEquals(List.of(), sources.streams());
      assertTrue(sources.open(MockExchange.with(new Headers(), new ByteArrayOutputStream()), "me").isOpen());
    }
  }

  /** Returns a ticker that fails at the first task whose delay in nanoseconds matches. */
  private Ticker failingOnce(LongPredicate when) {
    var fails = new AtomicBoolean(true);
    return new Ticker() {
      @Override
      public long now() {
        return ticker.now();
      }

      @Override
      public Timer schedule(long nanos, Runnable task) {
        if (when.test(nanos) && fails.getAndSet(false)) {
          throw new OutOfMemoryError("not really");
        }
        return ticker.schedule(nanos, task);
      }

      @Override
      public void close() {
        ticker.close();
      }
    };
  }

  @Test
  void aStreamWhoseReplayCannotStartEndsAndComesBack() {
    var channel = mock(Channel.class);
    var cursor = mock(Cursor.class);
    var stream = mock(EventSource.class);
    var life = mock(Lifecycle.class);
    when(cursor.stream()).thenReturn(stream);
    when(stream.life()).thenReturn(life);
    var threads = mock(ChannelThreads.class);
    when(channel.threads()).thenReturn(threads);
    when(threads.replays()).thenReturn(task -> {
      throw new OutOfMemoryError("not really");
    });
    try (var _ = new LogRecords()) {
      new Subscriber(new Subscription(channel, From.live(), Optional.empty()), cursor).begin();
      verify(life).endSoon(Ending.FAILED);
    }
  }

  @Test
  void theLiveEndOfAChannelThatCannotStartDoesSoForTheNextOne() {
    var log = EventLog.inMemory();
    var reader = new LogReader(log, Duration.ofMillis(10));
    var fails = new AtomicBoolean(true);
    var subscriber = mock(Subscriber.class);
    when(subscriber.isIn()).thenReturn(true);
    when(subscriber.writers()).thenReturn(mock(Writers.class));
    var tail = new Tail(reader, task -> new Thread(task) {
      @Override
      public void start() {
        if (fails.getAndSet(false)) {
          throw new OutOfMemoryError("not really");
        }
        super.start();
      }
    }, new LogEntry.Gaps("gap", ""), new EntryCache());
    assertThrows(OutOfMemoryError.class, () -> tail.await(subscriber, log.latest()));
    assertFalse(tail.isRunning());
    assertTrue(tail.await(subscriber, log.latest()).isEmpty());
    assertTrue(tail.isRunning());
    reader.close();
    tail.close();
    Await.until("it has ended", () -> !tail.isRunning());
  }

  @Test
  void theWriteDeadlineIsLookedAfterAgain() throws Exception {
    var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(10));
    var cut = new AtomicBoolean();
    try (var sources = new EventSources(settings, failingOnce(nanos -> nanos <= Duration.ofMillis(100).toNanos()))) {
      var exchange = MockExchange.with(new Headers(), new ByteArrayOutputStream());
      when(exchange.getRequestBody()).thenReturn(new InputStream() {
        @Override
        public int read() throws IOException {
          ticker.advance(Duration.ofSeconds(11));
          cut.set(Thread.currentThread().isInterrupted());
          throw new IOException("no more");
        }
      });
      var request = sources.handling(exchange).request();
      assertThrows(OutOfMemoryError.class, request::bytes);
      assertThrows(IOException.class, request::bytes);
      assertTrue(cut.get());
    } finally {
      Thread.interrupted();
    }
  }
}
