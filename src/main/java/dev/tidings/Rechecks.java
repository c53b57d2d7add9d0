package dev.tidings;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;

/** Asks the {@link Settings#withRecheck recheck} of many streams, of a limited number at a time. */
final class Rechecks {
  private static final int MOST = 64; // at a time

  private final ThreadFactory threads;
  private final Semaphore turns = new Semaphore(MOST);
  private final Set<Thread> rounds = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  Rechecks(ThreadFactory threads) {
    this.threads = threads;
  }

  /** Asks for all of these streams, on a thread of its own. */
  void start(Iterable<EventSource> streams) {
    var round = threads.newThread(() -> ask(streams));
    rounds.add(round);
    round.start();
    if (closed) {
      round.interrupt();
    }
  }

  /** Asks in the order of the streams. A check that exceeds its deadline is not waited for any longer. */
  private void ask(Iterable<EventSource> streams) {
    try {
      for (EventSource stream : streams) {
        turns.acquire();
        stream.life().checkNow(turns::release);
      }
    } catch (InterruptedException e) {
      // The cluster is closed.
    } finally {
      rounds.remove(Thread.currentThread());
    }
  }

  /** Starts no more checks. */
  void close() {
    closed = true;
    rounds.forEach(Thread::interrupt);
  }
}
