package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/** Encodes {@code text/event-stream}, and rejects values that it cannot represent. */
final class WireFormat {
  static final String MEDIA_TYPE = "text/event-stream";

  /** A comment line that no blank line follows. Some clients treat it as the first line of the next block. */
  static final byte[] COMMENT_LINE = {':', '\n'};

  /** The last event id of a client that must not reconnect. If the client does, the response is 204. */
  static final String COMPLETED_ID = "tidings-completed-5d41f3c8";

  /**
   * The event that sets {@link #COMPLETED_ID}, which {@code Event} rejects. It has data, without which many
   * non-browser clients ignore the id, and an event name of its own, so that only scripts that listen for it
   * receive it.
   */
  static final byte[] COMPLETION =
      ("event: tidings:completed\nid: " + COMPLETED_ID + "\ndata: \n\n").getBytes(UTF_8);

  private static final Set<String> STANDARD_FIELDS = Set.of("data", "event", "id", "retry");
  private static final char BYTE_ORDER_MARK = '\uFEFF';
  private static final char REPLACEMENT = '\uFFFD';

  private WireFormat() {}

  static byte[] bytes(Event event) {
    return text(event).getBytes(UTF_8);
  }

  /** Returns a block that was encoded without an id, with a line for this id prepended. */
  static byte[] withId(String id, byte[] block) {
    checkId(id);
    var line = new StringBuilder();
    line(line, "id", id, 0, id.length());
    byte[] first = wellFormed(line).getBytes(UTF_8);
    byte[] bytes = Arrays.copyOf(first, first.length + block.length);
    System.arraycopy(block, 0, bytes, first.length, block.length);
    return bytes;
  }

  /** Returns the length of the encoded event, without encoding it in the usual case. */
  static int size(Event event) {
    boolean usual = event.comment().isEmpty() && event.retry().isEmpty() && event.fields().isEmpty();
    int size = usual ? lineSize("event", event.name()) + lineSize("id", event.id()) + lineSize("data", event.data()) : 0;
    return usual && size > 0 ? size + 1 : bytes(event).length;
  }

  /** Returns the length of the line for this value; a negative number if it may have several lines, or is not in ASCII. */
  private static int lineSize(String field, Optional<String> value) {
    if (value.isEmpty()) {
      return 0;
    }
    String text = value.get();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= 128 || c == '\n' || c == '\r') {
        return Integer.MIN_VALUE / 4;
      }
    }
    return text.isEmpty() && !field.equals("data") ? field.length() + 2 : field.length() + text.length() + 3;
  }

  static String text(Event event) {
    var out = new StringBuilder(32 + event.id().map(String::length).orElse(0) + event.data().map(String::length).orElse(0));
    event.comment().ifPresent(text -> lines(out, "", text));
    event.name().ifPresent(name -> line(out, "event", name, 0, name.length()));
    event.id().ifPresent(id -> line(out, "id", id, 0, id.length()));
    event.retry().ifPresent(retry -> lines(out, "retry", Long.toString(retry.toMillis())));
    event.fields().forEach((field, value) -> lines(out, field, value));
    event.data().ifPresent(data -> lines(out, "data", data));
    return wellFormed(out.append('\n'));
  }

  /**
   * Appends one line of the field for each line of the value; LF, CR and CRLF separate lines. Each character is
   * read a fixed number of times: the next LF and the next CR are remembered until they are passed.
   */
  private static void lines(StringBuilder out, String field, String value) {
    int length = value.length();
    int lf = next(value, '\n', 0);
    int cr = next(value, '\r', 0);
    int start = 0;
    while (lf < length || cr < length) {
      int end = Math.min(lf, cr);
      line(out, field, value, start, end);
      boolean crlf = end == cr && lf == cr + 1 && lf < length;
      start = end + (crlf ? 2 : 1);
      lf = lf < start ? next(value, '\n', start) : lf;
      cr = cr < start ? next(value, '\r', start) : cr;
    }
    line(out, field, value, start, length);
  }

  /** Returns the index of the next such character, or the length of the text. */
  private static int next(String text, char c, int from) {
    int index = text.indexOf(c, from);
    return index < 0 ? text.length() : index;
  }

  /**
   * Appends a line, with a single space, which the parser removes, before the value. An empty value needs no
   * space, except for data, since some clients crash on a bare {@code data:}.
   */
  private static void line(StringBuilder out, String field, String value, int start, int end) {
    out.append(field).append(':');
    if (start < end || field.equals("data")) {
      out.append(' ').append(value, start, end);
    }
    out.append('\n');
  }

  /** Replaces lone surrogates, which {@code String.getBytes} would encode as question marks. */
  private static String wellFormed(StringBuilder text) {
    String whole = text.toString();
    return hasSurrogates(whole) ? replaceLone(text) : whole;
  }

  /** Returns whether the text has surrogates. Takes a string: for a Latin-1 one, the compiler can remove the loop. */
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

  /** Returns whether any client sends this id back unchanged in its header, so that the log finds it again. */
  static boolean isLogId(String id) {
    if (id.isEmpty() || id.length() > 64) {
      return false;
    }
    for (int i = 0; i < id.length(); i++) { // no java.util.stream: this runs for each event
      char c = id.charAt(i);
      if (c >= 128 || !Character.isLetterOrDigit(c) && "-._~".indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }

  static void checkLogId(String id) {
    check(
        isLogId(id),
        "an id of a log must be 1 to 64 characters of A-Z a-z 0-9 - . _ ~",
        id);
  }

  static void checkRetry(Duration retry) {
    boolean fits = retry.compareTo(Duration.ofMillis(Long.MAX_VALUE)) <= 0;
    check(!retry.isNegative() && fits, "retry must be 0 to 2^63-1 milliseconds", retry.toString());
  }

  static void checkField(String field) {
    check(!field.isEmpty(), "field name must not be empty (that would be a comment)", field);
    check(oneLine(field), "field name must be one line", field);
    check(field.indexOf(':') < 0, "field name must not contain a colon, which ends it", field);
    // A decoder removes one byte order mark from the start of a stream, which would change the field name.
    check(field.charAt(0) != BYTE_ORDER_MARK, "field name must not start with U+FEFF", field);
    check(!STANDARD_FIELDS.contains(field), "field has a method of its own in Event", field);
  }

  private static boolean oneLine(String text) {
    return text.indexOf('\n') < 0 && text.indexOf('\r') < 0;
  }

  private static void check(boolean holds, String rule, String value) {
    if (!holds) {
      throw new IllegalArgumentException(rule + ": " + Quoted.java(value));
    }
  }
}
