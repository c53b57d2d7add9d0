package dev.tidings;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The threads that wait for the next event of a log. Readers never queue for a lock. Otherwise a publisher could wait
 * behind a reader that is next in the queue, but whose virtual thread has no carrier; with thousands of readers, that
 * takes long.
 */
final class WaitingReaders {
  private final Set<Thread> waiting = ConcurrentHashMap.newKeySet();

  /**
   * Reads until the result is an answer, again after each {@link #wake}, or until the time has elapsed.
   *
   * @param wait the longest time to wait; the first read is done in any case
   * @throws InterruptedException if this thread is interrupted, even before the first read
   */
  <R> R read(Duration wait, Supplier<R> read, Predicate<R> isAnswer) throws InterruptedException {
    long limit = Checks.nanos(Checks.requireNotNegative("wait", wait));
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    R result = read.get();
    return isAnswer.test(result) || limit == 0 ? result : await(limit, read, isAnswer);
  }

  private <R> R await(long limit, Supplier<R> read, Predicate<R> isAnswer) throws InterruptedException {
    long begin = System.nanoTime();
    waiting.add(Thread.currentThread());
    try {
      while (true) {
        R result = read.get();
        long left = limit - (System.nanoTime() - begin);
        if (isAnswer.test(result) || left <= 0) {
          return result;
        }
        if (limit == Long.MAX_VALUE) {
          LockSupport.park(this); // for a virtual thread, a timer costs more than the rest of the wait
        } else {
          LockSupport.parkNanos(this, left);
        }
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
      }
    } finally {
      waiting.remove(Thread.currentThread());
    }
  }

  /** Called after an event has been appended, or after the log has been closed. */
  void wake() {
    waiting.forEach(LockSupport::unpark);
  }
}
