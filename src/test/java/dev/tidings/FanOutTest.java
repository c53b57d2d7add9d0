package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The writers of a broadcast, by a clock that the tests move. */
class FanOutTest {
  private final ManualTicker ticker = new ManualTicker();
  private final FanOut fanOut = new FanOut(ticker, new Threads().virtual("tidings-writer"));

  /** Clients that got the same and do not read hang at the same event. */
  @Test
  void manyWhoHangAtOnceCostTheLastOneLittle() throws Exception {
    var readAgain = new CountDownLatch(1);
    var written = new CountDownLatch(1);
    var broadcast = fanOut.broadcast();
    var frame = Frame.of(Event.of("x"));
    for (int i = 0; i < 63; i++) {
      outbox(() -> Await.latch("the test", readAgain)).offer(frame, broadcast::add);
    }
    outbox(written::countDown).offer(frame, broadcast::add);
    int looks = 0;
    while (!written.await(10, TimeUnit.MILLISECONDS)) {
      ticker.advance(Duration.ofMillis(10));
      looks++;
    }
    readAgain.countDown();
    assertTrue(looks < 30, looks + " looks, each 10 ms after the one before");
  }

  /** What a write does. */
  private interface Write {
    void run() throws InterruptedException;
  }

  private static Outbox outbox(Write write) {
    var sink = new QuietSink() {
      @Override
      public void write(List<Frame> batch) throws IOException {
        try {
          write.run();
        } catch (InterruptedException e) {
          throw new IOException(e);
        }
      }
    };
    return new Outbox(sink, outbox -> {}, Settings.defaults());
  }
}
