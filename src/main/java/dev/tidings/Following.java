package dev.tidings;

import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Decides which thread delivers the events of a log to the live streams of a channel: one thread at a time, so that
 * the order is that of the log.
 *
 * <p>Usually, a thread of its own waits for the next event. If the log is in memory and the streams are few, there is
 * no thread between two events, because with thousands of channels their stacks cost more than the delivery: the
 * garbage collector copies each of them after each event. A thread that appends an event then delivers it, unless
 * another thread is delivering. In that case it leaves a note, and the other thread reads the log again.
 */
final class Following implements MemoryEventLog.Watcher {
  // The most that a thread delivers after it has appended an event; a thread of the channel delivers the rest.
  private static final int ROUNDS = 4;
  private static final int EVENTS = 16; // in each round

  /** The delivery of new events, by the thread that appends or reads them. One thread at a time calls these methods. */
  interface Work {
    /**
     * Returns whether a thread of the application may deliver, because it is unlikely to wait for locks. Called on that
     * thread; must not block.
     */
    boolean isQuiet();

    /**
     * Delivers the next events, at most this many, without waiting. May be called on a thread of the application; must
     * not block, and must not run code of the application.
     */
    Result deliver(int most);

    /** Waits for events, and delivers them. Called on a thread of the channel. */
    Result await() throws InterruptedException;

    /** Called if a delivery has failed, or no thread can be started. Must neither block nor throw. */
    void failed();
  }

  enum Result {
    /** All events were delivered that had been appended before the call. */
    END,
    /** There may be more events. */
    MORE,
    /** Nothing was delivered; a thread of the channel has to wait for events. */
    WAIT,
    /** No stream is left. */
    OVER
  }

  private enum State {
    /** No thread delivers. */
    RESTING,
    /** A thread delivers. */
    BUSY,
    /** A thread delivers, and has to read the log again after that. */
    NOTED
  }

  private final Work work;
  private final ThreadFactory threads;
  private final AtomicReference<State> state = new AtomicReference<>(State.BUSY);
  private volatile Thread thread; // null if there is none, or a thread that appends delivers

  /** Creates a following that begins with {@link #start}. */
  Following(Work work, ThreadFactory threads) {
    this.work = work;
    this.threads = threads;
  }

  /** Starts a thread, which delivers. */
  void start() {
    var started = threads.newThread(this::run);
    thread = started;
    started.start();
  }

  /** Interrupts the thread of the channel, if there is one. */
  void interrupt() {
    var running = thread;
    if (running != null) {
      running.interrupt();
    }
  }

  @Override
  public void appended() {
    if (takesTurn()) {
      try {
        deliverHere();
      } catch (Throwable e) {
        fail(e);
      }
    }
  }

  /** Returns whether this thread has to deliver. If not, the delivering thread will find the event. */
  private boolean takesTurn() {
    while (true) {
      var seen = state.get();
      var next = seen == State.RESTING ? State.BUSY : State.NOTED;
      if (seen == State.NOTED || state.compareAndSet(seen, next)) {
        return seen == State.RESTING;
      }
    }
  }

  private void deliverHere() {
    var result = Result.MORE;
    for (int round = 0; round < ROUNDS && result != Result.WAIT && work.isQuiet(); round++) {
      result = deliver(EVENTS);
      if (result == Result.OVER || result == Result.END && rests()) {
        return;
      }
    }
    start();
  }

  private Result deliver(int most) {
    state.set(State.BUSY); // before the log is read, so that no later event is missed
    return work.deliver(most);
  }

  /** Returns whether the next event has not been appended yet; the thread that appends it then delivers it. */
  private boolean rests() {
    return state.compareAndSet(State.BUSY, State.RESTING);
  }

  private void run() {
    try {
      boolean goesOn = true;
      while (goesOn) {
        var result = deliver(Integer.MAX_VALUE);
        result = result == Result.WAIT ? work.await() : result;
        goesOn = result != Result.OVER && !(result == Result.END && endsToRest());
      }
    } catch (InterruptedException e) {
      Log.debug(() -> "a channel was closed, or its last stream has left");
      work.failed();
    } catch (Throwable e) {
      fail(e);
    }
  }

  /** Returns whether this thread can end. If it can, only other threads may use the field {@code thread}. */
  private boolean endsToRest() {
    thread = null;
    boolean rests = rests();
    if (!rests) {
      thread = Thread.currentThread();
    }
    return rests;
  }

  private void fail(Throwable why) {
    Log.failure("the thread of a channel", why);
    work.failed();
  }
}
