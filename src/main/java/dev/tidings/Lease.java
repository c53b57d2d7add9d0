package dev.tidings;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * Limits how long a stream stays open: by a lifetime, chosen at random from nine tenths of the maximum to all of it,
 * by a time of day, and by a repeated check. Streams without a limit have no lease.
 */
final class Lease {

  /** The stream that is limited. Called on the ticker's thread or the thread of a check; never blocks. */
  interface Holder {
    boolean isOpen();

    /** Ends the stream, which has reached its lifetime or its time of day. */
    void expire();

    /** Ends the stream, which may not stay open. */
    void revoke();
  }

  /** Waits for a check that was requested. */
  interface Checked {
    /**
     * Called once, when the check has ended, or will not run or be waited for. Called on any thread, without locks;
     * must neither block nor throw.
     */
    void checked();
  }

  private final ThreadFactory threads;
  private final Holder stream;
  private final Ticker ticker;
  private final long lifetime; // nanoseconds; MAX_VALUE for no limit
  private final Optional<BooleanSupplier> check; // code of the application
  private final long interval;
  private final long first; // the delay of the first check
  private final Duration deadline; // of a check
  private final ReentrantLock lock = new ReentrantLock();
  // The fields below are guarded by lock.
  private Ticker.Timer expiry = () -> {};
  private Ticker.Timer next = () -> {};
  private Ticker.Timer overdue = () -> {};
  private Thread asking; // null while no check runs
  private Optional<Checked> asker = Optional.empty(); // of the running check, if it was requested
  private Optional<Checked> requested = Optional.empty(); // a check that has not started
  private Ticker.Timer look = () -> {};
  private boolean stopped;
  private volatile Instant until = Instant.MAX; // written under lock; MAX for no limit

  /**
   * Creates a lease; empty if there is neither a maximum lifetime nor a check. The check returns whether the
   * stream may stay open.
   */
  static Optional<Lease> of(Holder stream, Engine engine, Optional<BooleanSupplier> check) {
    boolean limited = Checks.nanos(engine.values().maxLifetime()) < Long.MAX_VALUE;
    return limited || check.isPresent()
        ? Optional.of(new Lease(stream, engine, check))
        : Optional.empty();
  }

  /** Creates a lease that limits nothing until {@link #expireAt} is called. */
  static Lease unlimited(Holder stream, Engine engine) {
    return new Lease(stream, engine, Optional.empty());
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

  /** Ends the stream at this time of day, instead of at the one that was set before. Does nothing once stopped. */
  void expireAt(Instant time) {
    lock.lock();
    try {
      until = stopped ? until : time;
    } finally {
      lock.unlock();
    }
    look();
  }

  /**
   * Ends the stream if its time has come; otherwise schedules the next check, after one heartbeat at the latest,
   * because the clock may be set before then, and because the ticker, unlike the clock, stops while the machine is
   * suspended. If that fails, the stream ends, because later nothing would end it.
   */
  private void look() {
    boolean over = true;
    lock.lock();
    try {
      look.cancel();
      over = !stopped && isOver();
      if (!stopped && !over && isTimed()) {
        over = true;
        long left = Checks.nanos(Duration.between(ticker.time(), until));
        look = ticker.schedule(Math.clamp(left, 1, interval), this::look);
        over = false;
      }
    } finally {
      lock.unlock();
      if (over) {
        stream.expire();
      }
    }
  }

  private boolean isTimed() {
    return !until.equals(Instant.MAX);
  }

  /** Returns whether the time of day has come at which the stream ends, even if it has ended before. */
  boolean isOver() {
    return isTimed() && !ticker.time().isBefore(until);
  }

  private void scheduleCheck(long nanos) {
    if (!stopped && check.isPresent()) {
      next = ticker.schedule(nanos, this::tick);
    }
  }

  /** Starts a check. If that fails, the stream is revoked, because it cannot be checked. */
  private void tick() {
    startCheck(true);
  }

  /**
   * Runs a check in addition to that of each interval. If a check is running, the new one runs after it, because the
   * running one may use earlier data. A second request for a check that has not started is not waited for.
   */
  void checkNow(Checked checked) {
    boolean accepted;
    lock.lock();
    try {
      accepted = !stopped && check.isPresent() && requested.isEmpty();
      requested = accepted ? Optional.of(checked) : requested;
    } finally {
      lock.unlock();
    }
    if (accepted) {
      startCheck(false);
    } else {
      checked.checked();
    }
  }

  private void startCheck(boolean repeat) {
    boolean seenTo = false;
    try {
      startAsking(repeat);
      seenTo = true;
    } finally {
      if (!seenTo) {
        stream.revoke();
      }
    }
  }

  /** Starts a check, unless the previous one is still running. */
  private void startAsking(boolean repeat) {
    lock.lock();
    try {
      if (repeat) {
        scheduleCheck(interval);
      }
      if (!stopped && asking == null) {
        var thread = threads.newThread(this::ask);
        asking = thread;
        asker = requested;
        requested = Optional.empty();
        overdue = ticker.schedule(Checks.nanos(deadline), () -> giveUp(thread));
        thread.start();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Revokes the stream if the check still runs: a check that hangs counts as one that returned false. */
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
      stream.revoke(); // first, because logging may block
      Log.warning("the recheck of " + silent + " has not answered for " + deadline);
    }
  }

  private void ask() {
    boolean goesOn = false;
    try {
      goesOn = check.orElseThrow().getAsBoolean();
    } catch (Throwable e) {
      if (stream.isOpen()) { // otherwise the interrupt may be the reason
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
    Optional<Checked> answered;
    boolean again;
    lock.lock();
    try {
      asking = null;
      overdue.cancel();
      answered = asker;
      asker = Optional.empty();
      again = requested.isPresent();
    } finally {
      lock.unlock();
    }
    answered.ifPresent(Checked::checked);
    if (again) {
      startCheck(false);
    }
  }

  /** Called when the stream has ended. Stops starting checks, and interrupts a check that runs on another thread. */
  void stop() {
    Optional<Checked> asker;
    Optional<Checked> requested;
    lock.lock();
    try {
      stopped = true;
      asker = this.asker;
      requested = this.requested;
      this.asker = Optional.empty();
      this.requested = Optional.empty();
      expiry.cancel();
      next.cancel();
      overdue.cancel();
      look.cancel();
      if (asking != null && asking != Thread.currentThread()) {
        asking.interrupt();
      }
    } finally {
      lock.unlock();
    }
    asker.ifPresent(Checked::checked);
    requested.ifPresent(Checked::checked);
  }
}
