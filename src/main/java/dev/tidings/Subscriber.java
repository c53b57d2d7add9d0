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
 * One stream in one channel. It is in one of two modes: <em>catching up</em>, where a thread of its own
 * reads the log as fast as the client takes it, or <em>live</em>, where the {@link Tail} has it.
 */
final class Subscriber {
  static final int BATCH_EVENTS = 64;
  private static final int BATCH_BYTES = 64 * 1024;

  private final Channel channel;
  private final Cursor cursor;
  private final String name; // of the channel
  private final Optional<Predicate<? super Event>> filter;
  private final boolean fresh; // whether its client has no position of this channel yet
  private final AtomicReference<Thread> thread = new AtomicReference<>(); // while it catches up
  private boolean left; // guarded by cursor
  private long number = Tail.NOT_LIVE; // at the tail, guarded by that
  // Since the client was told its position; owned by the thread that sends: its own, or the tail's.
  private long skipped;
  private long told; // System.nanoTime

  /** Enters the cursor, at this position if its client has one. */
  Subscriber(
      Channel channel,
      Cursor cursor,
      Optional<String> position,
      Optional<Predicate<? super Event>> filter) {
    this.channel = channel;
    this.cursor = cursor;
    this.name = channel.name();
    this.filter = filter;
    this.fresh = position.isEmpty();
    this.told = System.nanoTime();
    cursor.enter(this, position);
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

  /** Under the lock of the cursor. */
  void markLeft() {
    left = true;
  }

  /** Under the lock of the cursor. */
  boolean hasLeft() {
    return left;
  }

  boolean isIn() {
    return cursor.isIn(this);
  }

  void enter() {
    channel.enter(this);
  }

  /** Its stream has ended. */
  void leave() {
    channel.leave(stream());
  }

  /** Takes it out of the channel: nothing more is sent. */
  void stop() {
    cursor.leave(this);
    channel.tail().drop(this);
    var running = thread.get();
    if (running != null) {
      running.interrupt();
    }
  }

  /** Has it begin where its log is now, if the log can tell; blocks for as long as that takes. */
  void ask() {
    if (fresh) {
      channel.latest().ifPresent(id -> cursor.skip(this, id));
    }
  }

  /**
   * Its client gets its position before any event, and so misses nothing, also if it is cut before one.
   * Never blocks.
   */
  void begin() {
    boolean knows = !fresh || cursor.position(this).isPresent() && cursor.tell();
    start(knows ? this::catchUp : this::arrive);
  }

  /** The tail could not deliver to it: it reads for itself. Never blocks. */
  void fallBack() {
    start(
        () -> {
          if (cursor.sender().awaitWritten()) { // what was sent before has left
            catchUp();
          }
        });
  }

  /** Runs until its client is live or gone. */
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
      stream().life().endSoon(Ending.FAILED); // its client comes back, and goes on where it was
      return;
    }
    var running = thread.get();
    if (!isWanted() && running != null) {
      running.interrupt(); // whoever ended it may have looked for a thread before this one
    }
  }

  /** Whether its channel is open, and it is in it. */
  boolean isWanted() {
    return !channel.reader().isClosed() && isIn();
  }

  /** Goes on until its work is done, whatever is thrown meanwhile: no stream may fall silent. */
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
      thread.compareAndSet(Thread.currentThread(), null); // a thread that has ended holds much
    }
  }

  private void resume() throws InterruptedException {
    if (channel.tail().has(this)) {
      return; // the failure came after that
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

  /** Sends what the tail remembers, or else the log has, until it is where the tail is. */
  private void catchUp() throws InterruptedException {
    boolean goesOn = true;
    while (goesOn && isIn()) {
      var at = cursor.position(this);
      if (at.isEmpty()) {
        return; // it has left
      }
      var lacking = inTurn(() -> channel.tail().join(this, at.get()));
      goesOn =
          lacking.isPresent()
              ? !lacking.get().isEmpty() && offerAll(lacking.get())
              : readOn(at.get());
    }
  }

  /** Whether there is more to do. */
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
   * At the end of the log, at this position: either the tail is there, or it has yet to come by, or it has
   * passed. In the last case the log has more by now, which a second look tells.
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
      stays = stays || !channel.tail().withdraw(ahead.get()); // it may have come by meanwhile
    }
    return stays;
  }

  private boolean send(String at, Reading reading) {
    boolean told =
        reading.covered() || put(LogEntry.gap(channel.gapName(), name, at, reading));
    return told && send(inTurn(() -> channel.cache().entries(reading.events())));
  }

  /** Sends and waits until it has left; what is encoded and waits is bounded. False at the end. */
  private boolean send(List<LogEntry> entries) {
    return offerAll(entries) && cursor.sender().awaitWritten();
  }

  /** Sends, and waits for room where there is none. False at the end. */
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
   * Of thousands that come back at once only a few compute at a time, or they would hold up the live end,
   * by its lock and by the processors. No turn is held while an application's filter or the log is called, or
   * while this waits for its client.
   */
  private <T> T inTurn(Supplier<T> work) {
    channel.turns().acquireUninterruptibly();
    try {
      // A virtual thread that another one wakes runs before all that come from outside their scheduler, as the
      // live end does when a platform thread publishes. A pause, however short, puts this behind it.
      LockSupport.parkNanos(1);
      return work.get();
    } finally {
      channel.turns().release();
    }
  }

  /** Offers as many as there is room for; returns which one is next, or -1 at the end. */
  private int offerFrom(List<LogEntry> entries, int first) {
    long bytes = 0;
    for (int i = first; i < entries.size() && bytes < BATCH_BYTES; i++) {
      if (!isWanted()) {
        return -1; // it may skip them all, and its filter take each interrupt for itself
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

  /** Waits for room, which the write deadline bounds; false at the end. */
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
   * Offers these from this one on, of which those it wants are marked, all for null. Never blocks. False if
   * it has to catch up from its position.
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

  /** A client that is cut must not find its position forgotten; until then a heartbeat takes it along. */
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

  /** Runs code of the application; an event at which it fails is not for this client. */
  boolean passes(Event event) {
    return filter.isEmpty()
        || UserCode.testOnOwnThread(
            "a filter of a channel", () -> filter.get().test(event), false);
  }
}
