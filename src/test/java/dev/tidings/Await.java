package dev.tidings;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
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

  /** Has a thread of its own do this, and returns once that waits in it; the answer comes later. */
  public static <T> BlockingQueue<T> waiting(String what, Callable<T> call) {
    var answers = new LinkedBlockingQueue<T>();
    var thread = Thread.ofVirtual().start(() -> {
      try {
        answers.add(call.call());
      } catch (Exception e) {
        throw new AssertionError(what, e);
      }
    });
    until(what + " waits", () -> thread.getState() == Thread.State.WAITING || !thread.isAlive());
    if (!thread.isAlive()) {
      throw new AssertionError(what + " did not wait: " + answers);
    }
    return answers;
  }

  /** What may block. */
  public interface Blocking {
    void run() throws InterruptedException;
  }

  /** Blocks where nothing checked may be thrown; an interrupt is a failure. */
  static void uninterrupted(Blocking blocking) {
    try {
      blocking.run();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Blocks as a call of the network does, which an interrupt ends. */
  static void asIo(Blocking blocking) throws IOException {
    try {
      blocking.run();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  /** Blocks until this thread is interrupted, and leaves its status clean. */
  static void interrupt() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      // which is what was waited for
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
