package dev.tidings;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * The bounded queue of one stream and its single writer, which exists only while there is something to
 * write: a virtual thread, of its own or for one block of a broadcast's streams ({@link FanOut}); for its
 * first bytes the one that is about to wait on the stream.
 */
final class Outbox {

  /** Where the writer puts what it takes. Called by one thread at a time, which holds no lock. */
  interface Sink {
    /** Writes all of it and flushes. */
    void write(List<Frame> batch) throws IOException;

    /** A write failed; the outbox is aborted after this. */
    void failed(Throwable cause);

    /** Ends politely. */
    void finish() throws IOException;

    /** Ends at once, without blocking and without failing. */
    void abort();

    /** Nothing more comes: the writer has ended. */
    void ended();
  }

  /** What became of an offered frame. */
  enum Answer {
    TAKEN,
    DROPPED,
    OVERFLOW,
    CLOSED
  }

  private enum State {
    OPEN,
    /** No more is taken; what waits is written, then the sink finishes. */
    FINISHING,
    /** No more is taken, what waited is gone, and the sink is aborted. */
    ABORTING,
    ENDED
  }

  /**
   * So much goes out in one write: one chunk of the server's chunked encoding, framing included, fits
   * into the buffers that each connection has anyway. What is written in longer pieces makes these grow
   * for the life of the stream.
   */
  static final int BATCH_BYTES = 4000;

  private final Sink sink;
  private final Consumer<Outbox> writers;
  // What follows is guarded by this, whose waiters wait for room or for a state. A monitor, since
  // a broadcast to thousands pays for each object that it touches of each stream.
  private final Backlog backlog;
  private State state = State.OPEN;
  private boolean writing; // whether there is a writer
  private int waiters; // for room
  private long sentEvents;
  private long sentBytes;

  /**
   * Creates an empty outbox.
   *
   * @param writers where an outbox goes that has something to write and no writer: some thread, soon,
   *     has to call {@link #write}
   */
  Outbox(Sink sink, Consumer<Outbox> writers, Settings settings) {
    this.sink = sink;
    this.writers = writers;
    this.backlog = new Backlog(settings);
  }

  /** Takes the frame, or says why not; never waits for the client. */
  Answer offer(Frame frame) {
    return offer(frame, writers);
  }

  /** As above, with somebody else to see to the writing. */
  Answer offer(Frame frame, Consumer<? super Outbox> writers) {
    Answer answer;
    boolean start;
    synchronized (this) {
      answer = add(frame);
      start = needsWriter();
    }
    startWriter(start, writers);
    return answer;
  }

  /** Takes the frame if it fits; if not, nothing happens, and the answer is an overflow. */
  Answer offerIfFits(Frame frame) {
    Answer answer;
    boolean start;
    synchronized (this) {
      answer = isFull(frame) ? Answer.OVERFLOW : add(frame);
      start = needsWriter();
    }
    startWriter(start, writers);
    return answer;
  }

  /** Takes the frame only if nothing else waits or is being written. */
  void offerIfIdle(Frame frame, Consumer<? super Outbox> writers) {
    boolean start;
    synchronized (this) {
      if (backlog.isIdle()) {
        add(frame);
      }
      start = needsWriter();
    }
    startWriter(start, writers);
  }

  /** As {@link #offerIfIdle}, but what there is to write first, this thread writes itself. */
  void writeIfIdle(Frame frame) {
    offerIfIdle(frame, Outbox::writeOnce);
  }

  /**
   * As {@link #offer}, but waits for room first, at most for these nanoseconds. An interrupt ends the
   * waiting, and the frame is not taken; the status stays.
   */
  Answer put(Frame frame, Ticker ticker, long nanos) {
    Answer answer;
    boolean start;
    synchronized (this) {
      boolean gaveUp = isFull(frame) && !awaitRoom(frame, ticker, nanos);
      answer = gaveUp ? Answer.DROPPED : add(frame);
      start = needsWriter();
    }
    startWriter(start, writers);
    return answer;
  }

  private boolean isFull(Frame frame) {
    return state == State.OPEN && !backlog.fits(frame);
  }

  /** False if interrupted. */
  private boolean awaitRoom(Frame frame, Ticker ticker, long nanos) {
    long start = ticker.now();
    var timer = ticker.schedule(nanos, this::wake);
    waiters++;
    try {
      while (isFull(frame) && ticker.now() - start < nanos) {
        wait();
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      waiters--;
      timer.cancel();
    }
  }

  private synchronized void wake() {
    notifyAll();
  }

  private Answer add(Frame frame) {
    return state == State.OPEN ? backlog.add(frame) : Answer.CLOSED;
  }

  /** Waits until all that was taken is written; false if the outbox ends before that. */
  boolean flush() {
    var mark = new CompletableFuture<Boolean>();
    boolean start;
    synchronized (this) {
      if (state == State.OPEN && backlog.isIdle()) {
        return true;
      }
      if (state == State.OPEN || state == State.FINISHING) {
        backlog.addMark(Frame.mark(mark));
      } else {
        mark.complete(false);
      }
      start = needsWriter();
    }
    startWriter(start, writers);
    return mark.join();
  }

  /** Takes parting words, whatever else waits. */
  void add(List<Frame> words) {
    boolean start;
    synchronized (this) {
      if (state == State.OPEN) {
        words.forEach(backlog::addMark);
      }
      start = needsWriter();
    }
    startWriter(start, writers);
  }

  /** Takes no more than these words; what was taken is written, then the sink finishes. */
  void finish(List<Frame> words) {
    close(State.FINISHING, words);
  }

  /** Takes no more and forgets what was taken; then the sink is aborted. */
  void abort() {
    close(State.ABORTING, List.of());
  }

  private void close(State next, List<Frame> words) {
    List<Frame> lost = List.of();
    boolean start;
    synchronized (this) {
      if (state.compareTo(next) < 0) {
        words.forEach(backlog::addMark);
        state = next;
        lost = next == State.ABORTING ? backlog.clear() : lost;
        notifyAll();
      }
      start = needsWriter();
    }
    startWriter(start, writers);
    tellMarks(lost, false);
  }

  /** Waits until the sink has ended. An interrupt does not end this; its status stays. */
  void awaitEnd() {
    boolean interrupted = false;
    synchronized (this) {
      while (state != State.ENDED) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  synchronized Traffic traffic() {
    return new Traffic(sentEvents, sentBytes, backlog.unwritten(), backlog.dropped());
  }

  /** Whether somebody waits for room. */
  synchronized boolean isAwaited() {
    return waiters > 0;
  }

  /** Whether there is something to do and nobody does it; the caller has to start a writer then. */
  private boolean needsWriter() {
    boolean work = !backlog.isEmpty() || state == State.FINISHING || state == State.ABORTING;
    boolean start = work && !writing;
    writing |= start;
    return start;
  }

  private void startWriter(boolean start, Consumer<? super Outbox> writers) {
    if (start) {
      writers.accept(this);
    }
  }

  /** Is the writer: writes until there is nothing to write, batch by batch in the given list. */
  void write(List<Frame> batch) {
    State next;
    while ((next = take(batch)) == State.OPEN && !batch.isEmpty()) {
      writeBatch(batch);
    }
    if (next == State.FINISHING) {
      end(sink::finish);
    } else if (next == State.ABORTING) {
      end(sink::abort);
    }
  }

  /** Is the writer for one batch, and leaves the rest to another thread. */
  private void writeOnce() {
    var batch = new ArrayList<Frame>(1);
    if (take(batch) == State.OPEN && !batch.isEmpty()) {
      writeBatch(batch);
    }
    boolean start;
    synchronized (this) {
      writing = false;
      start = needsWriter();
    }
    startWriter(start, writers);
  }

  /** Says what is to be done next: write the batch, or nothing if it is empty; finish; or abort. */
  private synchronized State take(List<Frame> batch) {
    batch.clear();
    if (backlog.isEmpty()) {
      writing = state != State.OPEN;
      return state;
    }
    backlog.take(batch, BATCH_BYTES);
    return State.OPEN;
  }

  private void writeBatch(List<Frame> batch) {
    boolean done = false;
    try {
      sink.write(batch);
      done = true;
    } catch (IOException | RuntimeException | Error e) {
      failed(e);
    } finally {
      written(batch, done);
    }
  }

  private void failed(Throwable cause) {
    try {
      sink.failed(cause);
    } finally {
      abort(); // also if telling it failed, or the writer would die and nobody come after it
    }
  }

  private void written(List<Frame> batch, boolean done) {
    synchronized (this) {
      sentEvents += done ? backlog.taken() : 0;
      sentBytes += done ? backlog.takenBytes() : 0;
      backlog.release();
      // Not for every batch: to wake a sender for each few events costs more than to write them.
      if (waiters > 0 && backlog.isHalfEmpty()) {
        notifyAll();
      }
    }
    tellMarks(batch, done);
  }

  private void end(Guard.Blocking how) {
    boolean done = false;
    try {
      how.run();
      done = true;
    } catch (IOException e) {
      Log.debug(() -> "the last write of a stream failed: " + e);
      sink.abort();
    } catch (RuntimeException | Error e) {
      Log.failure("the last write of a stream", e);
      sink.abort();
    }
    sink.ended();
    List<Frame> late;
    synchronized (this) {
      late = backlog.clear();
      state = State.ENDED;
      notifyAll();
    }
    tellMarks(late, done); // marks only: all that was taken had been written, or is lost
  }

  private static void tellMarks(List<Frame> frames, boolean done) {
    for (Frame frame : frames) {
      if (frame.isMark()) {
        frame.mark().complete(done);
      }
    }
  }
}
