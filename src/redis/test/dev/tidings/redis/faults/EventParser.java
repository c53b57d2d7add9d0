package dev.tidings.redis.faults;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * A parser of event streams, after section 9.2.6 of the HTML standard, and independent of the library. An event that is
 * not complete when the connection ends is dropped, and so is its id.
 */
final class EventParser {
  /** Receives events. */
  interface Sink {
    /** Takes an event. */
    void event(String lastEventId, String name, String data);

    /** Takes a comment. */
    void comment();
  }

  private final Sink sink;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private boolean afterCr;
  private boolean first = true;
  private String id; // the id so far, which also applies to events without one
  private String name = "";
  private final StringBuilder data = new StringBuilder();
  private boolean hasData;

  EventParser(String lastEventId, Sink sink) {
    this.id = lastEventId;
    this.sink = sink;
  }

  void feed(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      byte b = bytes[i];
      if (b == '\n' && afterCr) {
        afterCr = false;
      } else if (b == '\n' || b == '\r') {
        afterCr = b == '\r';
        String text = line.toString(StandardCharsets.UTF_8);
        line.reset();
        if (first && text.startsWith("\uFEFF")) {
          text = text.substring(1);
        }
        first = false;
        line(text);
      } else {
        afterCr = false;
        line.write(b);
      }
    }
  }

  private void line(String text) {
    if (text.isEmpty()) {
      dispatch();
      return;
    }
    int colon = text.indexOf(':');
    if (colon == 0) {
      sink.comment();
      return;
    }
    String field = colon < 0 ? text : text.substring(0, colon);
    String value = colon < 0 ? "" : text.substring(text.startsWith(" ", colon + 1) ? colon + 2 : colon + 1);
    switch (field) {
      case "event" -> name = value;
      case "data" -> {
        data.append(value).append('\n');
        hasData = true;
      }
      case "id" -> id = value.indexOf('\0') < 0 ? value : id;
      default -> {}
    }
  }

  private void dispatch() {
    if (hasData) {
      sink.event(id, name.isEmpty() ? "message" : name, data.substring(0, data.length() - 1));
    }
    name = "";
    data.setLength(0);
    hasData = false;
  }
}
