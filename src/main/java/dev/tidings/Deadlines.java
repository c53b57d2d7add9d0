package dev.tidings;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Enforces the write deadline, and other limits on blocking I/O, for the requests of a registry. A periodic sweep
 * checks the guards that are in a blocking call, which are usually few, however many streams are open.
 */
final class Deadlines {
  /** Thrown instead of any other exception if the guard was aborted, so that no abort is taken for a disconnect. */
  static final class CutOffException extends InterruptedIOException {
    private static final long serialVersionUID = 1;

    CutOffException() {
      super("aborted");
    }
  }

  /** I/O that may block. */
  interface Blocking {
    void run() throws IOException;
  }

  private static final long LONGEST_PERIOD = Duration.ofMillis(100).toNanos();
  private static final long MOMENT = Duration.ofMillis(100).toNanos();

  private final Ticker ticker;
  private final long limit;
  private final Ticker.Lookout lookout;
  private final Set<Guard> busy = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  Deadlines(Ticker ticker, Duration limit) {
    this.ticker = ticker;
    this.limit = Checks.nanos(limit);
    long period = Math.clamp(this.limit / 10, 1, LONGEST_PERIOD);
    this.lookout = new Ticker.Lookout(ticker, period, new Sweep());
  }

  Guard newGuard() {
    return new Guard();
  }

  long limit() {
    return limit;
  }

  long now() {
    return ticker.now();
  }

  private void entered(Guard guard) {
    busy.add(guard);
    lookout.watch();
  }

  /**
   * Aborts the current blocking calls, because no deadline is enforced once the ticker is closed. Waits up to
   * 100 ms for calls that end by themselves, such as the refusal of a request.
   */
  void close() {
    closed = true;
    var inside = new HashMap<Guard, Long>();
    busy.forEach(guard -> inside.put(guard, guard.entered()));
    long start = System.nanoTime();
    do {
      inside.entrySet().removeIf(e -> !isInsideSince(e.getKey(), e.getValue()));
      if (!inside.isEmpty()) {
        LockSupport.parkNanos(MOMENT / 50);
      }
    } while (!inside.isEmpty() && System.nanoTime() - start < MOMENT);
    inside.keySet().forEach(Guard::cut);
  }

  private boolean isInsideSince(Guard guard, long entered) {
    return busy.contains(guard) && guard.entered() == entered;
  }

  boolean isClosed() {
    return closed;
  }

  private void left(Guard guard) {
    busy.remove(guard);
  }

  private final class Sweep implements Ticker.Lookout.Look {
    @Override
    public void look() {
      long now = now();
      for (Guard guard : busy) {
        guard.cutIfOverdue(now);
      }
    }

    @Override
    public boolean isNeeded() {
      return !busy.isEmpty();
    }
  }

  /**
   * Blocking I/O that another thread can abort. A blocking call of the JDK's server can be ended early
   * only by interrupting its thread, which closes the socket. The thread is interrupted only while it runs the
   * I/O, and the guard clears this interrupt afterwards.
   *
   * <p>Used by one thread at a time.
   */
  final class Guard {
    private Thread inside; // guarded by this
    private boolean interrupted; // guarded by this: whether this guard interrupted the thread inside
    private boolean cut; // guarded by this
    private volatile long entered;
    private volatile boolean finishing;
    private volatile long finishBy; // valid if finishing

    /**
     * Runs the I/O, at most for the write deadline and until the limit that {@link #finishWithin} has set.
     *
     * @throws CutOffException if the guard was aborted before the I/O was complete
     * @throws IOException if the I/O failed otherwise
     */
    void run(Blocking io) throws IOException {
      boolean done = false;
      try {
        enter();
        io.run();
        done = true;
      } finally {
        if (leave() && !done) {
          throw new CutOffException(); // instead of the exception of the interrupted channel
        }
      }
    }

    private synchronized void enter() throws CutOffException {
      if (cut) {
        throw new CutOffException();
      }
      entered = now();
      inside = Thread.currentThread();
      Deadlines.this.entered(this);
    }

    /** Returns the time at which a thread last entered. */
    long entered() {
      return entered;
    }

    /** Returns whether the guard was aborted. */
    private synchronized boolean leave() {
      left(this);
      inside = null;
      if (interrupted) {
        interrupted = false;
        Thread.interrupted();
      }
      return cut;
    }

    /** Aborts the current blocking call, if there is one, and all later ones. */
    synchronized void cut() {
      cut = true;
      if (inside != null && !interrupted) {
        interrupted = true;
        inside.interrupt();
      }
    }

    /** Limits all I/O from now on to this many nanoseconds in total. The shortest such limit applies. */
    synchronized void finishWithin(long nanos) {
      long now = now();
      if (!finishing || nanos < finishBy - now) {
        finishBy = now + nanos;
        finishing = true;
      }
    }

    /** Sets a limit like {@link #finishWithin}, but replaces earlier limits. */
    synchronized void finishAnew(long nanos) {
      finishBy = now() + nanos;
      finishing = true;
    }

    void cutIfOverdue(long now) {
      boolean late = now - entered > limit || finishing && now - finishBy > 0;
      if (late) {
        cut();
      }
    }
  }
}
