package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/** Reads a log for those who follow it, and tries again while it cannot be reached. */
final class LogReader {
  private final EventLog log;
  private final long pause;
  private final Jitter jitter = Jitter.ofThread();
  private final AtomicBoolean failing = new AtomicBoolean();
  private volatile boolean closed;

  LogReader(EventLog log, Duration pause) {
    this.log = log;
    this.pause = Checks.nanos(pause);
  }

  /** Blocks until the log answers, or nobody wants its answer any more. */
  Reading read(String after, int most, Duration wait, BooleanSupplier wanted)
      throws InterruptedException {
    return untilItAnswers(
        () -> Objects.requireNonNull(log.read(after, most, wait), "a log must answer a read"), wanted);
  }

  /** Blocks until the log answers, or nobody wants its answer any more. */
  String latest(BooleanSupplier wanted) throws InterruptedException {
    return untilItAnswers(
        () -> {
          String id = log.latest();
          WireFormat.checkLogId(id);
          return id;
        },
        wanted);
  }

  /**
   * An interrupt means the end only if the answer is not wanted any more: it may also come out of the
   * log, or of a filter that ran on this thread.
   */
  private <T> T untilItAnswers(Callable<T> call, BooleanSupplier wanted)
      throws InterruptedException {
    while (!closed && wanted.getAsBoolean()) {
      try {
        T answer = call.call();
        failing.set(false);
        return answer;
      } catch (Throwable e) {
        if (!closed && wanted.getAsBoolean()) {
          failed(e);
          pause();
        }
      }
    }
    throw new InterruptedException("the channel is closed, or the stream has left it");
  }

  /** Before the next attempt. Whoever ends it interrupts it, and is found by asking again. */
  void pause() {
    try {
      Thread.sleep(jitter.around(pause)); // so that not all that follow come at once
    } catch (InterruptedException e) {
      // The status is clean now, as it has to be for the next attempt.
    }
  }

  boolean isClosed() {
    return closed;
  }

  /** Tries no more; to be called before those who read are interrupted. */
  void close() {
    closed = true;
  }

  /** Told once for as long as nothing succeeds. */
  void failed(Throwable why) {
    if (failing.compareAndSet(false, true)) {
      Log.failure("the log of a channel", why);
    }
  }
}
