package dev.tidings;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Bounded waiting. */
public final class Await {
  private static final Duration BOUND = Duration.ofSeconds(20);

  private Await() {}

  public static <T> T next(String what, BlockingQueue<T> queue) throws InterruptedException {
    T next = queue.poll(BOUND.toSeconds(), TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("waited in vain for " + what);
    }
    return next;
  }

  public static void latch(String what, CountDownLatch latch) throws InterruptedException {
    if (!latch.await(BOUND.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("waited in vain for " + what);
    }
  }

  /** For states that nothing announces. */
  public static void until(String what, BooleanSupplier condition) {
    long start = System.nanoTime();
    while (!condition.getAsBoolean()) {
      long waited = System.nanoTime() - start;
      if (waited > BOUND.toNanos()) {
        throw new AssertionError("waited in vain until " + what);
      }
      LockSupport.parkNanos(Math.clamp(waited / 10, 1_000_000, 50_000_000)); // a look may cost more than the wait
    }
  }

  public static void end(Thread thread) throws InterruptedException {
    if (!thread.join(BOUND)) {
      throw new AssertionError("waited in vain for the end of " + thread);
    }
  }
}
