package dev.tidings;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;

/**
 * One stream in one channel. A subscriber is either <em>catching up</em>, when a thread of its own reads the
 * log as fast as the client reads ({@link Replay}), or <em>live</em>, when the {@link Tail} delivers to it.
 */
final class Subscriber {
  private final Channel channel;
  private final Cursor cursor;
  private final String name; // of the channel
  private final From from;
  private final Optional<Predicate<? super Event>> filter;
  private final boolean fresh; // whether the client had no position in this channel at first
  private final AtomicReference<Thread> thread = new AtomicReference<>(); // while catching up
  private boolean left; // guarded by cursor
  private long number = Tail.NOT_LIVE; // in the tail; guarded by the tail's lock
  // Counted since the client was sent its position; owned by the sending thread: its own, or the tail's.
  private long skipped;
  private long told; // System.nanoTime

  /** Creates a subscriber, and adds it to the cursor. */
  Subscriber(Subscription subscription, Cursor cursor) {
    this.channel = subscription.channel();
    this.cursor = cursor;
    this.name = channel.name();
    this.from = subscription.from();
    this.filter = subscription.filter();
    this.told = System.nanoTime();
    this.fresh = !cursor.enter(this);
  }

  EventSource stream() {
    return cursor.stream();
  }

  String name() {
    return name;
  }

  Writers writers() {
    return cursor.sender().writers();
  }

  long number() {
    return number;
  }

  void number(long number) {
    this.number = number;
  }

  /** Called under the lock of the cursor. */
  void markLeft() {
    left = true;
  }

  /** Called under the lock of the cursor. */
  boolean hasLeft() {
    return left;
  }

  boolean isIn() {
    return cursor.isIn(this);
  }

  void enter() {
    channel.enter(this);
  }

  /** Leaves the channel, because the stream has ended. */
  void leave() {
    channel.leave(stream());
  }

  /** Stops the delivery, because the channel has removed the subscriber. */
  void stop() {
    cursor.leave(this);
    channel.tail().drop(this);
    var running = thread.get();
    if (running != null) {
      running.interrupt();
    }
  }

  /** Asks the log for the position at which a client without a position starts; empty if the client has one. */
  Optional<Inquiry.Question> start() {
    return fresh ? Optional.of(channel.inquiry().ask(from)) : Optional.empty();
  }

  /** Asks the log for its latest id, on a thread of its own. Never blocks. */
  void askLatest(Inquiry.Asker asker) {
    channel.inquiry().askLatest(asker);
  }

  /**
   * Begins the delivery. Sends a client without a position its position before any event, so that the client
   * misses no event even if it disconnects before the first one. Never blocks.
   */
  void begin() {
    boolean knows = !fresh || cursor.position(this).isPresent() && cursor.tell();
    start(knows ? replay()::catchUp : () -> replay().arrive(from));
  }

  /** Makes the subscriber catch up by itself, because the tail could not deliver to it. Never blocks. */
  void fallBack() {
    start(
        () -> {
          if (cursor.sender().awaitWritten()) { // earlier events are written
            replay().catchUp();
          }
        });
  }

  private Replay replay() {
    return new Replay(channel, cursor, this);
  }

  /** Runs until the subscriber is live or gone. */
  private interface Work {
    void run() throws InterruptedException;
  }

  private void start(Work work) {
    try {
      var started = channel.threads().replays().newThread(() -> run(work));
      thread.set(started);
      started.start();
    } catch (Throwable e) {
      Log.failure("starting a replay", e);
      stream().life().endSoon(Ending.FAILED); // its client reconnects, and continues at its position
      return;
    }
    var running = thread.get();
    if (!isWanted() && running != null) {
      running.interrupt(); // stop() may have looked for the thread before it was set
    }
  }

  /** Returns whether the channel is open and the stream is still in it. */
  boolean isWanted() {
    return !channel.reader().isClosed() && isIn();
  }

  /**
   * Runs the work, and resumes after each exception until the subscriber is live or gone: no stream may fall
   * silent.
   */
  private void run(Work work) {
    channel.cache().enter();
    try {
      var next = work;
      while (next != null && isWanted()) {
        try {
          next.run();
          next = null;
        } catch (Throwable e) {
          if (isWanted()) {
            Log.failure("a replay of a channel", e);
            channel.reader().pause();
          }
          next = this::resume;
        }
      }
    } finally {
      channel.cache().leave();
      thread.compareAndSet(Thread.currentThread(), null); // an ended thread retains much memory
    }
  }

  private void resume() throws InterruptedException {
    if (channel.tail().has(this)) {
      return; // the work failed after the subscriber had joined
    }
    if (cursor.position(this).isEmpty()) {
      replay().arrive(from);
    } else {
      replay().catchUp();
    }
  }

  /** Offers an entry to the stream. Never waits. */
  Answer offer(LogEntry entry, Outbox.Starter writers) {
    return toldIfTaken(cursor.offer(this, entry, writers));
  }

  private Answer toldIfTaken(Answer answer) {
    if (answer == Answer.TAKEN && hasFilter()) {
      told();
    }
    return answer;
  }

  private void told() {
    skipped = 0;
    told = System.nanoTime();
  }

  /** Passes an entry that does not match the filter. */
  void skip(LogEntry entry) {
    cursor.skip(this, entry.id());
    skipped++;
  }

  /** Leaves the channel, whose events have all been received. The last channel of the stream completes the stream. */
  void complete() {
    channel.leaveCompleted(this);
    if (cursor.complete(this)) {
      stream().life().end(Ending.COMPLETED);
    }
  }

  // Live.

  /**
   * Offers the entries from this index on: the wanted ones, or all if {@code wanted} is null. Never blocks.
   * Returns false if the subscriber has to catch up from its position.
   */
  boolean deliver(List<LogEntry> entries, int first, boolean[] wanted, Outbox.Starter writers) {
    for (int i = first; i < entries.size(); i++) {
      if (wanted != null && !wanted[i]) {
        skip(entries.get(i));
      } else if (toldIfTaken(cursor.offerLive(this, entries.get(i), writers)) == Answer.OVERFLOW) {
        return false;
      }
    }
    tellIfFar(writers);
    return true;
  }

  /** Returns whether the client does not know its position, because events were skipped. */
  boolean isUntold() {
    if (skipped > 0 && cursor.isTold()) { // a heartbeat has sent it
      told();
    }
    return skipped > 0;
  }

  /** Sends the client its position before the log can drop it. Usually, a heartbeat has sent it before that. */
  void tellIfFar(Outbox.Starter writers) {
    if (isUntold() && channel.isFar(skipped, System.nanoTime() - told)) {
      if (cursor.offerPosition(this, writers) == Answer.TAKEN) {
        told();
      }
    }
  }

  boolean hasFilter() {
    return filter.isPresent();
  }

  /** Runs the application's filter. If the filter throws, the event does not match. */
  boolean passes(Event event) {
    return filter.isEmpty()
        || UserCode.testFilter("a filter of a channel", () -> filter.get().test(event));
  }
}
