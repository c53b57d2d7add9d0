package dev.tidings;

import java.time.Instant;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * The clock, and the timers for pings, deadlines and idle streams. Tasks are short, run one at a time, never write to
 * a socket, and run no code of the application except {@code equals}, {@code hashCode} and log handlers.
 */
interface Ticker extends AutoCloseable {

  /** Returns the time in nanoseconds; only differences are meaningful. */
  long now();

  /** Returns the time of day, which may jump. */
  default Instant time() {
    return Instant.now();
  }

  /** Runs the task once, this many nanoseconds from now. */
  Timer schedule(long nanos, Runnable task);

  /** Discards all tasks, and waits briefly for the thread to end. */
  @Override
  void close();

  /** A scheduled task, which can be cancelled. */
  interface Timer {
    void cancel();
  }

  /** Creates a ticker with one daemon thread. */
  static Ticker system(Threads threads) {
    var executor =
        new ScheduledThreadPoolExecutor(
            1, threads.platform("tidings-ticker", true));
    executor.setRemoveOnCancelPolicy(true);
    executor.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
    return new Scheduled(executor);
  }

  /** Creates a ticker that has a virtual thread for each scheduled task, and no thread without one. */
  static Ticker onVirtualThreads(Threads threads) {
    return new Sleeping(threads.virtual("tidings-timer"));
  }

  /** A ticker whose tasks sleep until they are due. */
  record Sleeping(ThreadFactory threads) implements Ticker {
    @Override
    public long now() {
      return System.nanoTime();
    }

    @Override
    public Timer schedule(long nanos, Runnable task) {
      var cancelled = new AtomicBoolean();
      long start = now();
      threads
          .newThread(
              () -> {
                for (long left = nanos; left > 0; left = nanos - (now() - start)) {
                  LockSupport.parkNanos(left); // can return early without a reason
                }
                if (!cancelled.get()) {
                  Scheduled.run(task);
                }
              })
          .start();
      return () -> cancelled.set(true);
    }

    /** Does nothing: no thread remains when the last task has run. */
    @Override
    public void close() {}
  }

  /** A ticker on an executor of the JDK. */
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

    /** Logs an exception of the task, which the executor would swallow. */
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

  /** Repeats a check while it is needed. Otherwise schedules nothing, so that an idle server uses no processor. */
  final class Lookout {
    private final Ticker ticker;
    private final long period; // nanoseconds
    private final Look look;
    private final AtomicBoolean watching = new AtomicBoolean(); // whether a check is scheduled

    /** The check of a lookout. Called on the ticker's thread; must neither block nor throw. */
    interface Look {
      void look();

      /** Returns whether there is anything to check. */
      boolean isNeeded();
    }

    /** Creates a lookout that has nothing scheduled. */
    Lookout(Ticker ticker, long period, Look look) {
      this.ticker = ticker;
      this.period = period;
      this.look = look;
    }

    /** Called when there is something to check. Ensures that the next check is at most one period away. */
    void watch() {
      if (!watching.get() && watching.compareAndSet(false, true)) {
        boolean scheduled = false;
        try {
          ticker.schedule(period, this::lookOnce);
          scheduled = true;
        } finally {
          if (!scheduled) {
            watching.set(false); // otherwise no check would ever be scheduled again
          }
        }
      }
    }

    private void lookOnce() {
      try {
        look.look();
      } finally {
        watching.set(false);
        if (look.isNeeded()) { // also for work that came before the reset and scheduled no check
          watch();
        }
      }
    }
  }
}
