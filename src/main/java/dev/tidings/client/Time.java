package dev.tidings.client;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/** The clock of a client. The reading thread itself waits for all deadlines, so no timer is needed. */
interface Time {
  /** A deadline that never passes. */
  long NEVER = Long.MAX_VALUE;

  /** Returns the time in nanoseconds since some point in the past. */
  long now();

  /** Returns the time of day, for dates in headers. */
  Instant instant();

  /** Waits until another thread notifies the monitor, which the caller holds, or until the deadline; may return early. */
  void await(Object monitor, long deadline) throws InterruptedException;

  /** Returns the deadline that is this long after this time. */
  static long plus(long time, Duration duration) {
    long nanos = TimeUnit.NANOSECONDS.convert(duration);
    return nanos >= NEVER - time ? NEVER : time + nanos;
  }

  /** Returns the deadline that is this long after now. */
  default long after(Duration duration) {
    return plus(now(), duration);
  }

  /** Creates a clock of real time. */
  static Time system() {
    return new Real(System.nanoTime());
  }

  /** Real time since the creation of this object, so that times can be compared. */
  record Real(long start) implements Time {
    @Override
    public long now() {
      return System.nanoTime() - start;
    }

    @Override
    public Instant instant() {
      return Instant.now();
    }

    /** On a thread of a pool, the pool may replace it: {@code HttpClient} reports failures on the common pool. */
    @Override
    public void await(Object monitor, long deadline) throws InterruptedException {
      try {
        ForkJoinPool.managedBlock(new Blocker(() -> waitFor(monitor, deadline)));
      } catch (RejectedExecutionException e) { // the pool has replaced too many
        waitFor(monitor, deadline);
      }
    }

    private void waitFor(Object monitor, long deadline) throws InterruptedException {
      if (deadline == NEVER) {
        monitor.wait();
      } else {
        TimeUnit.NANOSECONDS.timedWait(monitor, deadline - now()); // does not wait if this is not positive
      }
    }
  }

  /** A wait that ends with the first notification, or at the deadline. */
  interface Wait {
    void once() throws InterruptedException;
  }

  /** A wait, for a pool. */
  record Blocker(Wait inner) implements ForkJoinPool.ManagedBlocker {
    @Override
    public boolean block() throws InterruptedException {
      inner.once();
      return true;
    }

    @Override
    public boolean isReleasable() {
      return false;
    }
  }
}
