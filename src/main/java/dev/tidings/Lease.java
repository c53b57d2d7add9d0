package dev.tidings;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * How long a stream may go on: its share of the largest lifetime, and the check that is asked again
 * and again whether it may.
 */
final class Lease {

  /** The stream with such a limit. Called on the ticker's thread or a check's own; never blocks. */
  interface Holder {
    boolean isOpen();

    /** It has reached its lifetime. */
    void expire();

    /** It may not go on. */
    void revoke();
  }

  private final ThreadFactory threads;
  private final Holder stream;
  private final Ticker ticker;
  private final long lifetime; // nanoseconds; the largest number for no limit
  private final Optional<BooleanSupplier> check; // code of the application
  private final long interval;
  private final long first; // when the first check is due
  private final Duration deadline; // of a check
  private final ReentrantLock lock = new ReentrantLock();
  // What follows is guarded by lock.
  private Ticker.Timer expiry = () -> {};
  private Ticker.Timer next = () -> {};
  private Ticker.Timer overdue = () -> {};
  private Thread asking; // null while nobody asks
  private boolean stopped;

  /** Empty if there is neither a largest lifetime nor a check, which is asked whether the stream may go on. */
  static Optional<Lease> of(Holder stream, Engine engine, Optional<BooleanSupplier> check) {
    boolean limited = Checks.nanos(engine.values().maxLifetime()) < Long.MAX_VALUE;
    return limited || check.isPresent()
        ? Optional.of(new Lease(stream, engine, check))
        : Optional.empty();
  }

  private Lease(Holder stream, Engine engine, Optional<BooleanSupplier> check) {
    var values = engine.values();
    var jitter = engine.jitter();
    this.stream = stream;
    this.ticker = engine.ticker();
    this.threads = engine.rechecks();
    long longest = Checks.nanos(values.maxLifetime());
    this.lifetime = longest < Long.MAX_VALUE ? jitter.lifetime(longest) : longest;
    this.check = check;
    this.interval = Checks.nanos(values.heartbeat());
    this.first = jitter.within(interval);
    this.deadline = values.recheckDeadline();
  }

  void start() {
    lock.lock();
    try {
      if (!stopped && lifetime < Long.MAX_VALUE) {
        expiry = ticker.schedule(lifetime, stream::expire);
      }
      scheduleCheck(first);
    } finally {
      lock.unlock();
    }
  }

  private void scheduleCheck(long nanos) {
    if (!stopped && check.isPresent()) {
      next = ticker.schedule(nanos, this::tick);
    }
  }

  /** Has it asked; a stream that cannot be checked may not go on. */
  private void tick() {
    boolean seenTo = false;
    try {
      startAsking();
      seenTo = true;
    } finally {
      if (!seenTo) {
        stream.revoke();
      }
    }
  }

  /** Unless the last asking is not over. */
  private void startAsking() {
    lock.lock();
    try {
      scheduleCheck(interval);
      if (!stopped && asking == null) {
        var thread = threads.newThread(this::ask);
        asking = thread;
        overdue = ticker.schedule(Checks.nanos(deadline), () -> giveUp(thread));
        thread.start();
      }
    } finally {
      lock.unlock();
    }
  }

  /** A check that hangs is as one that says no. */
  private void giveUp(Thread thread) {
    boolean hangs;
    lock.lock();
    try {
      hangs = !stopped && asking == thread;
    } finally {
      lock.unlock();
    }
    if (hangs) {
      String silent = stream.toString();
      stream.revoke(); // first, as a log may block
      Log.warning("the recheck of " + silent + " has not answered for " + deadline);
    }
  }

  private void ask() {
    boolean goesOn = false;
    try {
      goesOn = check.orElseThrow().getAsBoolean();
    } catch (Throwable e) {
      if (stream.isOpen()) { // else the interrupt may have been the reason
        Log.failure("the recheck of " + stream, e);
      }
    } finally {
      asked();
    }
    if (!goesOn) {
      stream.revoke();
    }
  }

  private void asked() {
    lock.lock();
    try {
      asking = null;
      overdue.cancel();
    } finally {
      lock.unlock();
    }
  }

  /** The stream has ended: nothing is to be asked any more, and a check that is under way need not answer. */
  void stop() {
    lock.lock();
    try {
      stopped = true;
      expiry.cancel();
      next.cancel();
      overdue.cancel();
      if (asking != null && asking != Thread.currentThread()) {
        asking.interrupt();
      }
    } finally {
      lock.unlock();
    }
  }
}
