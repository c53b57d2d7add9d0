package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.AdditionalAnswers.delegatesTo;
import static org.mockito.ArgumentMatchers.anyBoolean;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.withSettings;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EndingTest {

  @Test
  void closeHandsOverWhatWasAcceptedAndEndsCleanly() throws Exception {
    try (var site = new Site(EventSources.create(), stream -> {
          for (int i = 0; i < 500; i++) {
            stream.send("n" + i);
          }
          return Ending.CLOSED;
        });
        var client = Client.get(site.uri())) {
      assertEquals(500, client.data(500).size());
      assertNull(client.next());
    }
  }

  @Test
  void eightThreadsAtTheMomentOfEndingGetAnswersAndOneEndingWins() throws Exception {
    for (int round = 0; round < 50; round++) {
      try (var site = Site.keepingAlive(); var client = Client.get(site.uri("racing"))) {
        client.head();
        var stream = site.opened();
        var told = new AtomicInteger();
        stream.onEnd(why -> told.incrementAndGet());
        var barrier = new CyclicBarrier(8);
        var accepted = new AtomicInteger();
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < 8; i++) {
          int which = i;
          threads.add(Thread.ofVirtual().start(() -> {
            try {
              barrier.await(20, TimeUnit.SECONDS);
            } catch (Exception e) {
              throw new AssertionError(e);
            }
            switch (which) {
              case 0 -> stream.close();
              case 1 -> stream.life().end(Ending.EXPIRED);
              case 2 -> stream.flush();
              case 3 -> site.sources.dropAll();
              case 4, 5 -> accepted.addAndGet(stream.send("sent") ? 1 : 0);
              default -> accepted.addAndGet(stream.offer("offered") ? 1 : 0);
            }
          }));
        }
        for (Thread thread : threads) {
          Await.end(thread);
        }
        assertEquals(site.ending(), stream.ending().orElseThrow());
        client.toEnd();
        assertEquals(accepted.get(), client.parser().messages().size());
        assertEquals(1, site.sources.stats().ended().values().stream().mapToLong(Long::longValue).sum());
        Await.until("the listener was called", () -> told.get() == 1);
      }
    }
  }

  /** This holds from the moment of the ending, not only once all further steps are done. */
  @Test
  void nothingIsTakenOnceTheStreamHasEnded() {
    try (var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      var taken = new ArrayList<Boolean>();
      stream.life().attach(new Attachment() {
        @Override
        public boolean tell(Telling telling) {
          return false;
        }

        @Override
        public CompletableFuture<Boolean> deliverPublished(boolean last, long nanos) {
          return CompletableFuture.completedFuture(true);
        }

        @Override
        public Optional<Frame> end() {
          taken.add(stream.isOpen());
          taken.add(stream.offer("late"));
          taken.add(stream.send("late"));
          taken.add(sources.broadcast("late") > 0);
          return Optional.empty();
        }

        @Override
        public void leave() {}
      });
      stream.close();
      assertEquals(List.of(false, false, false, false), taken);
    }
  }

  @Test
  void whatFailsAsAStreamEndsIsLoggedAndKeepsItFromNothing() {
    try (var log = new LogRecords(); var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()), "me");
      var channels = mock(Attachment.class);
      doThrow(new AssertionError("not really")).when(channels).deliverPublished(anyBoolean(), anyLong());
      doThrow(new AssertionError("not really")).when(channels).end();
      doThrow(new AssertionError("not really")).when(channels).leave();
      stream.life().attach(channels);
      stream.close();
      assertEquals(Ending.CLOSED, stream.keepAlive());
      assertEquals(0, sources.count());
      assertEquals(3, log.messages(Level.SEVERE).size(), log.messages()::toString);
    }
  }

  @Test
  void aHandlerThatThrowsBeforeOpeningIs500() throws Exception {
    try (var log = new LogRecords(); var server = SseServer.create(0)) {
      server.get("/", request -> {
        throw new IllegalStateException("boom");
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals(500, client.status());
        assertFalse(client.toEnd().contains("boom"));
      }
      assertEquals(1, log.messages(Level.SEVERE).size());
      assertTrue(log.messages(Level.SEVERE).getFirst().contains("GET /"));
      assertTrue(log.hasStackTraces());
    }
  }

  @Test
  void anErrorInAHandlerIs500AndTheConnectionGoesOn() throws Exception {
    try (var log = new LogRecords(); var server = SseServer.create(0)) {
      server.get("/", request -> {
        throw new AssertionError("boom");
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals(500, client.status());
      }
      assertTrue(log.hasStackTraces());
    }
  }

  @Test
  void aHandlerThatThrowsAfterOpeningEndsThatStreamAlone() throws Exception {
    var endings = new LinkedBlockingQueue<Ending>();
    try (var log = new LogRecords(); var server = SseServer.create(0)) {
      server.eventSources().onEnd((stream, why) -> endings.add(why));
      server.get("/", request -> {
        var sse = request.getEventSource(request.query("id").orElseThrow());
        sse.send("hello");
        if (sse.identifier().orElseThrow().equals("bad")) {
          throw new IllegalStateException("boom");
        }
        sse.keepAlive();
      });
      server.start();
      try (var good = Client.get(server.uri().resolve("/?id=good"));
          var bad = Client.get(server.uri().resolve("/?id=bad"))) {
        assertEquals("hello", good.next().data());
        assertEquals("hello", bad.next().data());
        assertThrows(IOException.class, bad::next);
        assertEquals(Ending.FAILED, Await.next("an ending", endings));
        assertTrue(server.eventSources().getByIdentifier("good").orElseThrow().send("still"));
        assertEquals("still", good.next().data());
        assertEquals(1, log.messages(Level.SEVERE).size());
        assertTrue(log.hasStackTraces());
      }
    }
  }

  @Test
  void aHandlerThatThrowsWhileAnotherThreadSends() throws Exception {
    try (var log = new LogRecords(); var server = SseServer.create(0)) {
      var threads = new LinkedBlockingQueue<Thread>();
      var failing = new CountDownLatch(1);
      server.get("/", request -> {
        var sse = request.getEventSource();
        var sending = new CountDownLatch(1);
        threads.add(Thread.ofVirtual().start(() -> {
          while (sse.send("x")) {
            sending.countDown();
          }
        }));
        Await.latch("the other thread to send", sending);
        failing.countDown();
        throw new IllegalStateException("boom");
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        client.toEndOrCut();
        client.parser().messages().forEach(message -> assertEquals("x", message.data()));
      }
      Await.latch("the handler to fail", failing);
      Await.end(Await.next("the sender", threads));
      assertEquals(1, log.messages(Level.SEVERE).size());
    }
  }

  @Test
  void whatAnotherThreadSendsAsTheHandlerFailsIsNeverTheTextOfA500() throws Exception {
    var failing = new LinkedBlockingQueue<Boolean>();
    try (var _ = new LogRecords(); var server = SseServer.create(0)) {
      server.get("/", request -> {
        var sse = request.getEventSource();
        var ready = new CountDownLatch(1);
        Thread.ofPlatform().start(() -> {
          ready.countDown();
          sse.send("x");
        });
        Await.latch("the other thread", ready);
        failing.add(true);
        throw new IllegalStateException("boom");
      });
      server.start();
      for (int i = 0; i < 300; i++) {
        try (var client = Client.get(server.uri())) {
          String body = client.toEndOrCut();
          assertTrue(Await.next("the handler to fail", failing));
          boolean failed = client.status() == 500;
          assertEquals(failed ? "the handler failed\n" : "data: x\n\n", body);
        }
      }
    }
  }

  @Test
  void listenersAreToldOnceInOrderOutsideLocksAndMayThrow() throws Exception {
    var sources = EventSources.create();
    var told = new LinkedBlockingQueue<String>();
    sources.onOpen(stream -> {
      throw new IllegalStateException("a bad listener");
    });
    sources.onOpen(stream -> {
      assertTrue(sources.getByIdentifier("me").isPresent());
      stream.close(); // would hang if the listener ran under a lock, or on the writer's thread
      told.add("opened");
    });
    sources.onEnd((stream, why) -> {
      throw new AssertionError("another bad one");
    });
    sources.onEnd((stream, why) -> {
      stream.close();
      assertTrue(sources.getByIdentifier("me").isEmpty());
      told.add("ended " + why);
    });
    try (var log = new LogRecords();
        var site = new Site(sources, stream -> {
          stream.onEnd(why -> told.add("own " + why));
          return stream.keepAlive();
        });
        var client = Client.get(site.uri("me"))) {
      client.toEnd();
      var stream = site.opened();
      assertEquals("opened", Await.next("an opening", told));
      assertEquals(
          Set.of("ended CLOSED", "own CLOSED"),
          Set.of(Await.next("an ending", told), Await.next("another listener", told)));
      stream.onEnd(why -> told.add("late " + why));
      assertEquals("late CLOSED", Await.next("a late listener", told));
      stream.close();
      sources.dropAll();
      assertEquals(List.of(), List.copyOf(told));
      Await.until("the bad listeners are logged", () -> log.messages(Level.SEVERE).size() >= 2); // on their own threads
      assertEquals(2, log.messages(Level.SEVERE).size());
    }
  }

  /** The listener runs on the handler's thread, and the handler must see the interrupt. */
  @Test
  void anInterruptOfAListenerOfOpeningsStays() {
    try (var sources = EventSources.create()) {
      sources.onOpen(stream -> Thread.currentThread().interrupt());
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      assertTrue(Thread.interrupted());
      assertTrue(stream.isOpen());
    }
  }

  /** It may have been removed after the end, while its thread waited for a processor. */
  @Test
  void aListenerThatWasRemovedDoesNotBegin() {
    var told = new LinkedBlockingQueue<Ending>();
    var listener = new Listener<Ending>(told::add);
    listener.tell(Ending.IDLE);
    listener.remove();
    listener.tell(Ending.CLOSED);
    assertEquals(List.of(Ending.IDLE), List.copyOf(told));
  }

  @Test
  void aListenerThatHangsKeepsNoOtherFromIt() throws Exception {
    var goesOn = new CountDownLatch(1);
    var told = new CountDownLatch(20);
    var sources = EventSources.create();
    sources.onEnd((stream, why) -> {
      Await.uninterrupted(goesOn::await);
    });
    sources.onEnd((stream, why) -> told.countDown());
    try (var site = new Site(sources, stream -> {
          stream.onEnd(why -> told.countDown());
          return stream.keepAlive();
        })) {
      for (int i = 0; i < 10; i++) {
        try (var client = Client.get(site.uri())) {
          client.head();
          site.opened().close();
        }
      }
      Await.latch("all other listeners", told);
      goesOn.countDown();
    }
  }

  @Test
  void onEndRunsAlsoWhatThrows() throws Exception {
    try (var log = new LogRecords(); var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      client.head();
      var stream = site.opened();
      var told = new CountDownLatch(1);
      stream.onEnd(why -> {
        throw new IllegalStateException("bad");
      });
      stream.onEnd(why -> told.countDown());
      stream.close();
      Await.latch("the good listener", told);
      Await.until("the bad listener is logged", () -> log.messages(Level.SEVERE).size() == 1);
    }
  }

  @Test
  void whoWaitsForRoomIsToldOfTheEndAtOnce() throws Exception {
    var body = new StuckBody();
    try (var sources = EventSources.create(Settings.defaults().withQueueEvents(1))) {
      var full = sources.open(MockExchange.with(new Headers(), body));
      body.fill(full);
      var sent = new LinkedBlockingQueue<Boolean>();
      var sender = Thread.ofVirtual().start(() -> sent.add(full.send("has no room")));
      Await.until("it blocks", () -> sender.getState() == Thread.State.WAITING);
      assertEquals(1, sources.dropAll()); // accepted events are still unread
      assertFalse(Await.next("the send", sent));
      assertEquals(3, full.traffic().waiting());
      body.read();
    }
  }

  /** A graceful TLS close would make the server's only dispatcher thread wait for this client. */
  @ParameterizedTest
  @CsvSource({"true, 101, true", "true, 100, false", "false, 101, false", "true, 101 0, false", "true, 0 101, true"})
  void aTlsStreamWhoseLastWriteWasSlowIsBrokenOff(boolean tls, String millis, boolean brokenOff) throws Exception {
    var ticker = new ManualTicker();
    var brokenOffs = new LinkedBlockingQueue<Boolean>();
    var taking = new AtomicLong();
    var written = new LinkedBlockingQueue<Long>();
    var body = new OutputStream() {
      @Override
      public void write(int b) {
        ticker.advance(Duration.ofMillis(taking.get()));
        written.add(taking.get());
      }

      @Override
      public void write(byte[] bytes, int start, int length) {
        write(0);
      }

      @Override
      public void close() {
        brokenOffs.add(Thread.currentThread().isInterrupted()); // the interrupt closes the socket
      }
    };
    try (var sources = ticker.sources(Settings.defaults())) {
      var exchange = MockExchange.with(new Headers(), body, tls ? HttpsServer.class : HttpServer.class);
      var stream = sources.open(exchange);
      for (String each : millis.split(" ")) {
        taking.set(Long.parseLong(each));
        assertTrue(stream.send("x"));
        Await.next("a write", written);
      }
      stream.close();
      assertEquals(brokenOff, Await.next("the close", brokenOffs));
    }
  }

  @Test
  void aFlushDuringAnEndThatFailsIsFalse() throws Exception {
    var closing = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    var body = new ByteArrayOutputStream() {
      @Override
      public void close() throws IOException {
        boolean first = closing.getCount() > 0;
        closing.countDown();
        Await.asIo(() -> Await.latch("the test", go));
        if (first) {
          throw new IOException("the client is gone");
        }
      }
    };
    try (var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new Headers(), body));
      var closer = Thread.ofVirtual().start(stream::close);
      Await.latch("the last chunk", closing);
      var flushed = Await.waiting("the flush", stream::flush);
      go.countDown();
      assertFalse(Await.next("the flush", flushed));
      Await.end(closer);
    }
  }

  /** At once, not only when the write deadline is over. */
  @Test
  void anEndByForceFreesAWriterThatIsStuckAtOnce() throws Exception {
    var body = new StuckBody();
    try (var sources = new ManualTicker().sources(Settings.defaults().withQueueEvents(1))) {
      var stream = sources.open(MockExchange.with(new Headers(), body));
      body.fill(stream);
      assertFalse(stream.offer("has no room"));
      assertEquals(Ending.OVERFLOW, stream.keepAlive());
      Await.end(Thread.ofVirtual().start(stream::close)); // waits until the exchange is closed
    }
  }

  /** A 500 is only for streams that have sent nothing; here it would give the head the wrong content type. */
  @Test
  void aHandlerThatFailsWhileItsHeadGoesOutDoesNotChangeIt() throws Exception {
    var opened = new LinkedBlockingQueue<EventSource>();
    try (var _ = new LogRecords(); var server = SseServer.create(0)) {
      server.context().getFilters().add(new Filter() {
        @Override
        public void doFilter(HttpExchange exchange, Chain chain) throws IOException {
          var slow = mock(HttpExchange.class, withSettings().defaultAnswer(delegatesTo(exchange)));
          doAnswer(call -> {
            var stream = Await.next("the stream", opened);
            Await.until("the handler failed", () -> !stream.isOpen());
            exchange.sendResponseHeaders(call.getArgument(0), call.getArgument(1));
            return null;
          }).when(slow).sendResponseHeaders(anyInt(), anyLong());
          chain.doFilter(slow);
        }

        @Override
        public String description() {
          return "sends heads slowly";
        }
      });
      server.get("/", request -> {
        var stream = request.getEventSource();
        stream.send("x");
        opened.add(stream);
        throw new IllegalStateException("boom");
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals(200, client.status());
        assertEquals("text/event-stream; charset=utf-8", client.headers().get("Content-Type"));
        assertEquals("data: x\n\n", client.toEndOrCut());
      }
    }
  }

  /** A large event is written in parts, and its writer may be between two of them. */
  @Test
  void afterAnEndByForceNothingMoreIsWritten() throws Exception {
    var streams = new LinkedBlockingQueue<EventSource>();
    var brokenOffs = new LinkedBlockingQueue<Boolean>();
    var body = new ByteArrayOutputStream() {
      @Override
      public void write(byte[] bytes, int start, int length) {
        super.write(bytes, start, length);
        var stream = streams.poll();
        while (stream != null && stream.offer("until there is no room")) {}
      }

      @Override
      public void close() {
        brokenOffs.add(Thread.currentThread().isInterrupted()); // otherwise the client would see a complete response
      }
    };
    try (var sources = EventSources.create(Settings.defaults().withQueueEvents(1))) {
      var stream = sources.open(MockExchange.with(new Headers(), body));
      streams.add(stream);
      stream.send("x".repeat(100_000));
      assertEquals(Ending.OVERFLOW, stream.keepAlive());
      Await.end(Thread.ofVirtual().start(stream::close));
      assertTrue(body.size() > 0 && body.size() < 50_000, () -> "bytes: " + body.size());
      assertEquals(true, Await.next("the close", brokenOffs));
    }
  }

  /** A graceful close would wait for the request body, and no deadline would end that any more. */
  @Test
  void afterTheStopARequestWhoseBodyIsNotReadIsBrokenOff() throws Exception {
    var brokenOffs = new LinkedBlockingQueue<Boolean>();
    var body = new ByteArrayOutputStream() {
      @Override
      public void close() {
        brokenOffs.add(Thread.currentThread().isInterrupted());
      }
    };
    var sources = EventSources.create();
    sources.close();
    var upload = new Headers();
    upload.set("Content-Length", "7");
    for (var request : List.of(upload, new Headers())) {
      sources.open(MockExchange.with(request, body)).close();
      assertEquals(request == upload, Await.next("the close", brokenOffs));
    }
  }

  @Test
  void theEndIsToldOnlyOnceTheOpeningWas() throws Exception {
    var told = new LinkedBlockingQueue<Ending>();
    var early = new LinkedBlockingQueue<Boolean>();
    try (var sources = EventSources.create()) {
      sources.onEnd((stream, why) -> told.add(why));
      sources.onOpen(stream -> {
        stream.onEnd(told::add);
        sources.dropAll();
        // It never comes, however long the wait.
        Await.uninterrupted(() -> early.add(told.poll(100, TimeUnit.MILLISECONDS) != null));
      });
      sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      assertFalse(Await.next("the opening", early));
      assertEquals(Ending.REVOKED, Await.next("the end", told));
      assertEquals(Ending.REVOKED, Await.next("the end", told));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aListenerThatHangsHoldsUpNeitherTheEndNorTheOthers(boolean ofAllStreams) throws Exception {
    var goesOn = new CountDownLatch(1);
    var told = new CountDownLatch(1);
    try (var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      Runnable hanging = () -> {
        Await.uninterrupted(goesOn::await);
      };
      if (ofAllStreams) {
        sources.onEnd((ended, why) -> hanging.run());
      } else {
        stream.onEnd(why -> hanging.run());
      }
      stream.onEnd(why -> told.countDown());
      Await.end(Thread.ofVirtual().start(stream::close));
      Await.latch("the other listener", told);
      goesOn.countDown();
    }
  }

  /** A server behind the API may throw anything. That is not a disconnect, so it is logged. */
  @Test
  void whatAWriteThrowsBesidesAnIOExceptionIsLogged() throws Exception {
    var body = new OutputStream() {
      @Override
      public void write(int b) {
        throw new IllegalStateException("a bug of the server");
      }
    };
    try (var log = new LogRecords(); var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new Headers(), body), "me");
      stream.send("x");
      assertEquals(Ending.CLIENT_GONE, stream.keepAlive());
      assertTrue(log.messages(Level.SEVERE).getFirst().startsWith("writing to EventSource[\"me\""), log.messages()::toString);
      assertTrue(log.hasStackTraces());
    }
  }

  @Test
  void whoIsCutAtOnceAndWhoIsToldToStayAway() {
    var cut = EnumSet.allOf(Ending.class);
    cut.removeIf(ending -> !ending.isForced());
    assertEquals(EnumSet.of(Ending.CLIENT_GONE, Ending.TOO_SLOW, Ending.OVERFLOW), cut);
    var away = EnumSet.allOf(Ending.class);
    away.removeIf(ending -> !ending.isForGood());
    assertEquals(EnumSet.of(Ending.COMPLETED, Ending.REPLACED), away);
  }
}
