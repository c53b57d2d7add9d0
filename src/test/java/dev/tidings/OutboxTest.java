package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who writes: the thread that is about to wait its first batch, another one all else. */
@Timeout(60)
class OutboxTest {
  private record Write(String text, Thread thread) {}

  /** What was written and by whom; the first write can be held, and can fail. */
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
      try {
        Await.latch("leave to write", release);
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
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
    return new Outbox(sink, ready -> Thread.ofVirtual().start(() -> ready.write(new ArrayList<>())), settings);
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
    outbox.finish(List.of());
    sink.release.countDown();
    Await.latch("the end", sink.ended);
    Await.end(caller);
    outbox.awaitEnd();
  }

  @Test
  void whoWaitsForRoomGivesUpAtItsLimit() throws Exception {
    var ticker = new ManualTicker();
    var full = outbox(Settings.defaults().queueEvents(1));
    full.offer(frame("a"));
    Await.latch("its write", sink.firstBegun);
    full.offer(frame("b"));
    var answers = new LinkedBlockingQueue<Outbox.Answer>();
    Thread.ofVirtual().start(() -> answers.add(full.put(frame("c"), ticker, 1000)));
    Await.until("it waits", full::isAwaited);
    ticker.advance(Duration.ofNanos(999));
    assertTrue(full.isAwaited());
    ticker.advance(Duration.ofNanos(1));
    assertEquals(Outbox.Answer.OVERFLOW, Await.next("an answer", answers));
    sink.release.countDown();
  }

  @Test
  void aFaultAtTheEndIsToldAndAGoneClientIsNot() throws Exception {
    for (var fault : List.of(new IOException("gone"), new IllegalStateException("a bug"))) {
      var ended = new CountDownLatch(1);
      var failing = mock(Outbox.Sink.class);
      doThrow(fault).when(failing).finish();
      doAnswer(call -> {
            ended.countDown();
            return null;
          })
          .when(failing)
          .ended();
      try (var log = new LogRecords()) {
        new Outbox(failing, ready -> Thread.ofVirtual().start(() -> ready.write(new ArrayList<>())), Settings.defaults())
            .finish(List.of());
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
    assertEquals(Outbox.Answer.CLOSED, outbox.offer(frame("b")));
  }
}
