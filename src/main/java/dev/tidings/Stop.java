package dev.tidings;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One stop, however often it is asked for; the shortest time of grace holds. Its course runs on a thread
 * of its own, since who asks may be somebody whom it waits for.
 */
final class Stop {
  private final Ticker ticker;
  private final Runnable course;
  // Not a virtual one: handlers that compute would keep it from running.
  private final Thread thread;
  private final AtomicBoolean begun = new AtomicBoolean();
  private final CountDownLatch graceOver = new CountDownLatch(1);
  private final CountDownLatch done = new CountDownLatch(1);

  Stop(Ticker ticker, Threads threads, Runnable course) {
    this.ticker = ticker;
    this.course = course;
    this.thread = threads.platform("tidings-stop", false).newThread(this::run);
  }

  /** Begins the stop, or shortens the grace of the one that goes on. */
  void begin(Duration grace) {
    if (grace.isZero()) {
      endGrace();
    } else {
      ticker.schedule(Time.nanos(grace), this::endGrace);
    }
    if (begun.compareAndSet(false, true)) {
      thread.start();
    }
  }

  boolean hasBegun() {
    return begun.get();
  }

  private void run() {
    try {
      course.run();
    } catch (Throwable e) {
      Log.failure("a stop", e);
    } finally {
      done.countDown();
    }
  }

  /** There is nothing left to wait for, or no time. */
  void endGrace() {
    graceOver.countDown();
  }

  /** For the course: waits until the time of grace is over. */
  void awaitGrace() {
    try {
      graceOver.await();
    } catch (InterruptedException e) {
      endGrace();
    }
  }

  /** Waits until the course is through. An interrupt ends the grace, but not the wait; it stays. */
  void await() {
    boolean interrupted = false;
    for (boolean over = false; !over; ) {
      try {
        join();
        over = true;
      } catch (InterruptedException e) {
        interrupted = true;
        endGrace();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits until the course is through, or this thread is interrupted. */
  void join() throws InterruptedException {
    done.await();
    thread.join(); // its last steps too
  }
}
