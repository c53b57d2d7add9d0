package dev.tidings;

import java.util.Optional;
import java.util.StringJoiner;

/**
 * An event of a log on its way to streams, encoded once for all that get it with the same id. Thread-safe:
 * what is computed later is immutable, and at worst computed twice.
 */
final class LogEntry {

  /** How the entry moves a stream on, and the frame that does it. */
  record Step(Positions from, Positions to, Frame frame) {}

  private final Event event;
  private final String id;
  private final boolean message;
  private Frame frame; // with the log's id; null until asked for
  private Frame rest; // without an id; null until asked for
  private volatile Step last; // null before the first

  LogEntry(Event event) {
    this(event, true);
  }

  private LogEntry(Event event, boolean message) {
    this.event = event;
    this.id = event.id().orElseThrow();
    this.message = message;
  }

  /**
   * An event for its id alone. It has data, without which Firefox and many clients that are no browsers
   * forget the id, and a type of its own, for which no script listens that does not ask for it.
   */
  static LogEntry position(String id) {
    return new LogEntry(Event.of("tidings:position", "").withId(id), false);
  }

  /**
   * The event that tells a client of a gap in its history, as JSON; {@code missed} only if it is known, {@code
   * channel} only if named.
   *
   * @param after the id that the client had
   */
  static LogEntry gap(String name, String channel, String after, EventLog.Reading reading) {
    var json = new StringJoiner(",", "{", "}");
    if (!channel.isEmpty()) {
      json.add("\"channel\":" + Quoted.json(channel));
    }
    json.add("\"after\":" + Quoted.json(after)).add("\"from\":" + Quoted.json(reading.from()));
    reading.missed().ifPresent(missed -> json.add("\"missed\":" + missed));
    return new LogEntry(Event.of(name, json.toString()).withId(reading.from()));
  }

  /** Whether it is a message, for which a stream is not idle, and no mere position. */
  boolean isMessage() {
    return message;
  }

  Event event() {
    return event;
  }

  String id() {
    return id;
  }

  /** How large its data is, for bounds that need not be exact. */
  int chars() {
    return event.data().map(String::length).orElse(0);
  }

  /** The event as the log has it. */
  Frame frame() {
    var encoded = frame;
    if (encoded == null) {
      encoded = Frame.kept(event);
      frame = encoded;
    }
    return encoded;
  }

  /** The step of a stream that is at these positions, in the channel of this name. */
  Step step(Positions from, String channel) {
    var shared = last;
    if (shared != null && shared.from == from) {
      return shared; // as mostly: live streams are all at the same place
    }
    var to = from.with(channel, id);
    if (shared != null && shared.to.isSame(to)) {
      return new Step(from, shared.to, shared.frame);
    }
    var step = new Step(from, to, to.isSeveral() ? Frame.kept(to.id(), rest()) : frame());
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
