package dev.tidings;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Appends that wait to be written together. One of the waiting threads takes its turn, and writes all that has been
 * queued since the last batch, for all of them. So while a batch is forced to the storage device, the next one grows,
 * and no thread is needed that is not a caller.
 *
 * <p>A thread that releases the turn wakes the thread of the first queued append. No later append is missed: its thread
 * queues it before it checks whether the turn is free, and a thread releases the turn before it checks the queue.
 */
final class AppendQueue {
  private static final int MOST_BYTES = 1024 * 1024;
  private static final int MOST_EVENTS = 4096;

  /** The log, which is called by the thread that has the turn. */
  interface Writer {
    /** Appends these events in order, if possible. Every append is done when this method returns. Must not throw. */
    void write(List<Append> batch);
  }

  private final Writer writer;
  private final ConcurrentLinkedQueue<Append> queue = new ConcurrentLinkedQueue<>();
  private final ReentrantLock turn = new ReentrantLock();

  AppendQueue(Writer writer) {
    this.writer = writer;
  }

  /**
   * Returns when all of these are done. An interrupt does not end this, because the outcome is known within the time of
   * a write; the interrupt status stays set.
   */
  void append(List<Append> appends) {
    queue.addAll(appends);
    var last = appends.getLast();
    boolean interrupted = false;
    while (!last.isDone()) {
      if (turn.tryLock()) {
        try {
          if (!last.isDone()) {
            writeBatch();
          }
        } finally {
          giveBack();
        }
      } else {
        LockSupport.park(this);
        interrupted |= Thread.interrupted();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Writes a batch, and returns how many appends that were. */
  private int writeBatch() {
    var batch = new ArrayList<Append>();
    try {
      take(batch);
    } finally {
      writer.write(batch); // also if there was no memory for a larger one
    }
    return batch.size();
  }

  private void take(List<Append> batch) {
    long bytes = 0;
    for (var next = queue.peek(); next != null && batch.size() < MOST_EVENTS; next = queue.peek()) {
      bytes += next.size();
      if (bytes > MOST_BYTES && !batch.isEmpty()) {
        return;
      }
      batch.add(next);
      queue.remove();
    }
  }

  private void giveBack() {
    turn.unlock();
    var next = queue.peek();
    if (next != null) {
      LockSupport.unpark(next.thread());
    }
  }

  /** Runs an action while nothing is written, once the current batch is done. */
  void exclusively(Runnable action) {
    turn.lock();
    try {
      action.run();
    } finally {
      giveBack();
    }
  }

  /** Runs an action while nothing is written, but not if another thread has the turn. */
  void exclusivelyOrNot(Runnable action) {
    if (turn.tryLock()) {
      try {
        action.run();
      } finally {
        giveBack();
      }
    }
  }

  /** Writes all appends that are queued now, and then runs an action. Appends that are queued later do not delay it. */
  void drain(Runnable action) {
    exclusively(
        () -> {
          for (int left = queue.size(); left > 0; ) {
            left -= Math.max(1, writeBatch());
          }
          action.run();
        });
  }
}
