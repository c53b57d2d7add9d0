package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
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

/** Clients that do not read, for real: small receive buffers, and more data than both kernels hold. */
class SlowTest {
  private static final String LARGE = "x".repeat(60_000);
  /** So many of these are half of what an outbox holds, at which a sender that waits is woken. */
  private static final int HALF = 8;

  private static final Duration DEADLINE = Duration.ofMillis(700);
  private static final Settings QUICK = Settings.defaults().writeDeadline(DEADLINE);

  private static Client stalled(URI uri) throws IOException {
    return Client.get(uri, 4096);
  }

  /** Offers until the outbox is full and the writer seems to hang in a write; whether the stream still lives. */
  private static boolean fill(EventSource stream) {
    return fill(stream, LARGE, 3);
  }

  /** Until it was seen to hang this many times in a row, 20 ms apart. */
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
    try (var server = scheme.builder().settings(QUICK.overflow(Overflow.dropNewest())).build()) {
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

  /** All of them at once, so that one thread writes to both kinds. */
  @ParameterizedTest
  @EnumSource
  void oneBroadcastReachesTheHealthyAlthoughSomeAreStalled(Scheme scheme) throws Exception {
    var patient = Settings.defaults().writeDeadline(Duration.ofHours(1)).overflow(Overflow.dropNewest());
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
        // Whoever waited for one of them would wait for an hour.
        for (int i = 0; stuck.stream().anyMatch(stream -> stream.traffic().dropped() < 3); i++) {
          sources.broadcast(Event.of("turn " + i, LARGE));
          for (Client client : healthy) {
            assertEquals("turn " + i, client.next().type());
          }
        }
        assertEquals(Map.of(), sources.ended());
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
    var settings = Settings.defaults().maxLifetime(Duration.ofSeconds(1)).writeDeadline(Duration.ofSeconds(2)).overflow(Overflow.dropNewest());
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
    var settings = Settings.defaults().writeDeadline(Duration.ofSeconds(30));
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
    var settings = Settings.defaults().writeDeadline(Duration.ofSeconds(30));
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
      var settings = Settings.defaults().writeDeadline(Duration.ofSeconds(30)).overflow(overflow).queueEvents(20);
      try (var site = new Site(EventSources.create(settings), EventSource::keepAlive); var client = stalled(site.uri())) {
        var stream = site.opened();
        int last = 0;
        // Until so much is in the kernels' hands that the writer hangs, and twenty more wait.
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
        if (overflow instanceof Overflow.DropNewest) {
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
    var settings = Settings.defaults().writeDeadline(Duration.ofSeconds(2)).overflow(Overflow.dropNewest());
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
    try (var site = new Site(EventSources.create(QUICK.overflow(Overflow.dropNewest())), EventSource::keepAlive);
        var client = stalled(site.uri())) {
      var stream = site.opened();
      do {
        assertTrue(fill(stream));
      } while (stream.flush()); // the writer was only late, and the socket had taken all
      assertEquals(Ending.TOO_SLOW, site.ending());
      client.toEndOrCut();
    }
  }

  /** Many ends at a random fill of the socket, where the last chunk and TLS's goodbye could block. */
  @ParameterizedTest
  @EnumSource
  void endsAtAnyFillLevelHarmNobody(Scheme scheme) throws Exception {
    try (var server = scheme.builder().settings(Settings.defaults().writeDeadline(Duration.ofMillis(300))).build()) {
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
      Await.until("all have ended", () -> server.eventSources().opened() == 20 && server.eventSources().streams().isEmpty());
      try (var client = Client.get(server.uri().resolve("/alive"))) {
        assertEquals(200, client.status());
      }
      for (var client : stalled) {
        client.close();
      }
    }
  }
}
