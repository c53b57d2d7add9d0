package dev.tidings;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Counts the streams or requests that are inside. Once the gate is shut, {@link #enter} refuses more, and a
 * callback runs when the last one has left. Thread-safe.
 */
final class Gate {

  /** Called once, when the gate is shut and empty. */
  interface Emptied {
    /** Called on the thread of the last leave, or of {@link Gate#whenEmpty}; must not block or throw. */
    void emptied();
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition empty = lock.newCondition();
  // The fields below are guarded by lock.
  private int inside;
  private boolean shut;
  private Emptied emptied; // null before whenEmpty, and after the call

  /** Increments the count, unless the gate is shut. Returns whether it did. */
  boolean enter() {
    lock.lock();
    try {
      inside += shut ? 0 : 1;
      return !shut;
    } finally {
      lock.unlock();
    }
  }

  /** Increments the count even if the gate is shut, for a request that was inside before. */
  void recognize() {
    lock.lock();
    try {
      inside++;
    } finally {
      lock.unlock();
    }
  }

  /** Decrements the count. */
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

  boolean isShut() {
    lock.lock();
    try {
      return shut;
    } finally {
      lock.unlock();
    }
  }

  /** Shuts the gate: from now on {@link #enter} refuses. Must precede {@link #whenEmpty} and {@link #awaitEmpty}. */
  void shut() {
    lock.lock();
    try {
      shut = true;
    } finally {
      lock.unlock();
    }
  }

  /** Calls the callback once the gate, which has been shut, is empty. */
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

  /** Waits until the gate, which has been shut, is empty, at most this long. An interrupt ends the wait. */
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
