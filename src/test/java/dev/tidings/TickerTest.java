package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;

/** The system ticker, in real time. */
class TickerTest {
  private final Ticker ticker = Ticker.system(new Threads());

  @Test
  void whatATaskThrowsIsLoggedAndTheNextOneRuns() throws Exception {
    var ran = new CountDownLatch(1);
    try (ticker; var log = new LogRecords()) {
      ticker.schedule(0, () -> {
        throw new AssertionError("a bug");
      });
      ticker.schedule(0, ran::countDown);
      Await.latch("the next one", ran);
      assertEquals(1, log.messages(Level.SEVERE).size());
    }
  }

  /** Streams that end early have timers that are due much later. */
  @Test
  void aTaskThatIsCalledOffIsNotKept() {
    try (ticker) {
      ticker.schedule(Duration.ofDays(1).toNanos(), () -> {}).cancel();
      var executor = (ScheduledThreadPoolExecutor) ((Ticker.Scheduled) ticker).executor();
      assertEquals(0, executor.getQueue().size());
    }
  }

  @Test
  void onceItIsClosedATaskIsForgottenWithoutAnError() throws Exception {
    ticker.close();
    var runs = new AtomicBoolean();
    ticker.schedule(0, () -> runs.set(true)).cancel();
    assertFalse(runs.get());
  }

  @Test
  void itsThreadKeepsNoProgramFromItsEnd() throws Exception {
    var daemon = new LinkedBlockingQueue<Boolean>();
    try (ticker) {
      ticker.schedule(0, () -> daemon.add(Thread.currentThread().isDaemon()));
      assertTrue(Await.next("the task", daemon));
    }
  }

  @Test
  void anInterruptEndsTheWaitForItsThreadAndStays() throws Exception {
    var runs = new CountDownLatch(1);
    var go = new AtomicBoolean();
    ticker.schedule(0, () -> {
      runs.countDown();
      while (!go.get()) { // ignores interrupts
        Thread.onSpinWait();
      }
    });
    Await.latch("the task", runs);
    Thread.currentThread().interrupt();
    ticker.close();
    go.set(true);
    assertTrue(Thread.interrupted());
  }

  @Test
  void aLookThatThrowsIsNotTheLast() {
    var time = new ManualTicker();
    var looks = new AtomicInteger();
    var lookout = new Ticker.Lookout(time, 100, new Ticker.Lookout.Look() {
      @Override
      public void look() {
        if (looks.incrementAndGet() == 1) {
          throw new OutOfMemoryError("not really");
        }
      }

      @Override
      public boolean isNeeded() {
        return looks.get() < 3;
      }
    });
    lookout.watch();
    assertThrows(OutOfMemoryError.class, () -> time.advance(Duration.ofNanos(100)));
    time.advance(Duration.ofNanos(200));
    assertEquals(3, looks.get());
    assertEquals(0, time.waiting(), "no further look is scheduled");
  }
}
