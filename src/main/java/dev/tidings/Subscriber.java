package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;

/**
 * One stream in one channel. It is in one of two modes: <em>catching up</em>, where a thread of its own
 * reads the log as fast as the client takes it, or <em>live</em>, where the {@link Tail} has it.
 */
final class Subscriber {
  static final int BATCH_EVENTS = 64;
  private static final int BATCH_BYTES = 64 * 1024;

  private final Channel channel;
  private final Bookmark bookmark;
  private final Optional<Predicate<? super Event>> filter;
  private final boolean fresh; // whether its client has no position of this channel yet
  private final AtomicReference<Thread> thread = new AtomicReference<>(); // while it catches up
  // Since the client was told its position; owned by who sends: its thread, or the tail.
  private long skipped;
  private long told; // System.nanoTime

  Subscriber(
      Channel channel,
      Bookmark bookmark,
      Optional<Predicate<? super Event>> filter) {
    this.channel = channel;
    this.bookmark = bookmark;
    this.filter = filter;
    this.fresh = bookmark.position(channel.name()).isEmpty();
    this.told = System.nanoTime();
  }

  Bookmark bookmark() {
    return bookmark;
  }

  boolean isIn() {
    return bookmark.isIn(channel.name());
  }

  String position() {
    return bookmark.position(channel.name()).orElseThrow();
  }

  /** Has it begin where its log is now, if the log can tell; blocks for as long as that takes. */
  void ask() {
    if (fresh) {
      channel.latest().ifPresent(id -> bookmark.skip(channel.name(), id));
    }
  }

  /**
   * Its client gets its position before any event, and so misses nothing, also if it is cut before one.
   * Never blocks.
   */
  void begin() {
    boolean knows = !fresh || bookmark.position(channel.name()).isPresent() && bookmark.tell();
    start(knows ? this::catchUp : this::arrive);
  }

  /** Never blocks. */
  void fallBack() {
    start(
        () -> {
          if (bookmark.stream().awaitWritten()) { // what was sent before has left
            catchUp();
          }
        });
  }

  void interrupt() {
    var running = thread.get();
    if (running != null) {
      running.interrupt();
    }
  }

  /** What runs until its client is live or gone. */
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
      bookmark.stream().endSoon(Ending.FAILED); // its client comes back, and goes on where it was
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
    thread.compareAndSet(Thread.currentThread(), null); // a thread that has ended holds much
  }

  private void resume() throws InterruptedException {
    if (bookmark.position(channel.name()).isEmpty()) {
      arrive();
    } else {
      catchUp();
    }
  }

  // Catching up.

  private void arrive() throws InterruptedException {
    if (bookmark.position(channel.name()).isEmpty()) {
      bookmark.skip(channel.name(), channel.reader().latest(this::isIn));
    }
    if (put(Entry.position(position()))) {
      catchUp();
    }
  }

  private void catchUp() throws InterruptedException {
    boolean goesOn = true;
    while (goesOn && isIn()) {
      long passed = channel.tail().passed();
      var reading = channel.reader().read(position(), BATCH_EVENTS, Duration.ZERO, this::isIn);
      if (!reading.covered()) {
        goesOn = put(gap(reading)) && send(reading.events());
      } else if (!reading.events().isEmpty()) {
        goesOn = send(reading.events());
      } else {
        goesOn = !channel.tail().take(this, passed);
      }
    }
  }

  private Entry gap(Reading reading) {
    return new Entry(Gap.event(channel.gapName(), channel.name(), position(), reading));
  }

  /** Sends and waits until it has left; what is encoded and waits is bounded. False at the end. */
  private boolean send(List<Event> events) {
    long bytes = 0;
    for (Event event : events) {
      if (!isWanted()) {
        return false; // it may skip them all, and its filter take each interrupt for itself
      }
      var entry = new Entry(event);
      if (!passes(event)) {
        skip(entry);
        tellIfFar();
        continue;
      }
      if (!put(entry)) {
        return false;
      }
      bytes += entry.frame().bytes().length;
      if (bytes >= BATCH_BYTES) {
        if (!bookmark.stream().awaitWritten()) {
          return false;
        }
        bytes = 0;
      }
    }
    return bytes == 0 || bookmark.stream().awaitWritten();
  }

  /** Waits for room, which the write deadline bounds; false at the end. */
  private boolean put(Entry entry) {
    var answer = offer(entry);
    while (answer == Outbox.Answer.OVERFLOW && bookmark.stream().awaitWritten()) {
      answer = offer(entry);
    }
    return answer == Outbox.Answer.TAKEN;
  }

  private Outbox.Answer offer(Entry entry) {
    var answer = bookmark.offer(channel.name(), entry);
    if (answer == Outbox.Answer.TAKEN) {
      skipped = 0;
      told = System.nanoTime();
    }
    return answer;
  }

  private void skip(Entry entry) {
    bookmark.skip(channel.name(), entry.id());
    skipped++;
  }

  // Live.

  /**
   * Offers these from this one on, of which those it wants are marked. Never blocks. False if it has to
   * catch up from its position.
   */
  boolean deliver(List<Entry> entries, int first, boolean[] wanted) {
    for (int i = first; i < entries.size(); i++) {
      if (!wanted[i]) {
        skip(entries.get(i));
      } else if (offer(entries.get(i)) == Outbox.Answer.OVERFLOW) {
        return false;
      }
    }
    tellIfFar();
    return true;
  }

  /** A client that is cut must not find its position forgotten; until then a heartbeat takes it along. */
  private void tellIfFar() {
    if (skipped > 0 && channel.isFar(skipped, System.nanoTime() - told)) {
      offer(Entry.position(position()));
    }
  }

  boolean hasFilter() {
    return filter.isPresent();
  }

  /** Runs the user's code; an event at which it fails is not for this client. */
  boolean passes(Event event) {
    return filter.isEmpty()
        || UserCode.testOnOwnThread(
            "a filter of a channel", () -> filter.get().test(event), false);
  }
}
