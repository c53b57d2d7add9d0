package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The thread of a channel when its streams leave, when others wait for it, and while it waits itself. */
class TailTest {
  private static final Duration HOUR = Duration.ofHours(1);

  /** A log whose reads with a wait can be held, before they look for events, and whose end can be hidden from others. */
  private static final class HeldLog extends ForwardingLog {
    private final LinkedBlockingQueue<Thread> waiting = new LinkedBlockingQueue<>(); // each read with a wait
    private volatile CountDownLatch hold = new CountDownLatch(0);
    private volatile String end = ""; // a read without a wait finds nothing after this id
    private volatile boolean away;
    private volatile Runnable atEnd = () -> {}; // when a read without a wait has found nothing, and has not returned
    private volatile Duration wait = Duration.ZERO; // of the last read with a wait

    HeldLog(EventLog log) {
      super(log);
    }

    CountDownLatch hold() {
      return hold = new CountDownLatch(1);
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      if (wait.isZero()) {
        var reading = after.equals(end) ? Reading.covered(after, List.of()) : super.read(after, most, wait);
        if (reading.events().isEmpty()) {
          atEnd.run();
        }
        return reading;
      }
      this.wait = wait;
      waiting.add(Thread.currentThread());
      hold.await();
      if (away) {
        throw new UncheckedIOException(new IOException("away"));
      }
      return super.read(after, most, isLong() ? wait : Duration.ofMillis(10));
    }

    /** Returns whether the thread waits for long, because all clients know their positions. */
    boolean isLong() {
      return wait.compareTo(HOUR) >= 0;
    }
  }

  private final EventLog store = EventLog.inMemory(1000, 1_000_000, HOUR);
  private final HeldLog log = new HeldLog(store);
  private final Channel channel = new Channel("", log, "gap", Duration.ofMillis(20));
  private final Map<String, Predicate<Event>> filters = new HashMap<>(); // by the identifiers of streams
  private Site site;

  @AfterEach
  void close() {
    channel.close();
    if (site != null) {
      site.close();
    }
  }

  /** A stream has the filter of its identifier. */
  private void serve() throws Exception {
    site = new Site(EventSources.create(Settings.defaults().withHeartbeat(HOUR)), stream -> {
      var filter = Optional.ofNullable(filters.get(stream.identifier().orElseThrow()));
      filter.ifPresentOrElse(its -> channel.join(stream, its), () -> channel.join(stream));
      return stream.keepAlive();
    });
  }

  private Client connect(String identifier, String... headers) throws Exception {
    return Client.get(site.uri(identifier), headers);
  }

  private void awaitLive(int streams) {
    Await.until("they have joined", () -> channel.count() == streams);
    Await.until("they are live or wait to be", () -> VirtualThreads.named("tidings-replay").isEmpty());
  }

  // A thread that its streams have left.

  /** A filter that keeps the thread that calls it until the test ends that. */
  private static final class StuckFilter implements Predicate<Event> {
    private final LinkedBlockingQueue<Thread> stuck = new LinkedBlockingQueue<>();
    private final CountDownLatch may = new CountDownLatch(1);
    private volatile boolean interrupted;

    @Override
    public boolean test(Event event) {
      stuck.add(Thread.currentThread());
      try {
        may.await();
      } catch (InterruptedException e) {
        interrupted = true;
      }
      return true;
    }
  }

  /** The thread has read all events and the completion; its successor has not read yet. */
  @Test
  void aRetiredThreadDeliversAndCompletesNothing() throws Exception {
    var stuck = new StuckFilter();
    filters.put("leaves", stuck);
    serve();
    var held = log.hold();
    try (var _ = connect("leaves").awaitText("id: ")) {
      awaitLive(1);
      String first = channel.publish("1");
      channel.publish("2");
      channel.publish("3");
      channel.complete();
      held.countDown();
      var retired = Await.next("the filter", stuck.stuck);
      held = log.hold();
      channel.leave(site.opened());
      assertFalse(channel.tail().isRunning());
      log.waiting.clear();
      log.end = first;
      try (var client = connect("stays", "Last-Event-ID: " + first)) {
        Await.next("its own thread", log.waiting);
        awaitLive(1);
        stuck.may.countDown();
        Await.end(retired);
        held.countDown();
        assertEquals(List.of("2", "3"), client.data(2));
        assertEquals("tidings:completed", client.next().type());
        assertNull(client.next());
        assertEquals(Ending.COMPLETED, site.ending());
      }
    } finally {
      stuck.may.countDown();
      held.countDown();
    }
  }

  @Test
  void theLastStreamLeavesWhileAFilterRunsWhichSeesNoInterrupt() throws Exception {
    var stuck = new StuckFilter();
    filters.put("leaves", stuck);
    serve();
    try (var _ = connect("leaves").awaitText("id: ")) {
      awaitLive(1);
      channel.publish("1");
      var thread = Await.next("the filter", stuck.stuck);
      channel.leave(site.opened());
      assertFalse(channel.tail().isRunning());
      stuck.may.countDown();
      Await.end(thread);
      assertFalse(stuck.interrupted);
    } finally {
      stuck.may.countDown();
    }
  }

  @Test
  void theLastStreamLeavesDuringALongReadWhichEnds() throws Exception {
    serve();
    try (var _ = connect("leaves").awaitText("id: ")) {
      awaitLive(1);
      var thread = Await.next("a read", log.waiting);
      channel.leave(site.opened());
      Await.end(thread);
    }
  }

  @Test
  void theLastStreamLeavesWhileTheLogIsAway() throws Exception {
    serve();
    var held = log.hold();
    try (var _ = new LogRecords(); var _ = connect("leaves").awaitText("id: ")) {
      awaitLive(1);
      log.away = true;
      held.countDown();
      for (int i = 0; i < 3; i++) {
        Await.next("a read", log.waiting);
      }
      var thread = Await.next("another attempt", log.waiting);
      channel.leave(site.opened());
      Await.end(thread);
    } finally {
      held.countDown();
    }
  }

  // A subscriber that waits for the thread.

  /** The events at which it could become live are lost. */
  @Test
  void aStreamThatWaitsForTheThreadGoesOnAfterAGap() throws Exception {
    var lossy = new HeldLog(EventLog.inMemory(1, 1_000_000, HOUR));
    try (var room = Channel.create(lossy)) {
      site = new Site(EventSources.create(Settings.defaults().withHeartbeat(HOUR)), stream -> {
        room.join(stream);
        return stream.keepAlive();
      });
      var held = lossy.hold();
      try (var live = Client.get(site.uri()).awaitText("id: ")) {
        Await.next("the thread of the channel", lossy.waiting);
        String position = room.publish("1");
        try (var ahead = Client.get(site.uri(), "Last-Event-ID: " + position)) {
          Await.until("it waits", () -> room.tail().ahead() == 1);
          Await.until("it does not read any more", () -> VirtualThreads.named("tidings-replay").isEmpty());
          room.publish("2");
          room.publish("3");
          held.countDown();
          for (var client : List.of(ahead, live)) {
            assertEquals("gap", client.next().type());
            assertEquals("3", client.next().data());
          }
          room.publish("4");
          assertEquals("4", ahead.next().data());
          assertEquals("4", live.next().data());
        }
      } finally {
        held.countDown();
      }
    }
  }

  // Positions of streams with filters.

  /** The thread waits for an hour, so it would not find that the position is far. */
  @Test
  void aFilteredStreamThatBecomesLiveDuringALongWaitIsToldItsPosition() throws Exception {
    filters.put("filtered", event -> false);
    serve();
    String before = channel.publish("0");
    for (int i = 1; i < 20; i++) { // less than a tenth of the log
      channel.publish(Integer.toString(i));
    }
    try (var _ = connect("live").awaitText("id: ")) {
      awaitLive(1);
      Await.next("the thread of the channel", log.waiting);
      String end = channel.position();
      try (var filtered = connect("filtered", "Last-Event-ID: " + before)) {
        filtered.awaitText("id: " + end + "\n");
        awaitLive(2);
        assertTrue(log.waiting.isEmpty(), "the thread still waits");
      }
    }
  }

  /** The thread gets to the end of the log when the stream has just found it. */
  @Test
  void soIsOneThatMeetsTheThreadAtTheEnd() throws Exception {
    filters.put("filtered", event -> false);
    serve();
    var held = log.hold();
    try (var _ = connect("live").awaitText("id: ")) {
      awaitLive(1);
      String before = channel.publish("0");
      String end = channel.publish("1");
      log.atEnd = () -> {
        held.countDown();
        Await.until("the thread has passed it", () -> channel.tail().passed().equals(Optional.of(end)));
      };
      try (var filtered = connect("filtered", "Last-Event-ID: " + before)) {
        filtered.awaitText("id: " + end + "\n");
      }
    } finally {
      held.countDown();
    }
  }

  @Test
  void soIsTheFirstStreamOfAChannel() throws Exception {
    filters.put("filtered", event -> false);
    serve();
    String before = channel.publish("0");
    String end = channel.publish("1");
    try (var filtered = connect("filtered", "Last-Event-ID: " + before)) {
      filtered.awaitText("id: " + end + "\n");
    }
  }

  @Test
  void aPositionThatAHeartbeatHasSentIsNotSentAgain() throws Exception {
    var ticker = new ManualTicker();
    try (var sources = ticker.sources(Settings.defaults())) {
      var body = new ByteArrayOutputStream();
      var stream = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), body));
      channel.join(stream, event -> false);
      stream.flush();
      awaitLive(1);
      String told = publishAndPass(99);
      Await.until("the thread waits for a heartbeat", () -> !log.isLong());
      ticker.advance(Duration.ofSeconds(15));
      stream.flush();
      Await.until("the thread knows of it", log::isLong);
      assertEquals(List.of(told), positions(body).subList(1, positions(body).size()));
      publishAndPass(99); // less than a tenth of the log since then
      stream.flush();
      assertEquals(told, positions(body).getLast());
      String last = publishAndPass(1);
      stream.flush();
      assertEquals(List.of(told, last), positions(body).subList(1, positions(body).size()));
    }
  }

  private String publishAndPass(int events) {
    String last = "";
    for (int i = 0; i < events; i++) {
      last = channel.publish(Integer.toString(i));
    }
    String passed = last;
    Await.until("the thread has passed it", () -> channel.tail().passed().equals(Optional.of(passed)));
    return last;
  }

  private static List<String> positions(ByteArrayOutputStream body) {
    var positions = new ArrayList<String>();
    body.toString().lines().filter(line -> line.startsWith("id: ")).forEach(line -> positions.add(line.substring(4)));
    return positions;
  }
}
