package dev.tidings;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The stop of a registry or a server. It runs once, however often it is requested, and the shortest grace
 * period applies. It has a thread of its own, because the caller may be a handler for which the stop waits.
 *
 * <p>After the grace period, accepted events have 0.8 s to be flushed. Meanwhile, handlers have 0.5 s to return
 * before they are interrupted. Then stuck writers are aborted, which takes one sweep of the deadlines (0.1 s). In
 * total, this usually takes less than a second: the limits of the waits are longer, but the waits end early. A
 * handler that ignores its interrupt prolongs the stop, by about half a second.
 */
final class Shutdown {
  private static final Duration STREAMS = Duration.ofMillis(800);
  private static final Duration ABORTED = Duration.ofMillis(500); // by then aborted streams have closed
  private static final Duration HANDLERS = Duration.ofMillis(500);

  /** The steps of a stop. Called in this order, only on the thread of the stop. */
  interface Steps {
    /** Sends the farewell. Does not block. */
    void sayFarewell();

    /** Calls the callback once all waits are over. Does not block. */
    void whenEmpty(Gate.Emptied emptied);

    /** Ends the streams, and gives accepted events this time to be flushed. Does not block. */
    void endStreams(Duration limit);

    /** Waits at most this long for handlers, and interrupts the remaining ones. */
    default void endHandlers(Duration limit) {}

    /** Waits until all streams are closed, at most this long. */
    void awaitStreams(Duration limit);

    /** Waits at most this long for handlers that were interrupted. */
    default void awaitHandlers(Duration limit) {}

    /** Closes the resources that streams needed until now, unless others own them. */
    void close();
  }

  private final Ticker ticker;
  private final Steps steps;
  // Not a virtual thread, since compute-bound handlers could keep it from running.
  private final Thread thread;
  private final AtomicBoolean begun = new AtomicBoolean();
  private final CountDownLatch graceOver = new CountDownLatch(1);
  private final CountDownLatch done = new CountDownLatch(1);

  Shutdown(Ticker ticker, Threads threads, Steps steps) {
    this.ticker = ticker;
    this.steps = steps;
    this.thread = threads.platform("tidings-stop", false).newThread(this::run);
  }

  /** Begins the stop, or shortens the grace period of a stop in progress. */
  void begin(Duration grace) {
    if (grace.isZero()) {
      endGrace();
    } else {
      ticker.schedule(Checks.nanos(grace), this::endGrace);
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
      attempt(steps::sayFarewell);
      attempt(() -> steps.whenEmpty(this::endGrace));
      awaitGrace();
      attempt(() -> steps.endStreams(STREAMS));
      attempt(() -> steps.endHandlers(HANDLERS)); // a handler that still writes would make the JDK's stop hang on TLS
      attempt(() -> steps.awaitStreams(STREAMS.plus(ABORTED)));
      attempt(() -> steps.awaitHandlers(HANDLERS)); // some wait for a stream to be aborted
      attempt(steps::close);
    } finally {
      done.countDown();
    }
  }

  /** Runs one step. If it fails, the others still run; otherwise the server would stay open. */
  private static void attempt(Runnable step) {
    try {
      step.run();
    } catch (Throwable e) {
      Log.failure("a stop", e);
    }
  }

  /** Ends the grace period. */
  private void endGrace() {
    graceOver.countDown();
  }

  private void awaitGrace() {
    try {
      graceOver.await();
    } catch (InterruptedException e) {
      endGrace();
    }
  }

  /**
   * Waits until the stop is done. An interrupt ends the grace period, but not the wait. The interrupt status
   * stays set.
   */
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

  /** Waits until the stop is done, at most this many nanoseconds. Returns whether it is done. */
  boolean await(long nanos) throws InterruptedException {
    return done.await(nanos, TimeUnit.NANOSECONDS);
  }

  /** Waits until the stop is done, or this thread is interrupted. */
  void join() throws InterruptedException {
    done.await();
    thread.join(); // including its last steps
  }
}
