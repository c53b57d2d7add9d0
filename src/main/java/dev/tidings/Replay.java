package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Reads the log for one subscriber, on a thread of its own, until the subscriber is live or gone. */
final class Replay {
  static final int BATCH_EVENTS = 512; // many, because a read of a log on another machine takes long
  static final int BATCH_BYTES = 64 * 1024;

  private final Channel channel;
  private final Cursor cursor;
  private final Subscriber subscriber;

  Replay(Channel channel, Cursor cursor, Subscriber subscriber) {
    this.channel = channel;
    this.cursor = cursor;
    this.subscriber = subscriber;
  }

  /** Sends a client without a position its position, and catches up from there. */
  void arrive(From from) throws InterruptedException {
    var position = cursor.position(subscriber);
    var first = position.isPresent() ? position.map(LogEntry::position) : late(from);
    if (first.isEmpty()) {
      Log.warning("a stream has ended, because its log does not support " + from);
      subscriber.stream().life().endSoon(Ending.FAILED);
    } else if (put(first.get())) {
      catchUp();
    }
  }

  /**
   * Returns the first entry of a stream that joined while the log failed, and may have missed events since; empty if the
   * log does not support the position.
   */
  private Optional<LogEntry> late(From from) throws InterruptedException {
    return channel
        .reader()
        .find(from, subscriber::isIn)
        .map(
            id ->
                from.isLive()
                    ? channel.gaps().entry("", Reading.gap(id, List.of(), OptionalLong.empty()))
                    : LogEntry.position(id));
  }

  /** Sends events that the tail remembers, or else those of the log, until the subscriber is live or gone. */
  void catchUp() throws InterruptedException {
    boolean goesOn = true;
    while (goesOn && subscriber.isIn()) {
      var at = cursor.position(subscriber);
      if (at.isEmpty() || !tell(at.get())) {
        return; // the stream has left
      }
      var lacking = inTurn(() -> channel.tail().join(subscriber, at.get()));
      goesOn =
          lacking.isPresent()
              ? !lacking.get().isEmpty() && offerAll(lacking.get())
              : readOn(at.get());
    }
  }

  /**
   * Sends the position before the subscriber becomes live, if events were skipped: the tail may have begun a long wait,
   * and may not find that the position is far. Returns false if the stream has left.
   */
  private boolean tell(String at) {
    return !subscriber.hasFilter()
        || !channel.tail().isAt(at)
        || !subscriber.isUntold()
        || put(LogEntry.position(at));
  }

  /** Reads and sends once; returns whether there is more to do. */
  private boolean readOn(String at) throws InterruptedException {
    var reading = read(at);
    return isEnd(reading) ? tell(at) && !isLive(at) : send(at, reading);
  }

  private Reading read(String at) throws InterruptedException {
    return channel.reader().read(at, BATCH_EVENTS, Duration.ZERO, subscriber::isIn);
  }

  private static boolean isEnd(Reading reading) {
    return reading.covered() && reading.events().isEmpty();
  }

  /**
   * Makes the subscriber live or waiting once it has read to the end of the log, at this position. Returns false if
   * the log has more events, because the tail has passed this position or the second read found them.
   */
  private boolean isLive(String at) throws InterruptedException {
    var ahead = channel.tail().await(subscriber, at);
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
    var events = untilCompletion(reading.events());
    boolean sent = told && send(inTurn(() -> channel.cache().entries(events)));
    if (sent && events.size() < reading.events().size()) {
      subscriber.complete();
    }
    return sent;
  }

  private static List<Event> untilCompletion(List<Event> events) {
    for (int i = 0; i < events.size(); i++) {
      if (EventLog.isCompletion(events.get(i))) {
        return events.subList(0, i);
      }
    }
    return events;
  }

  private boolean tellGap(String at, Reading reading) throws InterruptedException {
    boolean told = put(channel.gaps().entry(at, reading));
    for (String place : cursor.places(subscriber)) {
      if (!read(place).covered()) {
        cursor.arrive(subscriber, place); // the place is in the gap
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
    return subscriber.hasFilter() ? offerFrom(entries, first) : inTurn(() -> offerFrom(entries, first));
  }

  /**
   * Runs the work in turn. Of thousands of clients that reconnect at once, only a few compute at a time;
   * otherwise they would delay the live end by using its lock and the processors. No turn is held while a
   * filter or the log is called, or while this thread waits for its client.
   */
  private <T> T inTurn(Supplier<T> work) {
    channel.threads().turns().acquireUninterruptibly();
    try {
      // A virtual thread that another virtual thread wakes runs before those that a platform thread wakes, such
      // as the live end when a platform thread publishes. A pause, however short, queues this thread behind them.
      LockSupport.parkNanos(1);
      return work.get();
    } finally {
      channel.threads().turns().release();
    }
  }

  /** Offers up to 64 KiB while there is room. Returns the index of the next entry, or -1 if the stream has left. */
  private int offerFrom(List<LogEntry> entries, int first) {
    long bytes = 0;
    for (int i = first; i < entries.size() && bytes < BATCH_BYTES; i++) {
      if (!subscriber.isWanted()) {
        return -1; // a filter may skip all entries and clear every interrupt
      }
      var entry = entries.get(i);
      if (!subscriber.passes(entry.event())) {
        subscriber.skip(entry);
        subscriber.tellIfFar(subscriber.writers());
      } else {
        var answer = subscriber.offer(entry, subscriber.writers());
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
    var answer = subscriber.offer(entry, subscriber.writers());
    while (answer == Answer.OVERFLOW && cursor.sender().awaitWritten()) {
      answer = subscriber.offer(entry, subscriber.writers());
    }
    return answer == Answer.TAKEN;
  }
}
