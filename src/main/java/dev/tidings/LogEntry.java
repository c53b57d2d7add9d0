package dev.tidings;

import java.util.Optional;
import java.util.StringJoiner;

/**
 * An event that a channel delivers to streams: an event of its log, a gap event, or only a position. Streams that
 * receive it with the same id usually share one encoding. Thread-safe: lazily computed values are immutable, and
 * threads that race at worst compute the same value again.
 */
final class LogEntry {

  /** The positions of a stream before and after the entry, and the frame that carries it. */
  record Step(Positions from, Positions to, Frame frame) {}

  private enum Kind {
    EVENT,
    GAP,
    POSITION
  }

  /** The event name of the gap events of a channel, and the name of the channel, which may be empty. */
  record Gaps(String eventName, String channel) {

    /**
     * Returns the event that reports a gap in the history to a client, as JSON. The JSON has {@code missed} only
     * if the number is known, and {@code channel} only if the channel has a name.
     *
     * @param after the id that the client had
     */
    LogEntry entry(String after, EventLog.Reading reading) {
      var json = new StringJoiner(",", "{", "}");
      if (!channel.isEmpty()) {
        json.add("\"channel\":" + Quoted.json(channel));
      }
      json.add("\"after\":" + Quoted.json(after)).add("\"from\":" + Quoted.json(reading.from()));
      Recorder.CURRENT.gap(channel, reading.from(), reading.missed());
      reading.missed().ifPresent(missed -> json.add("\"missed\":" + missed));
      return new LogEntry(Event.of(eventName, json.toString()).withId(reading.from()), Kind.GAP);
    }
  }

  private static final String COMPLETED = "tidings:completed";
  /** The event that completes a log. Its event name is that of the last event of a stream. */
  static final Event COMPLETION = Event.of(COMPLETED, "");

  private final Event event;
  private final String id;
  private final Kind kind;
  private Frame frame; // with the log's id; null until needed
  private Frame rest; // without an id; null until needed
  private volatile Step last; // null before the first

  LogEntry(Event event) {
    this(event, Kind.EVENT);
  }

  static boolean isCompletion(Event event) {
    return event.name().isPresent() && event.name().get().equals(COMPLETED);
  }

  private LogEntry(Event event, Kind kind) {
    this.event = event;
    this.id = event.id().orElseThrow();
    this.kind = kind;
  }

  /**
   * Returns an event that only carries an id. It has data, without which Firefox and many non-browser clients
   * ignore the id, and an event name of its own, so that only scripts that listen for it receive it.
   */
  static LogEntry position(String id) {
    return new LogEntry(Event.of("tidings:position", "").withId(id), Kind.POSITION);
  }

  /** Returns whether the entry is a message, which resets the idle time of a stream, and not just a position. */
  boolean isMessage() {
    return kind != Kind.POSITION;
  }

  /** Returns whether the entry reports a gap. No filter applies to it. */
  boolean isGap() {
    return kind == Kind.GAP;
  }

  Event event() {
    return event;
  }

  String id() {
    return id;
  }

  /** Returns the size of the data, for bounds that need not be exact. */
  int chars() {
    return event.data().map(String::length).orElse(0);
  }

  /** Returns the event with the id of the log. */
  Frame frame() {
    var encoded = frame;
    if (encoded == null) {
      encoded = Frame.kept(event);
      frame = encoded;
    }
    return encoded;
  }

  /** Returns the step of a stream that is at these positions, in the channel of this name. */
  Step step(Positions from, String channel) {
    var shared = last;
    if (shared != null && shared.from == from) {
      return shared; // the usual case: all live streams are at the same position
    }
    var to = from.with(channel, id);
    if (shared != null && shared.to.isSame(to)) {
      return new Step(from, shared.to, shared.frame);
    }
    var step = new Step(from, to, to.isComposed() ? Frame.kept(to.id(), rest()) : frame());
    last = step;
    return step;
  }

  private Frame rest() {
    var encoded = rest;
    if (encoded == null) {
      encoded =
          Frame.of(
              new Event(
                  Optional.empty(),
                  event.name(),
                  event.data(),
                  event.retry(),
                  event.comment(),
                  event.fields()));
      rest = encoded;
    }
    return encoded;
  }
}
