package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Publishers and queues whose events are published to a channel. */
class PublishAllTest {
  private final EventLog memory = EventLog.inMemory();
  private final List<Integer> batches = new CopyOnWriteArrayList<>();

  /** What the call returned or threw, and whether the thread was then interrupted. */
  private final BlockingQueue<Object> results = new LinkedBlockingQueue<>();

  /** A log that notes the size of each batch. */
  private class Noting extends ForwardingLog {
    Noting() {
      super(memory);
    }

    @Override
    public List<String> appendAll(List<Event> events) {
      batches.add(events.size());
      return memory.appendAll(events);
    }
  }

  private Thread start(Callable<?> call) {
    return Thread.ofVirtual().start(() -> {
      try {
        results.add(call.call());
      } catch (Exception e) {
        results.add(e);
      }
      results.add(Thread.currentThread().isInterrupted());
    });
  }

  private Object result(boolean interrupted) throws InterruptedException {
    var result = Await.next("the call to return", results);
    assertEquals(interrupted, Await.next("the interrupt status", results));
    return result;
  }

  private static List<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(Integer::toString).toList();
  }

  private static List<Event> events(int from, int to) {
    return numbers(from, to).stream().map(Event::of).toList();
  }

  private static List<String> data(List<Event> events) {
    return events.stream().map(event -> event.data().orElseThrow()).toList();
  }

  /** Returns what the log holds. */
  private List<String> appended() throws InterruptedException {
    return data(memory.read(From.start().in(memory), 100_000, Duration.ZERO).events());
  }

  // Publishers.

  @Test
  void aPublisherIsPublishedToItsEndInBatches() throws Exception {
    var publisher = new SubmissionPublisher<Event>();
    try (var channel = Channel.create(new Noting())) {
      start(() -> channel.publishAll(publisher));
      Await.until("the channel subscribes", publisher::hasSubscribers);
      events(0, 5000).forEach(publisher::submit);
      publisher.close();
      assertEquals(true, result(false));
      assertEquals(numbers(0, 5000), appended());
      System.out.println("batches: " + batches.size());
    }
  }

  @Test
  void noMoreIsRequestedThanTheLogTakes() throws Exception {
    var publisher = new ManualPublisher();
    var log = new FaultyLog(memory);
    try (var channel = Channel.create(log)) {
      start(() -> channel.publishAll(publisher));
      Await.until("the request", () -> publisher.requested.get() > 0);
      assertEquals(256, publisher.requested.get());
      var hold = log.holdAppends();
      events(0, 1).forEach(publisher.subscriber::onNext);
      Await.until("the append", log::isAppending);
      events(1, 256).forEach(publisher.subscriber::onNext);
      assertEquals(256, publisher.requested.get(), "nothing more while the log appends");
      hold.countDown();
      Await.until("more is requested", () -> publisher.requested.get() > 256);
      assertTrue(publisher.requested.get() <= 512);
      publisher.subscriber.onComplete();
      assertEquals(true, result(false));
      assertEquals(numbers(0, 256), appended());
    }
  }

  @Test
  void aFailureOfThePublisherIsThrownAfterTheEventsBefore() throws Exception {
    var publisher = new ManualPublisher();
    var failure = new IOException("the sensor is gone");
    try (var channel = Channel.create(memory)) {
      start(() -> channel.publishAll(publisher));
      Await.until("the request", () -> publisher.requested.get() > 0);
      events(0, 3).forEach(publisher.subscriber::onNext);
      publisher.subscriber.onError(failure);
      assertSame(failure, assertInstanceOf(CompletionException.class, result(false)).getCause());
      assertEquals(numbers(0, 3), appended());
      channel.publish("goes on");
    }
  }

  /** Each event was appended or is in the exception. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void ifTheLogRejectsTheExceptionHasTheRest(boolean byQueue) throws Exception {
    var publisher = new ManualPublisher();
    var full = new NotAppendedException("the log is full");
    var room = new AtomicLong(10);
    var log = new ForwardingLog(memory) {
      @Override
      public String append(Event event) {
        if (room.getAndDecrement() == 0) {
          throw full;
        }
        return super.append(event);
      }
    };
    var queue = new LinkedBlockingQueue<>(events(0, 300));
    try (var channel = Channel.create(log)) {
      start(() -> {
        if (byQueue) {
          channel.publishAll(queue);
          return false;
        }
        return channel.publishAll(publisher);
      });
      if (!byQueue) {
        Await.until("the request", () -> publisher.requested.get() > 0);
        var subscriber = publisher.subscriber;
        for (var event = queue.poll(); event != null && publisher.cancels.get() == 0; event = queue.poll()) {
          subscriber.onNext(event);
        }
      }
      var thrown = assertInstanceOf(UnpublishedException.class, result(false));
      assertEquals(numbers(0, 10), appended());
      var rest = data(thrown.events());
      assertSame(full, thrown.getCause().getCause());
      assertEquals(numbers(10, 10 + rest.size()), rest);
      assertTrue(thrown.getMessage().endsWith(" events have not been published: the log is full"), thrown.getMessage());
      if (byQueue) {
        assertEquals(246, rest.size());
        assertEquals("256", queue.remove().data().orElseThrow());
      } else {
        assertEquals(1, publisher.cancels.get());
      }
    }
  }

  @Test
  void eventsThatArriveDuringTheAppendAreInTheExceptionToo() throws Exception {
    var publisher = new ManualPublisher();
    var log = new FaultyLog(memory);
    try (var channel = Channel.create(log)) {
      start(() -> channel.publishAll(publisher));
      Await.until("the request", () -> publisher.requested.get() > 0);
      var hold = log.holdAppends();
      events(0, 1).forEach(publisher.subscriber::onNext);
      Await.until("the append", log::isAppending);
      events(1, 10).forEach(publisher.subscriber::onNext);
      log.reject(true);
      hold.countDown();
      var thrown = assertInstanceOf(UnpublishedException.class, result(false));
      assertEquals(numbers(0, 10), data(thrown.events()));
      assertEquals(1, publisher.cancels.get());
    }
  }

  @Test
  void ifTheLogIsAwayTheExceptionHasTheWholeBatch() throws Exception {
    var queue = new LinkedBlockingQueue<>(events(0, 3));
    var log = new FaultyLog(memory);
    log.loseReplies(true);
    try (var channel = Channel.create(log)) {
      var thrown = assertThrows(UnpublishedException.class, () -> channel.publishAll(queue));
      assertInstanceOf(UncheckedIOException.class, thrown.getCause());
      assertEquals(numbers(0, 3), data(thrown.events()));
      assertEquals(numbers(0, 1), appended(), "the first one may have been appended");
    }
  }

  @Test
  void anEventWithAReservedNameIsInTheExceptionToo() {
    try (var channel = Channel.create(memory)) {
      var queue = new LinkedBlockingQueue<>(List.of(Event.of("x"), Event.of("tidings:x", "y")));
      var thrown = assertThrows(UnpublishedException.class, () -> channel.publishAll(queue));
      assertInstanceOf(IllegalArgumentException.class, thrown.getCause());
      assertEquals(List.of("x", "y"), data(thrown.events()));
    }
  }

  // Queues.

  @Test
  void aQueueIsPublishedUpToItsEnd() throws Exception {
    var end = Event.of("end");
    var queue = new LinkedBlockingQueue<>(events(0, 1000));
    queue.add(Event.of("end")); // equal, and not the same
    queue.add(end);
    queue.add(Event.of("of another one"));
    try (var channel = Channel.create(new Noting())) {
      assertTrue(channel.publishAll(queue, end));
      var expected = new ArrayList<>(numbers(0, 1000));
      expected.add("end");
      assertEquals(expected, appended());
      assertEquals(List.of(256, 256, 256, 233), batches);
      assertEquals(1, queue.size());
    }
  }

  // The end of the channel.

  private enum Way {
    CLOSED, COMPLETED, INTERRUPTED
  }

  @ParameterizedTest
  @EnumSource
  void whenTheChannelEndsNothingIsTakenAnyMore(Way way) throws Exception {
    var queue = new LinkedBlockingQueue<Event>();
    var publisher = new ManualPublisher();
    var channel = Channel.create(memory);
    var one = start(() -> channel.publishAll(queue, Event.of("end")));
    var other = start(() -> channel.publishAll(publisher));
    Await.latch("the subscription", publisher.subscribed);
    queue.add(Event.of("one"));
    Await.until("it is published", () -> isAppended("one"));
    switch (way) {
      case CLOSED -> channel.close();
      case COMPLETED -> channel.complete();
      case INTERRUPTED -> {
        one.interrupt();
        other.interrupt();
      }
    }
    Await.end(one);
    Await.end(other);
    boolean interrupted = way == Way.INTERRUPTED;
    var all = new ArrayList<>(List.of(results.take(), results.take(), results.take(), results.take())); // of both, mixed
    assertEquals(interrupted ? 2 : 0, Collections.frequency(all, true));
    assertEquals(interrupted ? 2 : 4, Collections.frequency(all, false));
    queue.addAll(events(0, 10));
    assertEquals(10, queue.size());
    assertEquals(1, publisher.cancels.get());
    if (way == Way.COMPLETED) {
      assertEquals(false, channel.publishAll(queue, Event.of("end")));
    }
    if (way == Way.CLOSED) {
      assertThrows(IllegalStateException.class, () -> channel.publishAll(queue));
    }
    assertEquals(10, queue.size());
    channel.close();
  }

  /** An interrupt would close a file to which the publisher writes next. */
  @ParameterizedTest
  @EnumSource(names = {"CLOSED", "COMPLETED"})
  void aPublisherMayEndTheChannelOnTheThreadThatRequests(Way way) throws Exception {
    var channel = Channel.create(memory);
    var interrupts = new LinkedBlockingQueue<Boolean>();
    var cancelled = new CountDownLatch(1);
    start(() -> channel.publishAll(subscriber -> subscriber.onSubscribe(new Flow.Subscription() {
      private boolean sent;

      @Override
      public void request(long n) {
        if (!sent) {
          sent = true;
          events(0, 200).forEach(subscriber::onNext);
          return;
        }
        if (way == Way.CLOSED) {
          channel.close();
        } else {
          channel.complete();
        }
        interrupts.add(Thread.currentThread().isInterrupted());
      }

      @Override
      public void cancel() {
        cancelled.countDown();
      }
    })));
    assertEquals(false, Await.next("the end in the publisher", interrupts));
    assertEquals(false, result(false));
    Await.latch("the cancellation", cancelled);
    assertTrue(appended().containsAll(numbers(0, 200)));
    channel.close();
  }

  private boolean isAppended(String data) {
    try {
      return appended().contains(data);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Each element that leaves the queue is appended or in the exception. */
  @Test
  void noElementOfAQueueIsLostWheneverTheChannelIsClosed() throws Exception {
    var queue = new ArrayBlockingQueue<Event>(3);
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
    long unpublished = 0;
    for (int round = 0; round < 200; round++) {
      var channel = Channel.create(new Noting());
      start(() -> channel.publishAll(queue, Event.of("end")));
      long before = put.get();
      int some = round % 5;
      Await.until("some are put", () -> put.get() >= before + some);
      channel.close();
      var result = result(false);
      if (result instanceof UnpublishedException e) {
        unpublished += e.events().size();
      } else if (!(result instanceof IllegalStateException)) { // it was closed before the call
        assertEquals(false, result);
      }
    }
    stop.set(true);
    Await.end(producer);
    int appended = batches.stream().mapToInt(Integer::intValue).sum();
    assertEquals(put.get(), appended + unpublished + queue.size());
  }

  // A channel by name.

  @Test
  void aChannelByNameExistsWhileAPublisherLasts() throws Exception {
    var ticker = new ManualTicker();
    var publisher = new ManualPublisher();
    try (var rooms = new Channels(name -> EventLog.inMemory(), 1, ticker)) {
      start(() -> rooms.publishAll("kitchen", publisher));
      Await.latch("the subscription", publisher.subscribed);
      assertThrows(StatusException.class, () -> rooms.publish("hall", Event.of("x")), "there is no room for another one");
      publisher.send("one");
      publisher.subscriber.onComplete();
      assertEquals(true, result(false));
    }
  }

  @Test
  void closingTheFamilyEndsThePublisher() throws Exception {
    var publisher = new ManualPublisher();
    try (var rooms = Channels.create()) {
      start(() -> rooms.publishAll("kitchen", publisher));
      Await.latch("the subscription", publisher.subscribed);
    }
    assertEquals(false, result(false));
    assertEquals(1, publisher.cancels.get());
  }
}
