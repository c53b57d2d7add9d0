package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A family of channels by name. */
class ChannelsTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final ManualTicker ticker = new ManualTicker();
  private final AtomicLong elapsed = new AtomicLong(); // nanoseconds, of the logs in memory
  private Channels rooms = rooms(name -> memory(), 1000);
  private Site site;

  /** A log on which time passes only when a test says so. */
  private EventLog memory() {
    return new MemoryEventLog(
        1000, 1_000_000, Duration.ofHours(1), () -> Instant.EPOCH, elapsed::get, MemoryEventLog.anyNumber());
  }

  private Channels rooms(Function<String, EventLog> logs, int most) {
    return new Channels(logs, most, ticker);
  }

  @AfterEach
  void close() {
    rooms.close();
    if (site != null) {
      site.close();
    }
  }

  /** The identifiers of the streams are the names of their channels, separated by commas. */
  private void serve() throws Exception {
    site = new Site(EventSources.create(Settings.defaults().withHeartbeat(Duration.ofHours(1))), stream -> {
      rooms.join(stream, stream.identifier().orElseThrow().split(","));
      return stream.keepAlive();
    });
  }

  private Client connect(String names, String... headers) throws Exception {
    return Client.get(site.uri(names), headers).awaitText("id: ");
  }

  /** Lets this much time pass, and waits for the sweeps. */
  private void pass(Duration duration) {
    ticker.advance(duration);
    Await.until("the sweeps are done", () -> VirtualThreads.named("tidings-channels").isEmpty());
  }

  // Joining and publishing.

  @Test
  void anEventReachesTheStreamsOfItsChannelOnly() throws Exception {
    serve();
    try (var kitchen = connect("kitchen"); var hall = connect("hall"); var both = connect("kitchen,hall")) {
      rooms.publish("hall", Event.of("h"));
      assertEquals("h", hall.next().data());
      assertEquals("h", both.next().data());
      rooms.publish("kitchen", Event.of("k"));
      assertEquals("k", kitchen.next().data());
      assertEquals("k", both.next().data());
      assertEquals(2, rooms.count());
      assertEquals(2, rooms.count("hall"));
      assertEquals(0, rooms.count("cellar"));
    }
  }

  @Test
  void aClientThatComesBackContinues() throws Exception {
    serve();
    String id;
    try (var client = connect("kitchen,hall")) {
      rooms.publish("hall", Event.of("1"));
      id = client.next().lastEventId();
    }
    rooms.publish("hall", Event.of("2"));
    rooms.publish("kitchen", Event.of("3"));
    try (var client = connect("kitchen,hall", "Last-Event-ID: " + id)) {
      assertEquals(List.of("2", "3"), client.data(2).stream().sorted().toList());
    }
  }

  @Test
  void fromAPositionWithAFilter() throws Exception {
    rooms.publishAll("hall", IntStream.range(0, 10).mapToObj(i -> Event.of("" + i)).toList());
    site = new Site(EventSources.create(), stream -> {
      rooms.join(stream, From.last(4), event -> !event.data().orElseThrow().equals("8"), "hall");
      return stream.keepAlive();
    });
    try (var client = Client.get(site.uri())) {
      assertEquals(List.of("6", "7", "9"), client.data(3));
      assertEquals(rooms.position("hall"), client.parser().lastEventId());
    }
  }

  @Test
  void aStreamCanLeave() throws Exception {
    serve();
    try (var client = connect("kitchen,hall")) {
      rooms.leave(site.opened(), "kitchen", "cellar");
      assertEquals(0, rooms.count("kitchen"));
      rooms.publish("kitchen", Event.of("k"));
      rooms.publish("hall", Event.of("h"));
      assertEquals("h", client.next().data());
    }
  }

  @Test
  void aChannelCanBeCompleted() throws Exception {
    serve();
    try (var client = connect("kitchen")) {
      rooms.publish("kitchen", Event.of("last"), "key");
      rooms.complete("kitchen");
      assertEquals("last", client.next().data());
      assertEquals("tidings:completed", client.next().type());
      assertEquals(Ending.COMPLETED, site.ending());
    }
    assertThrows(NotAppendedException.class, () -> rooms.publish("kitchen", Event.of("late")));
    pass(MINUTE.multipliedBy(10));
    assertThrows(NotAppendedException.class, () -> rooms.publish("kitchen", Event.of("late")));
  }

  @Test
  void namesAreChecked() throws Exception {
    for (String name : List.of("", "x".repeat(257), "\u20ac".repeat(86), "\uD83D")) {
      assertThrows(StatusException.class, () -> rooms.publish(name, Event.of("x")));
      assertThrows(StatusException.class, () -> rooms.complete(name));
      assertThrows(StatusException.class, () -> rooms.position(name));
    }
    var error = assertThrows(StatusException.class, () -> rooms.publish("x".repeat(300), Event.of("x")));
    assertEquals(400, error.status());
    assertTrue(error.getMessage().startsWith("the name of a channel must be 1 to 256 bytes in UTF-8: \"xxx"), error.getMessage());
    assertTrue(error.getMessage().length() < 200);
    rooms.publish("\u20ac".repeat(85), Event.of("x"));
    try (var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), java.io.OutputStream.nullOutputStream()));
      var refused = assertThrows(StatusException.class, () -> rooms.join(stream, "good", "x".repeat(257)));
      assertEquals(400, refused.status());
      assertEquals(400, assertThrows(StatusException.class, () -> rooms.join(stream, "twice", "twice")).status());
      assertEquals(400, assertThrows(StatusException.class, () -> rooms.join(stream)).status());
      int before = rooms.count();
      var many = IntStream.range(0, 401).mapToObj(i -> "room " + i).toArray(String[]::new);
      assertEquals(400, assertThrows(StatusException.class, () -> rooms.join(stream, many)).status());
      assertEquals(before, rooms.count(), "none of them is created");
      var tooMany = IntStream.range(0, 400).mapToObj(i -> "room " + i).toArray(String[]::new);
      assertEquals(400, assertThrows(StatusException.class, () -> rooms.join(stream, tooMany)).status());
      assertEquals(before + 86, rooms.count(), "those up to the first that does not fit");
      assertEquals(0, rooms.count("good"));
      rooms.join(stream, "good");
      assertEquals(1, rooms.count("good"));
    }
    assertThrows(IllegalArgumentException.class, () -> Channels.create(name -> memory(), 0).close());
  }

  // Dropping.

  @Test
  void aChannelWithHistoryIsNotDropped() throws Exception {
    rooms.publish("kitchen", Event.of("x"));
    pass(MINUTE.multipliedBy(10));
    assertEquals(1, rooms.count());
    elapsed.addAndGet(Duration.ofHours(2).toNanos());
    pass(MINUTE);
    assertEquals(1, rooms.count(), "not at the first sweep that finds it idle");
    pass(MINUTE);
    assertEquals(0, rooms.count());
    pass(MINUTE);
    assertEquals(0, ticker.waiting(), "without channels there is no timer");
  }

  @Test
  void aChannelWithStreamsIsNotDropped() throws Exception {
    serve();
    try (var client = connect("kitchen")) {
      pass(MINUTE.multipliedBy(10));
      assertEquals(1, rooms.count());
      rooms.publish("kitchen", Event.of("x"));
      assertEquals("x", client.next().data());
      elapsed.addAndGet(Duration.ofHours(2).toNanos());
      rooms.leave(site.opened(), "kitchen");
      pass(MINUTE.multipliedBy(2));
      assertEquals(0, rooms.count());
    }
  }

  @Test
  void aCallKeepsAChannelForAnotherMinute() {
    rooms.position("kitchen");
    for (int i = 0; i < 10; i++) {
      pass(MINUTE);
      assertEquals(1, rooms.count());
      rooms.position("kitchen");
    }
    pass(MINUTE.multipliedBy(2));
    assertEquals(0, rooms.count());
  }

  @Test
  void aClientAtTheEndOfADroppedChannelIsToldAGap() throws Exception {
    serve();
    String id = rooms.publish("kitchen", Event.of("x"));
    elapsed.addAndGet(Duration.ofHours(2).toNanos());
    pass(MINUTE.multipliedBy(2));
    assertEquals(0, rooms.count());
    rooms.publish("kitchen", Event.of("y"));
    try (var client = connect("kitchen", "Last-Event-ID: " + id)) {
      var gap = client.next();
      assertEquals("gap", gap.type());
      assertTrue(gap.data().contains("\"channel\":\"kitchen\",\"after\":\"" + id + "\""), gap.data());
      assertEquals("y", client.next().data());
    }
  }

  /** A log that must be closed before the next one of its name is opened, like one in a file. */
  private static final class ExclusiveLog extends ForwardingLog implements AutoCloseable {
    private final AtomicBoolean open;

    ExclusiveLog(EventLog store, AtomicBoolean open) {
      super(store);
      this.open = open;
      if (!open.compareAndSet(false, true)) {
        throw new IllegalStateException("opened twice");
      }
    }

    @Override
    public void close() {
      if (!open.compareAndSet(true, false)) {
        throw new IllegalStateException("closed twice");
      }
    }
  }

  /** Publishers and joins that race with sweeps lose nothing, and no log is used by two channels. */
  @Test
  void nobodyMeetsAChannelThatIsBeingDropped() throws Exception {
    Map<String, EventLog> stores = new ConcurrentHashMap<>();
    Map<String, AtomicBoolean> open = new ConcurrentHashMap<>();
    var opened = new AtomicInteger();
    rooms = rooms(
        name -> {
          opened.incrementAndGet();
          return new ExclusiveLog(
              stores.computeIfAbsent(name, key -> EventLog.inMemory()), open.computeIfAbsent(name, key -> new AtomicBoolean()));
        },
        1000);
    var stop = new AtomicBoolean();
    var sweeper = Thread.ofPlatform().start(() -> {
      while (!stop.get()) {
        ticker.advance(MINUTE);
      }
    });
    var published = new ConcurrentHashMap<String, AtomicInteger>();
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 4; i++) {
      threads.add(Thread.ofVirtual().start(() -> {
        for (int n = 0; n < 2000 || n < 50_000 && opened.get() < 20; n++) {
          String name = "room " + ThreadLocalRandom.current().nextInt(5);
          rooms.publish(name, Event.of("x"));
          published.computeIfAbsent(name, key -> new AtomicInteger()).incrementAndGet();
          if (n % 10 == 0) {
            Thread.yield();
          }
        }
      }));
    }
    try {
      for (var thread : threads) {
        Await.end(thread);
      }
    } finally {
      stop.set(true);
      Await.end(sweeper);
    }
    for (String name : published.keySet()) {
      int appended = 0;
      for (String at = ""; ; ) {
        var reading = stores.get(name).read(at, 1000, Duration.ZERO);
        if (!at.isEmpty() && reading.events().isEmpty()) {
          break;
        }
        appended += reading.events().size();
        at = reading.events().isEmpty() ? reading.from() : reading.events().getLast().id().orElseThrow();
      }
      assertEquals(published.get(name).get(), appended);
    }
    assertTrue(opened.get() > 5, () -> "dropped in between: " + opened);
    rooms.close();
    assertTrue(open.values().stream().noneMatch(AtomicBoolean::get), "all are closed");
    assertEquals(0, rooms.count());
  }

  // The number of channels.

  @Test
  void beyondTheBoundANewNameIsRefusedWithOneWarning() {
    rooms = rooms(name -> memory(), 3);
    IntStream.range(0, 3).forEach(i -> rooms.publish("room " + i, Event.of("x")));
    try (var records = new LogRecords()) {
      for (int i = 0; i < 5; i++) {
        assertEquals(503, assertThrows(StatusException.class, () -> rooms.publish("another", Event.of("x"))).status());
      }
      assertEquals(List.of("there are 3 channels, the most that are allowed; new names are refused"), records.messages(Level.WARNING));
    }
    rooms.publish("room 1", Event.of("y"));
    assertEquals(3, rooms.count());
  }

  @Test
  void atTheBoundChannelsThatNobodyNeedsMakeRoom() {
    rooms = rooms(name -> memory(), 3);
    rooms.publish("kept", Event.of("x"));
    rooms.position("idle 1");
    rooms.position("idle 2");
    rooms.publish("another", Event.of("x"));
    assertEquals(2, rooms.count());
    rooms.publish("kept", Event.of("x"));
  }

  /** Clients that ask for new names also begin sweeps, which may make room for a moment. */
  @Test
  void theWarningIsNotRepeatedAlthoughSweepsMakeRoomInBetween() {
    rooms = rooms(name -> memory(), 3);
    try (var records = new LogRecords()) {
      for (int round = 0; round < 3; round++) {
        String another = "another " + round;
        for (int i = 0; rooms.count() < 3; i++) {
          rooms.publish("room " + round + "." + i, Event.of("x"));
        }
        for (int i = 0; i < 5; i++) {
          assertThrows(StatusException.class, () -> rooms.publish(another, Event.of("x")));
        }
        elapsed.addAndGet(Duration.ofHours(2).toNanos()); // now none of them is needed
        Await.until("a sweep is forced again and makes room", () -> {
          try {
            rooms.publish(another, Event.of("x"));
            return true;
          } catch (StatusException e) {
            return false;
          }
        });
      }
      assertEquals(1, records.messages(Level.WARNING).size());
    }
  }

  /** It found no room, and its own sweep drops nothing, but another call has ended. */
  @Test
  void aCallIsNotRefusedIfThereIsRoomByThen() throws Exception {
    var may = new CountDownLatch(1);
    var other = new AtomicReference<Thread>();
    class NeededLog extends ForwardingLog implements BoundedLog {
      NeededLog() {
        super(memory());
      }

      @Override
      public boolean isTenth(long events, long nanos) {
        return false;
      }

      @Override
      public boolean isDisposable() {
        may.countDown();
        Await.uninterrupted(() -> other.get().join(20_000));
        return false;
      }
    }

    rooms = rooms(
        name -> {
          if (name.equals("bad")) {
            Await.uninterrupted(may::await);
            throw new IllegalStateException("the disk is full");
          }
          return name.equals("needed") ? new NeededLog() : memory();
        },
        2);
    rooms.position("needed");
    other.set(Thread.ofVirtual().start(
        () -> assertThrows(IllegalStateException.class, () -> rooms.publish("bad", Event.of("x")))));
    Await.until("the other call waits", () -> other.get().getState() == Thread.State.WAITING);
    assertEquals(2, rooms.count());
    rooms.publish("good", Event.of("x"));
    Await.end(other.get());
    assertEquals(2, rooms.count());
  }

  /** A log that takes as long to close as the test says. */
  private static final class SlowLog extends ForwardingLog implements AutoCloseable {
    private final CountDownLatch closing = new CountDownLatch(1);
    private final CountDownLatch may = new CountDownLatch(1);

    SlowLog() {
      super(EventLog.inMemory());
    }

    @Override
    public void close() {
      closing.countDown();
      Await.uninterrupted(may::await);
    }
  }

  /** It need not wait for the log that is dropped. */
  @Test
  void aCallThatMakesRoomDoesNotWaitForALogThatIsBeingClosed() throws Exception {
    var slow = new SlowLog();
    rooms = rooms(name -> name.equals("slow") ? slow : memory(), 1);
    rooms.position("slow");
    try {
      var thread = Thread.ofVirtual().start(() -> rooms.publish("another", Event.of("x")));
      Await.end(thread);
      Await.latch("the log is being closed", slow.closing);
      assertEquals(1, rooms.count());
    } finally {
      slow.may.countDown();
    }
  }

  // The function that creates logs.

  @Test
  void aFunctionThatFailsFailsTheCallAndIsCalledAgain() {
    var failure = new IllegalStateException("the disk is full");
    var fails = new AtomicBoolean(true);
    rooms = rooms(
        name -> {
          if (fails.get()) {
            throw failure;
          }
          return memory();
        },
        2);
    for (int i = 0; i < 5; i++) {
      assertSame(failure, assertThrows(IllegalStateException.class, () -> rooms.publish("kitchen", Event.of("x"))));
      assertEquals(0, rooms.count());
    }
    fails.set(false);
    rooms.publish("kitchen", Event.of("x"));
    assertEquals(1, rooms.count());
    rooms = rooms(name -> null, 2);
    assertEquals("the function has returned no log",
        assertThrows(NullPointerException.class, () -> rooms.publish("kitchen", Event.of("x"))).getMessage());
  }

  /** It may contain anything, such as a password, and must be logged. */
  @Test
  void anExceptionOfTheFunctionIsNotSentToTheClient() throws Exception {
    var failure = new IllegalArgumentException("redis://app:secret@db is no address");
    rooms = rooms(name -> {
      throw failure;
    }, 10);
    var thrown = new LinkedBlockingQueue<Throwable>();
    site = new Site(EventSources.create(), stream -> {
      thrown.add(assertThrows(RuntimeException.class, () -> rooms.join(stream, "hall")));
      return stream.keepAlive();
    });
    try (var client = Client.get(site.uri())) {
      client.head();
      assertSame(failure, Await.next("the exception", thrown));
    }
  }

  /** Calls of one name share an attempt, and the next call makes another, while some of the others have not returned. */
  @Test
  void callsThatShareAnAttemptThatFailsAllFailAndLaterOnesSucceed() throws Exception {
    var attempts = new ConcurrentHashMap<String, AtomicInteger>();
    rooms = rooms(
        name -> {
          if (attempts.computeIfAbsent(name, key -> new AtomicInteger()).incrementAndGet() < 4) {
            Thread.yield(); // so that others wait for this one
            throw new IllegalStateException("the disk is full");
          }
          return memory();
        },
        1000);
    int names = 200;
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 4; i++) {
      threads.add(Thread.ofVirtual().start(() -> {
        for (int name = 0; name < names; ) {
          try {
            rooms.publish("room " + name, Event.of("x"));
            name++;
          } catch (IllegalStateException e) {
            assertEquals("the disk is full", e.getMessage());
          }
        }
      }));
    }
    for (var thread : threads) {
      Await.end(thread);
    }
    assertEquals(names, rooms.count());
    assertTrue(attempts.values().stream().allMatch(count -> count.get() == 4), "a channel that works is kept");
    rooms.close();
    assertEquals(0, rooms.count());
  }

  @Test
  void twoCallsShareAnAttemptThatFails() throws Exception {
    var may = new CountDownLatch(1);
    var attempts = new AtomicInteger();
    rooms = rooms(
        name -> {
          if (attempts.incrementAndGet() == 1) {
            Await.uninterrupted(may::await);
            throw new IllegalStateException("the disk is full");
          }
          return memory();
        },
        1000);
    var first = Await.waiting("the first call", this::failure);
    var second = Await.waiting("the second call", this::failure);
    assertEquals(1, rooms.count());
    may.countDown();
    assertSame(Await.next("its failure", first), Await.next("the same one", second));
    assertEquals(1, attempts.get());
    assertEquals(0, rooms.count());
    rooms.publish("kitchen", Event.of("x"));
    assertEquals(2, attempts.get());
    assertEquals(1, rooms.count());
  }

  private IllegalStateException failure() {
    return assertThrows(IllegalStateException.class, () -> rooms.publish("kitchen", Event.of("x")));
  }

  @Test
  void aFunctionThatHangsDelaysItsNameOnlyAndIsCalledOnce() throws Exception {
    var may = new CountDownLatch(1);
    var calls = new AtomicInteger();
    rooms = rooms(
        name -> {
          if (name.equals("slow")) {
            calls.incrementAndGet();
            Await.uninterrupted(may::await);
          }
          return memory();
        },
        1000);
    var first = Await.waiting("the first publisher", () -> rooms.publish("slow", Event.of("1")));
    var ids = new LinkedBlockingQueue<String>();
    var status = new AtomicBoolean();
    var second = Thread.ofVirtual().start(() -> {
      ids.add(rooms.publish("slow", Event.of("2")));
      status.set(Thread.currentThread().isInterrupted());
    });
    Await.until("the second publisher waits", () -> second.getState() == Thread.State.WAITING);
    second.interrupt();
    for (int i = 0; i < 200; i++) {
      rooms.publish("room " + i, Event.of("x"));
    }
    pass(MINUTE.multipliedBy(3));
    assertTrue(ids.isEmpty());
    may.countDown();
    assertNotEquals(Await.next("the first id", first), Await.next("the second id", ids));
    Await.end(second);
    assertTrue(status.get(), "the interrupt status is not lost");
    assertEquals(1, calls.get());
  }

  @Test
  void anOutageOfTheStoreIsLoggedOnceForAllChannels() throws Exception {
    var away = new AtomicBoolean();
    var failed = ConcurrentHashMap.newKeySet();
    rooms = rooms(
        name -> new ForwardingLog(EventLog.inMemory()) {
          @Override
          public Reading read(String after, int most, Duration wait) throws InterruptedException {
            if (away.get()) {
              failed.add(name);
              throw new UncheckedIOException(new java.io.IOException("away"));
            }
            return super.read(after, most, wait.isZero() ? wait : Duration.ofMillis(10));
          }
        },
        1000);
    serve();
    var clients = new ArrayList<Client>();
    try (var records = new LogRecords()) {
      for (int i = 0; i < 50; i++) {
        clients.add(connect("room-" + i));
      }
      away.set(true);
      Await.until("all have failed", () -> failed.size() == 50);
      away.set(false);
      for (int i = 0; i < 50; i++) {
        rooms.publish("room-" + i, Event.of("x"));
        assertEquals("x", clients.get(i).next().data());
      }
      assertEquals(1, records.messages(Level.SEVERE).size());
    } finally {
      for (var client : clients) {
        client.close();
      }
    }
  }

  // Closing.

  @Test
  void closingClosesLogsAndLeavesTheStreamsOpen() throws Exception {
    var open = new ConcurrentHashMap<String, AtomicBoolean>();
    rooms = rooms(
        name -> new ExclusiveLog(EventLog.inMemory(), open.computeIfAbsent(name, key -> new AtomicBoolean())), 1000);
    serve();
    try (var client = connect("kitchen")) {
      rooms.close();
      rooms.close();
      assertFalse(open.get("kitchen").get());
      assertThrows(IllegalStateException.class, () -> rooms.publish("kitchen", Event.of("x")));
      assertThrows(IllegalStateException.class, () -> rooms.position("hall"));
      var stream = site.opened();
      assertTrue(stream.isOpen());
      stream.send("still there");
      assertEquals("still there", client.next().data());
      Await.until("the threads have ended", () -> VirtualThreads.named("tidings-channel").isEmpty());
    }
  }

  @Test
  void closingWaitsForALogThatASweepCloses() throws Exception {
    var slow = new SlowLog();
    rooms = rooms(name -> slow, 1000);
    rooms.position("kitchen");
    ticker.advance(MINUTE.multipliedBy(2));
    try {
      Await.latch("a sweep closes the log", slow.closing);
      var closed = Await.waiting("the close of the family", () -> {
        rooms.close();
        return true;
      });
      assertTrue(closed.isEmpty());
      slow.may.countDown();
      Await.next("the close of the family", closed);
    } finally {
      slow.may.countDown();
    }
  }

  @Test
  void anInterruptEndsTheWaitForALogThatASweepCloses() throws Exception {
    var slow = new SlowLog();
    rooms = rooms(name -> slow, 1000);
    rooms.position("kitchen");
    ticker.advance(MINUTE.multipliedBy(2));
    try {
      Await.latch("a sweep closes the log", slow.closing);
      var status = new AtomicBoolean();
      var thread = Thread.ofVirtual().start(() -> {
        rooms.close();
        status.set(Thread.currentThread().isInterrupted());
      });
      thread.interrupt();
      Await.end(thread);
      assertTrue(status.get());
    } finally {
      slow.may.countDown();
    }
  }

  /** The function then fails, and the call that needed it forgets the channel, which is counted once. */
  @Test
  void closingWhileAFunctionFailsLeavesNoChannel() throws Exception {
    var may = new CountDownLatch(1);
    rooms = rooms(
        name -> {
          Await.uninterrupted(may::await);
          throw new IllegalStateException("the disk is full");
        },
        1000);
    try (var _ = new LogRecords()) {
      var call = Await.waiting("the call", this::failure);
      var closed = Await.waiting("the close of the family", () -> {
        rooms.close();
        return true;
      });
      may.countDown();
      Await.next("its failure", call);
      Await.next("the close of the family", closed);
      assertEquals(0, rooms.count());
    }
  }

  @Test
  void aLogThatCannotBeClosedIsReported() {
    class BadLog extends ForwardingLog implements AutoCloseable {
      BadLog() {
        super(EventLog.inMemory());
      }

      @Override
      public void close() {
        throw new IllegalStateException("cannot be closed");
      }
    }

    rooms = rooms(name -> new BadLog(), 1000);
    rooms.publish("kitchen", Event.of("x"));
    rooms.publish("hall", Event.of("x"));
    try (var records = new LogRecords()) {
      rooms.close();
      assertEquals(2, records.messages(Level.SEVERE).size());
    }
    assertEquals(0, rooms.count());
  }

  @Test
  void theDefaultsAreInMemory() {
    try (var defaults = Channels.create()) {
      defaults.publishAll("kitchen", IntStream.range(0, 1001).mapToObj(i -> Event.of("" + i)).toList());
      assertEquals(1, defaults.count());
    }
  }
}
