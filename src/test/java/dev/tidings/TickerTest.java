package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;

/** The time as it passes by itself. */
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
}
