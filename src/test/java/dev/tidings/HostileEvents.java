package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.WhatwgParser.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Random events of text that could break a frame, and the results to expect in a client; a seed repeats them. */
public final class HostileEvents {
  private static final String BYTE_ORDER_MARK = "\uFEFF";
  private static final Set<String> STANDARD_FIELDS = Set.of("data", "event", "id", "retry");
  private static final List<String> PIECES =
      List.of(
          "\n", "\r", "\r\n", "\n\n", "\r\r", "\n\r", "\r\n\r\n", "\n\n\n",
          " ", "  ", ":", "::", ": ", "\t", "\0", "\u0085", "\u2028",
          "data: forged", "event: forged",
          "\ndata: forged", "\nevent: forged", "\nid: forged\n\n", "\nretry: 1\n", "\n: forged",
          BYTE_ORDER_MARK, "\u00EF\u00BB\u00BF", "\uFFFD", "\uFFFF", "\uD83C\uDF88", "\uD83D", "\uDE00", "\uDE00\uD83D",
          "é", "€", "e\u0301", "\u202E", "\u200D", "a", "null", "word", "0", "\\u000a", "\"", "</script>");

  private final Random random;
  private int count;

  public HostileEvents(long seed) {
    random = new Random(seed);
  }

  public Event next() {
    var event = Event.empty();
    if (oneIn(3)) {
      event = event.withComment(text(random.nextInt(20)));
    }
    if (oneIn(3)) {
      event = event.withName("n" + oneLine());
    }
    if (oneIn(3)) {
      event = event.withId(oneLine().replace("\0", ""));
    }
    if (oneIn(5)) {
      event = event.withRetry(Duration.ofMillis(random.nextLong() >>> 1 + random.nextInt(63)));
    }
    if (oneIn(4)) {
      event = withField(event);
    }
    if (++count % 20_000 == 0) {
      return event.withData(text(random.nextInt(2_000_000))); // usually more than an outbox holds
    }
    return oneIn(8) ? event : event.withData(text(random.nextInt(40)));
  }

  private Event withField(Event event) {
    String name = oneLine().replace(":", "");
    boolean allowed = !name.isEmpty() && !name.startsWith(BYTE_ORDER_MARK) && !STANDARD_FIELDS.contains(name);
    return allowed ? event.withField(name, text(random.nextInt(10))) : event;
  }

  private boolean oneIn(int count) {
    return random.nextInt(count) == 0;
  }

  /** Returns at least this many characters, made of the pieces and of random characters. */
  String text(int length) {
    var text = new StringBuilder();
    while (text.length() < length) {
      if (oneIn(6)) {
        text.append((char) random.nextInt(0x10000));
      } else {
        text.append(PIECES.get(random.nextInt(PIECES.size())));
      }
    }
    return text.toString();
  }

  private String oneLine() {
    return text(random.nextInt(10)).replaceAll("[\r\n]", "");
  }

  /** Returns the text as it arrives: LF for each line break, U+FFFD for a lone surrogate. */
  static String received(String text) {
    return wellFormed(text.replace("\r\n", "\n").replace('\r', '\n'));
  }

  /** Returns the lines of the text as it arrives. */
  public static List<String> lines(String text) {
    return List.of(received(text).split("\n", -1));
  }

  /** Replaces each lone surrogate by U+FFFD, since UTF-8 cannot encode it. */
  public static String wellFormed(String text) {
    var out = new StringBuilder();
    text.codePoints().forEach(c -> out.appendCodePoint(Character.getType(c) == Character.SURROGATE ? 0xFFFD : c));
    return out.toString();
  }

  /** The state that a parser must have after these events. */
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
          .ifPresent(value -> messages.add(new Message(event.name().map(HostileEvents::wellFormed).orElse("message"), received(value), id)));
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
