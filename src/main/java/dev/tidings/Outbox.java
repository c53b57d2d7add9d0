package dev.tidings;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/**
 * The bounded queue of one stream and its single writer, which exists only while there is something to write.
 * The writer is a virtual thread of its own, or one for a block of streams of a delivery ({@link Writers}).
 * The first bytes may be written by the thread that is about to wait on the stream.
 *
 * <p>The class is long because it contains everything that needs its one lock: the states, the role of the
 * writer, and the threads that wait for room. Separate classes would need each other's locks.
 */
final class Outbox {

  /** The destination of the frames. Called by one thread at a time, which holds no lock. */
  interface Sink {
    /** Writes the whole batch and flushes. Blocks on the client; each write has the write deadline. */
    void write(List<Frame> batch) throws IOException;

    /**
     * Ends the response after all frames are written. If it is not whole, it is aborted, so that the client can
     * detect that it is incomplete. Blocks on the client, at most for the time that the stream has to end.
     */
    void finish(boolean whole) throws IOException;

    /** Ends the response at once. Never blocks or fails. */
    void abort();
  }

  /** The stream of the outbox. Called on the writer's thread, which holds no lock. */
  interface Owner {
    /** Called before each batch is taken. May end the outbox, or discard queued frames. Must not block or throw. */
    void beforeWrite();

    /** Called when a write failed, before the outbox is aborted. Must not block on the client. */
    void failed(Throwable cause);

    /** Called when the sink has ended, after which nothing is written. Must not block or throw. */
    void ended();
  }

  /** Makes some thread call {@link #write} soon. */
  interface Starter {
    /**
     * Called on the thread that made the outbox ready. That thread does not hold the lock of the outbox, but it
     * may hold those of the stream's head and positions. Must not throw, and must not block except in {@link
     * #writeIfIdle}.
     */
    void start(Outbox outbox);
  }

  private enum State {
    /** No frame is accepted yet. */
    NEW,
    OPEN,
    /** Only events that channels had published before are accepted. */
    CLOSING,
    /** No more frames are accepted; the queued ones are written, then the sink finishes. */
    FINISHING,
    /** No more frames are accepted, the queued ones are discarded, and the sink is aborted. */
    ABORTING,
    ENDED
  }

  /**
   * The largest size of a batch, and of the parts in which a larger event is written. One chunk of the server's
   * chunked encoding, including its framing, then fits into the buffers that each connection has anyway. Larger
   * writes make these buffers grow for the life of the stream.
   */
  static final int BATCH_BYTES = 4000;

  private final Sink sink;
  private final Owner owner;
  private final Starter writers;
  // The fields below are guarded by the monitor of this, on which threads wait for the end. It is a monitor
  // because each additional object per stream slows down a broadcast to thousands of streams.
  private final FrameQueue queue;
  private State state = State.NEW;
  private boolean held = true; // whether the queued frames must not be written yet
  private boolean writing; // whether there is a writer
  private boolean whole; // whether the response ends normally; set with FINISHING
  private boolean lossy; // whether accepted events were discarded
  private ArrayDeque<Waiter> waiters; // the threads that wait for room, in order; null for none
  private long sentEvents;
  private long sentBytes;

  /** Creates an outbox that accepts frames after {@link #open} and writes after {@link #release}. */
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
    volatile boolean late; // whether its time has expired
    volatile Answer answer; // set under the lock of the outbox; null while the thread waits

    Waiter(Frame frame) {
      this.frame = frame;
    }
  }

  /** Begins to accept frames, which are queued until {@link #release} or the end. */
  synchronized void open() {
    state = state == State.NEW ? State.OPEN : state;
  }

  /** Begins to write the queued frames. */
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

  /**
   * Adds the frame, or returns the reason for not adding it. Never waits for the client. If overflow would end the
   * stream and the outbox is held, returns {@code HELD} instead of {@code OVERFLOW}.
   */
  Answer offer(Frame frame) {
    return offer(frame, writers);
  }

  /** Offers the frame like {@link #offer(Frame)}, with another starter of the writer. */
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

  /**
   * Adds the frame if it fits; otherwise returns {@code OVERFLOW} and changes nothing. Used by channels, also
   * while the stream is closing; after that, returns {@code CLOSED}.
   */
  Answer offerIfFits(Frame frame, Starter writers) {
    Answer answer;
    boolean start;
    synchronized (this) {
      if (state != State.OPEN && state != State.CLOSING) {
        answer = Answer.CLOSED;
      } else {
        answer = queue.fits(frame) ? queue.add(frame) : Answer.OVERFLOW;
      }
      start = needsWriter();
    }
    startWriter(start, writers);
    return answer;
  }

  /** Adds the frame only if the outbox is open and nothing is queued or being written. Returns whether it was added. */
  boolean offerIfIdle(Frame frame, Starter writers) {
    return offerIfIdle(List.of(), frame, writers);
  }

  /** Offers the frame like {@link #offerIfIdle(Frame, Starter)}, with parting frames before it. */
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

  /** Offers the frame like {@link #offerIfIdle}, and writes the first batch on this thread. */
  void writeIfIdle(Frame frame) {
    offerIfIdle(frame, Outbox::writeOnce);
  }

  /**
   * Offers the frame like {@link #offer}, but first waits for room, at most this many nanoseconds and behind
   * threads that already wait. Returns {@code HELD} at once if the outbox is held and full. An interrupt ends
   * the wait without adding the frame, and the interrupt status stays set.
   */
  Answer put(Frame frame, Ticker ticker, long nanos) {
    Waiter waiter = null;
    Answer answer = null;
    boolean start;
    synchronized (this) {
      if (held && isFull(frame)) {
        return Answer.HELD; // nothing would make room
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

  /**
   * Waits for the answer. The thread that makes room adds the frame before it wakes this one, so one wake-up is
   * enough.
   */
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

  /**
   * Ends a wait that has no answer. If its time has expired, offers the frame; if it was interrupted, drops the
   * frame.
   */
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

  /** Adds the frames of waiting threads, in order, while they fit. Returns the waiters that have to be woken. */
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

  /** Waits until all accepted frames are written. Returns false if the outbox ends before that, or has ended. */
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

  /** Adds parting frames, regardless of the bounds, if the outbox is open. */
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

  /** Accepts only events that channels had published before, from now on. */
  void beginClosing() {
    List<Waiter> served;
    synchronized (this) {
      state = state.compareTo(State.CLOSING) < 0 ? State.CLOSING : state;
      served = serve(); // the waiters get CLOSED
    }
    wake(served);
  }

  /** Adds these frames as the last ones. Once all accepted frames are written, the sink finishes. */
  void finish(List<Frame> words, boolean whole) {
    close(State.FINISHING, false, words, whole);
  }

  /** Refuses further frames, discards the queued frames, and aborts the sink. */
  void abort() {
    close(State.ABORTING, true, List.of(), false);
  }

  /** Finishes like {@link #finish}, but these frames replace the queued ones. */
  void finishInstead(List<Frame> words) {
    close(State.FINISHING, true, words, true);
  }

  /** Finishes like {@link #finishInstead}, but if there are events among the queued frames, the response is not whole. */
  void cutShort(List<Frame> words, boolean whole) {
    discard();
    close(State.FINISHING, true, words, whole);
  }

  /**
   * Discards queued frames, except the last frames of a stream that has ended and whose events are written. If there
   * are events among the discarded frames, the response is not whole.
   */
  void discard() {
    List<Frame> lost = List.of();
    synchronized (this) {
      boolean events = queue.hasEvents();
      if (isBeforeEnd() || events) {
        lost = queue.clear();
        lossy |= events;
      }
    }
    tellMarks(lost, false);
  }

  private void close(State next, boolean clear, List<Frame> words, boolean whole) {
    List<Frame> lost = List.of();
    List<Waiter> served = List.of();
    boolean start;
    synchronized (this) {
      if (state.compareTo(next) < 0) {
        lost = clear ? queue.clear() : lost;
        words.forEach(queue::addUncounted);
        state = next;
        this.whole = whole;
        served = serve(); // the waiters get CLOSED
      }
      start = needsWriter();
    }
    startWriter(start, writers);
    tellMarks(lost, false);
    wake(served);
  }

  /** Waits until the sink has ended. An interrupt does not end the wait; the interrupt status stays set. */
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

  /** Returns the longest wait of an event in the queue, in nanoseconds; zero if the stream is not recorded. */
  synchronized long largestWait() {
    return queue.largestWait();
  }

  /** Returns whether a thread waits for room. */
  synchronized boolean isAwaited() {
    return waiters != null;
  }

  /** Returns whether there is work but no writer; the caller then has to start one. */
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
    return state.compareTo(State.FINISHING) < 0;
  }

  private void startWriter(boolean start, Starter writers) {
    if (start) {
      writers.start(this);
    }
  }

  /**
   * Acts as the writer, on a thread of the library, until nothing remains to be written. The list is reused for each
   * batch.
   */
  void write(List<Frame> batch) {
    try {
      State next;
      while ((next = takeNext(batch)) == State.OPEN && !batch.isEmpty()) {
        clearInterrupt();
        writeBatch(batch);
      }
      clearInterrupt();
      if (next == State.FINISHING) {
        end(() -> sink.finish(isWhole()));
      } else if (next == State.ABORTING) {
        end(sink::abort);
      }
    } catch (Throwable e) {
      resign(batch, e);
      throw e;
    }
  }

  private State takeNext(List<Frame> batch) {
    owner.beforeWrite();
    return take(batch);
  }

  /** Clears an interrupt that a log handler of the application left; otherwise the next write closes the socket. */
  private static void clearInterrupt() {
    Thread.interrupted();
  }

  /** Gives up after an unexpected failure, such as lack of memory; another writer then ends the stream. */
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

  /** Acts as the writer for one batch, and leaves the rest to another thread. */
  private void writeOnce() {
    try {
      var batch = new ArrayList<Frame>(1);
      if (takeNext(batch) == State.OPEN && !batch.isEmpty()) {
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

  /**
   * Takes the next batch. Returns {@code OPEN} if the batch is to be written, or if there is nothing to do and
   * it is empty; otherwise returns how the sink has to end.
   */
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
      abort(); // even if the owner throws; otherwise this writer would end without a successor
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

  /** One of the two ways to end the sink. */
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
      tellMarks(late, done); // only marks are left: all accepted events are written, or lost
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

  private synchronized boolean isWhole() {
    return whole && !lossy;
  }

  private static void tellMarks(List<Frame> frames, boolean done) {
    for (Frame frame : frames) {
      if (frame instanceof Frame.Mark mark) {
        mark.written().complete(done);
      }
    }
  }
}
