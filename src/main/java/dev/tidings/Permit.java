package dev.tidings;

import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/**
 * How long a stream may go on: its share of the largest lifetime, and the check that is asked again
 * and again whether it may.
 */
final class Permit {
  private static final ThreadFactory THREADS =
      Thread.ofVirtual().name("tidings-recheck-", 0).factory();

  private final EventSource stream;
  private final Ticker ticker;
  private final long lifetime; // nanoseconds; the largest number for no limit
  private final Optional<Predicate<? super EventSource>> check;
  private final long interval;
  private final ReentrantLock lock = new ReentrantLock();
  // What follows is guarded by lock.
  private Ticker.Timer expiry = () -> {};
  private Ticker.Timer next = () -> {};
  private Thread asking; // null while nobody asks
  private boolean stopped;

  /** Empty if there is neither a largest lifetime nor a check. */
  static Optional<Permit> of(EventSource stream, EventSources sources) {
    var settings = sources.settings();
    boolean limited = Time.nanos(settings.maxLifetime()) < Long.MAX_VALUE;
    return limited || settings.recheck().isPresent()
        ? Optional.of(new Permit(stream, sources.ticker(), settings, sources.spread()))
        : Optional.empty();
  }

  private Permit(EventSource stream, Ticker ticker, Settings settings, Spread spread) {
    this.stream = stream;
    this.ticker = ticker;
    long longest = Time.nanos(settings.maxLifetime());
    this.lifetime = longest < Long.MAX_VALUE ? spread.lifetime(longest) : longest;
    this.check = settings.recheck();
    this.interval = Time.nanos(settings.heartbeat());
  }

  void start() {
    lock.lock();
    try {
      if (!stopped && lifetime < Long.MAX_VALUE) {
        expiry = ticker.schedule(lifetime, () -> stream.end(Ending.EXPIRED));
      }
      scheduleCheck();
    } finally {
      lock.unlock();
    }
  }

  private void scheduleCheck() {
    if (!stopped && check.isPresent()) {
      next = ticker.schedule(interval, this::tick);
    }
  }

  /** Has it asked, unless the last asking is not over. */
  private void tick() {
    lock.lock();
    try {
      if (!stopped && asking == null) {
        asking = THREADS.newThread(this::ask);
        asking.start();
      }
      scheduleCheck();
    } finally {
      lock.unlock();
    }
  }

  private void ask() {
    boolean goesOn = false;
    try {
      goesOn = check.orElseThrow().test(stream);
    } catch (Throwable e) {
      if (stream.isOpen()) { // else the interrupt may have been the reason
        Log.failure("the recheck of " + stream, e);
      }
    } finally {
      asked();
    }
    if (!goesOn) {
      stream.end(Ending.REVOKED);
    }
  }

  private void asked() {
    lock.lock();
    try {
      asking = null;
    } finally {
      lock.unlock();
    }
  }

  /** The stream has ended: nothing is to be asked any more, and who is being asked need not answer. */
  void stop() {
    lock.lock();
    try {
      stopped = true;
      expiry.cancel();
      next.cancel();
      if (asking != null && asking != Thread.currentThread()) {
        asking.interrupt();
      }
    } finally {
      lock.unlock();
    }
  }
}
