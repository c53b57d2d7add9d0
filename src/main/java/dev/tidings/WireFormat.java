package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.Arrays;
import java.util.Set;

/** The bytes of {@code text/event-stream}, and what cannot be said in them. */
final class WireFormat {
  static final String MEDIA_TYPE = "text/event-stream";

  /** A comment line without a blank line after it: the least that can be written at any time. */
  static final byte[] COMMENT_LINE = {':', '\n'};

  /** The last event id of a client that is not to come back; one that does is answered with 204. */
  static final String COMPLETED_ID = "tidings:completed:5d41f3c8";

  /**
   * The event that sets it, which {@code Event} refuses. It has data, without which many clients that are
   * no browsers forget its id, and a type of its own, for which nobody listens who does not ask for it.
   */
  static final byte[] COMPLETION =
      ("event: tidings:completed\nid: " + COMPLETED_ID + "\ndata:\n\n").getBytes(UTF_8);

  private static final Set<String> STANDARD_FIELDS = Set.of("data", "event", "id", "retry");
  private static final char BYTE_ORDER_MARK = '\uFEFF';
  private static final char REPLACEMENT = '\uFFFD';

  private WireFormat() {}

  static byte[] bytes(Event event) {
    return text(event).getBytes(UTF_8);
  }

  /** The block with this id before all that was encoded without one. */
  static byte[] withId(String id, byte[] block) {
    checkId(id);
    var line = new StringBuilder();
    line(line, "id", id, 0, id.length());
    byte[] first = wellFormed(line).getBytes(UTF_8);
    byte[] bytes = Arrays.copyOf(first, first.length + block.length);
    System.arraycopy(block, 0, bytes, first.length, block.length);
    return bytes;
  }

  static String text(Event event) {
    var out = new StringBuilder(32 + event.data().map(String::length).orElse(0));
    event.comment().ifPresent(text -> lines(out, "", text));
    event.name().ifPresent(name -> line(out, "event", name, 0, name.length()));
    event.id().ifPresent(id -> line(out, "id", id, 0, id.length()));
    event.retry().ifPresent(retry -> lines(out, "retry", Long.toString(retry.toMillis())));
    event.fields().forEach((field, value) -> lines(out, field, value));
    event.data().ifPresent(data -> lines(out, "data", data));
    return wellFormed(out.append('\n'));
  }

  /** One line of the field for each line of the value, which LF, CR and CRLF separate. */
  private static void lines(StringBuilder out, String field, String value) {
    int start = 0;
    for (int end; (end = lineBreak(value, start)) >= 0; ) {
      line(out, field, value, start, end);
      boolean crlf = value.startsWith("\r\n", end);
      start = end + (crlf ? 2 : 1);
    }
    line(out, field, value, start, value.length());
  }

  /** An empty value gets no space, any other one gets the single space that the parser removes. */
  private static void line(StringBuilder out, String field, String value, int start, int end) {
    out.append(field).append(':');
    if (start < end) {
      out.append(' ').append(value, start, end);
    }
    out.append('\n');
  }

  private static int lineBreak(String text, int from) {
    int lf = text.indexOf('\n', from);
    int cr = text.indexOf('\r', from, lf < 0 ? text.length() : lf);
    return cr < 0 ? lf : cr;
  }

  /** {@code String.getBytes} would put a question mark for a lone surrogate. */
  private static String wellFormed(StringBuilder text) {
    String whole = text.toString();
    return hasSurrogates(whole) ? replaceLone(text) : whole;
  }

  /** On a string, not on its builder: where that has Latin-1 only, the compiler drops the loop. */
  private static boolean hasSurrogates(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        return true;
      }
    }
    return false;
  }

  private static String replaceLone(StringBuilder text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean pair =
            Character.isHighSurrogate(c)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (pair) {
          i++;
        } else {
          text.setCharAt(i, REPLACEMENT);
        }
      }
    }
    return text.toString();
  }

  static void checkName(String name) {
    check(!name.isEmpty(), "event name must not be empty (without one it is \"message\")", name);
    check(oneLine(name), "event name must be one line", name);
  }

  static void checkId(String id) {
    check(oneLine(id), "event id must be one line", id);
    check(id.indexOf('\0') < 0, "event id must not contain NUL (a parser ignores such an id)", id);
    check(!id.equals(COMPLETED_ID), "event id is reserved for EventSource.complete()", id);
  }

  static void checkRetry(Duration retry) {
    boolean fits = retry.compareTo(Duration.ofMillis(Long.MAX_VALUE)) <= 0;
    check(!retry.isNegative() && fits, "retry must be 0 to 2^63-1 milliseconds", retry.toString());
  }

  static void checkField(String field) {
    check(!field.isEmpty(), "field name must not be empty (that would be a comment)", field);
    check(oneLine(field), "field name must be one line", field);
    check(field.indexOf(':') < 0, "field name must not contain a colon, which ends it", field);
    // A decoder removes one byte order mark from the start of a stream, and what is left is a field.
    check(field.charAt(0) != BYTE_ORDER_MARK, "field name must not start with U+FEFF", field);
    check(!STANDARD_FIELDS.contains(field), "field has a method of its own in Event", field);
  }

  private static boolean oneLine(String text) {
    return lineBreak(text, 0) < 0;
  }

  private static void check(boolean holds, String rule, String value) {
    if (!holds) {
      throw new IllegalArgumentException(rule + ": " + Quoted.java(value));
    }
  }
}
