package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;

/** Application code that a broadcast calls must not delay any stream, whatever it does. */
class BroadcastTest {
  private final EventSources sources = EventSources.create();
  private final Map<String, ByteArrayOutputStream> bodies = new java.util.concurrent.ConcurrentHashMap<>();

  private EventSource open(String identifier) {
    var body = new ByteArrayOutputStream();
    bodies.put(identifier, body);
    var stream = sources.open(MockExchange.with(new Headers(), body), identifier);
    stream.send("open");
    assertTrue(stream.flush());
    return stream;
  }

  private int count(String identifier, String data) {
    return bodies.get(identifier).toString(UTF_8).split("data: " + data + "\n", -1).length - 1;
  }

  /** One session per user: the newer stream stays. */
  @Test
  void aPredicateMayCloseAStreamThatItChoseBefore() throws Exception {
    try (sources) {
      var older = open("older");
      var newer = open("newer");
      var took = new LinkedBlockingQueue<Integer>();
      Thread.ofVirtual().start(() -> took.add(sources.broadcast(Event.of("x"), stream -> {
        if (stream == newer) {
          older.close();
        }
        return true;
      })));
      assertEquals(1, Await.next("the broadcast", took));
      assertTrue(newer.flush());
      assertEquals(1, count("newer", "x"));
    }
  }

  /** One thread closes a stream while it holds an application lock that the predicate waits for. */
  @Test
  void aPredicateMayWaitForALockUnderWhichAStreamIsClosed() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/", request -> request.getEventSource(request.query("id").orElseThrow()).keepAlive());
      server.start();
      var users = new ReentrantLock();
      var asked = new CountDownLatch(1);
      var closing = new CountDownLatch(1);
      try (var one = Client.get(server.uri().resolve("/?id=one"));
          var other = Client.get(server.uri().resolve("/?id=other"))) {
        one.awaitText(":\n\n");
        other.awaitText(":\n\n");
        var kicker = Thread.ofPlatform().start(() -> {
          Await.uninterrupted(() -> Await.latch("the predicate", asked));
          users.lock();
          try {
            closing.countDown();
            server.eventSources().getByIdentifier("one").orElseThrow().close();
          } finally {
            users.unlock();
          }
        });
        var publisher = Thread.ofPlatform().start(() -> server.eventSources().broadcast(Event.of("hello"), stream -> {
          asked.countDown();
          Await.uninterrupted(() -> Await.latch("the closing", closing));
          users.lock();
          users.unlock();
          return true;
        }));
        Await.end(kicker);
        Await.end(publisher);
        assertEquals("hello", other.next().data());
      }
    }
  }

  @Test
  void whileAPredicateIsAskedOtherSendsGoOut() throws Exception {
    try (sources) {
      var first = open("first");
      var second = open("second");
      var asked = new CountDownLatch(1);
      var sent = new CountDownLatch(1);
      var publisher = Thread.ofVirtual().start(() -> sources.broadcast(Event.of("x"), stream -> {
        if (stream == second) {
          asked.countDown();
          Await.uninterrupted(() -> Await.latch("the other send", sent));
        }
        return true;
      }));
      Await.latch("the predicate", asked);
      assertTrue(first.send("urgent"));
      assertTrue(first.flush());
      assertEquals(1, count("first", "urgent"));
      sent.countDown();
      Await.end(publisher);
      assertTrue(first.flush());
      assertEquals(1, count("first", "x"));
    }
  }

  @Test
  void aPredicateThatThrowsLeavesNoStreamWithoutAWriter() throws Exception {
    try (sources) {
      var first = open("first");
      var second = open("second");
      assertThrows(IllegalStateException.class, () -> sources.broadcast(Event.of("x"), stream -> {
        if (stream == second) {
          throw new IllegalStateException("who is that?");
        }
        return true;
      }));
      assertTrue(first.flush());
      assertEquals(1, count("first", "x"));
      assertTrue(second.send("y"));
      assertTrue(second.flush());
      assertEquals(1, count("second", "y"));
      assertEquals(0, count("second", "x"));
    }
  }

  @Test
  void manyStreamsAreAskedInPortionsAndEachGetsItOnce() throws Exception {
    try (sources) {
      var streams = new ArrayList<EventSource>();
      for (int i = 0; i < 2500; i++) {
        streams.add(open("s" + i));
      }
      int[] index = {0};
      assertEquals(1250, sources.broadcast(Event.of("x"), stream -> index[0]++ % 2 == 0));
      assertEquals(2500, index[0]);
      streams.forEach(EventSource::flush);
      assertEquals(1250, bodies.keySet().stream().mapToInt(id -> count(id, "x")).sum());
      assertTrue(bodies.keySet().stream().allMatch(id -> count(id, "x") <= 1));
    }
  }

  @Test
  void anEventLargerThanTheSettingIsRefusedForAllStreams() throws Exception {
    try (var bounded = EventSources.create(Settings.defaults().withMaxEventBytes(20))) {
      var body = new ByteArrayOutputStream();
      var stream = bounded.open(MockExchange.with(new Headers(), body));
      String fits = "x".repeat(12); // plus 8 bytes for the field name and two line breaks
      var error = assertThrows(IllegalArgumentException.class, () -> stream.send(fits + "x"));
      assertEquals("an event must be at most 20 bytes as it is sent: 21", error.getMessage());
      assertThrows(IllegalArgumentException.class, () -> stream.offer(fits + "x"));
      assertThrows(IllegalArgumentException.class, () -> bounded.broadcast(fits + "x"));
      assertThrows(IllegalArgumentException.class, () -> Settings.defaults().withMaxEventBytes(0));
      assertTrue(stream.send(fits));
      assertEquals(1, bounded.broadcast(fits));
      assertTrue(stream.flush());
      assertTrue(stream.isOpen());
    }
  }

  // Errors at any point.

  /** Fails once, as if there were no memory for a thread. */
  private static ThreadFactory failingOnce(AtomicBoolean fails) {
    var threads = new Threads().virtual("tidings-writer");
    return task -> {
      if (fails.getAndSet(false)) {
        throw new OutOfMemoryError("no thread");
      }
      return threads.newThread(task);
    };
  }

  @Test
  void aWriterThatCannotBeStartedIsStartedAMomentLater() throws Exception {
    for (boolean many : new boolean[] {true, false}) {
      var ticker = new ManualTicker();
      var fails = new AtomicBoolean(true);
      var writers = new Writers(ticker, failingOnce(fails));
      var written = new CountDownLatch(1);
      var sink = new QuietSink() {
        @Override
        public void write(java.util.List<Frame> batch) {
          written.countDown();
        }
      };
      var outbox = new Outbox(sink, sink, writers, Settings.defaults().values().queue());
      outbox.open();
      outbox.release();
      try (var log = new LogRecords()) {
        if (many) {
          var frame = Frame.of(Event.of("x"));
          writers.deliver(java.util.List.of(outbox), (Outbox to, Outbox.Starter starter) -> to.offer(frame, starter) == Answer.TAKEN);
        } else {
          outbox.offer(Frame.of(Event.of("x")));
        }
        assertFalse(fails.get());
        assertEquals(1, log.messages(java.util.logging.Level.SEVERE).size());
        ticker.advance(Duration.ofMillis(20));
        Await.latch("the write", written);
      }
    }
  }

  @Test
  void aHeartbeatThatThrowsKeepsNoOtherFromBeating() {
    var ticker = new ManualTicker();
    var heartbeats = new Heartbeats(ticker, new Writers(ticker, new Threads().virtual("tidings-writer")));
    var beats = new ArrayList<String>();
    for (String name : new String[] {"first", "throws", "last"}) {
      var stream = org.mockito.Mockito.mock(Heartbeats.Beating.class);
      org.mockito.Mockito.doAnswer(call -> {
        beats.add(name);
        if (name.equals("throws")) {
          throw new OutOfMemoryError("not really");
        }
        return true;
      }).when(stream).ping(org.mockito.ArgumentMatchers.any(), org.mockito.ArgumentMatchers.any());
      heartbeats.of(stream).start(Frame.COMMENT, Frame.COMMENT, Duration.ofSeconds(1));
    }
    try (var log = new LogRecords()) {
      ticker.advance(Duration.ofSeconds(1));
      assertEquals(java.util.List.of("first", "throws", "last"), beats);
      assertEquals(1, log.messages(java.util.logging.Level.SEVERE).size());
    }
  }

  /** The application's object for a client. Equal objects mean the same client; their methods may throw. */
  private static final class Unequal {
    static volatile boolean throwing;

    @Override
    public boolean equals(Object other) {
      if (throwing) {
        throw new IllegalStateException("equals");
      }
      return other instanceof Unequal;
    }

    @Override
    public int hashCode() {
      if (throwing) {
        throw new IllegalStateException("hashCode");
      }
      return 1;
    }
  }

  @Test
  void aClientWhoseEqualsThrowsNeitherKeepsAPlaceNorAStreamFromItsEnd() throws Exception {
    var settings = Settings.defaults().withMaxStreams(1).withMaxStreamsPerClient(1).withClient(exchange -> new Unequal());
    try (var log = new LogRecords(); var limited = EventSources.create(settings)) {
      Unequal.throwing = true;
      for (int i = 0; i < 3; i++) {
        assertThrows(IllegalStateException.class, () -> limited.open(MockExchange.with(new Headers(), new ByteArrayOutputStream())));
        assertThrows(IllegalStateException.class, () -> limited.open(MockExchange.with(new Headers(), new ByteArrayOutputStream()), "me"));
      }
      var exchange = MockExchange.with(new Headers(), new ByteArrayOutputStream());
      for (int i = 0; i < 2; i++) { // a failed attempt must not leave the exchange claimed
        var error = assertThrows(IllegalStateException.class, () -> limited.open(exchange));
        assertFalse(error.getMessage().contains("already"), error.getMessage());
      }
      assertEquals(0, limited.count());
      assertTrue(limited.streams().isEmpty());
      Unequal.throwing = false;
      var stream = limited.open(MockExchange.with(new Headers(), new ByteArrayOutputStream()), "me");
      assertEquals(1, limited.count());
      Unequal.throwing = true;
      Await.end(Thread.ofVirtual().start(stream::close));
      assertEquals(0, limited.count());
      assertTrue(limited.getByIdentifier("me").isEmpty());
      assertEquals(1, log.messages(java.util.logging.Level.SEVERE).size());
      Await.end(Thread.ofVirtual().start(limited::close));
    } finally {
      Unequal.throwing = false;
    }
  }

  /** The equals method of the key is called while the stream is offered the event. */
  @Test
  void aKeyWhoseEqualsThrowsLeavesNoOtherStreamWithoutAWriter() throws Exception {
    var throwing = new AtomicBoolean();
    final class Key {
      @Override
      public boolean equals(Object other) {
        if (throwing.get()) {
          throw new IllegalStateException("equals");
        }
        return other instanceof Key;
      }

      @Override
      public int hashCode() {
        return 1;
      }
    }
    var settings = Settings.defaults().withQueueEvents(1).withOverflow(Overflow.keepLatest(event -> new Key()));
    try (var log = new LogRecords(); var keeping = EventSources.create(settings)) {
      var body = new ByteArrayOutputStream();
      var stuck = new StuckBody();
      var first = keeping.open(MockExchange.with(new Headers(), body));
      first.send("open");
      var second = keeping.open(MockExchange.with(new Headers(), stuck));
      stuck.fill(second);
      throwing.set(true);
      assertEquals(1, keeping.broadcast("x"));
      assertEquals(1, log.messages(java.util.logging.Level.SEVERE).size());
      throwing.set(false);
      Await.until("the first stream has it", () -> body.toString(UTF_8).contains("data: x\n\n"));
      stuck.read();
      assertTrue(second.send("goes on"));
    }
  }

  /** One thread writes to several streams, and an interrupt would close the socket of the next one. */
  @Test
  void anInterruptThatOneWriteLeavesBehindHarmsNoOther() throws Exception {
    try (sources) {
      var statuses = new LinkedBlockingQueue<Boolean>();
      for (int i = 0; i < 3; i++) {
        var stream = sources.open(MockExchange.with(new Headers(), new ByteArrayOutputStream() {
          @Override
          public void flush() {
            statuses.add(Thread.currentThread().isInterrupted());
            Thread.currentThread().interrupt();
          }
        }));
        stream.send("open");
        stream.flush();
        assertFalse(Await.next("its own write", statuses));
      }
      assertEquals(3, sources.broadcast("x"));
      for (int i = 0; i < 3; i++) {
        assertFalse(Await.next("a write", statuses));
      }
    }
  }
}
