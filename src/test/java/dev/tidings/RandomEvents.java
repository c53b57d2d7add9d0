package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.WhatwgParser.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Events with hostile strings in every part, and what a client must make of them. */
final class RandomEvents {
  private static final String[] PIECES = {
    "\n", "\r", "\r\n", "\n\n", "\r\r", "\n\r", " ", "  ", ":", "::", ": ", "data: x", "\ndata: forged", "event: e",
    "\nid: 1\n\n", "\nretry: 1", "\uFEFF", "\0", "\uD83D\uDE00", "\uD83D", "\uDE00", "é", "€", "\t", "\u0085", "\u2028",
    "a", "word", ""
  };

  private RandomEvents() {}

  static Event next(Random random) {
    var event = Event.empty();
    if (random.nextInt(8) > 0) {
      event = event.withData(text(random, random.nextInt(40)));
    }
    if (random.nextInt(3) == 0) {
      event = event.withName(oneLine(random, "n"));
    }
    if (random.nextInt(3) == 0) {
      event = event.withId(oneLine(random, "").replace("\0", ""));
    }
    if (random.nextInt(5) == 0) {
      event = event.withRetry(Duration.ofMillis(random.nextInt(100_000)));
    }
    if (random.nextInt(3) == 0) {
      event = event.withComment(text(random, random.nextInt(20)));
    }
    if (random.nextInt(4) == 0) {
      String name = oneLine(random, "x").replace(":", "").replace("\uFEFF", "");
      if (!name.isEmpty() && !List.of("data", "event", "id", "retry").contains(name)) {
        event = event.withField(name, text(random, random.nextInt(10)));
      }
    }
    return event;
  }

  static String text(Random random, int length) {
    var out = new StringBuilder();
    while (out.length() < length) {
      out.append(PIECES[random.nextInt(PIECES.length)]);
    }
    return out.toString();
  }

  private static String oneLine(Random random, String start) {
    return start + text(random, random.nextInt(10)).replaceAll("[\r\n]", "");
  }

  /** What arrives of a text: LF for each line break, U+FFFD for a lone surrogate. */
  static String received(String text) {
    return wellFormed(text.replace("\r\n", "\n").replace('\r', '\n'));
  }

  static String wellFormed(String text) {
    var out = new StringBuilder();
    text.codePoints()
        .forEach(c -> out.appendCodePoint(Character.getType(c) == Character.SURROGATE ? 0xFFFD : c));
    return out.toString();
  }

  /** What a parser must have after these events. */
  static final class Expectation {
    private final List<Message> messages = new ArrayList<>();
    private final List<String> comments = new ArrayList<>();
    private final List<String> fields = new ArrayList<>();
    private String id = "";
    private long retry = -1;

    void add(Event event) {
      event.id().ifPresent(value -> id = wellFormed(value));
      event.retry().ifPresent(value -> retry = value.toMillis());
      event.comment().ifPresent(value -> lines(value).forEach(line -> comments.add(line.isEmpty() ? "" : " " + line)));
      event.fields().forEach((name, value) -> lines(value).forEach(line -> fields.add(wellFormed(name) + "=" + line)));
      event
          .data()
          .ifPresent(value -> messages.add(new Message(event.name().map(RandomEvents::wellFormed).orElse("message"), received(value), id)));
    }

    private static List<String> lines(String value) {
      return List.of(received(value).split("\n", -1));
    }

    void check(String which, WhatwgParser parser) {
      assertEquals(messages, parser.messages(), which);
      assertEquals(comments, parser.comments(), which);
      assertEquals(fields, parser.unknownFields(), which);
      assertEquals(id, parser.lastEventId(), which);
      assertEquals(retry, parser.reconnectionTime(), which);
    }
  }
}
