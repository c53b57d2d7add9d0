package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Real clients that do not read: small receive buffers, and more data than both kernels buffer. */
class SlowTest {
  private static final String LARGE = "x".repeat(60_000);
  /** Half the number of these that an outbox holds; more of them wait while a sender is blocked for lack of room. */
  private static final int HALF = 8;

  private static final Duration DEADLINE = Duration.ofMillis(700);
  private static final Settings QUICK = Settings.defaults().withWriteDeadline(DEADLINE);

  private static Client stalled(URI uri) throws IOException {
    return Client.get(uri, 4096);
  }

  /** Offers until the outbox is full and the writer seems to hang in a write; returns whether the stream is open. */
  private static boolean fill(EventSource stream) {
    return fill(stream, LARGE, 3);
  }

  /** Offers until the writer seemed to hang this many times in a row, 20 ms apart. */
  static boolean fill(EventSource stream, String data, int times) {
    int refused = 0;
    while (refused < times && stream.isOpen()) {
      long before = stream.traffic().sent();
      if (stream.offer(data)) {
        continue;
      }
      refused = stream.traffic().sent() == before ? refused + 1 : 0;
      LockSupport.parkNanos(20_000_000);
    }
    return stream.isOpen();
  }

  @ParameterizedTest
  @EnumSource
  void aStalledClientIsCutAtTheDeadlineAndDelaysNobody(Scheme scheme) throws Exception {
    var endings = new LinkedBlockingQueue<Ending>();
    try (var server = scheme.builder().settings(QUICK.withOverflow(Overflow.dropNewest())).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource(request.query("id").orElseThrow())) {
          endings.add(sse.keepAlive());
        }
      });
      server.start();
      try (var stalled = stalled(server.uri().resolve("/?id=stalled"));
          var healthy = Client.get(server.uri().resolve("/?id=healthy"))) {
        healthy.head();
        Await.until("both are there", () -> server.eventSources().count() == 2);
        var sources = server.eventSources();
        var stuck = sources.getByIdentifier("stalled").orElseThrow();
        for (int i = 0; stuck.isOpen(); i++) {
          sources.broadcast(Event.of("large", LARGE), stream -> stream == stuck);
          assertEquals(1, sources.broadcast(Event.of(Integer.toString(i)), stream -> stream != stuck));
          assertEquals(Integer.toString(i), healthy.next().data());
          assertTrue(stuck.traffic().waiting() * (long) LARGE.length() < 1_200_000);
        }
        assertEquals(Ending.TOO_SLOW, Await.next("the stalled one's handler", endings));
        assertEquals(List.of("healthy"), sources.all().stream().map(s -> s.identifier().orElseThrow()).toList());
        assertTrue(sources.getByIdentifier("healthy").orElseThrow().send("still here"));
        assertEquals("still here", healthy.next().data());
        assertNotEquals("", stalled.toEndOrCut());
      }
    }
    Await.until("no writer is left", () -> VirtualThreads.named("tidings-writer").isEmpty());
  }

  /** Sends to all clients at once, so that one thread writes to both kinds. */
  @ParameterizedTest
  @EnumSource
  void oneBroadcastReachesTheHealthyAlthoughSomeAreStalled(Scheme scheme) throws Exception {
    var patient = Settings.defaults().withWriteDeadline(Duration.ofHours(1)).withOverflow(Overflow.dropNewest());
    try (var server = scheme.builder().settings(patient).build()) {
      server.get("/", request -> request.getEventSource(request.query("id").orElseThrow()).keepAlive());
      server.start();
      var sources = server.eventSources();
      var healthy = new ArrayList<Client>();
      try (var one = stalled(server.uri().resolve("/?id=stalled-1"));
          var other = stalled(server.uri().resolve("/?id=stalled-2"))) {
        for (int i = 0; i < 5; i++) {
          healthy.add(Client.get(server.uri().resolve("/?id=healthy-" + i)));
          healthy.getLast().head();
        }
        Await.until("all are there", () -> sources.count() == 7);
        var stuck = sources.find(id -> id.startsWith("stalled"));
        // A wait for one of them would take an hour.
        for (int i = 0; stuck.stream().anyMatch(stream -> stream.traffic().dropped() < 3); i++) {
          sources.broadcast(Event.of("turn " + i, LARGE));
          for (Client client : healthy) {
            assertEquals("turn " + i, client.next().type());
          }
        }
        assertFalse(sources.stats().ended().containsKey(Ending.TOO_SLOW)); // clients may have disconnected
        server.stop(Duration.ZERO);
        one.toEndOrCut();
        other.toEndOrCut();
      } finally {
        for (Client client : healthy) {
          client.close();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aLifetimeEndsAStuckStreamToo(Scheme scheme) throws Exception {
    var settings = Settings.defaults().withMaxLifetime(Duration.ofSeconds(1)).withWriteDeadline(Duration.ofSeconds(2)).withOverflow(Overflow.dropNewest());
    var endings = new LinkedBlockingQueue<Ending>();
    try (var server = scheme.builder().settings(settings).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          endings.add(sse.keepAlive());
        }
      });
      server.get("/alive", request -> request.respond(200, "text/plain", "yes"));
      server.start();
      try (var client = stalled(server.uri())) {
        var sources = server.eventSources();
        Await.until("it is open", () -> sources.count() == 1);
        fill(sources.streams().getFirst());
        assertEquals(Ending.EXPIRED, Await.next("the handler", endings));
        Await.until("its exchange is closed", () -> sources.streams().isEmpty());
        try (var other = Client.get(server.uri().resolve("/alive"))) {
          assertEquals("yes", other.toEnd());
        }
        client.toEndOrCut();
      }
    }
    Await.until("no writer is left", () -> VirtualThreads.named("tidings-writer").isEmpty());
  }

  @Test
  void sendBlocksWhileTheOutboxIsFullAndEndsWithTheDeadline() throws Exception {
    try (var site = new Site(EventSources.create(QUICK), EventSource::keepAlive); var client = stalled(site.uri())) {
      var stream = site.opened();
      int taken = 0;
      while (stream.send(LARGE)) {
        taken++;
      }
      assertTrue(taken > 17, "more than fits into the outbox: " + taken);
      assertEquals(Ending.TOO_SLOW, site.ending());
      assertFalse(stream.send("x"));
      client.toEndOrCut();
    }
  }

  @Test
  void sendGoesOnWhenTheClientReadsAgain() throws Exception {
    var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(30));
    try (var site = new Site(EventSources.create(settings), EventSource::keepAlive); var client = stalled(site.uri())) {
      var stream = site.opened();
      var sent = new LinkedBlockingQueue<Boolean>();
      var sender = Thread.ofVirtual().start(() -> {
        for (int i = 0; i < 200; i++) {
          sent.add(stream.send(LARGE));
        }
      });
      Await.until("it blocks", () -> sender.getState() == Thread.State.WAITING && stream.traffic().waiting() > HALF);
      assertEquals(200, client.data(200).size());
      for (int i = 0; i < 200; i++) {
        assertTrue(Await.next("a send", sent));
      }
    }
  }

  @Test
  void anInterruptedSenderGivesUpAndKeepsItsStatus() throws Exception {
    var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(30));
    try (var site = new Site(EventSources.create(settings), EventSource::keepAlive); var client = stalled(site.uri())) {
      var stream = site.opened();
      var result = new LinkedBlockingQueue<Boolean>();
      var sender = Thread.ofVirtual().start(() -> {
        while (stream.send(LARGE)) {}
        result.add(Thread.currentThread().isInterrupted());
      });
      Await.until("it blocks", () -> sender.getState() == Thread.State.WAITING && stream.traffic().waiting() > HALF);
      sender.interrupt();
      assertTrue(Await.next("the sender", result));
      assertTrue(stream.isOpen());
      stream.life().end(Ending.OVERFLOW);
      client.toEndOrCut();
    }
  }

  /** Otherwise the loop of a handler would end, and a response that lacks an event would end as a whole. */
  @Test
  void aHandlerThatIsInterruptedInASendEndsItsStream() throws Exception {
    var handlers = new LinkedBlockingQueue<Thread>();
    var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(30));
    try (var site = new Site(EventSources.create(settings), stream -> {
      handlers.add(Thread.currentThread());
      while (stream.send(LARGE)) {}
      return stream.ending().orElseThrow();
    });
        var client = stalled(site.uri())) {
      var stream = site.opened();
      var handler = Await.next("the handler", handlers);
      Await.until("it blocks", () -> handler.getState() == Thread.State.WAITING && stream.traffic().waiting() > HALF);
      handler.interrupt();
      assertEquals(Ending.INTERRUPTED, site.ending());
      client.toEndOrCut();
    }
  }

  @Test
  void overflowDisconnects() throws Exception {
    try (var site = Site.keepingAlive(); var client = stalled(site.uri())) {
      var stream = site.opened();
      assertFalse(fill(stream));
      assertEquals(Ending.OVERFLOW, site.ending());
      client.toEndOrCut();
    }
  }

  @Test
  void theOtherChoicesKeepTheStreamAndWhatTheyPromise() throws Exception {
    var keepLatest = Overflow.keepLatest(event -> event.name().orElse(null));
    for (var overflow : List.of(Overflow.dropNewest(), Overflow.dropOldest(), keepLatest)) {
      var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(30)).withOverflow(overflow).withQueueEvents(20);
      try (var site = new Site(EventSources.create(settings), EventSource::keepAlive); var client = stalled(site.uri())) {
        var stream = site.opened();
        int last = 0;
        // Until the kernels' buffers are full, so that the writer hangs, and twenty more events wait.
        for (long dropped; (dropped = stream.traffic().dropped()) < 50; last++) {
          stream.offer(Event.of(last % 2 == 0 ? "even" : "odd", last + ":" + LARGE));
          if (stream.traffic().dropped() > dropped) {
            LockSupport.parkNanos(2_000_000);
          }
        }
        assertTrue(stream.isOpen());
        int count = last;
        var reader = new LinkedBlockingQueue<Integer>();
        Thread.ofVirtual().start(() -> read(client, reader));
        Await.until("all is written", () -> stream.traffic().waiting() == 0);
        stream.send("end", "-1:");
        var got = new java.util.ArrayList<Integer>();
        for (int number; (number = Await.next("a number", reader)) >= 0; ) {
          got.add(number);
        }
        assertEquals(got.stream().sorted().toList(), got);
        assertEquals(count - stream.traffic().dropped(), got.size());
        if (overflow.choice() == Overflow.Choice.DROP_NEWEST) {
          assertTrue(got.getFirst() == 0);
        } else {
          assertEquals(count - 1, got.getLast());
        }
      }
    }
  }

  private static void read(Client client, LinkedBlockingQueue<Integer> numbers) {
    try {
      for (WhatwgParser.Message message; (message = client.next()) != null; ) {
        numbers.add(Integer.parseInt(message.data().split(":", 2)[0]));
      }
    } catch (IOException e) {
      numbers.add(-2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void closeDuringAStuckWriteReturnsWithinTheDeadline(Scheme scheme) throws Exception {
    var opened = new LinkedBlockingQueue<EventSource>();
    var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(2)).withOverflow(Overflow.dropNewest());
    try (var server = scheme.builder().settings(settings).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          opened.add(sse);
          sse.keepAlive();
        }
      });
      server.start();
      try (var client = stalled(server.uri())) {
        var stream = Await.next("a stream", opened);
        assertTrue(fill(stream));
        var closed = new CountDownLatch(8);
        long start = System.nanoTime();
        for (int i = 0; i < 8; i++) {
          Thread.ofVirtual().start(() -> {
            stream.close();
            closed.countDown();
          });
        }
        Await.latch("all eight to return", closed);
        var took = Duration.ofNanos(System.nanoTime() - start);
        assertTrue(took.compareTo(Duration.ofSeconds(6)) < 0, took::toString);
        client.toEndOrCut();
      }
      // The dispatcher of a TLS server must have survived that.
      try (var client = Client.get(server.uri())) {
        assertEquals(200, client.status());
      }
    }
  }

  @Test
  void flushOnAStalledStreamEndsWithIt() throws Exception {
    try (var site = new Site(EventSources.create(QUICK.withOverflow(Overflow.dropNewest())), EventSource::keepAlive);
        var client = stalled(site.uri())) {
      var stream = site.opened();
      do {
        assertTrue(fill(stream));
      } while (stream.flush()); // the writer was only late, and the socket had accepted everything
      assertEquals(Ending.TOO_SLOW, site.ending());
      client.toEndOrCut();
    }
  }

  /**
   * Each of its writes takes a part of the deadline, since a full socket becomes writable only when a third of the
   * kernel's buffer is free; together they take several deadlines.
   */
  @Test
  void aSteadyReaderLivesWhateverFillsItsSocket() throws Exception {
    var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(2));
    var channel = Channel.create(EventLog.inMemory(10_000, 20_000_000, Duration.ofHours(1)));
    String first = channel.publish("first");
    for (int i = 0; i < 300; i++) {
      channel.publish(LARGE);
    }
    var ways = Map.<String, Site.Body>of(
        "send", stream -> {
          while (stream.send(LARGE)) {}
          return stream.keepAlive();
        },
        "history", stream -> {
          channel.join(stream);
          return stream.keepAlive();
        },
        "one event", stream -> {
          stream.send("x".repeat(18_000_000));
          return stream.keepAlive();
        });
    var readers = new LinkedBlockingQueue<Long>();
    var sources = EventSources.create(settings);
    try (channel; var site = new Site(sources, stream -> ways.get(stream.identifier().orElseThrow()).run(stream))) {
      for (String way : ways.keySet()) {
        Thread.ofVirtual().start(() -> readers.add(readSteadily(site.uri(way.replace(" ", "%20")), first)));
      }
      for (int i = 0; i < ways.size(); i++) {
        assertEquals(12_000_000, Await.next("a reader", readers));
      }
      assertFalse(sources.stats().ended().containsKey(Ending.TOO_SLOW)); // clients may have disconnected
    }
  }

  /** Reads two megabytes a second for three deadlines, and returns the number of bytes. */
  private static long readSteadily(URI uri, String lastEventId) {
    long bytes = 0;
    try (var socket = new Socket("localhost", uri.getPort())) {
      String request = "GET /?" + uri.getRawQuery() + " HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: " + lastEventId + "\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(UTF_8));
      long start = System.nanoTime();
      for (int i = 0; i < 120; i++) {
        bytes += socket.getInputStream().readNBytes(100_000).length;
        LockSupport.parkNanos(start + i * 50_000_000L - System.nanoTime()); // the pace of this client
      }
      return bytes;
    } catch (IOException e) {
      return -1;
    }
  }

  /** Many ends at various fill levels of the socket, where the last chunk and the TLS close could block. */
  @ParameterizedTest
  @EnumSource
  void endsAtAnyFillLevelHarmNobody(Scheme scheme) throws Exception {
    try (var server = scheme.builder().settings(Settings.defaults().withWriteDeadline(Duration.ofMillis(300))).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          int size = Integer.parseInt(request.query("size").orElseThrow());
          for (int i = 0; i < 100 && sse.offer("x".repeat(size)); i++) {
            sse.flush();
          }
        }
      });
      server.get("/alive", request -> request.respond(200, "text/plain", "alive"));
      server.start();
      var stalled = new java.util.ArrayList<Client>();
      for (int i = 0; i < 20; i++) {
        stalled.add(stalled(server.uri().resolve("/?size=" + (30_000 + i * 2_777))));
      }
      Await.until("all have ended", () -> server.eventSources().stats().opened() == 20 && server.eventSources().streams().isEmpty());
      try (var client = Client.get(server.uri().resolve("/alive"))) {
        assertEquals(200, client.status());
      }
      for (var client : stalled) {
        client.close();
      }
    }
  }
}
