package dev.tidings;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/** The requests that a server is at work on, each on a virtual thread of its own. */
final class InFlight implements Executor {
  private static final AtomicInteger SERVERS = new AtomicInteger();

  private final String name = "tidings-handler-" + SERVERS.incrementAndGet();
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name(name).factory());
  private final ReentrantLock lock = new ReentrantLock();
  // What follows is guarded by lock.
  private int count; // of those that came before the stop
  private boolean stopping;
  private Runnable whenIdle = () -> {};

  @Override
  public void execute(Runnable request) {
    boolean counted = enter();
    try {
      threads.execute(
          () -> {
            try {
              request.run();
            } finally {
              leave(counted);
            }
          });
    } catch (RejectedExecutionException e) {
      leave(counted);
      throw e;
    }
  }

  /** Whether it counts: those that come later only learn that the server stops. */
  private boolean enter() {
    lock.lock();
    try {
      if (!stopping) {
        count++;
      }
      return !stopping;
    } finally {
      lock.unlock();
    }
  }

  private void leave(boolean counted) {
    lock.lock();
    try {
      count -= counted ? 1 : 0;
      tellIfIdle();
    } finally {
      lock.unlock();
    }
  }

  private void tellIfIdle() {
    if (stopping && count == 0) {
      whenIdle.run();
    }
  }

  /** Runs the action, which is short, once all that came until now is done. */
  void whenIdle(Runnable action) {
    lock.lock();
    try {
      stopping = true;
      whenIdle = action;
      tellIfIdle();
    } finally {
      lock.unlock();
    }
  }

  /** Whether this thread is one of them. */
  boolean isInside() {
    return Thread.currentThread().getName().equals(name);
  }

  /** Takes no more. */
  void shutDown() {
    threads.shutdown();
  }

  /** Takes no more, and interrupts those that are left. */
  void interrupt() {
    threads.shutdownNow();
  }

  /** Once it takes no more: waits until all are done, at most for so long. */
  void await(Duration limit) {
    try {
      threads.awaitTermination(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody interrupts a stop
    }
  }
}
