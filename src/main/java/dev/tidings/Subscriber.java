package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * One stream in one channel. A subscriber is either <em>catching up</em>, when a thread of its own reads the
 * log as fast as the client reads, or <em>live</em>, when the {@link Tail} delivers to it.
 */
final class Subscriber {
  static final int BATCH_EVENTS = 64;
  private static final int BATCH_BYTES = 64 * 1024;

  private final Channel channel;
  private final Cursor cursor;
  private final String name; // of the channel
  private final Optional<Predicate<? super Event>> filter;
  private final boolean fresh; // whether the client had no position in this channel at first
  private final AtomicReference<Thread> thread = new AtomicReference<>(); // while catching up
  private boolean left; // guarded by cursor
  private long number = Tail.NOT_LIVE; // in the tail; guarded by the tail's lock
  // Counted since the client was sent its position; owned by the sending thread: its own, or the tail's.
  private long skipped;
  private long told; // System.nanoTime

  /** Creates a subscriber, and adds it to the cursor. */
  Subscriber(Channel channel, Cursor cursor, Optional<Predicate<? super Event>> filter) {
    this.channel = channel;
    this.cursor = cursor;
    this.name = channel.name();
    this.filter = filter;
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

  /** Returns the latest id of the log, if the client has no position and the log answers. Blocks on the log. */
  Optional<String> start() {
    return fresh ? channel.latest() : Optional.empty();
  }

  /** Asks the log for its latest id, on a thread of its own. Never blocks. */
  void askLatest(Channel.Asker asker) {
    channel.askLatest(asker);
  }

  /**
   * Begins the delivery. Sends a client without a position its position before any event, so that the client
   * misses no event even if it disconnects before the first one. Never blocks.
   */
  void begin() {
    boolean knows = !fresh || cursor.position(this).isPresent() && cursor.tell();
    start(knows ? this::catchUp : this::arrive);
  }

  /** Makes the subscriber catch up by itself, because the tail could not deliver to it. Never blocks. */
  void fallBack() {
    start(
        () -> {
          if (cursor.sender().awaitWritten()) { // earlier events are written
            catchUp();
          }
        });
  }

  /** Runs until the subscriber is live or gone. */
  private interface Work {
    void run() throws InterruptedException;
  }

  private void start(Work work) {
    try {
      var started = channel.replayThreads().newThread(() -> run(work));
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
      arrive();
    } else {
      catchUp();
    }
  }

  // Catching up.

  private void arrive() throws InterruptedException {
    if (cursor.position(this).isEmpty()) {
      cursor.skip(this, channel.reader().latest(this::isIn));
    }
    var position = cursor.position(this);
    if (position.isPresent() && put(LogEntry.position(position.get()))) {
      catchUp();
    }
  }

  /** Sends events that the tail remembers, or else those of the log, until the subscriber is live or gone. */
  private void catchUp() throws InterruptedException {
    boolean goesOn = true;
    while (goesOn && isIn()) {
      var at = cursor.position(this);
      if (at.isEmpty()) {
        return; // the stream has left
      }
      var lacking = inTurn(() -> channel.tail().join(this, at.get()));
      goesOn =
          lacking.isPresent()
              ? !lacking.get().isEmpty() && offerAll(lacking.get())
              : readOn(at.get());
    }
  }

  /** Reads and sends once; returns whether there is more to do. */
  private boolean readOn(String at) throws InterruptedException {
    var reading = read(at);
    return isEnd(reading) ? !isLive(at) : send(at, reading);
  }

  private Reading read(String at) throws InterruptedException {
    return channel.reader().read(at, BATCH_EVENTS, Duration.ZERO, this::isIn);
  }

  private static boolean isEnd(Reading reading) {
    return reading.covered() && reading.events().isEmpty();
  }

  /**
   * Makes the subscriber live or waiting once it has read to the end of the log, at this position. Returns false if
   * the log has more events, because the tail has passed this position or the second read found them.
   */
  private boolean isLive(String at) throws InterruptedException {
    var ahead = channel.tail().await(this, at);
    if (ahead.isEmpty()) {
      return true;
    }
    if (ahead.get().isPassed()) {
      return false;
    }
    boolean stays = false;
    try {
      stays = isEnd(read(at));
    } finally {
      stays = stays || !channel.tail().withdraw(ahead.get()); // the tail may have reached the position
    }
    return stays;
  }

  private boolean send(String at, Reading reading) throws InterruptedException {
    boolean told = reading.covered() || tellGap(at, reading);
    return told && send(inTurn(() -> channel.cache().entries(reading.events())));
  }

  private boolean tellGap(String at, Reading reading) throws InterruptedException {
    boolean told = put(LogEntry.gap(channel.gapName(), name, at, reading));
    cursor.passGap(this);
    for (String place : cursor.places(this)) {
      if (!read(place).covered()) {
        cursor.arrive(this, place); // the place is in the gap
      }
    }
    return told;
  }

  /**
   * Sends the entries and waits until they are written, which bounds the encoded events in the queue. Returns
   * false if the stream has left.
   */
  private boolean send(List<LogEntry> entries) {
    return offerAll(entries) && cursor.sender().awaitWritten();
  }

  /** Sends the entries, and waits for room if there is none. Returns false if the stream has left. */
  private boolean offerAll(List<LogEntry> entries) {
    int next = offerInTurn(entries, 0);
    while (next >= 0 && next < entries.size()) {
      if (!cursor.sender().awaitWritten()) {
        return false;
      }
      next = offerInTurn(entries, next);
    }
    return next >= 0;
  }

  private int offerInTurn(List<LogEntry> entries, int first) {
    return hasFilter() ? offerFrom(entries, first) : inTurn(() -> offerFrom(entries, first));
  }

  /**
   * Runs the work in turn. Of thousands of clients that reconnect at once, only a few compute at a time;
   * otherwise they would delay the live end by using its lock and the processors. No turn is held while a
   * filter or the log is called, or while this thread waits for its client.
   */
  private <T> T inTurn(Supplier<T> work) {
    channel.turns().acquireUninterruptibly();
    try {
      // A virtual thread that another virtual thread wakes runs before those that a platform thread wakes, such
      // as the live end when a platform thread publishes. A pause, however short, queues this thread behind them.
      LockSupport.parkNanos(1);
      return work.get();
    } finally {
      channel.turns().release();
    }
  }

  /** Offers up to 64 KiB while there is room. Returns the index of the next entry, or -1 if the stream has left. */
  private int offerFrom(List<LogEntry> entries, int first) {
    long bytes = 0;
    for (int i = first; i < entries.size() && bytes < BATCH_BYTES; i++) {
      if (!isWanted()) {
        return -1; // a filter may skip all entries and clear every interrupt
      }
      var entry = entries.get(i);
      if (!passes(entry.event())) {
        skip(entry);
        tellIfFar(writers());
      } else {
        var answer = offer(entry, writers());
        if (answer != Answer.TAKEN) {
          return answer == Answer.OVERFLOW ? i : -1;
        }
        bytes += entry.frame().bytes().length;
      }
      first = i + 1;
    }
    return first;
  }

  /** Sends the entry, and waits for room if there is none. Returns false if the stream has left. */
  private boolean put(LogEntry entry) {
    var answer = offer(entry, writers());
    while (answer == Answer.OVERFLOW && cursor.sender().awaitWritten()) {
      answer = offer(entry, writers());
    }
    return answer == Answer.TAKEN;
  }

  private Answer offer(LogEntry entry, Outbox.Starter writers) {
    var answer = cursor.offer(this, entry, writers);
    if (answer == Answer.TAKEN && hasFilter()) {
      told();
    }
    return answer;
  }

  private void told() {
    skipped = 0;
    told = System.nanoTime();
  }

  private void skip(LogEntry entry) {
    cursor.skip(this, entry.id());
    skipped++;
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
      } else if (offer(entries.get(i), writers) == Answer.OVERFLOW) {
        return false;
      }
    }
    tellIfFar(writers);
    return true;
  }

  /** Sends the client its position before the log can drop it. Usually, a heartbeat has sent it before that. */
  void tellIfFar(Outbox.Starter writers) {
    if (skipped > 0 && channel.isFar(skipped, System.nanoTime() - told)) {
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
