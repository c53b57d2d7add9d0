package dev.tidings;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks the log of a channel for positions. A log that may be on another machine is asked on separate threads, because
 * interrupting a thread of the application could close the connection of the log. Thread-safe.
 */
final class Inquiry {
  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(1);

  private final EventLog log;
  private final LogReader reader;
  private final ThreadFactory threads;

  Inquiry(EventLog log, LogReader reader, ThreadFactory threads) {
    this.log = log;
    this.reader = reader;
    this.threads = threads;
  }

  /**
   * Returns a position; empty if the log has not returned it within a second and no position is known.
   */
  Optional<String> find(From from) {
    boolean here = from.isExact() || log instanceof BoundedLog;
    var task = new FutureTask<>(() -> from.in(log));
    try {
      if (here) {
        task.run();
      } else {
        threads.newThread(task).start();
      }
      String id = task.get(LONGEST_ANSWER.toNanos(), TimeUnit.NANOSECONDS);
      if (from.isLive()) {
        reader.know(id);
      }
      return Optional.of(id);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnsupportedOperationException unsupported) {
        throw unsupported;
      }
      reader.failed(e.getCause());
    } catch (TimeoutException e) {
      reader.failed(new IOException("the log has not answered within " + LONGEST_ANSWER));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Throwable e) { // no thread could be started
      reader.failed(e);
    }
    return from.isLive() ? reader.known() : Optional.empty();
  }

  /** Returns the latest id of the log; empty if the log fails. The caller then has to ask again later. */
  private Optional<String> latest() {
    try {
      return Optional.of(From.live().in(log));
    } catch (Throwable e) {
      reader.failed(e);
      return Optional.empty();
    }
  }

  /**
   * Receives the latest id of a log. Called on a separate thread, or on the asking thread if no thread can be started;
   * must neither block nor throw.
   */
  interface Asker {
    /** Called immediately before the log is called. */
    void begin();

    /** Receives the latest id; empty if the log failed. */
    void tell(Optional<String> latest);
  }

  /** Asks the log for its latest id on a separate thread. Never blocks. */
  void askLatest(Asker asker) {
    try {
      threads.newThread(() -> tellLatest(asker)).start();
    } catch (Throwable e) {
      Log.failure("asking the log of a channel", e);
      asker.tell(Optional.empty());
    }
  }

  private void tellLatest(Asker asker) {
    var latest = Optional.<String>empty();
    try {
      asker.begin();
      latest = latest();
    } finally {
      asker.tell(latest);
    }
  }
}
