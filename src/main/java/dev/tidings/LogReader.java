package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

/** Reads a log for its followers, and retries while the log fails. */
final class LogReader {
  /**
   * Lasts from a failed attempt until an attempt that began later succeeds. Only the first failure is reported, and the
   * first one that the log has not logged itself.
   */
  private static final class Outage {
    private final boolean isLoggedByLog;

    Outage(Throwable why) {
      isLoggedByLog = why instanceof LogAwayException;
    }

    boolean includes(Outage other) {
      return !isLoggedByLog || other.isLoggedByLog;
    }
  }

  /** Reports an outage. */
  interface Report {
    /** Called once or twice per outage, see {@link Outage}, on the thread whose attempt failed. May block; must not throw. */
    void failed(Throwable why);
  }

  private final EventLog log;
  private final long pause;
  private final Report report;
  private final Jitter jitter = Jitter.ofThread();
  private final AtomicReference<Outage> outage = new AtomicReference<>(); // null if none is known
  private volatile String known; // null at first
  private volatile boolean closed;

  LogReader(EventLog log, Duration pause) {
    this(log, pause, LogReader::log);
  }

  LogReader(EventLog log, Duration pause, Report report) {
    this.log = log;
    this.pause = Checks.nanos(pause);
    this.report = report;
  }

  /** Blocks until the log answers. Throws an InterruptedException if the answer is no longer wanted. */
  Reading read(String after, int most, Duration wait, BooleanSupplier wanted)
      throws InterruptedException {
    return untilItAnswers(
        () -> Objects.requireNonNull(log.read(after, most, wait), "EventLog.read returned null"), wanted);
  }

  /**
   * Blocks until the log answers; returns empty if it does not support the position. Throws an InterruptedException if the
   * answer is no longer wanted.
   */
  Optional<String> find(From from, BooleanSupplier wanted) throws InterruptedException {
    return untilItAnswers(() -> found(from), wanted);
  }

  private Optional<String> found(From from) {
    try {
      return Optional.of(from.in(log));
    } catch (UnsupportedOperationException e) {
      return Optional.empty();
    }
  }

  /** Returns the latest id of the log; empty if the log fails. The caller then has to ask again later. */
  Optional<String> latest() {
    try {
      return Optional.of(From.live().in(log));
    } catch (Throwable e) {
      failed(e);
      return Optional.empty();
    }
  }

  /** Records that the log has assigned this id, the latest that is known. */
  void know(String id) {
    known = id;
  }

  /** Returns an id near the end of the log, from which streams start while the log fails; empty if none is known. */
  Optional<String> known() {
    return Optional.ofNullable(known);
  }

  /**
   * Repeats the call until it succeeds. An interrupt ends this only if the answer is no longer wanted: it may
   * also come from the log, or from a filter that ran on this thread.
   */
  private <T> T untilItAnswers(Callable<T> call, BooleanSupplier wanted)
      throws InterruptedException {
    while (!closed && wanted.getAsBoolean()) {
      var before = outage.get();
      try {
        T answer = call.call();
        outage.compareAndSet(before, null); // a call that began before the outage does not end it
        return answer;
      } catch (Throwable e) {
        if (!closed && wanted.getAsBoolean()) {
          failed(e);
          pause();
        }
      }
    }
    throw new InterruptedException("the log is no longer read, or the stream has left the channel");
  }

  /** Pauses before the next attempt. An interrupt ends the pause; the caller then checks whether to go on. */
  void pause() {
    try {
      Thread.sleep(jitter.around(pause)); // so that not all followers retry at once
    } catch (InterruptedException e) {
      // The interrupt status is clear now, as the next attempt requires.
    }
  }

  /** Returns whether the log is in this process, and answers at once. */
  boolean isHere() {
    return log instanceof BoundedLog;
  }

  /** Returns the log if it is in memory, so that it can be read on a thread of the application. */
  Optional<MemoryEventLog> memory() {
    return log instanceof MemoryEventLog memory ? Optional.of(memory) : Optional.empty();
  }

  boolean isClosed() {
    return closed;
  }

  /** Ends the retries. Called before the reading threads are interrupted. */
  void close() {
    closed = true;
  }

  /** Reports a failure if it begins an outage. */
  void failed(Throwable why) {
    var begun = new Outage(why);
    var known = outage.get();
    if ((known == null || !known.includes(begun)) && outage.compareAndSet(known, begun)) {
      report.failed(why);
    }
  }

  /** Logs that the log of a channel has begun to fail, at DEBUG if the log has logged it itself. */
  static void log(Throwable why) {
    if (why instanceof LogAwayException) {
      Log.debug(() -> "the log of a channel: " + Quoted.java(why));
    } else {
      Log.failure("the log of a channel", why);
    }
  }
}
