package dev.tidings;

import java.time.Duration;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Ends streams of authenticated users if the control log has not been reached for too long, because revocations may be
 * missing.
 */
final class Contact {
  private static final int LOOKS = 20; // per limit

  private final EventSources sources;
  private final Ticker ticker;
  private final ThreadFactory threads;
  private volatile long last; // time of the last contact
  private volatile boolean warned; // in this outage
  private final ReentrantLock lock = new ReentrantLock();
  // The fields below are guarded by lock.
  private long limit = Long.MAX_VALUE; // nanoseconds; MAX_VALUE for none
  private Ticker.Timer timer = () -> {};
  private boolean closed;

  Contact(EventSources sources, ThreadFactory threads) {
    this.sources = sources;
    this.ticker = sources.engine().ticker();
    this.threads = threads;
    this.last = ticker.now();
  }

  /** Called after each successful access to the log. */
  void reached() {
    last = ticker.now();
    warned = false;
  }

  /** Ends streams after this time without contact from now on; {@code MAX_VALUE} for never. Does nothing once closed. */
  void limit(long nanos) {
    lock.lock();
    try {
      if (!closed) {
        limit = nanos;
        schedule();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Stops ending streams. */
  void close() {
    lock.lock();
    try {
      limit(Long.MAX_VALUE);
      closed = true;
    } finally {
      lock.unlock();
    }
  }

  private void schedule() {
    timer.cancel();
    if (limit < Long.MAX_VALUE) {
      long its = limit;
      timer = ticker.schedule(Math.ceilDiv(its, LOOKS), () -> look(its));
    }
  }

  private void look(long limit) {
    try {
      if (ticker.now() - last >= limit) {
        threads.newThread(() -> end(limit)).start(); // there may be many
      }
    } finally {
      goOn(limit);
    }
  }

  private void goOn(long limit) {
    lock.lock();
    try {
      if (this.limit == limit) { // otherwise another task looks
        schedule();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Ends the streams that have been open for the whole limit: others were authenticated after the last contact. */
  private void end(long limit) {
    int ended = 0;
    for (EventSource stream : sources.streams()) {
      if (stream.principal().isPresent() && stream.age().toNanos() >= limit && stream.isOpen()) {
        stream.life().revoke();
        ended++;
      }
    }
    if (ended > 0 && !warned) {
      warned = true;
      Log.warning(
          "streams of authenticated users ended, because the control log has not been reached for "
              + Duration.ofNanos(limit));
    }
  }
}
