package dev.tidings;

import java.io.IOException;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
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

  /** What threads died of that no one caught; weak, since a thread may hold much. */
  private static final Map<Thread, Throwable> DIED = Collections.synchronizedMap(new WeakHashMap<>());

  static {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, thrown) -> {
          DIED.put(thread, thrown);
          thrown.printStackTrace();
        });
  }

  private Await() {}

  public static <T> T next(String what, BlockingQueue<T> queue) throws InterruptedException {
    T next = queue.poll(BOUND.toSeconds(), TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("timed out waiting for " + what);
    }
    return next;
  }

  public static void latch(String what, CountDownLatch latch) throws InterruptedException {
    if (!latch.await(BOUND.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("timed out waiting for " + what);
    }
  }

  /** Runs the call on a new thread and returns once that thread waits in it; the queue gets the result. */
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

  /** A call that may block. */
  public interface Blocking {
    void run() throws InterruptedException;
  }

  /** Runs a blocking call where no checked exception is allowed; an interrupt is a failure. */
  static void uninterrupted(Blocking blocking) {
    try {
      blocking.run();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Runs a blocking call in place of I/O; an interrupt is an {@code IOException}. */
  static void asIo(Blocking blocking) throws IOException {
    try {
      blocking.run();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  /** Blocks until this thread is interrupted, and clears the interrupt status. */
  static void interrupt() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      // expected
    }
  }

  /** Polls for a state that nothing signals. */
  public static void until(String what, BooleanSupplier condition) {
    long start = System.nanoTime();
    while (!condition.getAsBoolean()) {
      long waited = System.nanoTime() - start;
      if (waited > BOUND.toNanos()) {
        throw new AssertionError("timed out waiting until " + what);
      }
      LockSupport.parkNanos(Math.clamp(waited / 10, 1_000_000, 50_000_000)); // the condition may be costly to check
    }
  }

  /** Waits for the end of a thread, and fails if it ended by an exception, such as a failed assertion. */
  public static void end(Thread thread) throws InterruptedException {
    if (!thread.join(BOUND)) {
      throw new AssertionError("timed out waiting for the end of " + thread);
    }
    var thrown = DIED.get(thread);
    if (thrown != null) {
      throw new AssertionError(thread + " died", thrown);
    }
  }
}
