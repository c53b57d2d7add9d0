package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The writers of a delivery, by a clock that the tests move. */
class WritersTest {
  private final ManualTicker ticker = new ManualTicker();
  private final Writers writers = new Writers(ticker, new Threads().virtual("tidings-writer"));

  /** Clients that got the same and do not read hang at the same event. */
  @Test
  void manyWhoHangAtOnceCostTheLastOneLittle() throws Exception {
    var readAgain = new CountDownLatch(1);
    var written = new CountDownLatch(1);
    var frame = Frame.of(Event.of("x"));
    var outboxes = new ArrayList<Outbox>();
    for (int i = 0; i < 63; i++) {
      outboxes.add(outbox(() -> Await.latch("the test", readAgain)));
    }
    outboxes.add(outbox(written::countDown));
    writers.deliver(outboxes, (Outbox outbox, Outbox.Starter to) -> outbox.offer(frame, to) == Answer.TAKEN);
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
    var outbox = new Outbox(sink, sink, ready -> {}, Settings.defaults().values().queue());
    outbox.open();
    outbox.release();
    return outbox;
  }
}
