package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.function.Predicate;

/**
 * One stream in one channel. It is in one of two modes: <em>catching up</em>, where a thread of its own
 * reads the log as fast as the client takes it, or <em>live</em>, where the {@link Tail} has it.
 */
final class Subscriber {
  static final int BATCH_EVENTS = 64;
  private static final int BATCH_BYTES = 64 * 1024;
  private static final int SKIPS = 64; // after so many a client is told its position
  private static final ThreadFactory THREADS =
      Thread.ofVirtual().name("tidings-replay-", 0).factory();

  private final Channel channel;
  private final Bookmark bookmark;
  private final Optional<Predicate<? super Event>> filter;
  private final boolean fresh; // whether its client has no position of this channel yet
  private volatile Thread thread; // while it catches up
  private int skipped; // since the client got an id; owned by who sends: its thread, or the tail

  Subscriber(
      Channel channel,
      Bookmark bookmark,
      Optional<Predicate<? super Event>> filter,
      boolean fresh) {
    this.channel = channel;
    this.bookmark = bookmark;
    this.filter = filter;
    this.fresh = fresh;
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

  /**
   * Its client gets its position before any event, and so misses nothing, also if it is cut before one.
   * Never blocks.
   */
  void begin() {
    boolean told =
        !fresh
            || bookmark.position(channel.name()).isPresent()
                && offer(Entry.position(position())) == Outbox.Answer.TAKEN;
    start(told ? this::catchUp : this::arrive);
  }

  /** Never blocks. */
  void fallBack() {
    start(
        () -> {
          if (bookmark.stream().flush()) { // what was sent before has left
            catchUp();
          }
        });
  }

  void interrupt() {
    var running = thread;
    if (running != null) {
      running.interrupt();
    }
  }

  /** What runs until its client is live or gone. */
  private interface Work {
    void run() throws InterruptedException;
  }

  private void start(Work work) {
    thread =
        THREADS.newThread(
            () -> {
              try {
                work.run();
              } catch (InterruptedException e) {
                Log.debug(() -> bookmark.stream() + ": its channel was closed");
              }
            });
    thread.start();
    if (!isIn()) {
      thread.interrupt(); // whoever ended it may have looked for a thread before this one
    }
  }

  // Catching up.

  private void arrive() throws InterruptedException {
    if (bookmark.position(channel.name()).isEmpty()) {
      bookmark.skip(channel.name(), channel.reader().latest());
    }
    if (put(Entry.position(position()))) {
      catchUp();
    }
  }

  private void catchUp() throws InterruptedException {
    boolean goesOn = true;
    while (goesOn && isIn()) {
      long passed = channel.tail().passed();
      var reading = channel.reader().read(position(), BATCH_EVENTS, Duration.ZERO);
      if (!reading.covered()) {
        goesOn = put(gap(reading)) && send(reading.events());
      } else if (!reading.events().isEmpty()) {
        goesOn = send(reading.events());
      } else {
        goesOn = tellSkipped() && !channel.tail().take(this, passed);
      }
    }
  }

  private Entry gap(Reading reading) {
    return new Entry(Gap.event(channel.gapName(), channel.name(), position(), reading));
  }

  private boolean tellSkipped() {
    return skipped == 0 || put(Entry.position(position()));
  }

  /** Sends and waits until it has left; what is encoded and waits is bounded. False at the end. */
  private boolean send(List<Event> events) {
    long bytes = 0;
    for (Event event : events) {
      var entry = new Entry(event);
      if (!passes(event)) {
        skip(entry);
        continue;
      }
      if (!put(entry)) {
        return false;
      }
      bytes += entry.frame().bytes().length;
      if (bytes >= BATCH_BYTES) {
        if (!bookmark.stream().flush()) {
          return false;
        }
        bytes = 0;
      }
    }
    return bytes == 0 || bookmark.stream().flush();
  }

  /** Waits for room, which the write deadline bounds; false at the end. */
  private boolean put(Entry entry) {
    var answer = offer(entry);
    while (answer == Outbox.Answer.OVERFLOW && bookmark.stream().flush()) {
      answer = offer(entry);
    }
    return answer == Outbox.Answer.TAKEN;
  }

  private Outbox.Answer offer(Entry entry) {
    var answer = bookmark.offer(channel.name(), entry);
    if (answer == Outbox.Answer.TAKEN) {
      skipped = 0;
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
    if (skipped >= SKIPS) {
      offer(Entry.position(position()));
    }
    return true;
  }

  boolean hasFilter() {
    return filter.isPresent();
  }

  /** Runs the user's code; an event at which it fails is not for this client. */
  boolean passes(Event event) {
    try {
      return filter.isEmpty() || filter.get().test(event);
    } catch (RuntimeException | Error e) {
      Log.failure("a filter of a channel", e);
      return false;
    }
  }
}
