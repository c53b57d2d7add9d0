package dev.tidings;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The time, and what is to happen at a time: pings, deadlines, idleness. Its tasks are short, run one
 * after the other, never write to a socket and never run a user's code.
 */
interface Ticker extends AutoCloseable {

  /** Nanoseconds, of which only differences mean anything. */
  long now();

  /** Runs the task once, this many nanoseconds from now. */
  Timer schedule(long nanos, Runnable task);

  /** Forgets all tasks, and waits a moment for the end of the thread. */
  @Override
  void close();

  /** A task to come, which can be called off. */
  interface Timer {
    void cancel();
  }

  /** One daemon thread. */
  static Ticker system(Threads threads) {
    var executor =
        new ScheduledThreadPoolExecutor(
            1, threads.platform("tidings-ticker", true));
    executor.setRemoveOnCancelPolicy(true);
    executor.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
    return new Scheduled(executor);
  }

  /** A ticker on the JDK's own. */
  record Scheduled(ScheduledExecutorService executor) implements Ticker {
    @Override
    public long now() {
      return System.nanoTime();
    }

    @Override
    public Timer schedule(long nanos, Runnable task) {
      Future<?> future = executor.schedule(() -> run(task), nanos, TimeUnit.NANOSECONDS);
      return () -> future.cancel(false);
    }

    /** The executor would keep what a task throws to itself. */
    private static void run(Runnable task) {
      try {
        task.run();
      } catch (Throwable e) {
        Log.failure("a task of the ticker", e);
      }
    }

    @Override
    public void close() {
      executor.shutdownNow();
      try {
        executor.awaitTermination(100, TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
