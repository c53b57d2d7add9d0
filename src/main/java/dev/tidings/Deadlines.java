package dev.tidings;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * The write deadline of all streams of a registry: a sweep over the guards that are in a blocking
 * call, of which there are few, however many streams are open.
 */
final class Deadlines {
  /** Thrown at and by a thread whose guard was cut, so that the reason is not taken for the client. */
  static final class CutOffException extends InterruptedIOException {
    private static final long serialVersionUID = 1;

    CutOffException() {
      super("cut off");
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
   * Cuts off whatever blocks, since nobody looks after the time any more. What is inside a call that
   * only takes a moment, such as the refusal of a client, is given that moment.
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
   * A stretch of blocking I/O that another thread can cut off, by the one way that frees a blocked call
   * of this server: an interrupt of the thread inside, which closes its socket. The thread is
   * interrupted only while it is inside, and leaves with a clean status.
   *
   * <p>Used by one thread at a time.
   */
  final class Guard {
    private Thread inside; // guarded by this
    private boolean interrupted; // guarded by this: whether the one inside was interrupted by us
    private boolean cut; // guarded by this
    private volatile long entered;
    private volatile boolean finishing;
    private volatile long finishBy; // valid if finishing

    /**
     * Runs the I/O, at most for the write deadline.
     *
     * @throws CutOffException if it was cut off, before or meanwhile
     */
    void run(Blocking io) throws IOException {
      boolean done = false;
      try {
        enter();
        io.run();
        done = true;
      } finally {
        if (leave() && !done) {
          throw new CutOffException(); // instead of what the interrupt made the channel throw
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

    /** When the one who is inside came in. */
    long entered() {
      return entered;
    }

    /** Whether it was cut. */
    private synchronized boolean leave() {
      left(this);
      inside = null;
      if (interrupted) {
        interrupted = false;
        Thread.interrupted();
      }
      return cut;
    }

    /** From now on nothing may block, and what does is freed. */
    synchronized void cut() {
      cut = true;
      if (inside != null && !interrupted) {
        interrupted = true;
        inside.interrupt();
      }
    }

    /** All I/O together has to be over within this many nanoseconds; the shortest such limit holds. */
    synchronized void finishWithin(long nanos) {
      long now = now();
      if (!finishing || nanos < finishBy - now) {
        finishBy = now + nanos;
        finishing = true;
      }
    }

    void cutIfOverdue(long now) {
      boolean late = now - entered > limit || finishing && now - finishBy > 0;
      if (late) {
        cut();
      }
    }
  }
}
