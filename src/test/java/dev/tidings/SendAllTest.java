package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Publishers and queues whose events are sent to one stream. */
class SendAllTest {
  private static final Settings SMALL =
      Settings.defaults().withQueueEvents(4).withWriteDeadline(Duration.ofSeconds(1)).withHeartbeat(Duration.ofMillis(300));

  /** What a handler's call returned or threw. */
  private final BlockingQueue<Object> results = new LinkedBlockingQueue<>();

  /** A call of {@code sendAll}. */
  private interface Sending {
    Object to(EventSource sse) throws Exception;
  }

  /** A server whose handler makes the call, checks that it left no interrupt status, and returns or throws. */
  private SseServer server(Settings settings, Sending sending) throws IOException {
    var server = SseServer.builder().settings(settings).build();
    return server.stream("/", sse -> {
      try {
        var result = sending.to(sse);
        results.add(Thread.currentThread().isInterrupted() ? "interrupted: " + result : result);
      } catch (Exception e) {
        results.add(e);
        throw e;
      }
    }).start();
  }

  private Object result() throws InterruptedException {
    return Await.next("the call to return", results);
  }

  private static List<String> numbers(int count) {
    return IntStream.range(0, count).mapToObj(Integer::toString).toList();
  }

  private static Ending ending(SseServer server) {
    Await.until("the stream has ended", () -> !server.eventSources().stats().ended().isEmpty());
    return server.eventSources().stats().ended().keySet().iterator().next();
  }

  // Publishers.

  @Test
  void aPublisherIsSentToItsEnd() throws Exception {
    var publisher = new SubmissionPublisher<Event>();
    try (var server = server(Settings.defaults(), sse -> sse.sendAll(publisher)); var client = Client.get(server.uri())) {
      Await.until("the handler subscribes", publisher::hasSubscribers);
      numbers(1000).forEach(data -> publisher.submit(Event.of(data)));
      publisher.close();
      assertEquals(numbers(1000), client.data(1001));
      assertEquals(true, result());
      assertEquals(Ending.CLOSED, ending(server));
    }
  }

  @Test
  void anEmptyPublisherEndsAtOnce() throws Exception {
    var publisher = new ManualPublisher();
    try (var server = server(Settings.defaults(), sse -> sse.sendAll(publisher)); var client = Client.get(server.uri())) {
      Await.latch("the subscription", publisher.subscribed);
      publisher.subscriber.onComplete();
      assertEquals(":\n\n", client.toEnd());
      assertEquals(true, result());
      assertEquals(0, publisher.cancels.get());
    }
  }

  @Test
  void onlyTheNextEventIsRequested() throws Exception {
    var publisher = new ManualPublisher();
    try (var server = server(Settings.defaults(), sse -> sse.sendAll(publisher)); var client = Client.get(server.uri())) {
      for (String data : numbers(3)) {
        Await.until("a request", () -> publisher.requested.get() > 0);
        assertEquals(1, publisher.requested.get());
        publisher.send(data);
        assertEquals(data, client.next().data());
      }
    }
  }

  @Test
  void aFailureAbortsTheResponseAfterTheEventsBefore() throws Exception {
    var publisher = new ManualPublisher();
    var failure = new IOException("the sensor is gone");
    try (var _ = new LogRecords();
        var server = server(Settings.defaults(), sse -> sse.sendAll(publisher));
        var client = Client.get(server.uri())) {
      Await.latch("the subscription", publisher.subscribed);
      publisher.send("one");
      publisher.subscriber.onError(failure);
      assertEquals("one", client.next().data());
      assertThrows(IOException.class, client::toEnd);
      assertSame(failure, assertInstanceOf(CompletionException.class, result()).getCause());
      assertEquals(Ending.FAILED, ending(server));
      assertEquals(0, publisher.cancels.get());
    }
  }

  /** The publisher never sends anything, so only the stream can end the wait. */
  @Test
  void aClientThatLeavesASilentPublisherCancelsIt() throws Exception {
    var publisher = new ManualPublisher();
    var times = new LinkedBlockingQueue<Long>();
    try (var server = server(SMALL, sse -> {
      sse.onEnd(why -> times.add(System.nanoTime()));
      return sse.sendAll(publisher);
    });
        var client = Client.get(server.uri())) {
      client.awaitComments(1);
      Await.latch("the subscription", publisher.subscribed);
      long left = System.nanoTime();
      client.reset();
      assertEquals(false, result());
      long returned = System.nanoTime();
      Await.latch("the cancellation", publisher.cancelled);
      System.out.println("left to ended: " + (Await.next("the end", times) - left) / 1_000_000 + " ms, to returned: " + (returned - left) / 1_000_000 + " ms");
      assertEquals(1, publisher.cancels.get());
      assertEquals(Ending.CLIENT_GONE, ending(server));
      publisher.subscriber.onNext(Event.of("too late"));
      publisher.subscriber.onNext(Event.of("too late"));
      publisher.subscriber.onError(new IOException("too late"));
    }
  }

  /** The one event that is on its way when the stream ends is the only one that is lost. */
  @Test
  void aClientThatDoesNotReadSlowsThePublisherDown() throws Exception {
    var sent = new AtomicLong();
    var cancelled = new CountDownLatch(1);
    try (var server = server(SMALL, sse -> {
      var all = sse.sendAll(endless(sent, cancelled, "x".repeat(20_000)));
      results.add(sse.traffic());
      return all;
    });
        var client = Client.get(server.uri(), 4096)) {
      var traffic = (Traffic) result();
      assertEquals(false, result());
      Await.latch("the cancellation", cancelled);
      assertEquals(Ending.TOO_SLOW, ending(server));
      long accepted = traffic.sent() + traffic.waiting();
      assertTrue(sent.get() < 5000, () -> "sent " + sent); // 100 MB; the kernel buffers a few
      System.out.println("sent " + sent + ", " + traffic);
      assertNotNull(client);
      assertTrue(accepted <= sent.get(), () -> accepted + " of " + sent);
    }
  }

  /** A publisher that sends, on the thread that requests, as many events as were requested. */
  private static Flow.Publisher<Event> endless(AtomicLong sent, CountDownLatch cancelled, String data) {
    return subscriber -> subscriber.onSubscribe(new Flow.Subscription() {
      @Override
      public void request(long n) {
        for (long i = 0; i < n; i++) {
          sent.incrementAndGet();
          subscriber.onNext(Event.of(data));
        }
      }

      @Override
      public void cancel() {
        cancelled.countDown();
      }
    });
  }

  private enum Evil {
    TOO_MANY, NOTHING, EARLY, TWICE, ERROR_AND_MORE, MANY_THREADS, THROWS_IN_SUBSCRIBE, THROWS_IN_REQUEST, THROWS_IN_CANCEL,
    NULL_SUBSCRIPTION, NULL_ERROR
  }

  /** The stream, its server and the thread are as usable as before, and the next publisher is sent. */
  @ParameterizedTest
  @EnumSource
  void aPublisherThatBreaksTheRulesHarmsNothing(Evil evil) throws Exception {
    var other = new ManualPublisher();
    try (var _ = new LogRecords(); var server = server(Settings.defaults(), sse -> {
      Object outcome;
      try {
        outcome = sse.sendAll(evil(evil));
      } catch (RuntimeException e) {
        outcome = e instanceof CompletionException ? e.getCause() : e;
      }
      results.add(outcome);
      return sse.sendAll(other);
    });
        var client = Client.get(server.uri())) {
      var outcome = result();
      switch (evil) {
        case TOO_MANY, EARLY, MANY_THREADS ->
            assertEquals("the publisher sent more events than were requested", ((Exception) outcome).getMessage());
        case NOTHING -> assertEquals("the publisher sent null", ((Exception) outcome).getMessage());
        case TWICE -> assertEquals(true, outcome);
        case ERROR_AND_MORE -> assertEquals("first", ((Exception) outcome).getMessage());
        case THROWS_IN_SUBSCRIBE, THROWS_IN_REQUEST -> assertEquals("evil", ((Exception) outcome).getMessage());
        case THROWS_IN_CANCEL -> assertInstanceOf(IllegalStateException.class, outcome);
        case NULL_SUBSCRIPTION, NULL_ERROR -> assertInstanceOf(NullPointerException.class, outcome);
      }
      other.send("good");
      other.subscriber.onComplete();
      var data = client.data(1000);
      assertEquals("good", data.getLast());
      assertTrue(data.size() <= 2 || evil == Evil.MANY_THREADS, () -> "at most one of the evil publisher: " + data);
      assertEquals(true, result());
    }
  }

  private static Flow.Publisher<Event> evil(Evil evil) {
    var event = Event.of("evil");
    return subscriber -> {
      if (evil == Evil.THROWS_IN_SUBSCRIBE) {
        throw new IllegalArgumentException("evil");
      }
      if (evil == Evil.EARLY) {
        subscriber.onNext(event);
      }
      if (evil == Evil.NULL_SUBSCRIPTION) {
        subscriber.onSubscribe(null);
      }
      var threads = new ArrayList<Thread>();
      var second = new CountDownLatch(1);
      var subscription = new Flow.Subscription() {
        @Override
        public void request(long n) {
          switch (evil) {
            case TOO_MANY, THROWS_IN_CANCEL -> {
              for (int i = 0; i < 10_000; i++) {
                subscriber.onNext(event);
              }
            }
            case NOTHING -> subscriber.onNext(null);
            case NULL_ERROR -> subscriber.onError(null);
            case ERROR_AND_MORE -> {
              subscriber.onError(new IOException("first"));
              subscriber.onError(new IOException("second"));
              subscriber.onNext(event);
              subscriber.onComplete();
            }
            case MANY_THREADS -> {
              for (int i = 0; i < 50; i++) {
                threads.add(Thread.ofVirtual().start(() -> subscriber.onNext(event)));
              }
            }
            case THROWS_IN_REQUEST -> throw new IllegalArgumentException("evil");
            default -> {
              subscriber.onNext(event);
              subscriber.onComplete();
              subscriber.onComplete();
            }
          }
        }

        @Override
        public void cancel() {
          if (evil == Evil.THROWS_IN_CANCEL) {
            throw new IllegalArgumentException("evil");
          }
        }
      };
      subscriber.onSubscribe(subscription);
      if (evil == Evil.TWICE) {
        subscriber.onSubscribe(new Flow.Subscription() {
          @Override
          public void request(long n) {
            throw new AssertionError("the second subscription is not used");
          }

          @Override
          public void cancel() {
            second.countDown();
          }
        });
        assertEquals(0, second.getCount(), "the second subscription is cancelled");
      }
    };
  }

  @Test
  void aSubscriptionThatComesTooLateIsCancelled() throws Exception {
    var subscribers = new LinkedBlockingQueue<Flow.Subscriber<? super Event>>();
    Flow.Publisher<Event> slow = subscribers::add;
    try (var server = server(Settings.defaults(), sse -> sse.sendAll(slow)); var client = Client.get(server.uri())) {
      var subscriber = Await.next("the subscriber", subscribers);
      client.awaitComments(1);
      server.eventSources().dropAll();
      assertEquals(false, result());
      var late = new ManualPublisher();
      subscriber.onSubscribe(late);
      assertEquals(1, late.cancels.get());
      assertEquals(0, late.requested.get());
    }
  }

  /** Each of these blocks a thread of the handler, which only the end of the stream frees. */
  @ParameterizedTest
  @EnumSource(names = {"SUBSCRIBE", "REQUEST"})
  void aPublisherThatBlocksItsCallerIsInterruptedAtTheEnd(Blocked blocked) throws Exception {
    var inside = new CountDownLatch(1);
    Flow.Publisher<Event> blocking = subscriber -> {
      if (blocked == Blocked.SUBSCRIBE) {
        block(inside);
      }
      subscriber.onSubscribe(new Flow.Subscription() {
        @Override
        public void request(long n) {
          block(inside);
        }

        @Override
        public void cancel() {}
      });
    };
    try (var server = server(Settings.defaults(), sse -> sse.sendAll(blocking)); var client = Client.get(server.uri())) {
      Await.latch("the publisher", inside);
      client.awaitComments(1);
      server.eventSources().dropAll();
      assertEquals(false, result());
    }
  }

  /** A publisher that sends on the thread that requests may end the stream there, too. */
  @ParameterizedTest
  @EnumSource(names = {"CLOSED", "COMPLETED", "DROPPED"})
  void aPublisherMayEndTheStreamOnTheThreadThatRequests(Way way) throws Exception {
    var cancelled = new CountDownLatch(1);
    var threads = new LinkedBlockingQueue<String>();
    try (var server = server(Settings.defaults(), sse -> sse.sendAll(
        subscriber -> subscriber.onSubscribe(new Flow.Subscription() {
          private int sent;

          @Override
          public void request(long n) {
            if (sent++ == 0) {
              subscriber.onNext(Event.of("one"));
            } else {
              switch (way) {
                case CLOSED -> sse.close();
                case COMPLETED -> sse.complete();
                case DROPPED, GONE -> sse.life().end(Ending.REVOKED);
              }
              threads.add(Thread.currentThread().isInterrupted() ? "interrupted" : "not interrupted");
            }
          }

          @Override
          public void cancel() {
            cancelled.countDown();
          }
        })));
        var client = Client.get(server.uri())) {
      assertEquals("one", client.next().data());
      assertEquals("not interrupted", Await.next("the end in the publisher", threads));
      assertEquals(false, result());
      Await.latch("the cancellation", cancelled);
      client.toEnd();
    }
  }

  private enum Blocked {
    SUBSCRIBE, REQUEST
  }

  private static void block(CountDownLatch inside) {
    inside.countDown();
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e); // as libraries do
    }
  }

  // Queues.

  @Test
  void aQueueIsSentUpToItsEnd() throws Exception {
    var queue = new LinkedBlockingQueue<Event>();
    var end = Event.of("end");
    try (var server = server(Settings.defaults(), sse -> sse.sendAll(queue, end)); var client = Client.get(server.uri())) {
      numbers(100).forEach(data -> queue.add(Event.of(data)));
      queue.add(Event.of("end")); // equal, and not the same
      queue.add(end);
      queue.add(Event.of("of another one"));
      var expected = new ArrayList<>(numbers(100));
      expected.add("end");
      assertEquals(expected, client.data(200));
      assertEquals(Optional.empty(), result());
      assertEquals(1, queue.size());
    }
  }

  private enum Way {
    CLOSED, DROPPED, GONE, COMPLETED
  }

  @ParameterizedTest
  @EnumSource
  void whenTheStreamEndsNothingIsTakenAnyMore(Way way) throws Exception {
    var queue = new LinkedBlockingQueue<Event>();
    try (var server = server(SMALL, sse -> sse.sendAll(queue)); var client = Client.get(server.uri())) {
      queue.add(Event.of("one"));
      assertEquals("one", client.next().data());
      var stream = server.eventSources().streams().getFirst();
      switch (way) {
        case CLOSED -> stream.close();
        case COMPLETED -> stream.complete();
        case DROPPED -> server.eventSources().dropAll();
        case GONE -> client.reset();
      }
      assertEquals(Optional.empty(), result());
      numbers(10).forEach(data -> queue.add(Event.of(data)));
      assertEquals(10, queue.size());
    }
  }

  /** Closing takes time, because the client does not read what the channel has published; the wait ends before. */
  @Test
  void aWaitEndsWhenTheClosingBegins() throws Exception {
    var queue = new LinkedBlockingQueue<Event>();
    try (var channel = Channel.create();
        var server = server(Settings.defaults().withQueueEvents(4).withCloseWithin(Duration.ofSeconds(60)), sse -> {
          channel.join(sse, From.start());
          return sse.sendAll(queue);
        })) {
      for (int i = 0; i < 2000; i++) {
        channel.publish("x".repeat(10_000));
      }
      try (var client = Client.get(server.uri(), 4096)) {
        assertEquals(10_000, client.next().data().length());
        var stream = server.eventSources().streams().getFirst();
        var closing = Thread.ofVirtual().start(stream::close);
        assertEquals(Optional.empty(), result());
        assertTrue(closing.isAlive());
        queue.add(Event.of("left"));
        assertEquals(1, queue.size());
      }
    }
  }

  /** Each element that leaves the queue is accepted by the stream or returned. */
  @Test
  void noElementOfAQueueIsLostWheneverTheStreamEnds() throws Exception {
    var queue = new SynchronousQueue<Event>();
    var stop = new AtomicBoolean();
    var put = new AtomicLong();
    var producer = Thread.ofVirtual().start(() -> {
      while (!stop.get()) {
        Await.uninterrupted(() -> {
          if (queue.offer(Event.of("x"), 10, TimeUnit.MILLISECONDS)) {
            put.incrementAndGet();
          }
        });
      }
    });
    long accepted = 0;
    try (var server = server(Settings.defaults(), sse -> {
      var unsent = sse.sendAll(queue);
      results.add(unsent.isPresent());
      return sse.sendAll(queue).isPresent() || Thread.currentThread().isInterrupted();
    })) {
      for (int round = 0; round < 200; round++) {
        try (var client = Client.get(server.uri())) {
          client.awaitComments(1);
          client.data(round % 4);
          var stream = server.eventSources().streams().getFirst();
          stream.close();
          accepted += (Boolean) result() ? 1 : 0;
          assertEquals(false, result(), "on an ended stream, nothing is taken, and no interrupt is left");
          accepted += client.data(1_000_000).size() + round % 4;
        }
        Await.until("the stream is forgotten", () -> server.eventSources().count() == 0);
      }
    }
    stop.set(true);
    Await.end(producer);
    assertEquals(put.get(), accepted);
  }

  @Test
  void anEventThatAStalledStreamDoesNotAcceptIsReturned() throws Exception {
    var queue = new ArrayBlockingQueue<Event>(10_000);
    for (int i = 0; i < 10_000; i++) {
      queue.add(Event.of(i + "x".repeat(10_000)));
    }
    try (var server = server(SMALL, sse -> {
      var unsent = sse.sendAll(queue);
      results.add(unsent);
      return sse.isOpen();
    });
        var client = Client.get(server.uri(), 4096)) {
      client.awaitComments(1);
      var unsent = (Optional<?>) result();
      assertEquals(false, result());
      assertEquals(Ending.TOO_SLOW, ending(server));
      String returned = ((Event) unsent.orElseThrow()).data().orElseThrow().replace("x", "");
      String next = queue.remove().data().orElseThrow().replace("x", "");
      assertEquals(Integer.parseInt(next) - 1, Integer.parseInt(returned));
    }
  }

  /** A response whose writes wait for their turn, once this is set. */
  private static final class Gated extends OutputStream {
    final Semaphore turns = new Semaphore(0);
    final BlockingQueue<Integer> begun = new LinkedBlockingQueue<>();
    final StringBuffer written = new StringBuffer();
    volatile boolean gated;

    @Override
    public void write(int b) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      if (gated) {
        begun.add(length);
        turns.acquireUninterruptibly();
      }
      written.append(new String(bytes, offset, length, StandardCharsets.UTF_8));
    }
  }

  /**
   * The client reads slowly, and other threads fill the outbox, so that a large event waits for the whole write deadline,
   * while each write takes less.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anEventThatTheOverflowPolicyDropsDoesNotEndTheCall(boolean byPublisher) throws Exception {
    var ticker = new ManualTicker();
    var body = new Gated();
    var settings = Settings.defaults().withQueueBytes(10_000).withOverflow(Overflow.dropNewest());
    try (var sources = ticker.sources(settings)) {
      var stream = sources.open(MockExchange.with(new Headers(), body));
      stream.sendHeaders();
      assertTrue(stream.flush());
      body.gated = true;
      for (int i = 0; i < 5; i++) {
        assertTrue(stream.offer("x".repeat(3000)));
        if (i == 0) {
          Await.next("the first write", body.begun);
        }
      }
      var large = Event.of("y".repeat(9000));
      var small = Event.of("small");
      var end = Event.of("end");
      var publisher = new ManualPublisher();
      Thread.ofVirtual().start(() -> results.add(
          byPublisher
              ? stream.sendAll(publisher)
              : stream.sendAll(new LinkedBlockingQueue<>(List.of(large, small, end)), end)));
      if (byPublisher) {
        Await.latch("the subscription", publisher.subscribed);
        publisher.send("y".repeat(9000));
      }
      Await.until("the large event waits", stream.sender()::isAwaited);
      ticker.advance(Duration.ofHours(20));
      body.turns.release();
      Await.next("the second write", body.begun);
      ticker.advance(Duration.ofHours(5)); // 25 since the wait began, 5 since the write did
      if (byPublisher) {
        publisher.send("small");
        publisher.subscriber.onComplete();
        assertEquals(false, result(), "not all have been accepted");
      } else {
        assertTrue(((Optional<?>) result()).isEmpty());
      }
      assertTrue(stream.isOpen());
      assertEquals(1, stream.traffic().dropped());
      body.gated = false;
      body.turns.release(10);
      assertTrue(stream.flush());
      assertTrue(body.written.indexOf("data: small") > 0, body.written::toString);
    }
  }

  // Interrupts.

  @Test
  void anInterruptOfTheHandlerEndsItsStream() throws Exception {
    var publisher = new ManualPublisher();
    var threads = new LinkedBlockingQueue<Thread>();
    try (var server = server(Settings.defaults(), sse -> {
      threads.add(Thread.currentThread());
      return sse.sendAll(publisher);
    });
        var client = Client.get(server.uri())) {
      Await.latch("the subscription", publisher.subscribed);
      publisher.send("one");
      assertEquals("one", client.next().data());
      threads.take().interrupt();
      assertEquals("interrupted: false", result());
      assertEquals(1, publisher.cancels.get());
      assertEquals(Ending.INTERRUPTED, ending(server));
      assertThrows(IOException.class, client::toEnd);
    }
  }

  @Test
  void anInterruptOfAnotherThreadLeavesTheStreamOpen() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      client.awaitComments(1);
      var stream = site.opened();
      var queue = new LinkedBlockingQueue<Event>();
      var sender = Thread.ofVirtual().start(() -> {
        results.add(stream.sendAll(queue));
        results.add(Thread.currentThread().isInterrupted());
      });
      queue.add(Event.of("one"));
      assertEquals("one", client.next().data());
      sender.interrupt();
      assertEquals(Optional.empty(), result());
      assertEquals(true, result());
      assertTrue(stream.isOpen());
      queue.add(Event.of("two"));
      assertEquals(1, queue.size());
      stream.send("three");
      assertEquals("three", client.next().data());
    }
  }

  // Details.

  @Test
  void anEventThatIsTooLargeIsAnErrorAndEndsTheSubscription() throws Exception {
    var publisher = new ManualPublisher();
    try (var _ = new LogRecords();
        var server = server(Settings.defaults().withMaxEventBytes(100), sse -> sse.sendAll(publisher));
        var client = Client.get(server.uri())) {
      publisher.send("x".repeat(200));
      assertInstanceOf(IllegalArgumentException.class, result());
      assertEquals(1, publisher.cancels.get());
      assertThrows(IOException.class, client::toEnd);
    }
  }

  @Test
  void aLoopOverAnEndedStreamIsDetected() throws Exception {
    var ticker = new ManualTicker();
    try (var log = new LogRecords(); var sources = ticker.sources(Settings.defaults())) {
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      sources.nameRoutes(exchange -> "/events");
      stream.life().end(Ending.CLIENT_GONE);
      for (int i = 0; i < 101; i++) {
        assertEquals(Optional.empty(), stream.sendAll(new LinkedBlockingQueue<>()));
        ticker.advance(Duration.ofMillis(100));
      }
      var warnings = log.messages(Level.WARNING).stream().filter(message -> message.startsWith("the handler of")).toList();
      assertEquals(1, warnings.size(), warnings::toString);
    }
  }

  @Test
  void callsLeaveNothingOnAStream() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      var stream = site.opened();
      var end = Event.of("end");
      for (int i = 0; i < 100; i++) {
        assertEquals(Optional.empty(), stream.sendAll(new LinkedBlockingQueue<>(List.of(Event.of("" + i), end)), end));
      }
      assertEquals(numbers(100), client.data(100));
      assertEquals(0, stream.life().waits());
      assertEquals(Map.of(), site.sources.stats().ended());
      assertFalse(stream.isStopping());
    }
  }
}
