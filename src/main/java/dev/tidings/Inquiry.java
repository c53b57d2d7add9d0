package dev.tidings;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
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

  /** A pending query for a position. */
  final class Question {
    private final From from;
    private final FutureTask<String> answer;

    private Question(From from) {
      this.from = from;
      this.answer = new FutureTask<>(() -> from.in(log));
    }

    /**
     * Returns the position; empty if the log has not returned it within a second of {@code asked}, a time of
     * {@code System.nanoTime()}, and no position is known.
     *
     * @throws UnsupportedOperationException if the log does not support the position
     */
    Optional<String> await(long asked) {
      try {
        long left = Math.max(0, LONGEST_ANSWER.toNanos() - (System.nanoTime() - asked));
        String id = answer.get(left, TimeUnit.NANOSECONDS);
        if (from.isLive()) {
          reader.know(id);
        }
        return Optional.of(id);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof UnsupportedOperationException unsupported) {
          throw unsupported;
        }
        if (!Thread.currentThread().isInterrupted()) { // an interrupt is no failure of a log in this process
          reader.failed(e.getCause());
        }
      } catch (TimeoutException e) {
        reader.failed(new IOException("the log has not answered within " + LONGEST_ANSWER));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (CancellationException e) {
        Log.debug(() -> "no thread could ask the log of a channel"); // the failure has been reported
      }
      return from.isLive() ? reader.known() : Optional.empty();
    }
  }

  /** Asks for a position. Does not wait for a log that may be on another machine. */
  Question ask(From from) {
    var question = new Question(from);
    try {
      if (from.isExact() || reader.isHere()) {
        question.answer.run();
      } else {
        threads.newThread(question.answer).start();
      }
    } catch (Throwable e) { // no thread could be started
      reader.failed(e);
      question.answer.cancel(false);
    }
    return question;
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
      latest = reader.latest();
    } finally {
      asker.tell(latest);
    }
  }
}
