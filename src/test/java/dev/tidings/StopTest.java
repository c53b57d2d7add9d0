package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.inOrder;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verifyNoMoreInteractions;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Stops: the farewell, the requests and streams that a stop waits for, and its duration. */
class StopTest {
  private static final Settings SETTINGS =
      Settings.defaults()
          .withReconnect(Duration.ofMillis(1234), Duration.ofMillis(1234))
          .withFarewell(Event.of("bye", "back soon"));
  private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE);
  private static final String BROWSER = "Accept: text/event-stream";

  private static SseServer server(Scheme scheme, SseHandler handler) throws Exception {
    var server = scheme.builder().settings(SETTINGS).build();
    return server.get("/", handler).get("/plain", request -> request.respond(200, "text/plain", "ok")).start();
  }

  /** Stops the server on a new thread; the queue gets the duration once it is over. */
  private static LinkedBlockingQueue<Duration> stopping(SseServer server, Duration grace) {
    var took = new LinkedBlockingQueue<Duration>();
    long start = System.nanoTime();
    Thread.ofPlatform().start(() -> {
      server.stop(grace);
      took.add(Duration.ofNanos(System.nanoTime() - start));
    });
    Await.until("the stop began", server.eventSources()::isStopping);
    return took;
  }

  /** A second after the grace period is promised; two more are for a busy machine. */
  private static void assertInTime(Duration grace, Duration took) {
    assertTrue(took.compareTo(grace) >= 0 && took.compareTo(grace.plusSeconds(3)) < 0, took::toString);
  }

  static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("tidings") || name.equals("HTTP-Dispatcher"))
        .sorted()
        .toList();
  }

  private static void keepAlive(SseRequest request) {
    try (var stream = request.getEventSource()) {
      stream.keepAlive();
    }
  }

  // Requests and streams that a stop waits for.

  @ParameterizedTest
  @EnumSource
  void itReturnsAsSoonAsTheHandlersHaveEndedByThemselves(Scheme scheme) throws Exception {
    var before = threads();
    var saw = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    var server = server(scheme, request -> {
      try (var stream = request.getEventSource()) {
        stream.send("first");
        Await.until("a stop", stream::isStopping);
        saw.countDown();
        Await.latch("the test", go);
        stream.send("last");
      }
    });
    try (var client = Client.get(server.uri())) {
      assertEquals("first", client.next().data());
      var took = stopping(server, FOR_EVER);
      assertEquals("bye", client.next().type());
      Await.latch("the handler to see it", saw);
      assertTrue(took.isEmpty());
      go.countDown();
      assertEquals("last", client.next().data());
      assertNull(client.next());
      assertEquals(1234, client.parser().reconnectionTime());
      Await.next("the stop", took); // although the grace period has no limit
      assertEquals(Map.of(Ending.CLOSED, 1L), server.eventSources().stats().ended());
    }
    assertThrows(ConnectException.class, () -> Client.get(server.uri()));
    Await.until("no thread is left", () -> threads().equals(before));
  }

  @ParameterizedTest
  @EnumSource
  void parkedStreamsLiveOnUntilTheGraceIsOver(Scheme scheme) throws Exception {
    var server = server(scheme, StopTest::keepAlive);
    try (var client = Client.get(server.uri())) {
      client.awaitText(":\n\n");
      var took = stopping(server, Duration.ofSeconds(2));
      assertEquals("back soon", client.next().data());
      assertEquals(1, server.eventSources().broadcast("during the grace"));
      assertEquals("during the grace", client.next().data());
      assertEquals("", client.toEnd().replaceFirst("(?s).*during the grace\n\n", ""));
      assertInTime(Duration.ofSeconds(2), Await.next("the stop", took));
      assertEquals(Map.of(Ending.STOPPING, 1L), server.eventSources().stats().ended());
    }
  }

  @Test
  void atOnceMeansFarewellRetryAndEnd() throws Exception {
    var server = server(Scheme.HTTP, StopTest::keepAlive);
    try (var client = Client.get(server.uri())) {
      client.awaitText(":\n\n");
      server.close();
      assertEquals(":\n\nevent: bye\ndata: back soon\n\nretry: 1234\n\n", client.toEnd());
      assertEquals(Map.of(Ending.STOPPING, 1L), server.eventSources().stats().ended());
    }
  }

  @Test
  void aRequestWithoutAStreamIsWaitedForToo() throws Exception {
    var go = new CountDownLatch(1);
    var started = new CountDownLatch(1);
    var server = server(Scheme.HTTP, request -> {
      started.countDown();
      Await.latch("the test", go);
      request.respond(200, "text/plain", "done");
    });
    try (var client = Client.get(server.uri())) {
      Await.latch("the handler", started);
      var took = stopping(server, FOR_EVER);
      assertTrue(took.isEmpty());
      go.countDown();
      assertEquals("done", client.toEnd());
      Await.next("the stop", took);
    }
  }

  /** Checks the response of a handler that has opened its stream and acts during the grace period. */
  private interface Seen {
    void check(SseServer server, Client client) throws Exception;
  }

  private static void duringTheGrace(Consumer<EventSource> handler, Seen seen) throws Exception {
    var opened = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    var server = server(Scheme.HTTP, request -> {
      try (var stream = request.getEventSource()) {
        opened.countDown();
        Await.latch("the test", go);
        handler.accept(stream);
      }
    });
    try (var client = Client.get(server.uri())) {
      Await.latch("the stream", opened);
      var took = stopping(server, FOR_EVER);
      go.countDown();
      seen.check(server, client);
      Await.next("the stop", took);
    }
  }

  @Test
  void aFarewellDoesNotEndTheHeaderPhase() throws Exception {
    duringTheGrace(stream -> stream.appendHeader("Late", "yes").send("only"), (server, client) -> {
      assertEquals("yes", client.headers().get("Late"));
      assertEquals("event: bye\ndata: back soon\n\nretry: 1234\n\ndata: only\n\n", client.toEnd());
    });
  }

  @Test
  void aHandlerThatBeginsToWaitDuringTheGraceHasItToldBefore() throws Exception {
    duringTheGrace(EventSource::keepAlive, (server, client) -> {
      client.awaitText(":\n\n");
      assertEquals(1, server.eventSources().dropAll());
      assertEquals("event: bye\ndata: back soon\n\nretry: 1234\n\n:\n\n", client.toEnd());
    });
  }

  @Test
  void aStreamThatHasSentNothingYetIsToldAsItEnds() throws Exception {
    var opened = new CountDownLatch(1);
    var server = server(Scheme.HTTP, request -> {
      try (var stream = request.getEventSource()) {
        opened.countDown();
        Await.until("the end", () -> !stream.isOpen());
      }
    });
    try (var client = Client.get(server.uri())) {
      Await.latch("the stream", opened);
      server.close();
      assertEquals("event: bye\ndata: back soon\n\nretry: 1234\n\n", client.toEnd());
    }
  }

  @Test
  void aStreamThatCompletesDuringTheGraceIsToldBoth() throws Exception {
    var server = server(Scheme.HTTP, request -> {
      var stream = request.getEventSource();
      Await.until("a stop", stream::isStopping);
      stream.complete();
    });
    try (var client = Client.get(server.uri())) {
      Await.until("it is open", () -> server.eventSources().count() == 1);
      server.stop(FOR_EVER);
      assertTrue(client.toEnd().endsWith("retry: 1234\n\n" + new String(WireFormat.COMPLETION, UTF_8)));
    }
  }

  // Later requests.

  @ParameterizedTest
  @EnumSource
  void newRequestsAreRefusedDuringTheGrace(Scheme scheme) throws Exception {
    var server = server(scheme, StopTest::keepAlive);
    try (var client = Client.get(server.uri())) {
      client.awaitText(":\n\n");
      var took = stopping(server, FOR_EVER);
      for (var path : List.of("", "plain", "no/such/path")) {
        var uri = server.uri().resolve("/" + path);
        try (var late = Client.get(uri, BROWSER)) {
          assertEquals(200, late.status());
          assertEquals("retry: 1234\n\n", late.toEnd());
        }
        try (var late = Client.get(uri)) {
          assertEquals(503, late.status());
          assertEquals("close", late.headers().get("Connection"));
          assertEquals("2", late.headers().get("Retry-After"));
          assertEquals("server is stopping\n", late.toEnd());
        }
      }
      try (var completed = Client.get(server.uri(), BROWSER, "Last-Event-ID: " + WireFormat.COMPLETED_ID)) {
        assertEquals(204, completed.status());
      }
      assertTrue(took.isEmpty());
      assertEquals(1, server.eventSources().dropAll());
      Await.next("the stop", took);
      assertEquals(Map.of(Ending.REVOKED, 1L), server.eventSources().stats().ended());
      assertEquals(3, server.eventSources().stats().refused());
    }
  }

  // Several calls, interrupts, handlers.

  @Test
  void aShorterGraceShortensALongerOne() throws Exception {
    var server = server(Scheme.HTTP, StopTest::keepAlive);
    try (var client = Client.get(server.uri())) {
      client.awaitText(":\n\n");
      var first = stopping(server, FOR_EVER);
      var second = stopping(server, Duration.ofMillis(300));
      var third = stopping(server, Duration.ofHours(1));
      assertInTime(Duration.ofMillis(300), Await.next("the second", second));
      Await.next("the first", first);
      Await.next("the third", third);
      Await.next("one more", stopping(server, FOR_EVER));
      server.close();
      client.toEnd();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anInterruptEndsTheGraceAndStays(boolean beforehand) throws Exception {
    var server = server(Scheme.HTTP, StopTest::keepAlive);
    try (var client = Client.get(server.uri())) {
      client.awaitText(":\n\n");
      var status = new LinkedBlockingQueue<Boolean>();
      var thread = Thread.ofPlatform().start(() -> {
        if (beforehand) {
          Thread.currentThread().interrupt();
        }
        server.stop(FOR_EVER);
        status.add(Thread.currentThread().isInterrupted());
      });
      Await.until("the stop began", server.eventSources()::isStopping);
      if (!beforehand) {
        assertEquals("bye", client.next().type());
        thread.interrupt();
      }
      assertTrue(Await.next("the stop", status));
      client.toEnd();
      assertEquals(Map.of(Ending.STOPPING, 1L), server.eventSources().stats().ended());
    }
  }

  @ParameterizedTest
  @EnumSource
  void severalHandlersMayStopTheirOwnServer(Scheme scheme) throws Exception {
    var before = threads();
    var self = new CompletableFuture<SseServer>();
    var both = new CyclicBarrier(2);
    var server = server(scheme, request -> {
      try (var stream = request.getEventSource()) {
        stream.send("before");
        both.await(20, TimeUnit.SECONDS);
        self.get().stop(FOR_EVER); // would wait for this very handler
        stream.send("after");
      }
    });
    self.complete(server);
    try (var one = Client.get(server.uri()); var two = Client.get(server.uri())) {
      for (var client : List.of(one, two)) {
        assertEquals(List.of("before", "back soon", "after"), client.data(3));
        assertNull(client.next());
      }
      server.join();
    }
    Await.until("no thread is left", () -> threads().equals(before));
  }

  /** Handlers that keep running are interrupted within the time that the streams have to be flushed. */
  @Test
  void itsStepsComeInTheirOrder() throws Exception {
    var steps = mock(Shutdown.Steps.class);
    var stop = new Shutdown(new ManualTicker(), new Threads(), steps);
    var daemon = new LinkedBlockingQueue<Boolean>();
    doAnswer(call -> daemon.add(Thread.currentThread().isDaemon())).when(steps).close();
    stop.begin(Duration.ZERO);
    Await.end(Thread.ofVirtual().start(stop::await));
    assertEquals(List.of(false), List.copyOf(daemon), "otherwise the program could exit in the middle of it");
    var order = inOrder(steps);
    order.verify(steps).sayFarewell();
    order.verify(steps).whenEmpty(any());
    order.verify(steps).endStreams(Duration.ofMillis(800));
    order.verify(steps).endHandlers(Duration.ofMillis(500));
    order.verify(steps).awaitStreams(Duration.ofMillis(1300)); // until aborted streams are closed
    order.verify(steps).awaitHandlers(Duration.ofMillis(500));
    order.verify(steps).close();
    verifyNoMoreInteractions(steps);
  }

  @Test
  void aStepThatThrowsIsLoggedAndNobodyWaitsForEver() throws Exception {
    var steps = mock(Shutdown.Steps.class);
    doThrow(new IllegalStateException("a bug")).when(steps).endStreams(any());
    var stop = new Shutdown(new ManualTicker(), new Threads(), steps);
    try (var log = new LogRecords()) {
      stop.begin(Duration.ZERO);
      Await.end(Thread.ofVirtual().start(stop::await));
      assertEquals(List.of("a stop threw java.lang.IllegalStateException"), log.messages(Level.SEVERE));
    }
  }

  /** The stream has no place yet, and gets none any more. */
  @Test
  void aStreamOfWhichTheRequestStillComesIsRefusedAndNotEnded() throws Exception {
    var sources = EventSources.create(SETTINGS);
    var reading = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    var exchange = MockExchange.uploading(new InputStream() {
      @Override
      public int read() throws IOException {
        reading.countDown();
        Await.asIo(() -> Await.latch("the test", go));
        return -1;
      }
    });
    var opening = new FutureTask<>(() -> sources.open(exchange));
    Thread.ofVirtual().start(opening);
    Await.latch("a read of the body", reading);
    sources.refuse();
    sources.steps().endStreams(Duration.ofSeconds(1));
    go.countDown();
    assertEquals(Optional.of(Ending.REFUSED), opening.get(20, TimeUnit.SECONDS).ending());
    sources.close();
  }

  /** The handler waits for the handlers of the other server, like any other caller. */
  @Test
  void aHandlerMayStopAnotherServer() throws Exception {
    var stopped = server(Scheme.HTTP, StopTest::keepAlive);
    var waited = new LinkedBlockingQueue<Long>();
    try (var other = server(Scheme.HTTP, request -> {
          stopped.stop(FOR_EVER);
          waited.add(stopped.eventSources().stats().ended().values().stream().mapToLong(Long::longValue).sum());
          request.respond(200);
        });
        var open = Client.get(stopped.uri())) {
      open.awaitText(":\n\n");
      try (var client = Client.get(other.uri())) {
        Await.until("the stop began", stopped.eventSources()::isStopping);
        assertEquals(1, stopped.eventSources().dropAll());
        assertEquals(200, client.status());
      }
      assertEquals(1, Await.next("the number of streams that had ended", waited));
    }
  }

  /** A thread that sees the farewell as sent may send the next event, which must come after it. */
  @Test
  void nothingOvertakesTheFarewell() throws Exception {
    try (var sources = EventSources.create(SETTINGS)) {
      var sent = new LinkedHashMap<EventSource, ByteArrayOutputStream>();
      for (int i = 0; i < 1_000; i++) {
        var body = new ByteArrayOutputStream();
        var stream = sources.open(MockExchange.with(new Headers(), body));
        stream.send("before");
        sent.put(stream, body);
      }
      sources.refuse();
      var streams = List.copyOf(sent.keySet());
      var steps = new AtomicInteger();
      var teller = new FutureTask<>(
          () -> sideBySide(steps, streams, stream -> stream.life().sayFarewell()), null);
      Thread.ofPlatform().daemon().start(teller);
      sideBySide(steps, streams, stream -> stream.offer("after"));
      teller.get(20, TimeUnit.SECONDS);
      for (var entry : sent.entrySet()) {
        entry.getKey().close();
        var parser = new WhatwgParser();
        parser.feed(entry.getValue().toByteArray());
        assertEquals(
            List.of("before", "back soon", "after"),
            parser.messages().stream().map(WhatwgParser.Message::data).toList());
      }
    }
  }

  /** Acts on each stream; two threads that call this meet at each of them. */
  private static void sideBySide(
      AtomicInteger steps, List<EventSource> streams, Consumer<EventSource> action) {
    int both = 0;
    for (EventSource stream : streams) {
      steps.incrementAndGet();
      both += 2;
      long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
      for (int i = 0; steps.get() < both; i++) {
        assertTrue(System.nanoTime() - deadline < 0, "the other thread does not arrive");
        if (i < 10_000) {
          Thread.onSpinWait();
        } else {
          Thread.yield(); // there may be one processor for both
        }
      }
      action.accept(stream);
    }
  }

  @Test
  void aHandlerThatIgnoresTheStopIsInterruptedAfterTheGrace() throws Exception {
    var before = threads();
    var started = new CountDownLatch(1);
    var interrupted = new CountDownLatch(1);
    var server = server(Scheme.HTTP, request -> {
      started.countDown();
      Await.interrupt();
      interrupted.countDown();
    });
    try (var client = Client.get(server.uri())) {
      Await.latch("the handler", started);
      var took = stopping(server, Duration.ofMillis(300));
      assertInTime(Duration.ofMillis(300), Await.next("the stop", took));
      assertEquals(0, interrupted.getCount());
      client.toEndOrCut();
    }
    Await.until("no thread is left", () -> threads().equals(before));
  }

  /** On a busy machine it may take longer than the half second that it has, but not every time. */
  @Test
  void aHandlerThatReturnsSoonAfterTheEndOfItsStreamIsNotInterrupted() throws Exception {
    boolean wasNot = false;
    for (int round = 0; round < 5 && !wasNot; round++) {
      var interrupted = new LinkedBlockingQueue<Boolean>();
      var server = server(Scheme.HTTP, request -> {
        keepAlive(request);
        try {
          interrupted.add(new CountDownLatch(1).await(50, TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
          interrupted.add(true);
        }
      });
      try (var client = Client.get(server.uri())) {
        client.awaitText(":\n\n");
        server.close();
        wasNot = !Await.next("the handler", interrupted);
      }
    }
    assertTrue(wasNot);
  }

  @ParameterizedTest
  @EnumSource
  void whoWasClosedBeforeAndDoesNotReadIsCutLikeTheRest(Scheme scheme) throws Exception {
    var server = scheme.builder().settings(SETTINGS.withOverflow(Overflow.dropNewest())).build();
    server.get("/", StopTest::keepAlive).start();
    try (var client = Client.get(server.uri(), 4096)) {
      Await.until("it is open", () -> server.eventSources().count() == 1);
      assertTrue(SlowTest.fill(server.eventSources().streams().getFirst(), "x".repeat(3000), 25));
      assertEquals(1, server.eventSources().dropAll()); // has the close limit, 10 s, to read the rest
      assertInTime(Duration.ZERO, Await.next("the stop", stopping(server, Duration.ZERO)));
      client.toEndOrCut();
    }
  }

  @Test
  void aNegativeGraceIsRefusedAndStopsNothing() throws Exception {
    try (var server = server(Scheme.HTTP, StopTest::keepAlive)) {
      assertThrows(IllegalArgumentException.class, () -> server.stop(Duration.ofNanos(-1)));
      assertThrows(IllegalArgumentException.class, () -> server.eventSources().stop(Duration.ofNanos(-1)));
      assertFalse(server.eventSources().isStopping());
      try (var client = Client.get(server.uri())) {
        assertEquals(200, client.status());
      }
    }
  }

  // The registry by itself.

  @Test
  void aRegistryStopsByItselfWithGrace() throws Exception {
    var ticker = new ManualTicker();
    var sources = ticker.sources(SETTINGS);
    try (var site = new Site(sources, EventSource::keepAlive);
        var early = Client.get(site.uri("early"));
        var late = Client.get(site.uri("late"))) {
      early.awaitText(":\n\n");
      late.awaitText(":\n\n");
      var stopped = new CountDownLatch(1);
      Thread.ofPlatform().start(() -> {
        sources.stop(Duration.ofMinutes(1));
        stopped.countDown();
      });
      assertEquals("bye", early.next().type());
      assertEquals("bye", late.next().type());
      sources.getByIdentifier("early").orElseThrow().close();
      early.toEnd();
      try (var refused = Client.get(site.uri("new"), BROWSER)) {
        assertEquals("retry: 1234\n\n", refused.toEnd());
      }
      ticker.advance(Duration.ofSeconds(60).minusNanos(1));
      assertEquals(1, stopped.getCount());
      assertTrue(sources.getByIdentifier("late").orElseThrow().isStopping());
      ticker.advance(Duration.ofNanos(1));
      Await.latch("the stop", stopped);
      late.toEnd();
      assertEquals(Map.of(Ending.CLOSED, 1L, Ending.STOPPING, 1L), sources.stats().ended());
      assertEquals(1, sources.stats().refused());
    }
  }

  @Test
  void aRegistryIsStoppedOnceAllItsStreamsHaveEnded() throws Exception {
    var sources = EventSources.create(SETTINGS);
    try (var site = new Site(sources, EventSource::keepAlive); var client = Client.get(site.uri())) {
      client.awaitText(":\n\n");
      var stopped = new CountDownLatch(1);
      Thread.ofPlatform().start(() -> {
        sources.stop(FOR_EVER);
        stopped.countDown();
      });
      assertEquals("bye", client.next().type());
      sources.dropAll();
      Await.latch("the stop", stopped);
    }
  }

  @Test
  void aHandlerMayStopItsRegistry() throws Exception {
    var sources = new ManualTicker().sources(SETTINGS);
    try (var site = new Site(sources, stream -> {
          sources.stop(FOR_EVER); // would wait for this very stream
          stream.send("after");
          return Ending.CLOSED;
        });
        var client = Client.get(site.uri())) {
      assertEquals("bye", client.next().type());
      assertEquals("after", client.next().data());
      assertNull(client.next());
    }
  }

  /** That stream is closed when its handler returns, so a stop that waited for it would wait for itself. */
  @Test
  void aHandlerThatClosedItsStreamMayStopItsRegistry() throws Exception {
    var sources = new ManualTicker().sources(SETTINGS);
    var http = com.sun.net.httpserver.HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    http.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    http.createContext("/", sources.handler((request, sse) -> {
      sse.send("all");
      sse.close();
      sources.stop(FOR_EVER);
    }));
    http.start();
    try (var client = Client.get(URI.create("http://localhost:" + http.getAddress().getPort() + "/"))) {
      assertEquals("all", client.next().data());
      client.toEnd();
      sources.close(); // the same stop; waits for its end
    } finally {
      http.stop(0);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 50})
  void aStopWhileStreamsOpenLeavesNothingHalfWay(long graceMillis) throws Exception {
    for (int round = 0; round < 10; round++) {
      var sources = EventSources.create(SETTINGS);
      try (var clients = Executors.newVirtualThreadPerTaskExecutor(); var site = new Site(sources, EventSource::keepAlive)) {
        var results = new ArrayList<Future<String>>();
        for (int i = 0; i < 100; i++) {
          var uri = i % 2 == 0 ? site.uri() : site.uri("id-" + i);
          results.add(clients.submit(() -> {
            try (var client = Client.get(uri, BROWSER)) {
              return client.toEnd();
            }
          }));
        }
        int some = 5 * round;
        Await.until("some are open", () -> sources.stats().opened() >= some);
        sources.stop(Duration.ofMillis(graceMillis));
        for (var result : results) {
          String body = result.get();
          assertEquals(1, body.split("retry: 1234\n\n", -1).length - 1, body);
          assertTrue(body.equals("retry: 1234\n\n") || body.contains("event: bye"), body);
        }
        assertEquals(0, sources.count());
        assertEquals(List.of(), sources.all());
        assertEquals(100, sources.stats().refused() + sources.stats().ended().values().stream().mapToLong(Long::longValue).sum());
      }
    }
  }

  @Test
  void anEmptyRegistryStopsAtOnceHoweverLongTheGrace() throws Exception {
    var sources = EventSources.create();
    var server = server(Scheme.HTTP, StopTest::keepAlive);
    var neverStarted = SseServer.create(0);
    Await.end(Thread.ofPlatform().start(() -> sources.stop(FOR_EVER)));
    Await.end(Thread.ofPlatform().start(() -> server.stop(FOR_EVER)));
    Await.end(Thread.ofPlatform().start(() -> neverStarted.stop(FOR_EVER)));
  }

  @Test
  void theRegistryOfAServerCanBeStoppedBeforeIt() throws Exception {
    var server = server(Scheme.HTTP, StopTest::keepAlive);
    try (var client = Client.get(server.uri())) {
      client.awaitText(":\n\n");
      server.eventSources().close();
      client.toEnd();
      try (var plain = Client.get(server.uri().resolve("/plain"))) {
        assertEquals("ok", plain.toEnd()); // the server goes on
      }
      server.stop(Duration.ofSeconds(30));
    }
  }

  /** It is no longer a stream, and a farewell would become part of the 500 response. */
  @Test
  void aHandlerThatFailsBecauseOfTheStopIs500WithoutAFarewell() throws Exception {
    var opened = new CountDownLatch(1);
    try (var log = new LogRecords();
        var server = server(Scheme.HTTP, request -> {
          var stream = request.getEventSource();
          opened.countDown();
          Await.until("a stop", stream::isStopping);
          throw new IllegalStateException("it stops");
        });
        var client = Client.get(server.uri())) {
      Await.latch("the stream", opened);
      server.stop(FOR_EVER);
      assertEquals(500, client.status());
      assertEquals("the handler failed\n", client.toEnd());
      assertEquals(
          List.of("the handler of \"GET /\" threw java.lang.IllegalStateException"),
          log.messages(Level.SEVERE));
    }
  }

  /** Without a stop, an interrupt is a failure like any other. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aHandlerThatTheStopInterruptsIsNoFailure(boolean stops) throws Exception {
    var inside = new LinkedBlockingQueue<Thread>();
    var left = new CountDownLatch(1);
    try (var log = new LogRecords();
        var server = server(Scheme.HTTP, request -> {
          inside.add(Thread.currentThread());
          try {
            Thread.sleep(Duration.ofHours(1));
          } finally {
            left.countDown();
          }
        });
        var client = Client.raw(server.uri(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
      var handler = Await.next("the handler", inside);
      if (!stops) {
        handler.interrupt();
        assertEquals(500, client.status());
      }
      server.stop(Duration.ZERO);
      Await.latch("its end", left);
      Await.end(handler);
      assertEquals(
          stops ? List.of() : List.of("the handler of \"GET /\" threw java.lang.InterruptedException"),
          log.messages(Level.SEVERE));
    }
  }

  /** For lack of memory, for example. The port would stay bound, and the hook for the exit registered. */
  @Test
  void aStepThatFailsKeepsNoServerOpen() throws Exception {
    var done = new ArrayList<String>();
    var steps = new Shutdown.Steps() {
      private void fail(String step) {
        done.add(step);
        throw new OutOfMemoryError(step);
      }

      @Override
      public void sayFarewell() {
        fail("farewell");
      }

      @Override
      public void whenEmpty(Gate.Emptied emptied) {
        fail("empty");
      }

      @Override
      public void endStreams(Duration limit) {
        fail("streams");
      }

      @Override
      public void awaitStreams(Duration limit) {
        fail("await");
      }

      @Override
      public void close() {
        fail("close");
      }
    };
    try (var log = new LogRecords()) {
      var threads = new Threads();
      var stop = new Shutdown(Ticker.onVirtualThreads(threads), threads, steps);
      stop.begin(Duration.ofMillis(10));
      Await.end(Thread.ofVirtual().start(stop::await));
      assertEquals(List.of("farewell", "empty", "streams", "await", "close"), done);
      assertEquals(5, log.messages().stream().filter(line -> line.contains("a stop")).count(), log.messages()::toString);
    }
  }
}
