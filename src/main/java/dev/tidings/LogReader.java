package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;

/** Reads a log for those who follow it, and tries again while it cannot be reached. */
final class LogReader {
  private final EventLog log;
  private final long pause;
  private final AtomicBoolean failing = new AtomicBoolean();
  private volatile boolean closed;

  LogReader(EventLog log, Duration pause) {
    this.log = log;
    this.pause = Time.nanos(pause);
  }

  /** Blocks until the log answers. */
  Reading read(String after, int most, Duration wait) throws InterruptedException {
    return untilItAnswers(() -> log.read(after, most, wait));
  }

  /** Blocks until the log answers. */
  String latest() throws InterruptedException {
    return untilItAnswers(log::latest);
  }

  private <T> T untilItAnswers(Callable<T> call) throws InterruptedException {
    while (true) {
      try {
        T answer = call.call();
        failing.set(false);
        return answer;
      } catch (InterruptedException e) {
        throw e;
      } catch (Exception | Error e) {
        failed(e);
      }
      if (closed) { // a log, or what it is made of, may have taken the interrupt for itself
        throw new InterruptedException("the channel is closed");
      }
      Thread.sleep(Duration.ofNanos(spread(pause)));
    }
  }

  /** Tries no more; to be called before those who read are interrupted. */
  void close() {
    closed = true;
  }

  /** Half the pause to one and a half, so that not all who follow come at once. */
  private static long spread(long pause) {
    return pause / 2 + ThreadLocalRandom.current().nextLong(pause + 1);
  }

  /** Told once for as long as nothing succeeds. */
  void failed(Throwable why) {
    if (failing.compareAndSet(false, true)) {
      Log.failure("the log of a channel", why);
    }
  }
}
