package dev.tidings;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One stop, of a registry or of a server, however often it is asked for; the shortest time of grace holds.
 * It runs on a thread of its own, since the caller may be a handler that it waits for.
 *
 * <p>After the grace: what was accepted has 0.8 s to be written, within which handlers have 0.5 s to return
 * before they are interrupted; then stuck writers are aborted, which takes one look of the deadlines (0.1 s).
 * In all that is less than a second. The waits are longer than the steps that they wait for, and end early.
 */
final class Shutdown {
  private static final Duration STREAMS = Duration.ofMillis(800);
  private static final Duration ABORTED = Duration.ofMillis(500); // by then aborted streams have closed
  private static final Duration HANDLERS = Duration.ofMillis(500);

  /** What there is to stop. Called in this order on the thread of the stop, but for nothing else. */
  interface Steps {
    /** Tells the clients. Does not block. */
    void sayFarewell();

    /** Has this told once nothing is left to wait for. Does not block. */
    void whenEmpty(Gate.Emptied emptied);

    /** Ends the streams; what was accepted has this time to be written. Does not block. */
    void endStreams(Duration limit);

    /** Waits this long for handlers, and interrupts those that are left. */
    default void endHandlers(Duration limit) {}

    /** Waits at most this long until all streams are closed. */
    void awaitStreams(Duration limit);

    /** Waits at most this long for handlers that were interrupted. */
    default void awaitHandlers(Duration limit) {}

    /** Closes what the streams needed until now. */
    void close();
  }

  private final Ticker ticker;
  private final Steps steps;
  // Not a virtual one: handlers that compute would keep it from running.
  private final Thread thread;
  private final AtomicBoolean begun = new AtomicBoolean();
  private final CountDownLatch graceOver = new CountDownLatch(1);
  private final CountDownLatch done = new CountDownLatch(1);

  Shutdown(Ticker ticker, Threads threads, Steps steps) {
    this.ticker = ticker;
    this.steps = steps;
    this.thread = threads.platform("tidings-stop", false).newThread(this::run);
  }

  /** Begins the stop, or shortens the grace of the one that goes on. */
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
      steps.sayFarewell();
      steps.whenEmpty(this::endGrace);
      awaitGrace();
      steps.endStreams(STREAMS);
      steps.endHandlers(HANDLERS); // one that still wrote would make the JDK's stop hang on TLS
      steps.awaitStreams(STREAMS.plus(ABORTED));
      steps.awaitHandlers(HANDLERS); // some waited for a stream to be aborted
      steps.close();
    } catch (Throwable e) {
      Log.failure("a stop", e);
    } finally {
      done.countDown();
    }
  }

  /** There is nothing left to wait for, or no time. */
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

  /** Waits until the stop is done. An interrupt ends the grace, but not the wait; the status stays. */
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

  /** Waits until the stop is done, or this thread is interrupted. */
  void join() throws InterruptedException {
    done.await();
    thread.join(); // its last steps too
  }
}
