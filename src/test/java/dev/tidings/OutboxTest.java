package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which thread writes: one that is about to wait writes the first batch, another one everything else. */
@Timeout(60)
class OutboxTest {
  private record Write(String text, Thread thread) {}

  /** Records each write and its thread; the first write can be held, and writes can fail. */
  private static final class Recorder extends QuietSink {
    final BlockingQueue<Write> writes = new LinkedBlockingQueue<>();
    final CountDownLatch firstBegun = new CountDownLatch(1);
    final CountDownLatch release = new CountDownLatch(1);
    final CountDownLatch ended = new CountDownLatch(1);
    volatile boolean fails;

    @Override
    public void write(List<Frame> batch) throws IOException {
      var text = new StringBuilder();
      batch.forEach(frame -> text.append(new String(frame.bytes(), UTF_8)));
      firstBegun.countDown();
      Await.asIo(() -> Await.latch("permission to write", release));
      if (fails) {
        throw new IOException("the client is gone");
      }
      writes.add(new Write(text.toString(), Thread.currentThread()));
    }

    @Override
    public void ended() {
      ended.countDown();
    }
  }

  private final Recorder sink = new Recorder();
  private final Outbox outbox = outbox(Settings.defaults());

  private Outbox outbox(Settings settings) {
    return opened(sink, ready -> Thread.ofVirtual().start(() -> ready.write(new ArrayList<>())), settings);
  }

  private static <S extends Outbox.Sink & Outbox.Owner> Outbox held(S sink, Outbox.Starter writers, Settings settings) {
    var outbox = new Outbox(sink, sink, writers, settings.values().queue());
    outbox.open();
    return outbox;
  }

  private static <S extends Outbox.Sink & Outbox.Owner> Outbox opened(S sink, Outbox.Starter writers, Settings settings) {
    var outbox = held(sink, writers, settings);
    outbox.release();
    return outbox;
  }

  private static Frame frame(String text) {
    return Frame.of(Event.of(text));
  }

  @Test
  void theCallerWritesTheFirstBatch() throws Exception {
    sink.release.countDown();
    outbox.writeIfIdle(frame("a"));
    assertSame(Thread.currentThread(), Await.next("a write", sink.writes).thread());
    assertEquals(new Traffic(1, 9, 0, 0), outbox.traffic());
  }

  @Test
  void whatComesMeanwhileIsWrittenByAnother() throws Exception {
    var caller = Thread.ofVirtual().start(() -> outbox.writeIfIdle(frame("a")));
    Await.latch("the caller's write", sink.firstBegun);
    outbox.offer(frame("b"));
    outbox.offer(frame("c"));
    sink.release.countDown();
    assertEquals(new Write("data: a\n\n", caller), Await.next("a write", sink.writes));
    var rest = Await.next("the rest", sink.writes);
    assertEquals("data: b\n\ndata: c\n\n", rest.text());
    assertNotEquals(caller, rest.thread());
    Await.end(caller);
  }

  @Test
  void aFlushWaitsForWhatIsBeingWrittenToo() throws Exception {
    outbox.offer(frame("a"));
    Await.latch("its write", sink.firstBegun);
    var flushed = Await.waiting("the flush", outbox::flush);
    sink.release.countDown();
    assertTrue(Await.next("the flush", flushed));
  }

  @Test
  void nothingIsAddedWhereSomethingWaits() throws Exception {
    outbox.offer(frame("a"));
    Await.latch("its write", sink.firstBegun);
    outbox.writeIfIdle(frame("comment"));
    sink.release.countDown();
    assertTrue(outbox.flush());
    assertEquals(List.of("data: a\n\n"), sink.writes.stream().map(Write::text).filter(text -> !text.isEmpty()).toList());
  }

  @Test
  void anEndThatComesMeanwhileIsSeenToByAnother() throws Exception {
    var caller = Thread.ofVirtual().start(() -> outbox.writeIfIdle(frame("a")));
    Await.latch("the caller's write", sink.firstBegun);
    outbox.finish(List.of(), true);
    sink.release.countDown();
    Await.latch("the end", sink.ended);
    Await.end(caller);
    outbox.awaitEnd();
  }

  @Test
  void whoWaitsForRoomGivesUpAtItsLimit() throws Exception {
    var ticker = new ManualTicker();
    var full = outbox(Settings.defaults().withQueueEvents(1));
    full.offer(frame("a"));
    Await.latch("its write", sink.firstBegun);
    full.offer(frame("b"));
    full.offer(frame("behind the first one"));
    var answers = new LinkedBlockingQueue<Answer>();
    Thread.ofVirtual().start(() -> answers.add(full.put(frame("c"), ticker, 1000)));
    Await.until("it waits", full::isAwaited);
    ticker.advance(Duration.ofNanos(999));
    assertTrue(full.isAwaited());
    ticker.advance(Duration.ofNanos(1));
    assertEquals(Answer.OVERFLOW, Await.next("an answer", answers));
    sink.release.countDown();
  }

  @Test
  void anEventThatWaitsForItsWriterKeepsOutNoOther() {
    var ready = new ArrayList<Outbox>();
    var waiting = opened(sink, ready::add, Settings.defaults().withQueueEvents(10).withQueueBytes(1000));
    assertEquals(Answer.TAKEN, waiting.offer(frame("x".repeat(1_100_000))));
    assertEquals(Answer.TAKEN, waiting.offer(frame("the next one")));
    assertEquals(Answer.OVERFLOW, waiting.offer(frame("y".repeat(1000))));
    assertEquals(List.of(waiting), ready);
  }

  /** A sink that writes one batch for each step of the test. */
  private static final class Stepped extends QuietSink {
    final java.util.concurrent.Semaphore steps = new java.util.concurrent.Semaphore(0);
    final BlockingQueue<Integer> batches = new LinkedBlockingQueue<>();
    final CountDownLatch begun = new CountDownLatch(1);

    @Override
    public void write(List<Frame> batch) throws IOException {
      begun.countDown();
      try {
        if (!steps.tryAcquire(1, java.util.concurrent.TimeUnit.MINUTES)) {
          throw new IOException("no step");
        }
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      batches.add(batch.size());
    }
  }

  private record Filled(Stepped sink, Outbox outbox) {}

  /** Returns an outbox with one batch being written, and no more room behind the first of the waiting events. */
  private static Filled filled() throws Exception {
    var sink = new Stepped();
    var full = opened(sink, ready -> Thread.ofVirtual().start(() -> ready.write(new ArrayList<>())), Settings.defaults().withQueueEvents(1000));
    var kilobyte = frame("x".repeat(990)); // four of them are a batch
    full.offer(kilobyte);
    Await.latch("its write", sink.begun);
    while (full.offer(kilobyte) == Answer.TAKEN) {}
    return new Filled(sink, full);
  }

  @Test
  void aSenderWakesAtTheFirstBatchAfterWhichItsEventFits() throws Exception {
    var filled = filled();
    var answers = new LinkedBlockingQueue<Answer>();
    var sender = Thread.ofVirtual().start(() -> answers.add(filled.outbox.put(frame("now"), new ManualTicker(), 1000)));
    Await.until("it waits", filled.outbox::isAwaited);
    filled.sink.steps.release(); // the batch that was being written; the next one makes the room
    Await.next("a batch", filled.sink.batches);
    filled.sink.steps.release();
    Await.next("another batch", filled.sink.batches);
    assertEquals(Answer.TAKEN, Await.next("an answer", answers));
    Await.end(sender);
    assertTrue(filled.outbox.traffic().waiting() > 900, "long before it is half empty");
    filled.outbox.abort();
    filled.sink.steps.release(10_000);
  }

  @Test
  void sendersAreServedInTheirOrderAndNoOtherThanThoseThatFitWake() throws Exception {
    var filled = filled();
    var answers = new LinkedBlockingQueue<String>();
    var senders = new ArrayList<Thread>();
    for (int i = 0; i < 100; i++) {
      int number = i;
      senders.add(Thread.ofVirtual().start(() -> {
        filled.outbox.put(frame("sender " + number), new ManualTicker(), 1000);
        answers.add("sender " + number);
      }));
      int waiting = i + 1;
      Await.until("it waits", () -> filled.outbox.isAwaited() && senders.stream().filter(s -> s.getState() == Thread.State.WAITING).count() == waiting);
    }
    filled.sink.steps.release(2);
    Await.next("a batch", filled.sink.batches);
    int room = Await.next("another batch", filled.sink.batches);
    var served = new java.util.TreeSet<Integer>();
    for (int i = 0; i < room; i++) {
      served.add(Integer.parseInt(Await.next("a sender", answers).substring(7)));
    }
    assertEquals(java.util.stream.IntStream.range(0, room).boxed().toList(), List.copyOf(served));
    assertEquals(100 - room, senders.stream().filter(s -> s.getState() == Thread.State.WAITING).count());
    filled.outbox.abort();
    filled.sink.steps.release(10_000);
    for (var sender : senders) {
      Await.end(sender);
    }
  }

  @Test
  void whoWaitsBehindOneThatGivesUpIsServedAtOnce() throws Exception {
    var full = outbox(Settings.defaults().withQueueBytes(1000));
    full.offer(frame("a"));
    Await.latch("its write", sink.firstBegun);
    full.offer(frame("b"));
    full.offer(frame("x".repeat(500)));
    var answers = new LinkedBlockingQueue<Answer>();
    var large = Thread.ofVirtual().start(() -> answers.add(full.put(frame("y".repeat(600)), new ManualTicker(), 1000)));
    Await.until("it waits", full::isAwaited);
    var small = Thread.ofVirtual().start(() -> answers.add(full.put(frame("small"), new ManualTicker(), 1000)));
    var stopped = EnumSet.of(Thread.State.WAITING, Thread.State.TERMINATED);
    Await.until("it waits", () -> stopped.contains(small.getState()));
    assertTrue(answers.isEmpty(), "it would have room, but another sender came first");
    large.interrupt();
    assertEquals(
        EnumSet.of(Answer.DROPPED, Answer.TAKEN),
        EnumSet.of(Await.next("an answer", answers), Await.next("another answer", answers)));
    sink.release.countDown();
  }

  @Test
  void anInterruptedOrClosedSenderGivesUpItsPlace() throws Exception {
    var filled = filled();
    var answers = new LinkedBlockingQueue<Answer>();
    var interrupted = Thread.ofVirtual().start(() -> {
      answers.add(filled.outbox.put(frame("never"), new ManualTicker(), 1000));
      answers.add(Thread.currentThread().isInterrupted() ? Answer.TAKEN : Answer.CLOSED);
    });
    Await.until("it waits", filled.outbox::isAwaited);
    interrupted.interrupt();
    assertEquals(Answer.DROPPED, Await.next("an answer", answers));
    assertEquals(Answer.TAKEN, Await.next("its status", answers));
    assertFalse(filled.outbox.isAwaited());
    var closed = Thread.ofVirtual().start(() -> answers.add(filled.outbox.put(frame("late"), new ManualTicker(), 1000)));
    Await.until("it waits", filled.outbox::isAwaited);
    filled.outbox.finish(List.of(), true);
    assertEquals(Answer.CLOSED, Await.next("an answer", answers));
    Await.end(closed);
    filled.outbox.abort();
    filled.sink.steps.release(10_000);
  }

  @Test
  void whatIsHeldIsWrittenWhenItIsReleasedOrAtTheEnd() throws Exception {
    sink.release.countDown();
    var held = held(sink, ready -> Thread.ofVirtual().start(() -> ready.write(new ArrayList<>())), Settings.defaults());
    held.offer(frame("a"));
    held.offerIfIdle(frame("comment"), ready -> {
      throw new AssertionError("no writer may start yet");
    });
    held.release();
    assertEquals("data: a\n\n", Await.next("a write", sink.writes).text());
    var other = held(sink, ready -> Thread.ofVirtual().start(() -> ready.write(new ArrayList<>())), Settings.defaults());
    other.offer(frame("b"));
    other.finish(List.of(), true);
    assertEquals("data: b\n\n", Await.next("a write", sink.writes).text());
    other.awaitEnd();
  }

  @Test
  void aWriterThatDiesLeavesNobodyWaiting() throws Exception {
    var ended = new CountDownLatch(1);
    var dying = new QuietSink() {
      @Override
      public void write(List<Frame> batch) {
        throw new OutOfMemoryError("not really");
      }

      @Override
      public void failed(Throwable cause) {
        throw new OutOfMemoryError("nor here");
      }

      @Override
      public void abort() {
        throw new StackOverflowError("nor at the end");
      }

      @Override
      public void ended() {
        ended.countDown();
        throw new IllegalStateException("nor after it");
      }
    };
    var dead = opened(dying, ready -> Thread.ofVirtual().start(() -> {
      try {
        ready.write(new ArrayList<>());
      } catch (Throwable e) {
        // like the writers' threads, but without logging
      }
    }), Settings.defaults());
    dead.offer(frame("x"));
    Await.latch("the end", ended);
    Await.end(Thread.ofVirtual().start(dead::awaitEnd));
    assertFalse(dead.flush());
  }

  /** Otherwise the stream would stay open without a writer. */
  @Test
  void aWriterThatDiesBeforeItWritesTellsItsStream() throws Exception {
    var told = new LinkedBlockingQueue<Throwable>();
    var telling = new QuietSink() {
      @Override
      public void write(List<Frame> batch) {}

      @Override
      public void failed(Throwable cause) {
        told.add(cause);
      }
    };
    var attempts = new AtomicInteger();
    var dead = held(telling, ready -> Thread.ofVirtual().start(() -> {
      var batch = attempts.getAndIncrement() > 0 ? new ArrayList<Frame>() : new ArrayList<Frame>() {
        private static final long serialVersionUID = 1;

        @Override
        public boolean add(Frame frame) {
          super.add(frame);
          if (size() == 2) {
            throw new OutOfMemoryError("not really");
          }
          return true;
        }
      };
      try {
        ready.write(batch);
      } catch (Throwable e) {
        // like the writers' threads, but without logging
      }
    }), Settings.defaults());
    dead.offer(frame("x"));
    var flushed = Await.waiting("the flush", dead::flush);
    dead.release();
    assertEquals("not really", Await.next("the reason", told).getMessage());
    assertEquals(false, Await.next("the flush", flushed));
    Await.end(Thread.ofVirtual().start(dead::awaitEnd));
  }

  @Test
  void aFaultAtTheEndIsToldAndAGoneClientIsNot() throws Exception {
    for (var fault : List.of(new IOException("gone"), new IllegalStateException("a bug"))) {
      var ended = new CountDownLatch(1);
      var failing = mock(QuietSink.class);
      doThrow(fault).when(failing).finish(true);
      doAnswer(call -> {
            ended.countDown();
            return null;
          })
          .when(failing)
          .ended();
      try (var log = new LogRecords()) {
        opened(failing, ready -> Thread.ofVirtual().start(() -> ready.write(new ArrayList<>())), Settings.defaults())
            .finish(List.of(), true);
        Await.latch("the end", ended);
        verify(failing).abort();
        assertEquals(fault instanceof IOException ? 0 : 1, log.messages(Level.SEVERE).size());
      }
    }
  }

  @Test
  void aFailureOfTheCallersWriteEndsIt() throws Exception {
    sink.fails = true;
    sink.release.countDown();
    outbox.writeIfIdle(frame("a"));
    Await.latch("the end", sink.ended);
    assertEquals(Answer.CLOSED, outbox.offer(frame("b")));
  }

  private List<String> written() {
    return sink.writes.stream().map(Write::text).toList();
  }

  private static Frame parting(String text) {
    return Frame.parting(Event.of(text));
  }

  private static List<Frame> words(String text) {
    return List.of(parting(text));
  }

  @Test
  void oneThatHasEndedIsNotOpenedAgain() throws Exception {
    var outbox = new Outbox(sink, sink, ready -> ready.write(new ArrayList<>()), Settings.defaults().values().queue());
    assertEquals(Answer.CLOSED, outbox.offer(frame("too early")));
    assertFalse(outbox.offerIfIdle(frame("too early"), ready -> {}));
    outbox.finish(List.of(), true);
    outbox.open();
    assertEquals(Answer.CLOSED, outbox.offer(frame("too late")));
    assertFalse(outbox.offerIfIdle(frame("too late"), ready -> {}));
    assertEquals(List.of(), written());
  }

  @Test
  void whatIsHeldAndHasNoRoomIsReleasedFirstUnlessEventsGiveWay() throws Exception {
    for (var overflow : List.of(Overflow.disconnect(), Overflow.dropNewest(), Overflow.dropOldest())) {
      var held = held(sink, ready -> {}, Settings.defaults().withQueueEvents(1).withOverflow(overflow));
      held.offer(frame("a"));
      held.offer(frame("b"));
      boolean strict = overflow.choice() == Overflow.Choice.DISCONNECT;
      boolean newest = overflow.choice() == Overflow.Choice.DROP_NEWEST;
      assertEquals(strict ? Answer.HELD : newest ? Answer.DROPPED : Answer.TAKEN, held.offer(frame("c")));
      var answers = new LinkedBlockingQueue<Answer>();
      Thread.ofVirtual().start(() -> answers.add(held.put(frame("d"), new ManualTicker(), 1000)));
      assertEquals(Answer.HELD, Await.next("an answer", answers), "otherwise it would wait without limit");
    }
  }

  @Test
  void onlyWhatWaitedForTheHeadCountsForNothing() {
    var outbox = opened(sink, ready -> {}, Settings.defaults().withQueueEvents(1));
    outbox.offer(frame("a"));
    outbox.offer(frame("b"));
    outbox.release();
    assertEquals(Answer.OVERFLOW, outbox.offer(frame("c")));
  }

  @Test
  void wordsGoBeforeTheFrameOrNeitherIsTaken() throws Exception {
    sink.release.countDown();
    var ready = new ArrayList<Outbox>();
    var outbox = opened(sink, ready::add, Settings.defaults());
    assertTrue(outbox.offerIfIdle(words("first"), frame("second"), ready::add));
    assertFalse(outbox.offerIfIdle(words("never"), frame("never"), ready::add));
    assertEquals(1, ready.size());
    ready.getFirst().write(new ArrayList<>());
    assertEquals(List.of("data: first\n\ndata: second\n\n"), written());
  }

  @Test
  void theLastWordsAreSaidOnceAndNothingAfterThem() throws Exception {
    outbox.offer(frame("a"));
    Await.latch("its write", sink.firstBegun);
    outbox.add(words("b"));
    outbox.finish(words("the end"), true);
    outbox.finish(words("again"), true);
    outbox.add(words("after it"));
    assertFalse(outbox.offerIfIdle(frame("ping"), ready -> {}));
    sink.release.countDown();
    outbox.awaitEnd();
    assertEquals(List.of("data: a\n\n", "data: b\n\ndata: the end\n\n"), written());
  }

  @Test
  void whatWaitsForItsEndCanStillBeBrokenOff() throws Exception {
    outbox.offer(frame("a"));
    Await.latch("its write", sink.firstBegun);
    outbox.offer(frame("b"));
    outbox.finish(List.of(), true);
    var flushed = Await.waiting("the flush", outbox::flush);
    outbox.abort();
    assertFalse(Await.next("the flush", flushed));
    sink.release.countDown();
    outbox.awaitEnd();
    assertEquals(List.of("data: a\n\n"), written());
  }

  /** The last chunk is a write too. It must begin without an interrupt that the previous write left behind. */
  @Test
  void whoFlushesDuringTheEndIsToldHowItWent() throws Exception {
    for (boolean fails : new boolean[] {false, true}) {
      var ending = new CountDownLatch(1);
      var interrupted = new LinkedBlockingQueue<Boolean>();
      var slow = new QuietSink() {
        @Override
        public void write(List<Frame> batch) {
          Thread.currentThread().interrupt();
        }

        @Override
        public void finish(boolean whole) {
          interrupted.add(Thread.currentThread().isInterrupted());
          Await.uninterrupted(() -> Await.latch("the flush", ending));
          if (fails) {
            throw new IllegalStateException("it failed");
          }
        }
      };
      var starts = new AtomicInteger();
      var outbox = new Outbox(slow, slow, ready -> {
        starts.incrementAndGet();
        Thread.ofVirtual().start(() -> ready.write(new ArrayList<>()));
      }, Settings.defaults().values().queue());
      outbox.open();
      outbox.offer(frame("a")); // waits for the head
      outbox.finish(List.of(), true);
      assertFalse(Await.next("the end", interrupted));
      var flushed = Await.waiting("the flush", outbox::flush);
      assertEquals(1, starts.get(), "the end already has its writer");
      ending.countDown();
      assertEquals(!fails, Await.next("the flush", flushed));
    }
  }

  @Test
  void anInterruptDoesNotEndTheWaitForTheEndAndItsStatusStays() throws Exception {
    outbox.offer(frame("a"));
    Await.latch("its write", sink.firstBegun);
    outbox.finish(List.of(), true);
    var interrupted = new LinkedBlockingQueue<Boolean>();
    var waiting = Thread.ofVirtual().start(() -> {
      outbox.awaitEnd();
      interrupted.add(Thread.currentThread().isInterrupted());
    });
    Await.until("it waits", () -> waiting.getState() == Thread.State.WAITING);
    waiting.interrupt();
    Await.until("it waits again", () -> waiting.getState() == Thread.State.WAITING && !waiting.isInterrupted());
    sink.release.countDown();
    assertTrue(Await.next("the end", interrupted));
  }

  /** Otherwise the buffers of its connection would grow, and stay large for the life of the stream. */
  @Test
  void manySmallEventsAreNoLargeWrite() throws Exception {
    sink.release.countDown();
    var held = held(sink, ready -> ready.write(new ArrayList<>()), Settings.defaults());
    for (int i = 0; i < 100; i++) {
      held.offer(frame("x".repeat(100)));
    }
    held.release();
    var lengths = written().stream().map(String::length).toList();
    assertTrue(lengths.size() == 3 && lengths.stream().allMatch(length -> length <= 4000), lengths::toString);
  }
}
