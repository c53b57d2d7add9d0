package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import dev.tidings.WhatwgParser.Message;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SendingTest {

  @ParameterizedTest
  @EnumSource
  void sixtyFourThreadsSendWholeFramesEachInItsOrder(Scheme scheme) throws Exception {
    int threads = 64;
    int each = 500;
    try (var server = scheme.builder().build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource("shared")) {
          try (var senders = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int t = 0; t < threads; t++) {
              int thread = t;
              senders.submit(() -> {
                for (int i = 0; i < each; i++) {
                  assertTrue(sse.send("t" + thread, i + "\n" + "x".repeat((thread * 31 + i) % 200)));
                }
                return null;
              });
            }
          }
          assertTrue(sse.flush());
        }
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        var next = new HashMap<String, Integer>();
        int count = 0;
        for (Message message; (message = client.next()) != null; count++) {
          int expected = next.merge(message.type(), 1, Integer::sum) - 1;
          int thread = Integer.parseInt(message.type().substring(1));
          assertEquals(expected + "\n" + "x".repeat((thread * 31 + expected) % 200), message.data());
        }
        assertEquals(threads * each, count);
      }
    }
  }

  @Test
  void randomEventsComeBackExactlyThroughARealConnection() throws Exception {
    var hostile = new HostileEvents(7);
    var expected = new HostileEvents.Expectation();
    var events = new ArrayList<Event>();
    for (int i = 0; i < 2000; i++) {
      events.add(hostile.next());
    }
    events.add(Event.of("big", hostile.text(1 << 20)));
    events.forEach(expected::add);
    try (var site = new Site(EventSources.create(), stream -> {
          events.forEach(event -> assertTrue(stream.send(event)));
          return Ending.CLOSED;
        });
        var client = Client.get(site.uri())) {
      client.toEnd();
      expected.check("2000 events", client.parser());
    }
  }

  /** Every stream gets each number that is broadcast between its opening and its end, exactly once and in order. */
  @Test
  void broadcastMissesAndDoublesNothingWhileStreamsComeAndGo() throws Exception {
    int steady = 300;
    int fleeting = 200;
    var sources = EventSources.create(Settings.defaults().withQueueEvents(100_000));
    var published = new AtomicInteger();
    var done = new AtomicBoolean();
    try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor();
        var site = new Site(sources, stream -> {
          int first = published.get() + 2; // must arrive: the one after a broadcast that may be under way
          stream.send("from", Integer.toString(first));
          if (stream.identifier().orElseThrow().startsWith("steady")) {
            return stream.keepAlive();
          }
          Await.until("20 were published", () -> published.get() >= first + 20);
          stream.send("until", Integer.toString(first + 19));
          return Ending.CLOSED;
        })) {
      var opened = new CountDownLatch(steady);
      var results = new ArrayList<Future<Integer>>();
      for (int i = 0; i < steady; i++) {
        results.add(clients.submit(reader(site.uri("steady-" + i), opened)));
      }
      Await.latch("all to open", opened);
      var publisher = Thread.ofPlatform().start(() -> publish(sources, published, done));
      var comeAndGone = new ArrayList<Future<Integer>>();
      try {
        for (int i = 0; i < fleeting; i++) {
          comeAndGone.add(clients.submit(reader(site.uri("fleeting-" + i), new CountDownLatch(1))));
        }
        for (var result : comeAndGone) {
          assertTrue(result.get() >= 20);
        }
      } finally {
        done.set(true);
        Await.end(publisher);
      }
      assertEquals(steady, sources.broadcast(Event.of("until", Integer.toString(published.get()))));
      for (var result : results) {
        assertEquals(published.get(), result.get());
      }
    }
  }

  private static void publish(EventSources sources, AtomicInteger published, AtomicBoolean done) {
    while (!done.get()) {
      int number = published.get() + 1;
      sources.broadcast(Event.of("n", Integer.toString(number)));
      published.set(number);
      LockSupport.parkNanos(5_000_000);
    }
  }

  private static Callable<Integer> reader(URI uri, CountDownLatch opened) {
    return () -> {
      try (var client = Client.get(uri)) {
        int from = Integer.MAX_VALUE;
        int previous = 0;
        int count = 0;
        for (Message message; (message = client.next()) != null; ) {
          int number = Integer.parseInt(message.data());
          switch (message.type()) {
            case "from" -> {
              from = number;
              opened.countDown();
            }
            case "n" -> {
              if (previous != 0) {
                assertEquals(previous + 1, number);
              } else {
                assertTrue(number <= from, () -> "began with " + number);
              }
              previous = number;
              count++;
            }
            default -> {
              assertTrue(previous >= number, "until " + number + " but had " + previous);
              return count;
            }
          }
        }
        throw new AssertionError("ended after " + previous);
      }
    };
  }

  @Test
  void broadcastReachesUnidentifiedStreamsAndCountsThoseThatTookIt() throws Exception {
    try (var site = Site.keepingAlive();
        var one = Client.get(site.uri());
        var two = Client.get(site.uri("two"))) {
      one.head();
      two.head();
      site.opened();
      site.opened();
      assertEquals(2, site.sources.broadcast("all"));
      assertEquals(1, site.sources.broadcast(Event.of("some"), stream -> stream.identifier().isPresent()));
      assertEquals("all", one.next().data());
      assertEquals(List.of("all", "some"), two.data(2));
    }
  }

  @Test
  void flushReturnsWhenAllIsWithTheOperatingSystem() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      var stream = site.opened();
      client.head();
      for (int i = 0; i < 100; i++) {
        stream.send("n" + i);
      }
      assertTrue(stream.flush());
      var traffic = stream.traffic();
      assertEquals(0, traffic.waiting());
      assertEquals(101, traffic.sent()); // including the comment that opened it
      assertEquals("n99", client.data(100).getLast());
    }
  }

  @Test
  void afterTheEndEachAnswersFalse() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      client.head();
      var stream = site.opened();
      stream.close();
      assertFalse(stream.send("x"));
      assertFalse(stream.send("name", "x"));
      assertFalse(stream.send(Event.of("x")));
      assertFalse(stream.offer("x"));
      assertFalse(stream.flush());
      assertFalse(stream.isOpen());
      stream.close();
      stream.withPing(ping -> ping.start());
      assertEquals(Ending.CLOSED, stream.keepAlive());
      assertEquals(0, site.sources.broadcast("x"));
      assertEquals(":\n\n", client.toEnd());
    }
  }

  @Test
  void additionalFieldsArrive() throws Exception {
    try (var site = new Site(EventSources.create(), stream -> {
          stream.send(Event.of("x").withField("trace", "abc\ndef").withId("é€\uD83D\uDE00"));
          return Ending.CLOSED;
        });
        var client = Client.get(site.uri())) {
      assertEquals(new Message("message", "x", "é€\uD83D\uDE00"), client.next());
      assertEquals(List.of("trace=abc", "trace=def"), client.parser().unknownFields());
    }
  }

  @Test
  void whatTheKeyFunctionThrowsReachesTheSenderAlone() throws Exception {
    var settings = Settings.defaults().withOverflow(Overflow.keepLatest(event -> {
      throw new IllegalStateException("no key");
    }));
    try (var site = new Site(EventSources.create(settings), EventSource::keepAlive); var client = Client.get(site.uri())) {
      client.head();
      var stream = site.opened();
      assertThrows(IllegalStateException.class, () -> stream.send("x"));
      assertTrue(stream.isOpen());
    }
  }

  // Waiting for room.

  private static final Settings ONE_EVENT = Settings.defaults().withQueueEvents(1);

  private static EventSource open(EventSources sources, OutputStream body) {
    return sources.open(MockExchange.with(new Headers(), body));
  }

  /** Returns a thread that is blocked in sending the data. */
  private static Thread blocked(EventSource stream, String data) {
    var sender = Thread.ofVirtual().start(() -> stream.send(data));
    Await.until("it blocks", () -> sender.getState() == Thread.State.WAITING);
    return sender;
  }

  @Test
  void aSenderThatGotItsRoomLeavesNoTimer() throws Exception {
    var ticker = new ManualTicker();
    var body = new StuckBody();
    try (var sources = ticker.sources(ONE_EVENT)) {
      var stream = open(sources, body);
      body.fill(stream);
      int before = ticker.waiting();
      var sender = blocked(stream, "has no room");
      assertEquals(before + 1, ticker.waiting());
      body.read();
      Await.end(sender);
      assertEquals(before, ticker.waiting());
    }
  }

  @Test
  void aSmallEventDoesNotOvertakeALargeOneThatWaitsForRoom() throws Exception {
    var body = new StuckBody();
    try (var sources = EventSources.create(Settings.defaults().withQueueBytes(100))) {
      var stream = open(sources, body);
      stream.offer("is being written");
      body.awaitWrite();
      stream.offer("waits first, and counts for nothing");
      stream.offer("x".repeat(50));
      var large = blocked(stream, "l".repeat(80));
      var small = Thread.ofVirtual().start(() -> stream.send("small"));
      Await.until("it blocks or has sent", () -> small.getState() == Thread.State.WAITING || !small.isAlive());
      body.read();
      Await.end(large);
      Await.end(small);
      assertTrue(stream.flush());
      assertTrue(body.text().endsWith("data: " + "l".repeat(80) + "\n\ndata: small\n\n"), body::text);
    }
  }

  @Test
  void whatAFailedWriteTookAlongIsNotSentAndNotFlushed() throws Exception {
    var body = new StuckBody();
    try (var sources = EventSources.create()) {
      var stream = open(sources, body);
      stream.offer("arrives");
      body.awaitWrite();
      stream.offer("does not");
      var flushed = Await.waiting("the flush", stream::flush);
      body.readOnceAndLeave();
      assertFalse(Await.next("the flush", flushed));
      assertEquals(Ending.CLIENT_GONE, stream.keepAlive());
      assertEquals("data: arrives\n\n", body.text());
      assertEquals(1, stream.traffic().sent());
    }
  }

  // Large events.

  @Test
  void aLargeEventIsCompleteWhateverItsLength() throws Exception {
    var body = new java.io.ByteArrayOutputStream();
    try (var sources = EventSources.create()) {
      var stream = open(sources, body);
      for (int length : new int[] {3999, 4000, 4001, 4002, 7999, 8000, 8001, 12_000, 12_001}) {
        body.reset();
        var event = Event.of("x".repeat(length - "data: \n\n".length()));
        assertTrue(stream.send(event) && stream.flush());
        assertEquals(event.encode(), body.toString(java.nio.charset.StandardCharsets.UTF_8));
      }
    }
  }

  @Test
  void eachPartOfALargeEventHasTheWriteDeadlineForItself() throws Exception {
    var ticker = new ManualTicker();
    var body = new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        throw new IOException("byte by byte");
      }

      @Override
      public void write(byte[] bytes, int start, int length) throws IOException {
        ticker.advance(Duration.ofMillis(2 * length)); // 500 bytes a second
        if (Thread.interrupted()) {
          throw new IOException("cut");
        }
      }
    };
    try (var sources = new EventSources(Settings.defaults().withWriteDeadline(Duration.ofSeconds(10)), ticker)) {
      var stream = open(sources, body);
      assertTrue(stream.send("x".repeat(20_000)));
      assertTrue(stream.flush());
      assertTrue(stream.isOpen());
    }
  }

  @Test
  void whoFlushesIsToldAlsoIfAllThatWaitedBeforeGaveWay() throws Exception {
    var body = new StuckBody();
    try (var sources = EventSources.create(ONE_EVENT.withOverflow(Overflow.dropOldest()))) {
      var stream = open(sources, body);
      body.fill(stream);
      var flushed = Await.waiting("the flush", stream::flush);
      for (int i = 0; i < 10; i++) {
        assertTrue(stream.offer("n" + i));
      }
      body.read();
      assertTrue(Await.next("the flush", flushed));
    }
  }
}
