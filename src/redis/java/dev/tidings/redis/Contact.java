package dev.tidings.redis;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * Whether a server can be reached. An outage begins when a new connection fails, and ends when another one succeeds; each
 * is logged once. Connections belong to the contact in which they were opened: none of them is used after an outage.
 */
final class Contact {
  private final String name;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private boolean connected; // guarded by lock
  private boolean closed; // guarded by lock
  private Instant since = Instant.now(); // guarded by lock
  private String reason = ""; // of the outage; guarded by lock
  private volatile long generation;
  private volatile Optional<Period> period = Optional.empty(); // set under lock
  private volatile Instant last = Instant.EPOCH; // when the server answered

  Contact(String name) {
    this.name = name;
  }

  /** A time during which no connection to the server is known to have failed, so that it has the same data. */
  static final class Period {
    private final long begin = System.nanoTime();

    /** Returns whether this time of {@link System#nanoTime} is in this period or in a later one. */
    boolean hasBegunBy(long time) {
      return time - begin > 0;
    }
  }

  /** Returns the current period; empty during an outage. */
  Optional<Period> period() {
    return period;
  }

  /** Begins a period: a connection has failed, so the server may have been restarted without a part of its data. */
  void doubt() {
    lock.lock();
    try {
      if (connected) {
        period = Optional.of(new Period());
      }
    } finally {
      lock.unlock();
    }
  }

  /** The state of a contact. */
  record State(boolean connected, Instant since, String reason) {}

  State state() {
    lock.lock();
    try {
      return new State(connected, since, reason);
    } finally {
      lock.unlock();
    }
  }

  boolean isConnected() {
    lock.lock();
    try {
      return connected;
    } finally {
      lock.unlock();
    }
  }

  long generation() {
    return generation;
  }

  Instant last() {
    return last;
  }

  /** Notes that the server has answered. */
  void answered() {
    last = Instant.now();
  }

  /** Waits until the server can be reached. Returns whether it can. */
  boolean await(Duration most) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = most.toNanos();
      while (!connected && !closed && left > 0) {
        left = changed.awaitNanos(left);
      }
      return connected && !closed;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits while the server can be reached, at most this long. Does not wait if this is already true, which has to become
   * true before {@link #wake}.
   */
  void awaitLoss(Duration most, BooleanSupplier isAwake) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      if (connected && !closed && !isAwake.getAsBoolean()) {
        changed.await(most.toNanos(), TimeUnit.NANOSECONDS);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Ends one wait in {@link #awaitLoss}. */
  void wake() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Begins a contact. */
  void found(String address) {
    boolean first;
    Duration away;
    lock.lock();
    try {
      first = generation == 0;
      away = Duration.between(since, Instant.now());
      connected = true;
      since = Instant.now();
      reason = "";
      generation++;
      period = Optional.of(new Period());
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    answered();
    if (first) {
      Log.log(Level.DEBUG, () -> "connected to Redis at " + address);
    } else {
      Log.log(Level.INFO, () -> "Redis at " + address + " is back after " + away.toMillis() + " ms");
    }
  }

  /** Begins an outage, unless the contact of this generation has ended. Returns whether it began. */
  boolean lost(long ofGeneration, String why) {
    lock.lock();
    try {
      if (!connected || generation != ofGeneration) {
        if (!connected) {
          reason = why;
        }
        return false;
      }
      connected = false;
      period = Optional.empty();
      since = Instant.now();
      reason = why;
      changed.signalAll();
      if (closed) {
        return true;
      }
    } finally {
      lock.unlock();
    }
    Log.log(
        Level.WARNING,
        () -> "Redis at " + name + " is away: " + why + ". Streams stay open and continue when it is back");
    return true;
  }

  /** Ends all waits. */
  void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
