package dev.tidings;

import java.util.StringJoiner;

/** The event that tells a client what its history no longer covers. */
final class Gap {
  private Gap() {}

  /** What is known, as JSON; {@code missed} only if it is known, {@code channel} only if named. */
  static Event event(String name, String channel, String after, EventLog.Reading reading) {
    var json = new StringJoiner(",", "{", "}");
    if (!channel.isEmpty()) {
      json.add("\"channel\":" + Quoted.json(channel));
    }
    json.add("\"after\":" + Quoted.json(after)).add("\"from\":" + Quoted.json(reading.from()));
    reading.missed().ifPresent(missed -> json.add("\"missed\":" + missed));
    return Event.of(name, json.toString()).withId(reading.from());
  }
}
