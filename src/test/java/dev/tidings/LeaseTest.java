package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.mock;

import com.sun.net.httpserver.Headers;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How long a stream may stay open, on a clock that the tests advance. */
class LeaseTest {
  private static final Duration DAY = Duration.ofDays(1);
  private final ManualTicker ticker = new ManualTicker();

  /** Returns a generator that always yields the number at this share of the range. */
  private static RandomGenerator always(double share) {
    return new RandomGenerator() {
      @Override
      public long nextLong() {
        throw new AssertionError("no bound");
      }

      @Override
      public long nextLong(long bound) {
        return (long) ((bound - 1) * share);
      }

      @Override
      public long nextLong(long origin, long bound) {
        return origin + nextLong(bound - origin);
      }
    };
  }

  private Site site(Settings settings, RandomGenerator random) throws Exception {
    return new Site(new EventSources(settings.withWriteDeadline(DAY), ticker, new Threads(), random, true), EventSource::keepAlive);
  }

  private Site checking(Predicate<EventSource> check) throws Exception {
    return site(Settings.defaults().withRecheck(check), always(0));
  }

  // The largest lifetime.

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.5, 1})
  void aStreamExpiresWithinTheLastTenthOfTheLargestLifetime(double share) throws Exception {
    var lifetime = Duration.ofMillis((long) (600_000 - 60_000 * share));
    try (var site = site(Settings.defaults().withMaxLifetime(Duration.ofMinutes(10)), always(share));
        var client = Client.get(site.uri())) {
      var stream = site.opened();
      stream.send("accepted");
      ticker.advance(lifetime.minusNanos(1));
      assertTrue(stream.isOpen());
      ticker.advance(Duration.ofNanos(1));
      assertEquals(Ending.EXPIRED, site.ending());
      assertTrue(client.toEnd().contains("data: accepted\n\n"));
      assertEquals(Map.of(Ending.EXPIRED, 1L), site.sources.stats().ended());
    }
  }

  @Test
  void messagesDoNotProlongALifetime() throws Exception {
    try (var site = site(Settings.defaults().withMaxLifetime(Duration.ofSeconds(10)), always(0));
        var client = Client.get(site.uri())) {
      var stream = site.opened();
      for (int i = 0; i < 9; i++) {
        ticker.advance(Duration.ofSeconds(1));
        assertTrue(stream.send("x"));
      }
      ticker.advance(Duration.ofSeconds(1));
      assertEquals(Ending.EXPIRED, site.ending());
      assertEquals(9, client.data(9).size());
    }
  }

  @Test
  void byDefaultAndWithAnAbsurdLengthAStreamIsForEver() throws Exception {
    for (var settings : List.of(Settings.defaults(), Settings.defaults().withMaxLifetime(Duration.ofSeconds(Long.MAX_VALUE)))) {
      try (var site = site(settings.withHeartbeat(DAY), new Random()); var client = Client.get(site.uri())) {
        client.head();
        var stream = site.opened();
        ticker.advance(Duration.ofHours(12));
        assertTrue(stream.isOpen());
      }
    }
  }

  @Test
  void aListenerThatTakesItsTimeProlongsNoLifetime() {
    try (var sources = ticker.sources(Settings.defaults().withMaxLifetime(Duration.ofMinutes(10)))) {
      sources.onOpen(stream -> ticker.advance(Duration.ofMinutes(10)));
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      assertEquals(Ending.EXPIRED, stream.ending().orElseThrow());
    }
  }

  @Test
  void badLifetimesAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> Settings.defaults().withMaxLifetime(Duration.ZERO));
    assertThrows(IllegalArgumentException.class, () -> Settings.defaults().withMaxLifetime(Duration.ofNanos(-1)));
  }

  // The recheck.

  @Test
  void theCheckIsAskedOncePerHeartbeatAlsoWhileMessagesFlow() throws Exception {
    var asked = new LinkedBlockingQueue<EventSource>();
    var threads = new LinkedBlockingQueue<Thread>();
    try (var site = checking(stream -> {
          threads.add(Thread.currentThread());
          return asked.add(stream);
        });
        var client = Client.get(site.uri())) {
      client.head();
      var stream = site.opened();
      for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 15; i++) {
          stream.send("busy");
          assertEquals(0, asked.size());
          ticker.advance(i < 14 ? Duration.ofSeconds(1) : Duration.ofNanos(999_999_999));
        }
        assertEquals(0, asked.size());
        ticker.advance(Duration.ofNanos(1));
        assertEquals(stream, Await.next("the check", asked));
        var thread = Await.next("its thread", threads);
        assertTrue(thread.isVirtual());
        Await.end(thread);
      }
      assertTrue(stream.isOpen());
      stream.close();
      ticker.advance(Duration.ofMinutes(5));
      assertEquals(0, asked.size());
    }
  }

  @Test
  void whoMayNotGoOnIsRevokedAndNobodyElse() throws Exception {
    try (var site = checking(stream -> !stream.identifier().orElseThrow().equals("bad"));
        var good = Client.get(site.uri("good"));
        var bad = Client.get(site.uri("bad"))) {
      good.head();
      bad.awaitText(":\n\n");
      ticker.advance(Duration.ofSeconds(15));
      assertEquals(Ending.REVOKED, site.ending());
      bad.toEnd();
      assertTrue(site.sources.getByIdentifier("bad").isEmpty());
      assertTrue(site.sources.getByIdentifier("good").orElseThrow().send("on"));
      assertEquals("on", good.next().data());
      assertEquals(Map.of(Ending.REVOKED, 1L), site.sources.stats().ended());
    }
  }

  @Test
  void aCheckThatThrowsIsLoggedAndEndsItsStreamAlone() throws Exception {
    try (var log = new LogRecords();
        var site = checking(stream -> {
          if (stream.identifier().isPresent()) {
            throw new AssertionError("the directory is down");
          }
          return true;
        });
        var good = Client.get(site.uri());
        var bad = Client.get(site.uri("bad"))) {
      good.head();
      bad.head();
      site.opened();
      site.opened();
      ticker.advance(Duration.ofSeconds(15));
      assertEquals(Ending.REVOKED, site.ending());
      assertEquals(1, site.sources.count());
      assertEquals(1, log.messages(Level.SEVERE).size());
      assertTrue(log.messages(Level.SEVERE).getFirst().startsWith("the recheck of EventSource[\"bad\", open] threw"));
      assertTrue(log.hasStackTraces());
    }
  }

  @Test
  void aCheckThatBlocksHarmsNobodyAndIsNotAskedTwiceAtOnce() throws Exception {
    var blocked = new LinkedBlockingQueue<Thread>();
    var asked = new AtomicInteger();
    var go = new CountDownLatch(1);
    try (var log = new LogRecords();
        var site = site(Settings.defaults().withRecheckDeadline(DAY).withRecheck(stream -> {
          asked.incrementAndGet();
          if (stream.identifier().isEmpty()) {
            return true;
          }
          blocked.add(Thread.currentThread());
          try {
            go.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          return true;
        }), always(0));
        var good = Client.get(site.uri());
        var stuck = Client.get(site.uri("stuck"))) {
      good.head();
      stuck.head();
      Await.until("both are open", () -> site.sources.count() == 2);
      ticker.advance(Duration.ofSeconds(15));
      var thread = Await.next("the check that blocks", blocked);
      for (int i = 0; i < 4; i++) {
        int before = asked.get();
        Await.until("the good stream is checked again", () -> { // only once its last check has returned
          ticker.advance(Duration.ofSeconds(15));
          return asked.get() > before;
        });
      }
      assertEquals(0, blocked.size());
      assertEquals(2, site.sources.broadcast("to both"));
      assertEquals("to both", good.next().data());
      assertEquals("to both", stuck.next().data());
      site.sources.getByIdentifier("stuck").orElseThrow().close();
      Await.end(thread); // interrupted, since its answer is no longer needed
      assertEquals(0, log.messages(Level.SEVERE).size());
    }
  }

  @Test
  void aCheckThatHangsIsAsOneThatSaysNoAfterItsDeadline() throws Exception {
    var asked = new LinkedBlockingQueue<Thread>();
    var settings = Settings.defaults().withReconnect(Duration.ofMillis(1234), Duration.ofMillis(1234)).withRecheck(stream -> {
      asked.add(Thread.currentThread());
      Await.interrupt();
      throw new IllegalStateException("interrupted");
    });
    try (var log = new LogRecords(); var site = site(settings, always(0)); var client = Client.get(site.uri("hangs"))) {
      var stream = site.opened();
      ticker.advance(Duration.ofSeconds(15));
      var thread = Await.next("the check", asked);
      ticker.advance(Duration.ofSeconds(30).minusNanos(1));
      assertTrue(stream.isOpen());
      ticker.advance(Duration.ofNanos(1));
      assertEquals(Ending.REVOKED, site.ending());
      assertTrue(client.toEnd().contains("retry: 1234\n"));
      Await.end(thread);
      assertEquals(List.of("the recheck of EventSource[\"hangs\", open] has not answered for PT30S"), log.messages(Level.WARNING));
      assertEquals(0, log.messages(Level.SEVERE).size());
    }
  }

  @Test
  void aCheckCanBeRequestedAndTheRegularOnesGoOn() throws Exception {
    var asked = new LinkedBlockingQueue<Boolean>();
    var checked = new LinkedBlockingQueue<Boolean>();
    try (var site = checking(stream -> asked.add(true)); var client = Client.get(site.uri())) {
      client.head();
      var life = site.opened().life();
      for (int i = 0; i < 3; i++) {
        life.checkNow(() -> checked.add(true));
        Await.next("the check", asked);
        Await.next("its end", checked);
      }
      ticker.advance(Duration.ofSeconds(15));
      Await.next("the regular check", asked);
      assertEquals(0, asked.size());
      assertEquals(0, checked.size());
    }
  }

  @Test
  void aRequestedCheckRunsAfterTheOneThatIsRunningBecauseThatMayUseEarlierData() throws Exception {
    var asked = new LinkedBlockingQueue<Boolean>();
    var checked = new LinkedBlockingQueue<String>();
    var allowed = new AtomicBoolean(true);
    var go = new CountDownLatch(1);
    try (var site = checking(stream -> {
          boolean may = allowed.get();
          asked.add(true);
          Await.uninterrupted(go::await);
          return may;
        });
        var client = Client.get(site.uri())) {
      client.head();
      var life = site.opened().life();
      ticker.advance(Duration.ofSeconds(15));
      Await.next("the regular check", asked);
      allowed.set(false);
      life.checkNow(() -> checked.add("first"));
      life.checkNow(() -> checked.add("second"));
      assertEquals("second", Await.next("the request that is not waited for", checked));
      assertEquals(0, checked.size());
      go.countDown();
      assertEquals(Ending.REVOKED, site.ending());
      assertEquals("first", Await.next("the end of the requested check", checked));
      assertEquals(1, asked.size());
    }
  }

  @Test
  void aRequestedCheckThatIsNotWantedAnyMoreIsNotWaitedFor() throws Exception {
    var checked = new LinkedBlockingQueue<Boolean>();
    var asked = new CountDownLatch(1);
    try (var site = checking(stream -> {
          asked.countDown();
          Await.interrupt();
          return true;
        });
        var client = Client.get(site.uri())) {
      client.head();
      var stream = site.opened();
      stream.life().checkNow(() -> checked.add(true));
      Await.latch("the check", asked);
      stream.life().checkNow(() -> checked.add(true));
      assertEquals(0, checked.size());
      stream.close();
      Await.next("the end of the running one", checked);
      Await.next("the end of the next one", checked);
      stream.life().checkNow(() -> checked.add(true));
      Await.next("the answer of an ended stream", checked);
    }
    try (var site = site(Settings.defaults(), always(0)); var client = Client.get(site.uri())) {
      client.head();
      site.opened().life().checkNow(() -> checked.add(true));
      Await.next("the answer of a stream without a check", checked);
    }
  }

  @Test
  void checksOfStreamsThatOpenedTogetherAreSpreadOverTheFirstHeartbeat() throws Exception {
    for (double share : new double[] {0, 0.5, 1}) {
      var asked = new LinkedBlockingQueue<EventSource>();
      try (var site = site(Settings.defaults().withRecheck(asked::add), always(share)); var client = Client.get(site.uri())) {
        client.head();
        var first = Duration.ofNanos(15_000_000_000L - (long) (14_999_999_999L * share));
        ticker.advance(first.minusNanos(1));
        assertEquals(0, asked.size());
        ticker.advance(Duration.ofNanos(1));
        Await.next("the first check", asked);
      }
    }
  }

  @Test
  void aCheckMayEndTheStreamItself() throws Exception {
    var interrupted = new LinkedBlockingQueue<Boolean>();
    try (var site = checking(stream -> {
          stream.complete();
          return interrupted.add(Thread.currentThread().isInterrupted());
        });
        var client = Client.get(site.uri())) {
      client.head();
      ticker.advance(Duration.ofSeconds(15));
      assertEquals(Ending.COMPLETED, site.ending());
      assertFalse(Await.next("the check", interrupted));
    }
  }

  @Test
  void theHeartbeatOfTheRegistryIsTheMeasureNotThatOfAPing() throws Exception {
    var asked = new LinkedBlockingQueue<EventSource>();
    try (var site = site(Settings.defaults().withHeartbeat(Duration.ofSeconds(4)).withRecheck(asked::add), always(0));
        var client = Client.get(site.uri())) {
      client.head();
      site.opened().withPing(ping -> ping.interval(Duration.ofHours(1)).start());
      ticker.advance(Duration.ofSeconds(4));
      Await.next("the check", asked);
    }
  }

  @Test
  void whoMayNotGoOnEndsAlsoIfItCannotBeToldWhenToComeBack() throws Exception {
    var asked = new CountDownLatch(1);
    var fails = new AtomicBoolean(true);
    var dice = new RandomGenerator() {
      @Override
      public long nextLong() {
        if (fails.getAndSet(false)) {
          throw new IllegalStateException("no dice");
        }
        return 0;
      }

      @Override
      public long nextLong(long bound) {
        return 0;
      }
    };
    var settings = Settings.defaults().withRecheckDeadline(Duration.ofSeconds(1)).withRecheck(stream -> {
      asked.countDown();
      Await.interrupt();
      throw new IllegalStateException("interrupted");
    });
    try (var _ = new LogRecords(); var site = site(settings, dice); var client = Client.get(site.uri())) {
      client.head();
      ticker.advance(Duration.ofSeconds(15));
      Await.latch("the check", asked);
      assertThrows(IllegalStateException.class, () -> ticker.advance(Duration.ofSeconds(1)));
      assertEquals(Ending.REVOKED, site.ending());
    }
  }

  /** Neither a handler nor a stop may fail because of the farewell, and the response has to end. */
  @Test
  void aStopEndsTheStreamsAlsoIfItCannotTellThemWhenToComeBack() throws Exception {
    var fails = new AtomicBoolean();
    RandomGenerator dice = () -> {
      if (fails.get()) {
        throw new IllegalStateException("no dice");
      }
      return 0;
    };
    try (var log = new LogRecords(); var site = site(Settings.defaults(), dice);
        var client = Client.get(site.uri()); var other = Client.get(site.uri())) {
      var streams = List.of(site.opened(), site.opened());
      assertTrue(streams.stream().allMatch(stream -> stream.send("before")));
      fails.set(true);
      site.sources.close();
      for (EventSource stream : streams) {
        assertEquals(Optional.of(Ending.STOPPING), stream.ending());
      }
      assertTrue(client.toEnd().contains("data: before\n\n"));
      assertTrue(other.toEnd().contains("data: before\n\n"));
      assertTrue(log.messages().stream().noneMatch(line -> line.contains("a stop")), log.messages()::toString);
    }
  }

  /** Another thread may end a stream while it opens. */
  @Test
  void nothingIsScheduledForOneThatHasEndedBefore() {
    var stream = mock(Lease.Holder.class);
    var values = Settings.defaults().withMaxLifetime(DAY).values();
    try (var engine = new Engine(values, ticker, new Threads(), always(0))) {
      var lease = Lease.of(stream, engine, Optional.of(() -> true)).orElseThrow();
      lease.stop();
      lease.start();
      assertEquals(0, ticker.waiting());
    }
  }

  /** A timer would hold the stream for its whole possible lifetime. */
  @Test
  void anEndedStreamLeavesNoTimer() throws Exception {
    var checks = new LinkedBlockingQueue<Thread>();
    var settings = Settings.defaults().withMaxLifetime(DAY).withRecheckDeadline(DAY).withRecheck(stream -> checks.add(Thread.currentThread()));
    try (var sources = ticker.sources(settings)) {
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      for (int i = 0; i < 3; i++) {
        ticker.advance(Duration.ofSeconds(15));
        Await.end(Await.next("the check", checks));
      }
      stream.close();
      ticker.advance(Duration.ofMinutes(2));
      // The writer thread of the last ping may not yet have reported its end. The steps are far shorter than a day.
      Await.until("no timer is left", () -> {
        ticker.advance(Duration.ofSeconds(1));
        return ticker.waiting() == 0;
      });
    }
  }
}
