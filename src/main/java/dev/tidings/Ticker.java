package dev.tidings;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The time, and what is to happen at a time: pings, deadlines, idleness. Its tasks are short, run one
 * after the other, never write to a socket and never run code of the
 * application.
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

  /** Repeats a look while there is something to look after, and rests otherwise: an idle server is idle. */
  final class Lookout {
    private final Ticker ticker;
    private final long period; // nanoseconds
    private final Look look;
    private final AtomicBoolean watching = new AtomicBoolean(); // whether a look is scheduled

    /** The work of a lookout. Called on the ticker's thread; must neither block nor throw. */
    interface Look {
      void look();

      /** Whether there is anything to look after. */
      boolean isNeeded();
    }

    /** Creates one that rests. */
    Lookout(Ticker ticker, long period, Look look) {
      this.ticker = ticker;
      this.period = period;
      this.look = look;
    }

    /** To be called once there is something to look after: the first look is at most a period from now. */
    void watch() {
      if (!watching.get() && watching.compareAndSet(false, true)) {
        boolean scheduled = false;
        try {
          ticker.schedule(period, this::lookOnce);
          scheduled = true;
        } finally {
          if (!scheduled) {
            watching.set(false); // or nobody would ever look again
          }
        }
      }
    }

    private void lookOnce() {
      try {
        look.look();
      } finally {
        watching.set(false);
        if (look.isNeeded()) { // also for work that came before the line above, and so did not wake it
          watch();
        }
      }
    }
  }
}
