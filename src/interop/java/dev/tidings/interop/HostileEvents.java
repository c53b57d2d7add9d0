package dev.tidings.interop;

import dev.tidings.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Random events, made of what could break a frame, and what a parser must tell of each. */
final class HostileEvents {
  private static final String BYTE_ORDER_MARK = "\uFEFF";
  private static final Set<String> STANDARD_FIELDS = Set.of("data", "event", "id", "retry");
  private static final List<String> PIECES =
      List.of(
          "\n", "\r", "\r\n", "\n\n", "\r\r", "\n\r", "\r\n\r\n",
          " ", "  ", ":", ": ", "\t", "\0", "\u0085", "\u2028",
          "data: forged",
          "\ndata: forged", "\nevent: forged", "\nid: forged\n\n", "\nretry: 1\n", "\n: forged", "\n\n\n",
          BYTE_ORDER_MARK, "\u00EF\u00BB\u00BF", "\uFFFD", "\uFFFF", "\uD83C\uDF88", "\uD83D", "\uDE00", "\uDE00\uD83D",
          "é", "€", "e\u0301", "\u202E", "\u200D", "null", "word", "0", "\\u000a", "\"", "</script>");

  private final Random random;
  private int count;

  HostileEvents(long seed) {
    random = new Random(seed);
  }

  Event next() {
    var event = Event.empty();
    if (oneIn(4)) {
      event = event.withComment(text(8));
    }
    if (oneIn(3)) {
      event = event.withName("n" + oneLine());
    }
    if (oneIn(3)) {
      event = event.withId(oneLine().replace("\0", ""));
    }
    if (oneIn(6)) {
      event = event.withRetry(Duration.ofMillis(random.nextLong() >>> 1 + random.nextInt(63)));
    }
    if (oneIn(6)) {
      event = withField(event);
    }
    if (++count % 20_000 == 0) {
      return event.withData(text(800_000)); // more than an outbox holds, as a rule
    }
    return oneIn(10) ? event : event.withData(text(10));
  }

  private Event withField(Event event) {
    String name = oneLine().replace(":", "");
    boolean allowed = !name.isEmpty() && !name.startsWith(BYTE_ORDER_MARK) && !STANDARD_FIELDS.contains(name);
    return allowed ? event.withField(name, text(4)) : event;
  }

  private boolean oneIn(int count) {
    return random.nextInt(count) == 0;
  }

  /** Pieces, and now and then any character. */
  private String text(int pieces) {
    var text = new StringBuilder();
    for (int left = random.nextInt(pieces); left > 0; left--) {
      if (oneIn(6)) {
        text.append((char) random.nextInt(0x10000));
      } else {
        text.append(PIECES.get(random.nextInt(PIECES.size())));
      }
    }
    return text.toString();
  }

  private String oneLine() {
    return text(6).replaceAll("[\r\n]", "");
  }

  /** The callbacks of eventsource-parser, in their order; a retry is a JavaScript number. */
  static List<List<Object>> told(Event event) {
    var told = new ArrayList<List<Object>>();
    event.comment().ifPresent(comment -> lines(comment).forEach(line -> told.add(List.of("comment", line))));
    event.retry().ifPresent(retry -> told.add(List.of("retry", (double) retry.toMillis())));
    event.fields().forEach((name, value) -> lines(value).forEach(line -> told.add(field(name, line))));
    event.data().ifPresent(data -> told.add(message(event, data)));
    return told;
  }

  private static List<Object> field(String name, String line) {
    return List.of("unknown-field", wellFormed(name), line);
  }

  /** With null for what it has not, as in JSON. */
  private static List<Object> message(Event event, String data) {
    String name = event.name().map(HostileEvents::wellFormed).orElse(null);
    String id = event.id().map(HostileEvents::wellFormed).orElse(null);
    return Arrays.asList("event", name, id, String.join("\n", lines(data)));
  }

  /** What arrives of a text, line by line. */
  private static List<String> lines(String text) {
    return List.of(wellFormed(text).split("\r\n|\r|\n", -1));
  }

  /** UTF-8 has no other word for a lone surrogate. */
  private static String wellFormed(String text) {
    var out = new StringBuilder();
    text.codePoints().forEach(c -> out.appendCodePoint(Character.getType(c) == Character.SURROGATE ? 0xFFFD : c));
    return out.toString();
  }
}
