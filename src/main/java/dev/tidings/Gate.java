package dev.tidings;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Counts those inside, and can be shut: nobody enters any more, and somebody learns when the last one has
 * left. Thread-safe.
 */
final class Gate {

  /** Told once that the gate is shut and nobody is inside. */
  interface Emptied {
    /** Called on the thread of the last one that left, or of the one that asked; must not block or throw. */
    void emptied();
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition empty = lock.newCondition();
  // What follows is guarded by lock.
  private int inside;
  private boolean shut;
  private Emptied emptied; // null until somebody asks, and once told

  /** Counts one more, unless it is shut; whether it did. */
  boolean enter() {
    lock.lock();
    try {
      inside += shut ? 0 : 1;
      return !shut;
    } finally {
      lock.unlock();
    }
  }

  /** Counts one more that was inside before it was shut. */
  void recognize() {
    lock.lock();
    try {
      inside++;
    } finally {
      lock.unlock();
    }
  }

  /** Counts one less. */
  void leave() {
    Emptied told;
    lock.lock();
    try {
      inside--;
      told = takeIfEmpty();
    } finally {
      lock.unlock();
    }
    tell(told);
  }

  /** From now on nobody enters. */
  void shut() {
    lock.lock();
    try {
      shut = true;
    } finally {
      lock.unlock();
    }
  }

  /** Has this told, once it is shut and nobody is inside. */
  void whenEmpty(Emptied emptied) {
    Emptied told;
    lock.lock();
    try {
      this.emptied = emptied;
      told = takeIfEmpty();
    } finally {
      lock.unlock();
    }
    tell(told);
  }

  private Emptied takeIfEmpty() {
    if (!isEmpty()) {
      return null;
    }
    empty.signalAll();
    var told = emptied;
    emptied = null;
    return told;
  }

  private boolean isEmpty() {
    return shut && inside == 0;
  }

  private static void tell(Emptied told) {
    if (told != null) {
      told.emptied();
    }
  }

  /** Waits until it is shut and nobody is inside, at most this long. An interrupt ends the wait. */
  void awaitEmpty(long nanos) throws InterruptedException {
    lock.lock();
    try {
      for (long left = nanos; left > 0 && !isEmpty(); ) {
        left = empty.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }
}
