package dev.tidings;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/**
 * The bounded queue of one stream and its single writer, which exists only while there is something to
 * write: a virtual thread, of its own or for one block of a delivery's streams ({@link Writers}); for its
 * first bytes the one that is about to wait on the stream.
 *
 * <p>It is long since all that needs its one lock is here: the states, the writer's role, and the threads
 * that wait for room. Taken apart, each of these would need the lock of the others.
 */
final class Outbox {

  /** Where the writer puts what it takes. Called by one thread at a time, which holds no lock. */
  interface Sink {
    /** Writes all of it and flushes. Blocks on the client, at most for the write deadline. */
    void write(List<Frame> batch) throws IOException;

    /** Ends politely. Blocks on the client, within the time that the stream has for its end. */
    void finish() throws IOException;

    /** Ends at once, without blocking and without failing. */
    void abort();
  }

  /** The stream that has the outbox. Called on the writer's thread, which holds no lock. */
  interface Owner {
    /** A write failed; the outbox is aborted after this. Must not block on the client. */
    void failed(Throwable cause);

    /** Nothing more is written: the sink has ended. Must not block or throw. */
    void ended();
  }

  /** Sees to it that some thread calls {@link #write} soon. */
  interface Starter {
    /**
     * Called on the thread that made the outbox ready, which does not hold its lock, but perhaps those of the
     * stream's head and positions. Never blocks or throws.
     */
    void start(Outbox outbox);
  }

  private enum State {
    /** Nothing is taken yet. */
    NEW,
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
  private final Owner owner;
  private final Starter writers;
  // What follows is guarded by this, whose waiters wait for a state. A monitor, since a broadcast to
  // thousands pays for each object that it touches of each stream.
  private final FrameQueue queue;
  private State state = State.NEW;
  private boolean held = true; // whether what waits is not to be written yet
  private boolean writing; // whether there is a writer
  private ArrayDeque<Waiter> waiters; // those that wait for room, in their order; null for none
  private long sentEvents;
  private long sentBytes;

  /** Creates one that takes nothing before {@link #open} and writes nothing before {@link #release}. */
  Outbox(Sink sink, Owner owner, Starter writers, FrameQueue.Bounds bounds) {
    this.sink = sink;
    this.owner = owner;
    this.writers = writers;
    this.queue = new FrameQueue(bounds);
  }

  /** A thread that waits for room for its frame. */
  private static final class Waiter {
    final Frame frame;
    final Thread thread = Thread.currentThread();
    volatile boolean late; // whether its time is over
    volatile Answer answer; // set under the lock of the outbox; null while it waits

    Waiter(Frame frame) {
      this.frame = frame;
    }
  }

  /** From now on it takes frames; they wait until {@link #release} or the end. */
  synchronized void open() {
    state = state == State.NEW ? State.OPEN : state;
  }

  /** Has written what waits, from now on. */
  void release() {
    boolean start;
    synchronized (this) {
      if (held) {
        held = false;
        queue.free();
      }
      start = needsWriter();
    }
    startWriter(start, writers);
  }

  /** Takes the frame, or says why not; never waits for the client. Nothing is lost for being held. */
  Answer offer(Frame frame) {
    return offer(frame, writers);
  }

  /** As above, with somebody else to see to the writing. */
  Answer offer(Frame frame, Starter writers) {
    Answer answer;
    boolean start;
    synchronized (this) {
      answer = held && queue.isStrict() && isFull(frame) ? Answer.HELD : add(frame);
      start = needsWriter();
    }
    startWriter(start, writers);
    return answer;
  }

  /** Takes the frame if it fits; if not, nothing happens, and the answer is an overflow. */
  Answer offerIfFits(Frame frame, Starter writers) {
    Answer answer;
    boolean start;
    synchronized (this) {
      answer = isFull(frame) ? Answer.OVERFLOW : add(frame);
      start = needsWriter();
    }
    startWriter(start, writers);
    return answer;
  }

  /** Takes the frame only if nothing else waits or is being written; whether it did. */
  boolean offerIfIdle(Frame frame, Starter writers) {
    return offerIfIdle(List.of(), frame, writers);
  }

  /** As above, with parting words before it; returns whether they were taken. */
  boolean offerIfIdle(List<Frame> words, Frame frame, Starter writers) {
    boolean taken;
    boolean start;
    synchronized (this) {
      taken = state == State.OPEN && queue.isIdle();
      if (taken) {
        words.forEach(queue::addUncounted);
        queue.add(frame);
      }
      start = needsWriter();
    }
    startWriter(start, writers);
    return taken;
  }

  /** As {@link #offerIfIdle}, but what there is to write first, this thread writes itself. */
  void writeIfIdle(Frame frame) {
    offerIfIdle(frame, Outbox::writeOnce);
  }

  /**
   * As {@link #offer}, but waits for room first, at most for these nanoseconds, behind those that wait
   * already. An interrupt ends the waiting, and the frame is not taken; the status stays.
   */
  Answer put(Frame frame, Ticker ticker, long nanos) {
    Waiter waiter = null;
    Answer answer = null;
    boolean start;
    synchronized (this) {
      if (held && isFull(frame)) {
        return Answer.HELD; // it would wait for ever
      }
      if (isFull(frame) || state == State.OPEN && waiters != null) {
        waiter = new Waiter(frame);
        waiters = waiters == null ? new ArrayDeque<>(2) : waiters;
        waiters.add(waiter);
      } else {
        answer = add(frame);
      }
      start = needsWriter();
    }
    startWriter(start, writers);
    return waiter == null ? answer : awaitRoom(waiter, ticker, nanos);
  }

  private boolean isFull(Frame frame) {
    return state == State.OPEN && !queue.fits(frame);
  }

  /** Whoever makes room adds the frame and wakes this thread, so it wakes once. */
  private Answer awaitRoom(Waiter waiter, Ticker ticker, long nanos) {
    Ticker.Timer timer = () -> {};
    try {
      timer =
          ticker.schedule(
              nanos,
              () -> {
                waiter.late = true;
                LockSupport.unpark(waiter.thread);
              });
      while (waiter.answer == null && !waiter.late && !Thread.currentThread().isInterrupted()) {
        LockSupport.park(this);
      }
    } finally {
      timer.cancel();
      giveUp(waiter);
    }
    return waiter.answer;
  }

  /** Ends a wait without an answer: one whose time is over is an offer now, an interrupted one is dropped. */
  private void giveUp(Waiter waiter) {
    List<Waiter> served = List.of();
    boolean start = false;
    synchronized (this) {
      if (waiter.answer == null) {
        waiters.remove(waiter);
        waiter.answer = waiter.late ? add(waiter.frame) : Answer.DROPPED;
        served = serve(); // a smaller frame behind it may fit
        start = needsWriter();
      }
    }
    startWriter(start, writers);
    wake(served);
  }

  /** Adds the frames of those that wait for room, in their order, as far as they fit. */
  private List<Waiter> serve() {
    if (waiters == null) {
      return List.of();
    }
    var served = new ArrayList<Waiter>();
    for (Waiter next; (next = waiters.peek()) != null && !isFull(next.frame); ) {
      next.answer = add(next.frame);
      served.add(waiters.remove());
    }
    if (waiters.isEmpty()) {
      waiters = null;
    }
    return served;
  }

  private static void wake(List<Waiter> served) {
    for (Waiter waiter : served) {
      LockSupport.unpark(waiter.thread);
    }
  }

  private Answer add(Frame frame) {
    return state == State.OPEN ? queue.add(frame) : Answer.CLOSED;
  }

  /** Waits until all that was taken is written; false if the outbox ends before that. */
  boolean flush() {
    var mark = new CompletableFuture<Boolean>();
    boolean start;
    synchronized (this) {
      if (isBeforeEnd() && queue.isIdle()) {
        return true;
      }
      if (isBeforeEnd() || state == State.FINISHING) {
        queue.addUncounted(new Frame.Mark(mark));
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
        words.forEach(queue::addUncounted);
      }
      start = needsWriter();
    }
    startWriter(start, writers);
  }

  /** Takes no more than these words; what was taken is written, then the sink finishes. */
  void finish(List<Frame> words) {
    close(State.FINISHING, false, words);
  }

  /** Takes no more and forgets what was taken; then the sink is aborted. */
  void abort() {
    close(State.ABORTING, true, List.of());
  }

  /** As {@link #finish}, but what was taken and still waits is not written. */
  void finishEmpty() {
    close(State.FINISHING, true, List.of());
  }

  private void close(State next, boolean clear, List<Frame> words) {
    List<Frame> lost = List.of();
    List<Waiter> served = List.of();
    boolean start;
    synchronized (this) {
      if (state.compareTo(next) < 0) {
        lost = clear ? queue.clear() : lost;
        words.forEach(queue::addUncounted);
        state = next;
        served = serve(); // they learn that it is closed
      }
      start = needsWriter();
    }
    startWriter(start, writers);
    tellMarks(lost, false);
    wake(served);
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
    return new Traffic(sentEvents, sentBytes, queue.unwritten(), queue.dropped());
  }

  /** Whether somebody waits for room. */
  synchronized boolean isAwaited() {
    return waiters != null;
  }

  /** Whether there is something to do and nobody does it; the caller has to start a writer then. */
  private boolean needsWriter() {
    boolean work =
        isBeforeEnd()
            ? !held && !queue.isEmpty()
            : !queue.isEmpty() || state != State.ENDED;
    boolean start = work && !writing;
    writing |= start;
    return start;
  }

  private boolean isBeforeEnd() {
    return state == State.NEW || state == State.OPEN;
  }

  private void startWriter(boolean start, Starter writers) {
    if (start) {
      writers.start(this);
    }
  }

  /**
   * Is the writer, on a thread of the library's: writes until there is nothing to write, batch by batch in
   * the given list.
   */
  void write(List<Frame> batch) {
    try {
      State next;
      while ((next = take(batch)) == State.OPEN && !batch.isEmpty()) {
        clearInterrupt();
        writeBatch(batch);
      }
      clearInterrupt();
      if (next == State.FINISHING) {
        end(sink::finish);
      } else if (next == State.ABORTING) {
        end(sink::abort);
      }
    } catch (Throwable e) {
      resign(batch, e);
      throw e;
    }
  }

  /** What a log handler of the application left behind would close the socket of the next write. */
  private static void clearInterrupt() {
    Thread.interrupted();
  }

  /** The writer dies of what nobody foresaw, such as a lack of memory: another one ends it all. */
  private void resign(List<Frame> batch, Throwable why) {
    synchronized (this) {
      writing = false;
    }
    try {
      failed(why);
    } finally {
      tellMarks(batch, false);
    }
  }

  /** Is the writer for one batch, and leaves the rest to another thread. */
  private void writeOnce() {
    try {
      var batch = new ArrayList<Frame>(1);
      if (take(batch) == State.OPEN && !batch.isEmpty()) {
        writeBatch(batch);
      }
    } finally {
      boolean start;
      synchronized (this) {
        writing = false;
        start = needsWriter();
      }
      startWriter(start, writers);
    }
  }

  /** Says what is to be done next: write the batch, or nothing if it is empty; finish; or abort. */
  private synchronized State take(List<Frame> batch) {
    batch.clear();
    if (queue.isEmpty()) {
      writing = !isBeforeEnd();
      return isBeforeEnd() ? State.OPEN : state;
    }
    queue.take(batch, BATCH_BYTES);
    return State.OPEN;
  }

  private void writeBatch(List<Frame> batch) {
    boolean done = false;
    try {
      sink.write(batch);
      done = true;
    } catch (Throwable e) {
      failed(e);
    } finally {
      written(batch, done);
    }
  }

  private void failed(Throwable cause) {
    try {
      owner.failed(cause);
    } finally {
      abort(); // also if telling it failed, or the writer would die and nobody come after it
    }
  }

  private void written(List<Frame> batch, boolean done) {
    List<Waiter> served;
    synchronized (this) {
      sentEvents += done ? queue.taken() : 0;
      sentBytes += done ? queue.takenBytes() : 0;
      queue.release();
      served = serve();
    }
    tellMarks(batch, done);
    wake(served);
  }

  /** One of the two ends of the sink. */
  private interface SinkEnd {
    void run() throws IOException;
  }

  private void end(SinkEnd how) {
    boolean done = false;
    try {
      done = isDone(how);
    } finally {
      List<Frame> late;
      synchronized (this) {
        late = queue.clear();
        state = State.ENDED;
        notifyAll();
      }
      tellMarks(late, done); // marks only: all that was taken had been written, or is lost
    }
  }

  private boolean isDone(SinkEnd how) {
    boolean done = false;
    try {
      how.run();
      done = true;
    } catch (IOException e) {
      Log.debug(() -> "the last write of a stream failed: " + Quoted.java(e));
    } catch (Throwable e) {
      Log.failure("the last write of a stream", e);
    }
    try {
      if (!done) {
        sink.abort();
      }
    } finally {
      owner.ended();
    }
    return done;
  }

  private static void tellMarks(List<Frame> frames, boolean done) {
    for (Frame frame : frames) {
      if (frame instanceof Frame.Mark mark) {
        mark.written().complete(done);
      }
    }
  }
}
