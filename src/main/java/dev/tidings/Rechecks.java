package dev.tidings;

import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;

/** Asks the {@link Settings#withRecheck recheck} of all streams of a registry, of a limited number at a time. */
final class Rechecks {
  private static final int MOST = 64; // at a time

  private final EventSources sources;
  private final ThreadFactory threads;
  private final Semaphore turns = new Semaphore(MOST);
  private final ReentrantLock lock = new ReentrantLock();
  // The fields below are guarded by lock.
  private Thread round; // null while none runs
  private boolean again; // whether another round has to follow
  private boolean closed;

  Rechecks(EventSources sources, ThreadFactory threads) {
    this.sources = sources;
    this.threads = threads;
  }

  /** Asks for all streams that are open now, on a thread of its own, after a round that is running. */
  void start() {
    lock.lock();
    try {
      if (closed || round != null) {
        again = true;
      } else {
        var thread = threads.newThread(this::run);
        thread.start();
        round = thread; // only now: if it cannot start, the next call tries again
      }
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    try {
      do {
        ask();
      } while (goesOn());
    } catch (InterruptedException e) {
      // The cluster is closed.
    } finally {
      ended();
    }
  }

  /** Asks in the order of the streams. A check that exceeds its deadline is not waited for any longer. */
  private void ask() throws InterruptedException {
    for (EventSource stream : sources.streams()) {
      turns.acquire();
      try {
        stream.life().checkNow(turns::release);
      } catch (Throwable e) { // the stream is revoked, because it cannot be checked
        Log.failure("starting a recheck", e);
      }
    }
  }

  /** Returns whether another round follows, or ends the rounds. */
  private boolean goesOn() {
    lock.lock();
    try {
      boolean goesOn = again && !closed;
      again = false;
      round = goesOn ? round : null;
      return goesOn;
    } finally {
      lock.unlock();
    }
  }

  private void ended() {
    lock.lock();
    try {
      round = round == Thread.currentThread() ? null : round; // not null only after an exception
    } finally {
      lock.unlock();
    }
  }

  /** Stops starting checks. */
  void close() {
    lock.lock();
    try {
      closed = true;
      if (round != null) {
        round.interrupt();
      }
    } finally {
      lock.unlock();
    }
  }
}
