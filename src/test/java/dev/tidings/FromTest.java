package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import dev.tidings.WhatwgParser.Message;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Where the delivery of a channel begins. */
class FromTest {
  private final EventLog log = EventLog.inMemory();
  private Channel channel = Channel.create(log);
  private Site site;

  @AfterEach
  void close() {
    channel.close();
    if (site != null) {
      site.close();
    }
  }

  private void serve(From from) throws Exception {
    serve(stream -> channel.join(stream, from));
  }

  private interface Join {
    void join(EventSource stream);
  }

  private void serve(Join join) throws Exception {
    site = new Site(EventSources.create(), stream -> {
      join.join(stream);
      return stream.keepAlive();
    });
  }

  private List<String> publish(int from, int to) {
    return numbers(from, to).stream().peek(channel::publish).toList();
  }

  private static List<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(Integer::toString).toList();
  }

  /** Connects a client, which gets the events that are expected first, and then live ones. */
  private void assertStarts(List<String> expected, String... headers) throws Exception {
    try (var client = Client.get(site.uri(), headers)) {
      client.awaitText("id: ");
      int next = expected.isEmpty() ? 1000 : Integer.parseInt(expected.getLast()) + 1;
      assertEquals(expected, client.data(expected.size()));
      channel.publish(Integer.toString(next));
      assertEquals(Integer.toString(next), client.next().data());
    }
  }

  @Test
  void fromTheStartAllThatTheLogHolds() throws Exception {
    publish(0, 10);
    serve(From.start());
    assertStarts(numbers(0, 10));
  }

  @Test
  void theLastSoMany() throws Exception {
    publish(0, 10);
    serve(From.last(3));
    assertStarts(numbers(7, 10));
  }

  @Test
  void theLastOfFewer() throws Exception {
    publish(0, 2);
    serve(From.last(3));
    assertStarts(numbers(0, 2));
  }

  @Test
  void sinceATime() throws Exception {
    publish(0, 3);
    serve(From.since(Instant.now().minusSeconds(60)));
    assertStarts(numbers(0, 3));
  }

  @Test
  void sinceATimeInTheFutureIsLive() throws Exception {
    publish(0, 3);
    serve(From.since(Instant.now().plusSeconds(60)));
    assertStarts(List.of());
  }

  @Test
  void theIdOfTheClientWins() throws Exception {
    publish(0, 3);
    String id = channel.publish("3");
    publish(4, 6);
    serve(From.start());
    assertStarts(numbers(4, 6), "Last-Event-ID: " + id);
  }

  @Test
  void exceptOverAnExactPosition() throws Exception {
    publish(0, 3);
    String position = channel.position();
    publish(3, 6);
    serve(From.exactly(position));
    assertStarts(numbers(3, 6));
    publish(7, 8);
    assertStarts(numbers(3, 8), "Last-Event-ID: " + channel.position());
  }

  @Test
  void anExactPositionThatIsLostIsAGap() throws Exception {
    publish(0, 1);
    serve(From.exactly("1-1"));
    try (var client = Client.get(site.uri())) {
      var gap = client.next();
      assertEquals("gap", gap.type());
      assertTrue(gap.data().startsWith("{\"after\":\"1-1\","), gap.data());
      assertEquals("0", client.next().data());
    }
  }

  /** A client is told its position before any event, also if its id was ignored. */
  @Test
  void thePositionIsSentFirst() throws Exception {
    String position = channel.position();
    serve(From.exactly(position));
    try (var client = Client.get(site.uri(), "Last-Event-ID: other")) {
      client.awaitText("event: tidings:position\nid: " + position + "\n");
    }
  }

  @Test
  void severalChannelsEachWithItsOwnPositionAndFilter() throws Exception {
    try (var news = Channel.create("news", EventLog.inMemory());
        var notes = Channel.create("notes", EventLog.inMemory())) {
      IntStream.range(0, 5).forEach(i -> news.publish("news " + i));
      IntStream.range(0, 5).forEach(i -> notes.publish("note " + i));
      String position = notes.position();
      notes.publish("skipped");
      notes.publish("note 6");
      serve(stream -> Channel.joinAll(
          stream,
          news.subscription().withFrom(From.last(2)),
          notes.subscription().withFrom(From.exactly(position)).withFilter(note -> !note.data().equals(java.util.Optional.of("skipped")))));
      for (int i = 0; i < 2; i++) { // also with an id: that of the notes is ignored
        String id;
        try (var client = i == 0 ? Client.get(site.uri()) : Client.get(site.uri(), "Last-Event-ID: " + PositionsTest
            .ofSeveral(java.util.Set.of("news", "notes")).with("news", news.position()).with("notes", notes.position()).id())) {
          var expected = i == 0 ? List.of("news 3", "news 4", "note 6") : List.of("note 6");
          assertEquals(expected, client.data(expected.size()).stream().sorted().toList());
          id = client.parser().lastEventId();
        }
        assertTrue(id.startsWith("~"), id);
      }
    }
  }

  @Test
  void invalid() {
    assertThrows(IllegalArgumentException.class, () -> From.last(-1));
    assertThrows(IllegalArgumentException.class, () -> From.exactly("a b"));
    assertThrows(NullPointerException.class, () -> From.since(null));
    assertEquals("From.last(3)", From.last(3).toString());
  }

  /** The stream can then join in another way. */
  @Test
  void aPositionThatTheLogDoesNotSupportIsAnErrorOfTheJoin() throws Exception {
    channel.close();
    channel = Channel.create(new ForwardingLog(log)); // has no times
    var joined = new LinkedBlockingQueue<Throwable>();
    serve(stream -> {
      joined.add(assertThrows(UnsupportedOperationException.class, () -> channel.join(stream, From.since(Instant.EPOCH))));
      assertEquals(0, channel.count());
      channel.join(stream);
    });
    try (var client = Client.get(site.uri())) {
      client.awaitText("id: ");
      assertEquals("this log does not store the times of its events", Await.next("the error", joined).getMessage());
      channel.publish("x");
      assertEquals("x", client.next().data());
    }
  }

  // State, then changes.

  /** A client that adds the changes to the state always has the current value; a change may only come too often. */
  @Test
  void aStateAndAllChangesAfterIt() throws Exception {
    var state = new AtomicLong();
    site = new Site(EventSources.create(), stream -> {
      String position = channel.position();
      stream.send("state", Long.toString(state.get()));
      channel.join(stream, From.exactly(position));
      return stream.keepAlive();
    });
    var stop = new AtomicBoolean();
    var publisher = Thread.ofPlatform().start(() -> {
      while (!stop.get()) {
        channel.publish("change", Long.toString(state.incrementAndGet()));
        if (state.get() % 20 == 0) {
          LockSupport.parkNanos(1_000_000); // so that the log holds the events of half a second
        }
      }
    });
    try {
      for (int i = 0; i < 60; i++) {
        String id = i % 2 == 0 ? "" : channel.position();
        try (var client = Client.get(site.uri(), "Last-Event-ID: " + id)) {
          var first = client.next();
          assertEquals("state", first.type());
          long value = Long.parseLong(first.data());
          for (int j = 0; j < 50; j++) {
            long change = Long.parseLong(client.next().data());
            assertTrue(change <= value + 1, "changes are missing between " + value + " and " + change);
            value = Math.max(value, change);
          }
        }
      }
    } finally {
      stop.set(true);
      Await.end(publisher);
    }
  }

  // While the log is away.

  /** A log that is away, or does not answer, until the test ends that. */
  private static final class AwayLog extends ForwardingLog {
    private final AtomicBoolean away = new AtomicBoolean();
    private final CountDownLatch failed = new CountDownLatch(2); // the join, and another attempt
    private volatile Duration longest = Duration.ofMillis(20); // of a wait
    private final AtomicReference<CountDownLatch> hangs = new AtomicReference<>(new CountDownLatch(0));

    private final EventLog log;

    AwayLog(EventLog log) {
      super(log);
      this.log = log;
    }

    private void pass() {
      Await.uninterrupted(() -> hangs.get().await());
      if (away.get()) {
        failed.countDown();
        throw new UncheckedIOException(new java.io.IOException("away"));
      }
    }

    @Override
    public String append(Event event, String key) {
      return log.append(event, key);
    }

    @Override
    public String latest() {
      pass();
      return super.latest();
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      pass();
      var reading = super.read(after, most, Duration.ZERO.equals(wait) ? wait : longest);
      pass();
      return reading;
    }
  }

  private AwayLog awayLog() {
    var away = new AwayLog(log);
    channel.close();
    channel = new Channel("", away, "gap", Duration.ofMillis(20));
    return away;
  }

  @Test
  void whileTheLogIsAwayAStreamBeginsAtTheLastKnownEnd() throws Exception {
    var away = awayLog();
    serve(From.live());
    channel.publish("before");
    try (var _ = new LogRecords()) {
      away.away.set(true);
      try (var client = Client.get(site.uri())) {
        client.awaitText("id: ");
        log.append(Event.of("meanwhile")); // by another server
        away.away.set(false);
        assertEquals("meanwhile", client.next().data());
      }
    }
  }

  @Test
  void withoutAnyKnownEndItIsToldAGap() throws Exception {
    var away = awayLog();
    log.append(Event.of("before"));
    away.away.set(true);
    serve(From.live());
    try (var records = new LogRecords(); var client = Client.get(site.uri())) {
      Await.latch("it has joined", away.failed);
      log.append(Event.of("lost"));
      String end = log.latest();
      away.away.set(false);
      var gap = client.next();
      assertEquals(new Message("gap", "{\"after\":\"\",\"from\":\"" + end + "\"}", end), gap);
      channel.publish("after");
      assertEquals("after", client.next().data());
      assertEquals(1, records.messages(Level.SEVERE).size());
    }
  }

  @Test
  void fromTheStartNothingIsMissed() throws Exception {
    var away = awayLog();
    publish(0, 3);
    away.away.set(true);
    serve(From.start());
    try (var _ = new LogRecords(); var client = Client.get(site.uri())) {
      Await.latch("it has joined", away.failed);
      away.away.set(false);
      assertEquals(numbers(0, 3), client.data(3));
    }
  }

  /** The join returns although the log does not. */
  @Test
  void aLogThatDoesNotAnswerHoldsNoJoinUp() throws Exception {
    var away = awayLog();
    var answers = new CountDownLatch(1);
    var joined = new CountDownLatch(1);
    serve(stream -> {
      away.hangs.set(answers);
      channel.join(stream);
      joined.countDown();
    });
    try (var _ = new LogRecords(); var client = Client.get(site.uri())) {
      Await.latch("the join", joined);
      assertEquals(1, answers.getCount());
      answers.countDown();
      assertEquals("gap", client.next().type());
      channel.publish("after");
      assertEquals("after", client.next().data());
    } finally {
      answers.countDown();
    }
  }

  /** The interrupt could otherwise close the connection of a log on another machine. */
  @Test
  void anInterruptOfTheHandlerDoesNotReachTheLog() throws Exception {
    var away = awayLog();
    var answers = new CountDownLatch(1);
    var interrupted = new AtomicBoolean();
    var waiting = new AtomicReference<Thread>();
    var handler = new AtomicReference<Thread>();
    channel.close();
    channel = Channel.create(new ForwardingLog(away) {
      @Override
      public String latest() {
        boolean first = waiting.compareAndSet(null, Thread.currentThread());
        try {
          answers.await();
        } catch (InterruptedException e) {
          interrupted.compareAndSet(false, first);
        }
        return super.latest();
      }
    });
    var ends = new ArrayList<Ending>();
    site = new Site(EventSources.create(), stream -> {
      handler.set(Thread.currentThread());
      channel.join(stream);
      ends.add(stream.keepAlive());
      return ends.getFirst();
    });
    try (var _ = new LogRecords(); var _ = Client.get(site.uri())) {
      Await.until("the log is asked", () -> waiting.get() != null);
      handler.get().interrupt();
      assertEquals(Ending.INTERRUPTED, site.ending());
      assertFalse(interrupted.get());
    } finally {
      answers.countDown();
    }
    assertFalse(interrupted.get());
  }

  /** Returns the data of the first event that a client receives that joins while the log is away, and this one is appended. */
  private String firstOfANewcomer(AwayLog away) throws Exception {
    try (var _ = new LogRecords()) {
      away.away.set(true);
      try (var client = Client.get(site.uri())) {
        client.awaitText("id: ");
        log.append(Event.of("meanwhile"));
        away.away.set(false);
        return client.next().data();
      }
    }
  }

  @Test
  void aRepeatedKeyDoesNotMoveTheKnownEndBack() throws Exception {
    var away = awayLog();
    serve(From.live());
    channel.publish(Event.of("1"), "key");
    channel.publish("2");
    channel.publish(Event.of("1"), "key");
    assertEquals("meanwhile", firstOfANewcomer(away));
  }

  /** Other servers have published them. */
  @Test
  void whatAStreamWasDeliveredIsKnown() throws Exception {
    var away = awayLog();
    serve(From.live());
    try (var live = Client.get(site.uri()).awaitText("id: ")) {
      Await.until("it is live", () -> channel.tail().isRunning());
      String id = log.append(Event.of("elsewhere"));
      assertEquals("elsewhere", live.next().data());
      Await.until("the thread has passed it", () -> channel.tail().passed().equals(Optional.of(id)));
      assertEquals("meanwhile", firstOfANewcomer(away));
    }
  }

  @Test
  void soIsWhereAnEarlierStreamBegan() throws Exception {
    var away = awayLog();
    away.longest = Duration.ofHours(1); // so that only the join finds the end
    log.append(Event.of("elsewhere"));
    var first = new AtomicBoolean(true);
    serve(stream -> {
      channel.join(stream);
      if (first.getAndSet(false)) {
        channel.leave(stream);
        stream.close();
      }
    });
    try (var client = Client.get(site.uri())) {
      client.toEnd();
    }
    away.longest = Duration.ofMillis(20);
    assertEquals("meanwhile", firstOfANewcomer(away));
  }

  /** It answers when the join has returned, so the join cannot throw. */
  @Test
  void aPositionThatTheLogDoesNotSupportEndsAStreamThatHasJoined() throws Exception {
    var answers = new CountDownLatch(1);
    var calls = new AtomicLong();
    channel.close();
    channel = new Channel("", new ForwardingLog(log) {
      @Override
      public String since(Instant time) {
        calls.incrementAndGet();
        Await.uninterrupted(answers::await);
        return super.since(time);
      }
    }, "gap", Duration.ofMillis(1));
    var joined = new CountDownLatch(1);
    serve(stream -> {
      channel.join(stream, From.since(Instant.EPOCH));
      joined.countDown();
    });
    try (var records = new LogRecords(); var _ = Client.get(site.uri())) {
      Await.latch("the join", joined);
      answers.countDown();
      assertEquals(Ending.FAILED, site.ending());
      assertEquals(List.of("a stream has ended, because its log does not support From.since(1970-01-01T00:00:00Z)"),
          records.messages(Level.WARNING));
      assertEquals(2, calls.get(), "once by the join, once by the stream");
    } finally {
      answers.countDown();
    }
  }

  // Several logs that do not answer.

  private static final int SEVERAL = 3;

  /** The join asks all logs before it waits, and waits one second in all. */
  @Test
  void severalLogsThatDoNotAnswerDelayAJoinByOneSecondInAll() throws Exception {
    var asked = new AtomicLong();
    var whenReported = new LinkedBlockingQueue<Long>();
    var answers = new CountDownLatch(1);
    var joins = new AtomicReference<Thread>();
    var handler = new Handler() {
      @Override
      public void publish(LogRecord record) {
        if (record.getLevel() != Level.SEVERE || Thread.currentThread() != joins.get()) {
          return;
        }
        if (whenReported.isEmpty()) {
          Thread.ofVirtual().start(() -> { // if the join waits once more, it gets answers
            Await.until("the join", () -> joins.get().getState() == Thread.State.TIMED_WAITING || !joins.get().isAlive());
            answers.countDown();
          });
        }
        whenReported.add(asked.get());
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
    var threads = mock(ChannelThreads.class);
    when(threads.turns()).thenReturn(new Semaphore(1));
    when(threads.tails()).thenReturn(Thread.ofVirtual().factory());
    when(threads.replays()).thenReturn(task -> {
      asked.incrementAndGet();
      return Thread.ofVirtual().unstarted(task);
    });
    var channels = IntStream.range(0, SEVERAL).mapToObj(i -> Channel.of("channel " + i, new ForwardingLog(EventLog.inMemory()) {
      @Override
      public String latest() {
        Await.uninterrupted(answers::await);
        return super.latest();
      }
    }, new Outages(0), threads)).toArray(Channel[]::new);
    var logger = Logger.getLogger("dev.tidings");
    try (var _ = new LogRecords(); var sources = EventSources.create()) {
      logger.addHandler(handler);
      var stream = sources.open(
          MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      joins.set(Thread.ofVirtual().unstarted(() -> Channel.joinAll(stream, channels)));
      joins.get().start();
      Await.end(joins.get());
      assertEquals(Collections.nCopies(SEVERAL, (long) SEVERAL), List.copyOf(whenReported));
    } finally {
      logger.removeHandler(handler);
      answers.countDown();
      for (var one : channels) {
        one.close();
      }
    }
  }

  // Interrupts.

  /** An interrupted call of a log in this process is no outage. */
  @Test
  void anInterruptedHandlerJoinsFromTheStartOfALogInMemory() throws Exception {
    publish(0, 3);
    var statuses = new LinkedBlockingQueue<Boolean>();
    var interrupted = new LinkedBlockingQueue<Ending>();
    site = new Site(EventSources.create(), stream -> {
      Thread.currentThread().interrupt();
      channel.join(stream, From.start());
      boolean continues = stream.identifier().isPresent();
      statuses.add(continues ? Thread.interrupted() : Thread.currentThread().isInterrupted());
      var ending = stream.keepAlive();
      if (!continues) {
        interrupted.add(ending);
      }
      return ending;
    });
    try (var records = new LogRecords()) {
      try (var client = Client.get(site.uri("continues"))) {
        assertEquals(numbers(0, 3), client.data(3));
        channel.publish("3");
        assertEquals("3", client.next().data());
        assertTrue(Await.next("its status", statuses));
      }
      try (var _ = Client.get(site.uri())) {
        assertEquals(Ending.INTERRUPTED, Await.next("its ending", interrupted));
        assertTrue(Await.next("its status", statuses));
      }
      assertEquals(List.of(), records.loud());
    }
  }

  @Test
  void anInterruptedSearchKeepsTheStatus() {
    for (var from : List.of(From.start(), From.last(3))) {
      Thread.currentThread().interrupt();
      var thrown = assertThrows(UncheckedIOException.class, () -> from.in(new ForwardingLog(log)));
      assertEquals(InterruptedIOException.class, thrown.getCause().getClass());
      assertTrue(Thread.interrupted());
    }
  }
}
