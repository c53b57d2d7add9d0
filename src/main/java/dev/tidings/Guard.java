package dev.tidings;

import java.io.IOException;
import java.io.InterruptedIOException;

/**
 * A stretch of blocking I/O that another thread can cut off, by the one way that frees a blocked call
 * of this server: an interrupt of the thread inside, which closes its socket. The thread is
 * interrupted only while it is inside, and leaves with a clean status.
 *
 * <p>Used by one thread at a time.
 */
final class Guard {
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

  private final Deadlines deadlines;
  private Thread inside; // guarded by this
  private boolean interrupted; // guarded by this: whether the one inside was interrupted by us
  private boolean cut; // guarded by this
  private volatile long entered;
  private volatile boolean finishing;
  private volatile long finishBy; // valid if finishing

  Guard(Deadlines deadlines) {
    this.deadlines = deadlines;
  }

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
    entered = deadlines.now();
    inside = Thread.currentThread();
    deadlines.entered(this);
  }

  /** When the one who is inside came in. */
  long entered() {
    return entered;
  }

  /** Whether it was cut. */
  private synchronized boolean leave() {
    deadlines.left(this);
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
    long now = deadlines.now();
    if (!finishing || nanos < finishBy - now) {
      finishBy = now + nanos;
      finishing = true;
    }
  }

  void cutIfOverdue(long now) {
    boolean late = now - entered > deadlines.limit() || finishing && now - finishBy > 0;
    if (late) {
      cut();
    }
  }
}
