package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Events from other threads while a handler still adds headers. */
class HeaderPhaseTest {
  /** A handler that adds a header first, as documented, but after a look-up. */
  @ParameterizedTest
  @ValueSource(strings = {"nobody", "a slow listener", "a listener that sends"})
  void appendHeaderNeverFailsWhileOthersBroadcast(String listening) throws Exception {
    var failed = new AtomicInteger();
    var goesOn = new AtomicBoolean(true);
    var settings = Settings.defaults().withQueueEvents(1_000_000).withQueueBytes(1 << 30); // however busy the machine is
    try (var channel = Channel.create(); var server = SseServer.builder().settings(settings).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          channel.join(sse);
          Thread.sleep(1); // the look-up
          sse.appendHeader("X-Id", "7");
          sse.send("hello");
        } catch (IllegalStateException e) {
          failed.incrementAndGet();
        }
      });
      if (listening.contains("slow")) {
        server.eventSources().onOpen(stream -> {
          Await.uninterrupted(() -> Thread.sleep(1));
        });
      } else if (listening.contains("sends")) {
        server.eventSources().onOpen(stream -> assertTrue(stream.send("welcome")));
      }
      server.start();
      var publisher = Thread.ofPlatform().start(() -> {
        while (goesOn.get()) {
          server.eventSources().broadcast("tick");
          channel.publish("tock");
          LockSupport.parkNanos(100_000);
        }
      });
      try {
        for (int i = 0; i < 150; i++) {
          try (var client = Client.get(server.uri())) {
            assertEquals("7", client.headers().get("X-Id"));
            var data = client.toEnd();
            assertTrue(data.contains("data: hello\n"), data);
            assertEquals(listening.contains("sends"), data.contains("data: welcome\n"));
          }
        }
      } finally {
        goesOn.set(false);
        Await.end(publisher);
      }
      assertEquals(0, failed.get());
    }
  }

  @Test
  void theHandlersFirstMessageTakesAlongWhatWaited() throws Exception {
    var go = new CountDownLatch(1);
    var sources = EventSources.create();
    sources.onOpen(stream -> stream.send("from a listener"));
    try (var site = new Site(sources, stream -> {
          Await.latch("the test", go);
          stream.appendHeader("Looked", "up");
          stream.send("from the handler");
          return Ending.CLOSED;
        });
        var client = Client.get(site.uri())) {
      site.opened();
      assertEquals(1, sources.broadcast("from a broadcast"));
      go.countDown();
      assertEquals("up", client.headers().get("Looked"));
      assertEquals(List.of("from a listener", "from a broadcast", "from the handler"), client.data(3));
    }
  }

  /** For example, a callback of a client library, while the handler blocks on the future that it completes. */
  @Test
  void whatAnotherThreadSendsIsOutAlthoughTheHandlerBlocks() throws Exception {
    var done = new CompletableFuture<Void>();
    try (var site = new Site(EventSources.create(), stream -> {
          Thread.ofVirtual().start(() -> stream.send("from a callback"));
          done.join();
          return Ending.CLOSED;
        });
        var client = Client.get(site.uri())) {
      site.opened();
      assertEquals("from a callback", client.next().data());
      done.complete(null);
    }
  }

  @Test
  void theHeadWaits100MillisecondsForTheHandlerWhenAnotherThreadSends() throws Exception {
    var ticker = new ManualTicker();
    whileTheHandlerIsBusy(ticker, Settings.defaults(), (sources, stream, client) -> {
      assertTrue(stream.send("one"));
      ticker.advance(Duration.ofMillis(99));
      stream.appendHeader("Still", "possible");
      assertEquals(0, stream.traffic().sent());
      ticker.advance(Duration.ofMillis(1));
      assertThrows(IllegalStateException.class, () -> stream.appendHeader("Too", "late"));
      assertEquals("possible", client.headers().get("Still"));
      assertEquals("one", client.next().data());
    });
  }

  @Test
  void whatOthersBroadcastWaitsUntilTheFirstPingIsDue() throws Exception {
    var ticker = new ManualTicker();
    whileTheHandlerIsBusy(ticker, Settings.defaults(), (sources, stream, client) -> {
      for (int i = 0; i < 14; i++) { // does not postpone the ping
        ticker.advance(Duration.ofSeconds(1));
        assertEquals(1, sources.broadcast("n" + i));
      }
      assertEquals(0, stream.traffic().sent());
      stream.appendHeader("Still", "possible");
      ticker.advance(Duration.ofSeconds(1));
      assertEquals(14, client.data(14).size());
      assertEquals("possible", client.headers().get("Still"));
    });
  }

  // A full outbox while the handler is busy.

  /** The handler waits for the test; a client reads from the beginning. */
  private void whileTheHandlerIsBusy(Settings settings, Body body) throws Exception {
    whileTheHandlerIsBusy(new ManualTicker(), settings, body);
  }

  private void whileTheHandlerIsBusy(ManualTicker ticker, Settings settings, Body body) throws Exception {
    var busy = new CountDownLatch(1);
    try (var site = new Site(ticker.sources(settings), stream -> {
          Await.latch("the test", busy);
          return stream.keepAlive();
        });
        var client = Client.get(site.uri())) {
      body.run(site.sources, site.opened(), client);
      busy.countDown();
    }
  }

  private interface Body {
    void run(EventSources sources, EventSource stream, Client client) throws Exception;
  }

  @Test
  void theHeadGoesOutWhenTheOutboxIsFull() throws Exception {
    whileTheHandlerIsBusy(Settings.defaults().withQueueEvents(100), (sources, stream, client) -> {
      for (int i = 0; i < 101; i++) {
        assertEquals(1, sources.broadcast("n" + i));
      }
      assertTrue(stream.sender().isHeld());
      for (int i = 101; i < 160; i++) {
        assertEquals(1, sources.broadcast("n" + i));
      }
      assertFalse(stream.sender().isHeld());
      assertEquals(IntStream.range(0, 160).mapToObj(i -> "n" + i).toList(), client.data(160));
    });
  }

  /** No thread may find the outbox still held, whichever of them ends the header phase. */
  @Test
  void whatManyThreadsSendAtOnceIsTakenAlthoughTheOutboxIsFull() throws Exception {
    int threads = 8;
    try (var sources = EventSources.create(Settings.defaults().withQueueEvents(2));
        var senders = Executors.newFixedThreadPool(threads);
        var opener = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int round = 0; round < 1000; round++) {
        var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
        var stream = opener.submit(() -> sources.open(exchange)).get();
        var sent = new ArrayList<Future<Boolean>>();
        var go = new AtomicBoolean();
        for (int i = 0; i < threads; i++) {
          sent.add(senders.submit(() -> {
            while (!go.get()) {
              Thread.onSpinWait();
            }
            return stream.send("x");
          }));
        }
        go.set(true);
        for (var each : sent) {
          assertTrue(each.get(), "round " + round);
        }
        stream.close();
      }
    }
  }

  @Test
  void anEventThatIsTooLargeToWaitBehindAnotherIsTaken() throws Exception {
    whileTheHandlerIsBusy(Settings.defaults(), (sources, stream, client) -> {
      assertEquals(1, sources.broadcast("small"));
      assertEquals(1, sources.broadcast("x".repeat(2_000_000)));
      client.data(2);
      assertTrue(stream.isOpen());
    });
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatAnotherThreadSendsAtOnceIsTaken(boolean waiting) throws Exception {
    whileTheHandlerIsBusy(Settings.defaults(), (sources, stream, client) -> {
      for (int i = 0; i < 1500; i++) {
        assertTrue(waiting ? stream.send("n" + i) : stream.offer("n" + i), "n" + i);
      }
      assertEquals("n1499", client.data(1500).getLast());
    });
  }

  @ParameterizedTest
  @MethodSource
  void whatDropsForWantOfRoomNeedsNoHead(Overflow overflow) throws Exception {
    whileTheHandlerIsBusy(Settings.defaults().withQueueEvents(1).withOverflow(overflow), (sources, stream, client) -> {
      for (int i = 0; i < 100; i++) {
        sources.broadcast("n");
      }
      assertTrue(stream.isOpen());
      assertTrue(stream.sender().isHeld());
    });
  }

  static List<Overflow> whatDropsForWantOfRoomNeedsNoHead() {
    return List.of(Overflow.dropNewest(), Overflow.dropOldest(), Overflow.keepLatest(event -> "key"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aListenerMaySendMoreThanTheOutboxHolds(boolean waiting) throws Exception {
    var sources = EventSources.create();
    sources.onOpen(stream -> {
      for (int i = 0; i < 1200; i++) {
        assertTrue(waiting ? stream.send("n" + i) : stream.offer("n" + i), "n" + i);
      }
    });
    try (var site = new Site(sources, EventSource::keepAlive); var client = Client.get(site.uri())) {
      assertEquals("n1199", client.data(1200).getLast());
    }
  }

  @Test
  void aListenerThatFlushesDoesNotWaitForAPing() throws Exception {
    var flushed = new LinkedBlockingQueue<Boolean>();
    var sources = new EventSources(Settings.defaults(), new ManualTicker());
    sources.onOpen(stream -> {
      stream.send("from a listener");
      flushed.add(stream.flush());
    });
    try (var site = new Site(sources, EventSource::keepAlive); var client = Client.get(site.uri())) {
      assertEquals(true, Await.next("the flush", flushed));
      assertEquals(List.of("from a listener"), client.data(1));
    }
  }

  @Test
  void aListenerThatHangsDoesNotKeepWhatAnotherThreadSends() throws Exception {
    var opened = new LinkedBlockingQueue<EventSource>();
    var goesOn = new CountDownLatch(1);
    var ticker = new ManualTicker();
    var sources = ticker.sources(Settings.defaults());
    sources.onOpen(stream -> {
      opened.add(stream);
      Await.uninterrupted(goesOn::await);
    });
    try (var site = new Site(sources, EventSource::keepAlive); var client = Client.get(site.uri())) {
      assertTrue(Await.next("the opening", opened).send("from elsewhere"));
      ticker.advance(Duration.ofMillis(100));
      assertEquals(List.of("from elsewhere"), client.data(1));
      goesOn.countDown();
    }
  }

  @Test
  void aFlushOfTheHandlersSendsWhatWaits() throws Exception {
    var flushed = new LinkedBlockingQueue<Boolean>();
    try (var site = new Site(EventSources.create(), stream -> {
          Await.until("something waits", () -> stream.traffic().waiting() == 1);
          flushed.add(stream.flush());
          return stream.keepAlive();
        });
        var client = Client.get(site.uri())) {
      site.opened();
      site.sources.broadcast("x");
      assertTrue(Await.next("the flush", flushed));
      assertEquals("x", client.next().data());
    }
  }

  @Test
  void aFlushOfAnotherThreadSendsWhatWaitsAfter100Milliseconds() throws Exception {
    var ticker = new ManualTicker();
    var flushed = new LinkedBlockingQueue<Boolean>();
    whileTheHandlerIsBusy(ticker, Settings.defaults(), (sources, stream, client) -> {
      assertEquals(1, sources.broadcast("x"));
      int scheduled = ticker.scheduled();
      Thread.ofVirtual().start(() -> flushed.add(stream.flush()));
      Await.until("the head is due", () -> ticker.scheduled() > scheduled);
      ticker.advance(Duration.ofMillis(99));
      stream.appendHeader("Still", "possible");
      ticker.advance(Duration.ofMillis(1));
      assertTrue(Await.next("the flush", flushed));
      assertEquals("possible", client.headers().get("Still"));
      assertEquals("x", client.next().data());
    });
  }

  @Test
  void aFlushForWhichNothingWaitsSendsNoHead() throws Exception {
    var flushed = new LinkedBlockingQueue<Boolean>();
    try (var site = new Site(EventSources.create(), stream -> {
          flushed.add(stream.flush());
          stream.appendHeader("Still", "possible");
          return Ending.CLOSED;
        });
        var client = Client.get(site.uri())) {
      assertTrue(Await.next("the flush", flushed));
      assertEquals("possible", client.headers().get("Still"));
    }
  }

  /** The events would become part of the 500 response. */
  @Test
  void whatWaitedForAHandlerThatFailsIsNoPartOfIts500() throws Exception {
    try (var log = new LogRecords(); var server = SseServer.create(0)) {
      server.eventSources().onOpen(stream -> stream.send("from a listener"));
      server.get("/", request -> {
        var sse = request.getEventSource();
        server.eventSources().broadcast("from a broadcast");
        throw new IllegalStateException("no header for " + sse);
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals(500, client.status());
        assertEquals("the handler failed\n", client.toEnd());
        assertFalse(log.messages(java.util.logging.Level.SEVERE).isEmpty());
      }
    }
  }

  @Test
  void onlyTheFirstMessageOfOthersSchedulesTheHead() throws Exception {
    var ticker = new ManualTicker();
    whileTheHandlerIsBusy(ticker, Settings.defaults(), (sources, stream, client) -> {
      assertTrue(stream.send("first"));
      int scheduled = ticker.scheduled();
      for (int i = 0; i < 100; i++) {
        assertTrue(stream.offer("n" + i));
      }
      assertEquals(scheduled, ticker.scheduled());
    });
  }
}
