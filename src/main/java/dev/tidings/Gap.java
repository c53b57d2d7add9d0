package dev.tidings;

import java.util.StringJoiner;

/** The event that tells a client what its history no longer covers. */
final class Gap {
  private Gap() {}

  /** What is known, as JSON; {@code missed} only if it is known, {@code channel} only if named. */
  static Event event(String name, String channel, String after, EventLog.Reading reading) {
    var json = new StringJoiner(",", "{", "}");
    if (!channel.isEmpty()) {
      json.add("\"channel\":" + quoted(channel));
    }
    json.add("\"after\":" + quoted(after)).add("\"from\":" + quoted(reading.from()));
    reading.missed().ifPresent(missed -> json.add("\"missed\":" + missed));
    return Event.of(name, json.toString()).withId(reading.from());
  }

  /** A JSON string (RFC 8259, 7); a lone surrogate is escaped, since UTF-8 cannot carry it. */
  static String quoted(String text) {
    var out = new StringBuilder(text.length() + 2).append('"');
    text.codePoints()
        .forEach(
            c -> {
              if (c == '"' || c == '\\') {
                out.append('\\').append((char) c);
              } else if (c < ' ' || c <= 0xFFFF && Character.isSurrogate((char) c)) {
                out.append(String.format("\\u%04x", c));
              } else {
                out.appendCodePoint(c);
              }
            });
    return out.append('"').toString();
  }
}
