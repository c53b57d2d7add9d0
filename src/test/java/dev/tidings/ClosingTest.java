package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Delivery between the call of close or complete and the end of the response, and how the response ends. */
class ClosingTest {
  private static final List<String> ALL = IntStream.range(0, 200).mapToObj(Integer::toString).toList();

  /** A log whose reads block while it is shut, and whose {@code latest} blocks while it is silent. */
  private static final class GatedLog extends ForwardingLog {
    final CountDownLatch open = new CountDownLatch(1);
    final CountDownLatch answers = new CountDownLatch(1);
    final CountDownLatch asked = new CountDownLatch(1);
    volatile boolean shut;
    volatile boolean silent;

    GatedLog() {
      this(EventLog.inMemory());
    }

    GatedLog(EventLog log) {
      super(log);
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      if (shut) {
        open.await();
      }
      var reading = super.read(after, most, wait);
      if (shut && open.getCount() > 0) { // it was shut meanwhile
        open.await();
        return super.read(after, most, wait);
      }
      return reading;
    }

    @Override
    public String latest() {
      if (silent) {
        asked.countDown();
        Await.uninterrupted(answers::await);
      }
      String id = super.latest();
      if (shut) {
        asked.countDown();
      }
      return id;
    }
  }

  private final Channel channel = Channel.create("one", EventLog.inMemory());
  private final Channel other = Channel.create("other", EventLog.inMemory());
  private final BlockingQueue<Object> done = new LinkedBlockingQueue<>();
  private final Queue<Channel> shutOnes = new ConcurrentLinkedQueue<>();
  private SseServer server;

  @AfterEach
  void stop() {
    if (server != null) {
      server.close();
    }
    channel.close();
    other.close();
    shutOnes.forEach(Channel::close); // their threads block in the log otherwise
  }

  private Channel channelOf(EventLog log) {
    var channel = Channel.create("shut", log);
    shutOnes.add(channel);
    return channel;
  }

  private SseServer server(Settings settings) throws IOException {
    server = SseServer.builder().settings(settings).build();
    return server;
  }

  private URI uri() {
    return server.uri();
  }

  private static void publish(Channel channel) {
    ALL.forEach(channel::publish);
  }

  // Published events are delivered first.

  private enum Way {
    CLOSE(EventSource::close),
    COMPLETE(EventSource::complete),
    FLUSH(sse -> assertTrue(sse.flush())),
    CLOSE_ELSEWHERE(sse -> elsewhere(sse::close)),
    COMPLETE_ELSEWHERE(sse -> elsewhere(sse::complete));

    private final Consumer<EventSource> call;

    Way(Consumer<EventSource> call) {
      this.call = call;
    }

    private static void elsewhere(Runnable call) {
      try {
        Await.end(Thread.startVirtualThread(call));
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatWasPublishedBeforeTheCallArrives(Way way) throws Exception {
    var returned = new LinkedBlockingQueue<Way>();
    server(Settings.defaults()).stream("/", sse -> {
      channel.join(sse);
      publish(channel);
      way.call.accept(sse);
      returned.add(way);
      if (way == Way.FLUSH) {
        sse.life().end(Ending.TOO_SLOW); // nothing is sent after this
      }
    });
    server.start();
    for (int i = 0; i < 5; i++) {
      try (var client = Client.get(uri())) {
        assertEquals(ALL, client.data(ALL.size()));
        Await.next("the call to return", returned);
        boolean completed = client.toEndOrCut().contains(WireFormat.COMPLETED_ID);
        assertEquals(way.name().startsWith("COMPLETE"), completed);
      }
    }
  }

  /** Resources close in reverse order, so the stream closes before its channel. */
  @Test
  void whatWasPublishedArrivesBeforeTheTryBlockClosesTheChannel() throws Exception {
    server(Settings.defaults()).get("/", request -> {
      try (var own = Channel.create(); var sse = request.getEventSource()) {
        own.join(sse);
        publish(own);
      }
    });
    server.start();
    try (var client = Client.get(uri())) {
      assertEquals(ALL, client.data(ALL.size()));
      assertEquals(null, client.next());
    }
  }

  @Test
  void soItDoesOfSeveralChannelsAndOfAHistory() throws Exception {
    server(Settings.defaults()).stream("/", sse -> {
      Channel.joinAll(sse, channel, other);
      publish(channel);
      publish(other);
      sse.complete();
    });
    server.start();
    String id;
    try (var client = Client.get(uri())) {
      assertEquals(2 * ALL.size(), client.data(2 * ALL.size()).size());
      id = client.parser().messages().get(5).lastEventId();
      client.toEnd();
    }
    try (var client = Client.get(uri(), "Last-Event-ID: " + id)) {
      client.awaitText(WireFormat.COMPLETED_ID);
      client.toEnd();
      int positions = 1; // the first event of all is a position
      assertTrue(client.parser().messages().size() >= 2 * ALL.size() + ALL.size() - 6 - positions, "the rest too");
    }
  }

  @Test
  void aChannelThatFilteredTheLastEventIsNotWaitedFor() throws Exception {
    server(Settings.defaults().withCloseWithin(Duration.ofHours(1))).stream("/", sse -> {
      channel.join(sse, event -> !event.data().orElse("").equals("199"));
      publish(channel);
      sse.close();
    });
    server.start();
    try (var client = Client.get(uri())) {
      assertEquals(ALL.subList(0, 199), client.data(199));
      client.toEnd();
    }
  }

  /** The log forgets the awaited id before the client reaches it: the client gets a gap, and then the end. */
  @Test
  void aPlaceThatIsForgottenMeanwhileIsNotWaitedFor() throws Exception {
    var log = new GatedLog(EventLog.inMemory(10, 1_000_000, Duration.ofHours(1)));
    try (var small = Channel.create(log)) {
      server(Settings.defaults().withCloseWithin(Duration.ofHours(1))).stream("/", sse -> {
        sse.send("open");
        small.join(sse);
        Await.until("it is live", () -> small.tail().isRunning());
        log.shut = true;
        small.publish("wakes the one that waits");
        ALL.subList(0, 5).forEach(small::publish);
        var closing = Thread.startVirtualThread(sse::close);
        Await.until("it closes", () -> !sse.isOpen());
        Await.latch("the log was asked", log.asked);
        ALL.forEach(small::publish);
        log.open.countDown();
        Await.end(closing);
      });
      server.start();
      try (var client = Client.get(uri())) {
        client.awaitText("event: gap");
        client.toEnd();
      }
    }
  }

  /** The call is made on the thread that delivers to the other stream, too. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aFilterMayCloseItsStreamAndDelaysNobody(boolean complete) throws Exception {
    var both = new CountDownLatch(2);
    server(Settings.defaults().withCloseWithin(Duration.ofHours(1))).stream("/", (request, sse) -> {
      if (request.query("closes").isPresent()) {
        channel.join(sse, event -> {
          if (event.data().orElseThrow().equals("last") && complete) {
            sse.complete();
          } else if (event.data().orElseThrow().equals("last")) {
            sse.close();
          }
          return true;
        });
      } else {
        channel.join(sse);
      }
      both.countDown();
      sse.keepAlive();
    });
    server.start();
    try (var one = Client.get(uri().resolve("?closes")); var two = Client.get(uri())) {
      Await.latch("both to join", both);
      for (String data : List.of("first", "last", "after")) {
        channel.publish(data);
      }
      assertEquals(List.of("first", "last", "after"), two.data(3));
      assertEquals(complete, one.toEnd().contains(WireFormat.COMPLETED_ID));
    }
  }

  @Test
  void aFilterMustNotFlush() throws Exception {
    var joined = new CountDownLatch(1);
    try (var records = new LogRecords()) {
      server(Settings.defaults()).stream("/", sse -> {
        channel.join(sse, event -> sse.flush());
        joined.countDown();
        sse.keepAlive();
      });
      server.start();
      try (var client = Client.get(uri())) {
        client.awaitText("id: ");
        Await.latch("the join", joined);
        channel.publish("does not match");
        Await.until("it is logged", () -> records.loud().stream()
            .anyMatch(line -> line.getThrown() instanceof IllegalStateException e && e.getMessage().contains("must not wait")));
      }
    }
  }

  // While the stream closes.

  /** Serves a stream of a channel whose log blocks once the stream is live; {@code closing} runs after that. */
  private GatedLog serveShut(Settings settings, StreamHandler closing) throws Exception {
    var log = new GatedLog();
    var shut = channelOf(log);
    server(settings).stream("GET", "/", request -> "id", (request, sse) -> {
      sse.send("open");
      shut.join(sse);
      Await.until("it is live", () -> shut.tail().isRunning());
      log.shut = true;
      shut.publish("before");
      closing.handle(sse);
    });
    server.start();
    return log;
  }

  @Test
  void itHasLeftTheRegistryAndTakesNothingElse() throws Exception {
    var sources = new AtomicReference<EventSources>();
    var log = serveShut(Settings.defaults(), sse -> {
      var closing = Thread.startVirtualThread(sse::close);
      Await.until("it has left", () -> sources.get().count() == 0);
      done.add(List.of(
          sse.send("late"), sse.offer("late"), sources.get().broadcast("late"), sources.get().count(),
          sources.get().getByIdentifier("id"), sources.get().ping(), sse.ending(), sse.keepAlive()));
      Await.end(closing);
    });
    sources.set(server.eventSources());
    try (var client = Client.get(uri())) {
      assertEquals(
          List.of(false, false, 0, 0, Optional.empty(), 0, Optional.of(Ending.CLOSED), Ending.CLOSED),
          Await.next("the results of the calls", done));
      log.open.countDown();
      assertEquals(List.of("open", "before"), client.data(2));
      client.toEnd();
    }
  }

  @Test
  void whatIsPublishedAfterTheCallIsNotDelivered() throws Exception {
    var after = new AtomicReference<Channel>();
    var log = new GatedLog();
    var shut = channelOf(log);
    after.set(shut);
    server(Settings.defaults()).stream("/", sse -> {
      sse.send("open");
      shut.join(sse);
      Await.until("it is live", () -> shut.tail().isRunning());
      log.shut = true;
      shut.publish("before");
      var closing = Thread.startVirtualThread(sse::close);
      Await.until("it has ended", () -> !sse.isOpen());
      Await.until("the log was asked", () -> VirtualThreads.named("tidings-replay").isEmpty());
      shut.publish("after");
      log.open.countDown();
      Await.end(closing);
    });
    server.start();
    try (shut; var client = Client.get(uri())) {
      assertEquals(List.of("open", "before"), client.data(3));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"REVOKED", "EXPIRED", "REPLACED", "STOPPING", "TOO_SLOW"})
  void anotherEndingEndsThatAtOnce(Ending why) throws Exception {
    serveShut(Settings.defaults().withCloseWithin(Duration.ofHours(1)), sse -> {
      sse.onEnd(done::add);
      var closing = Thread.startVirtualThread(sse::close);
      Await.until("it has ended", () -> !sse.isOpen());
      sse.life().end(why);
      Await.end(closing);
    });
    try (var client = Client.get(uri())) {
      assertEquals(Ending.CLOSED, Await.next("the ending", done), "the first ending");
      assertFalse(client.toEndOrCut().contains("before"));
    }
  }

  /** Its send was refused because another thread had closed the stream. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aHandlerThatGivesUpBecauseItsStreamIsClosedDoesNotEndThat(boolean interrupted) throws Exception {
    var completing = new LinkedBlockingQueue<Thread>();
    try (var records = new LogRecords()) {
      var log = serveShut(Settings.defaults().withCloseWithin(Duration.ofHours(1)), sse -> {
        completing.add(Thread.startVirtualThread(sse::complete));
        Await.until("it has ended", () -> !sse.isOpen());
        if (interrupted) {
          Thread.currentThread().interrupt();
          done.add(sse.keepAlive());
        } else {
          assertFalse(sse.send("refused"));
          throw new IllegalStateException("nobody listens");
        }
      });
      try (var client = Client.get(uri())) {
        assertEquals("open", client.next().data());
        if (interrupted) {
          assertEquals(Ending.COMPLETED, Await.next("the wait", done));
        } else {
          Await.until("it has failed", () -> !records.messages(java.util.logging.Level.SEVERE).isEmpty());
        }
        log.open.countDown();
        assertEquals("before", client.next().data());
        assertTrue(client.toEnd().contains(WireFormat.COMPLETED_ID));
      }
      Await.end(Await.next("the thread", completing));
    }
  }

  /** What was published can no longer be delivered, so the client must not be told to stay away. */
  @ParameterizedTest
  @ValueSource(strings = {"leave", "close", "flush"})
  void aChannelThatTheStreamLosesMeanwhileLeavesItIncomplete(String way) throws Exception {
    var log = new GatedLog();
    var shut = channelOf(log);
    server(Settings.defaults().withCloseWithin(Duration.ofHours(1))).stream("/", sse -> {
      sse.send("open");
      shut.join(sse);
      Await.until("it is live", () -> shut.tail().isRunning());
      log.shut = true;
      shut.publish("not delivered");
      var ending = Thread.startVirtualThread(() -> {
        if (way.equals("flush")) {
          done.add(sse.flush());
        } else {
          sse.complete();
        }
      });
      Await.latch("the log was asked", log.asked);
      if (way.equals("close")) {
        shut.close();
      } else {
        shut.leave(sse);
      }
      Await.end(ending);
    });
    server.start();
    try (var client = Client.get(uri())) {
      if (way.equals("flush")) {
        client.toEnd();
        assertEquals(false, Await.next("the flush", done));
      } else {
        assertFalse(toBreakingOff(client).contains(WireFormat.COMPLETED_ID));
      }
    }
  }

  @Test
  void aClientThatLeavesEndsThatAtOnce() throws Exception {
    serveShut(Settings.defaults().withCloseWithin(Duration.ofHours(1)), sse -> {
      var closing = Thread.startVirtualThread(sse::complete);
      Await.until("it has ended", () -> !sse.isOpen());
      sse.life().failed(new IOException("Broken pipe"));
      Await.end(closing);
      done.add("ended");
    });
    try (var client = Client.get(uri())) {
      client.awaitText("open");
      assertEquals("ended", Await.next("the end", done));
    }
  }

  /** A stop does not wait for the log. */
  @Test
  void aStopEndsThatAtOnce() throws Exception {
    serveShut(Settings.defaults().withCloseWithin(Duration.ofHours(1)), sse -> {
      done.add("closes");
      sse.close();
    });
    try (var client = Client.get(uri())) {
      Await.next("it closes", done);
      server.close();
      assertFalse(client.toEndOrCut().contains("before"));
    }
  }

  // When not everything can be delivered.

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aLogThatDoesNotSayWhereItEndsIsNotWaitedForAndTheClientMayComeBack(boolean complete) throws Exception {
    var log = new GatedLog();
    try (var silent = Channel.create(log)) {
      server(Settings.defaults().withCloseWithin(Duration.ofHours(1))).stream("/", sse -> {
        sse.send("open");
        silent.join(sse);
        Await.until("it is live", () -> silent.tail().isRunning());
        log.silent = true;
        if (complete) {
          sse.complete();
        } else {
          sse.close();
        }
      });
      server.start();
      try (var client = Client.get(uri())) {
        String all = toBreakingOff(client); // after a second
        assertFalse(all.contains(WireFormat.COMPLETED_ID), all);
      } finally {
        log.answers.countDown();
      }
    }
  }

  @Test
  void aLogThatFailsOnceIsAskedAgain() throws Exception {
    var log = new ForwardingLog(EventLog.inMemory()) {
      volatile boolean fails;

      @Override
      public String latest() {
        if (fails) {
          fails = false;
          throw new java.io.UncheckedIOException(new IOException("a broken connection, the next one is good"));
        }
        return super.latest();
      }
    };
    try (var _ = new LogRecords(); var failing = Channel.create(log)) {
      server(Settings.defaults()).stream("/", sse -> {
        failing.join(sse);
        publish(failing);
        log.fails = true;
        sse.complete();
      });
      server.start();
      try (var client = Client.get(uri())) {
        assertEquals(ALL, client.data(ALL.size()));
        assertTrue(client.toEnd().contains(WireFormat.COMPLETED_ID));
      }
    }
  }

  @Test
  void aLogThatFailsIsNotWaitedFor() throws Exception {
    var log = new ForwardingLog(EventLog.inMemory()) {
      volatile boolean fails;

      @Override
      public Reading read(String after, int most, Duration wait) throws InterruptedException {
        failIfDown();
        return super.read(after, most, wait);
      }

      @Override
      public String latest() {
        failIfDown();
        return super.latest();
      }

      private void failIfDown() {
        if (fails) {
          throw new java.io.UncheckedIOException(new IOException("no route to the log"));
        }
      }
    };
    try (var records = new LogRecords(); var failing = Channel.create(log)) {
      server(Settings.defaults().withCloseWithin(Duration.ofHours(1))).stream("/", sse -> {
        failing.join(sse);
        log.fails = true;
        done.add(sse.flush());
        sse.complete();
      });
      server.start();
      try (var client = Client.get(uri())) {
        assertFalse(toBreakingOff(client).contains(WireFormat.COMPLETED_ID));
        assertEquals(false, Await.next("the flush", done));
      }
      assertEquals(1, records.messages(java.util.logging.Level.SEVERE).size());
    }
  }

  /** More events than it remembers pass while the log is asked; it asks again. */
  @Test
  void aLogThatAnswersLateIsAskedAgain() throws Exception {
    var log = new GatedLog();
    var late = channelOf(log);
    int many = 5000;
    try (var site = new Site(new ManualTicker().sources(Settings.defaults()), sse -> {
      sse.send("open");
      late.join(sse);
      Await.until("it is live", () -> late.tail().isRunning());
      log.silent = true;
      sse.complete();
      return sse.ending().orElseThrow();
    });
        var client = Client.get(site.uri())) {
      assertEquals("open", client.next().data());
      Await.latch("the log was asked", log.asked);
      for (int i = 0; i < many; i++) {
        late.publish("");
      }
      assertEquals(many, client.data(many).size());
      log.silent = false;
      log.answers.countDown();
      assertTrue(client.toEnd().contains(WireFormat.COMPLETED_ID));
    }
  }

  /** A thread that asks may have to wait for a processor before; that is no fault of the log. */
  @Test
  void theTimeOfALogBeginsWhenItIsCalled() {
    var ticker = new ManualTicker();
    var asked = new java.util.ArrayDeque<Inquiry.Asker>();
    var subscriber = mock(Subscriber.class);
    doAnswer(call -> asked.add(call.getArgument(0))).when(subscriber).askLatest(any());
    var sender = mock(Sender.class);
    when(sender.ticker()).thenReturn(ticker);
    var stream = mock(EventSource.class);
    when(stream.sender()).thenReturn(sender);
    var cursor = new Cursor(stream, Positions.ofOne().with("a", "1"));
    when(subscriber.name()).thenReturn("a");
    cursor.enter(subscriber);
    var reached = cursor.deliverPublished(true, Duration.ofSeconds(10).toNanos());
    ticker.advance(Duration.ofSeconds(5));
    assertFalse(reached.isDone());
    asked.remove().begin();
    ticker.advance(Duration.ofMillis(999));
    assertFalse(reached.isDone());
    ticker.advance(Duration.ofMillis(1));
    assertEquals(false, reached.getNow(null));
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "POST"})
  void aLogThatStopsMeanwhileIsWaitedForUntilTheCloseBound(String method) throws Exception {
    var log = new GatedLog();
    var live = new CountDownLatch(1);
    try (var shut = Channel.create("shut", log)) {
      server(Settings.defaults().withCloseWithin(Duration.ofMillis(300))).stream(method, "/", (request, sse) -> {
        sse.send("open");
        shut.join(sse);
        Await.until("it is live", () -> shut.tail().isRunning());
        live.countDown();
        log.shut = true;
        shut.publish("before");
        sse.complete();
      });
      server.start();
      try (var client = Client.send(method, uri(), "HTTP/1.1", "")) {
        client.awaitText("open");
        Await.latch("the stream to be live", live);
        assertFalse(toBreakingOff(client).contains(WireFormat.COMPLETED_ID), "the client may come back for the rest");
      }
      log.open.countDown();
    }
  }

  /** Fails if the response ends as a whole. */
  private static String toBreakingOff(Client client) {
    assertThrows(IOException.class, client::toEnd);
    return client.toEndOrCut();
  }

  // A handler that closes its stream and has not returned.

  private interface Action {
    void run(EventSource sse) throws Exception;
  }

  private Client serveTry(Settings settings, Action body, Action after) throws Exception {
    server(settings).get("/", request -> {
      EventSource stream;
      try (var sse = request.getEventSource()) {
        stream = sse;
        sse.onEnd(done::add);
        body.run(sse);
      }
      after.run(stream);
    });
    server.start();
    return Client.get(uri());
  }

  @Test
  void aHandlerThatFailsInItsTryBlockBreaksTheResponseOff() throws Exception {
    try (var records = new LogRecords();
        var client = serveTry(Settings.defaults(), sse -> {
          for (int i = 0; i < 3; i++) {
            sse.send("" + i);
          }
          throw new IllegalStateException("upstream is gone");
        }, sse -> {})) {
      assertEquals(List.of("0", "1", "2"), client.data(3));
      toBreakingOff(client);
      assertEquals(Ending.FAILED, Await.next("the ending", done));
      Await.until("it is counted", () -> server.eventSources().stats().ended().equals(Map.of(Ending.FAILED, 1L)));
      assertEquals(1, records.messages(java.util.logging.Level.SEVERE).size());
    }
  }

  @Test
  void aHandlerThatFailsInItsTryBlockBeforeItSentAnythingIsA500() throws Exception {
    try (var records = new LogRecords();
        var client = serveTry(Settings.defaults(), sse -> {
          server.eventSources().broadcast("dropped with it");
          throw new IllegalStateException("no such user");
        }, sse -> {})) {
      assertEquals(500, client.status());
      assertEquals("the handler failed\n", client.toEnd());
      assertEquals(Ending.FAILED, Await.next("the ending", done));
      assertEquals(1, records.messages(java.util.logging.Level.SEVERE).size());
    }
  }

  /** The time that the close took does not count: the exception is on its way. */
  @Test
  void soDoesOneWhoseCloseTookAllOfItsTime() throws Exception {
    var log = new GatedLog();
    var shut = channelOf(log);
    try (var _ = new LogRecords();
        var client = serveTry(Settings.defaults().withCloseWithin(Duration.ofMillis(300)), sse -> {
          sse.send("open");
          shut.join(sse);
          Await.until("it is live", () -> shut.tail().isRunning());
          log.shut = true;
          shut.publish("not delivered");
          throw new IllegalStateException("upstream is gone");
        }, sse -> {})) {
      toBreakingOff(client);
      assertEquals(Ending.FAILED, Await.next("the ending", done));
    }
  }

  /** All was delivered, and the ending stays CLOSED. */
  @ParameterizedTest
  @EnumSource(names = {"STOPPING", "EXPIRED", "REVOKED"})
  void anEndingBeforeTheReturnLeavesAWholeResponseWhole(Ending why) throws Exception {
    var returns = new CountDownLatch(1);
    server(Settings.defaults()).post("/", request -> {
      EventSource stream;
      try (var sse = request.getEventSource()) {
        sse.onEnd(done::add);
        stream = sse;
        sse.send("all");
      }
      stream.life().end(why);
      returns.await();
    });
    server.start();
    try (var client = Client.send("POST", uri(), "HTTP/1.1", "")) {
      assertEquals("data: all\n\n", client.toEnd());
      assertEquals(Ending.CLOSED, Await.next("the ending", done));
      returns.countDown();
    }
  }

  @Test
  void closeFlushesAndTheEndComesWhenTheHandlerReturns() throws Exception {
    var returns = new CountDownLatch(1);
    try (var client = serveTry(Settings.defaults().withCloseWithin(Duration.ofHours(1)), sse -> sse.send("all"), sse -> {
      sse.close(); // once more: does not wait for itself
      sse.complete();
      done.add(List.of(sse.isOpen(), sse.ending(), sse.send("late"), server.eventSources().count()));
      returns.await();
    })) {
      assertEquals(List.of("all"), client.data(1), "while the handler still runs");
      assertEquals(List.of(false, Optional.of(Ending.CLOSED), false, 0), Await.next("the results of the calls", done));
      assertEquals(Map.of(), server.eventSources().stats().ended());
      returns.countDown();
      client.toEnd();
      assertEquals(Ending.CLOSED, Await.next("the ending", done));
    }
  }

  /** A handler may still fail after it closed a stream without sending anything; the response is then a 500. */
  @Test
  void theHeadWaitsForTheReturnTooIfNothingWasSent() throws Exception {
    var returns = new CountDownLatch(1);
    try (var client = serveTry(Settings.defaults(), sse -> server.eventSources().broadcast("queued"), sse -> returns.await())) {
      Await.until("it is closed", () -> server.eventSources().count() == 0);
      returns.countDown();
      assertEquals(200, client.status());
      assertEquals(List.of("queued"), client.data(2));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aHandlerThatDoesNotReturnHoldsTheEndUpNoLongerThanTheCloseBound(boolean sends) throws Exception {
    var returns = new CountDownLatch(1);
    try (var client = serveTry(Settings.defaults().withCloseWithin(Duration.ofMillis(200)), sse -> {
      if (sends) {
        sse.send("all");
      }
    }, sse -> returns.await())) {
      assertEquals(sends ? List.of("all") : List.of(), client.data(2));
      assertEquals(Ending.CLOSED, Await.next("the ending", done));
      returns.countDown();
    }
  }

  @Test
  void aStopDoesNotWaitForAHandlerThatClosedItsStream() throws Exception {
    var closed = new CountDownLatch(1);
    try (var client = serveTry(Settings.defaults(), sse -> sse.send("all"), sse -> {
      closed.countDown();
      new CountDownLatch(1).await(); // until it is interrupted
    })) {
      Await.latch("it closes its stream", closed);
      server.close();
      assertEquals(List.of("all"), client.data(1));
      client.toEnd();
      assertEquals(Ending.CLOSED, Await.next("the ending", done));
    }
  }

  @Test
  void aStreamOfOnesOwnServerIsClosedByTheCall() throws Exception {
    server(Settings.defaults());
    var returns = new CountDownLatch(1);
    try (var site = new Site(EventSources.create(), stream -> {
      stream.send("all");
      stream.close();
      returns.await();
      return stream.keepAlive();
    });
        var client = Client.get(site.uri())) {
      assertEquals("data: all\n\n", client.toEnd());
      returns.countDown();
    }
  }
}
