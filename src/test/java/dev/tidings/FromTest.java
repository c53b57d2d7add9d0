package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.WhatwgParser.Message;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
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
    private final AtomicReference<CountDownLatch> hangs = new AtomicReference<>(new CountDownLatch(0));

    AwayLog(EventLog log) {
      super(log);
    }

    private void pass() {
      Await.uninterrupted(() -> hangs.get().await());
      if (away.get()) {
        failed.countDown();
        throw new UncheckedIOException(new java.io.IOException("away"));
      }
    }

    @Override
    public String latest() {
      pass();
      return super.latest();
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      pass();
      var reading = super.read(after, most, Duration.ZERO.equals(wait) ? wait : Duration.ofMillis(20));
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
}
