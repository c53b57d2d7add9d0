package dev.tidings.redis.faults;

import java.util.OptionalLong;
import java.util.regex.Pattern;

/** One thing that a client received, in order. */
sealed interface Item {
  /** When it arrived, by {@link System#nanoTime}. */
  long nanos();

  /** The position at which a stream began. */
  record Position(String id, long nanos) implements Item {}

  /** An event of the log. */
  record Received(String id, String payload, long nanos) implements Item {}

  /** A gap that the client was told. */
  record Gap(String id, String after, String from, OptionalLong missed, long nanos) implements Item {
    private static final Pattern MISSED = Pattern.compile("\"missed\":(\\d+)");

    /** Reads the JSON of a gap event. Ids need no escapes in JSON. */
    static Gap of(String id, String json, long nanos) {
      var missed = MISSED.matcher(json);
      return new Gap(
          id,
          text(json, "after"),
          text(json, "from"),
          missed.find() ? OptionalLong.of(Long.parseLong(missed.group(1))) : OptionalLong.empty(),
          nanos);
    }

    private static String text(String json, String name) {
      var matcher = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
      return matcher.find() ? matcher.group(1) : "no " + name + " in " + json;
    }
  }
}
