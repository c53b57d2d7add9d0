package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeadlinesTest {
  private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE);

  @Test
  void aCallThatComesToItsEndAllTheSameIsDoneAndTheNextIsCutOff() throws Exception {
    var guard = new Deadlines(new ManualTicker(), FOR_EVER).newGuard();
    guard.run(guard::cut);
    assertFalse(Thread.interrupted());
    assertThrows(Deadlines.CutOffException.class, () -> guard.run(() -> {}));
  }

  @Test
  void whoIsCutOffBetweenTwoCallsMakesNoOther() throws Exception {
    var guard = new Deadlines(new ManualTicker(), FOR_EVER).newGuard();
    guard.run(() -> {});
    guard.cut();
    assertThrows(Deadlines.CutOffException.class, () -> guard.run(() -> {}));
    assertFalse(Thread.interrupted());
  }

  @Test
  void limitsForEverNeverCutOff() throws Exception {
    var ticker = new ManualTicker();
    var guard = new Deadlines(ticker, FOR_EVER).newGuard();
    guard.run(() -> ticker.advance(Duration.ofSeconds(1)));
    guard.finishWithin(Long.MAX_VALUE);
    guard.run(() -> ticker.advance(Duration.ofSeconds(1)));
    guard.run(() -> {}); // would throw if it had been cut off
  }

  /** Starts a thread that blocks in the guard until it is cut off; the queue gets the exception. */
  private static BlockingQueue<IOException> blockedIn(Deadlines.Guard guard) throws InterruptedException {
    var inside = new CountDownLatch(1);
    var thrown = new LinkedBlockingQueue<IOException>();
    Thread.ofVirtual().start(() -> {
      try {
        guard.run(() -> {
          inside.countDown();
          Await.interrupt();
          throw new IOException("interrupted");
        });
      } catch (IOException e) {
        thrown.add(e);
      }
    });
    Await.latch("the call", inside);
    return thrown;
  }

  /** After the close, no deadline is checked any more. */
  @Test
  void closingCutsOffWhatBlocksForLongerThanAMoment() throws Exception {
    var deadlines = new Deadlines(new ManualTicker(), FOR_EVER);
    var thrown = blockedIn(deadlines.newGuard());
    var closing = Thread.ofPlatform().daemon().start(deadlines::close);
    assertInstanceOf(Deadlines.CutOffException.class, Await.next("the end of the call", thrown));
    Await.end(closing);
  }

  @ParameterizedTest
  @CsvSource({"1, 10", "10, 1"})
  void ofSeveralLimitsTheShortestHoldsForAllTogether(int seconds, int otherSeconds) throws Exception {
    var ticker = new ManualTicker();
    var deadlines = new Deadlines(ticker, Duration.ofDays(1));
    var guard = deadlines.newGuard();
    guard.finishWithin(Duration.ofSeconds(seconds).toNanos());
    guard.finishWithin(Duration.ofSeconds(otherSeconds).toNanos());
    guard.finishWithin(Long.MAX_VALUE); // no limit
    guard.run(() -> {}); // counts towards the limits
    ticker.advance(Duration.ofMillis(600));
    var thrown = blockedIn(guard);
    ticker.advance(Duration.ofMillis(400));
    assertTrue(thrown.isEmpty());
    ticker.advance(Duration.ofMillis(200)); // two sweeps
    assertInstanceOf(Deadlines.CutOffException.class, Await.next("the end of the call", thrown));
  }
}
