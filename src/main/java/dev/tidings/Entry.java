package dev.tidings;

import java.util.Optional;

/**
 * An event of a log on its way to streams, encoded once for all that need no id of their own, and its
 * rest once for those that do. Used by one thread at a time.
 */
final class Entry {
  private final Event event;
  private final boolean message; // whether it is one to the application, and no mere position
  private Frame frame; // null until asked for
  private byte[] rest; // null until asked for

  Entry(Event event) {
    this(event, true);
  }

  private Entry(Event event, boolean message) {
    this.event = event;
    this.message = message;
  }

  /**
   * For its id alone. It has data, without which Firefox and many clients that are no browsers forget the
   * id, and a type of its own, for which nobody listens who does not ask for it.
   */
  static Entry position(String id) {
    return new Entry(Event.of("tidings:position", "").withId(id), false);
  }

  /** Whether the stream is not idle for it. */
  boolean isMessage() {
    return message;
  }

  Event event() {
    return event;
  }

  String id() {
    return event.id().orElseThrow();
  }

  /** The event as the log has it. */
  Frame frame() {
    if (frame == null) {
      frame = Frame.kept(WireFormat.bytes(event));
    }
    return frame;
  }

  /** The event as the log has it, as one of a stream's last words: it finds room and gives way to nothing. */
  Frame parting() {
    return Frame.parting(frame().bytes());
  }

  /** The event with another id. */
  Frame frame(String id) {
    if (rest == null) {
      var unnumbered =
          new Event(
              Optional.empty(),
              event.name(),
              event.data(),
              event.retry(),
              event.comment(),
              event.fields());
      rest = WireFormat.bytes(unnumbered);
    }
    return Frame.kept(WireFormat.withId(id, rest));
  }
}
