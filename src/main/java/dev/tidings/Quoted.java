package dev.tidings;

import java.util.HexFormat;

/** Quotes text, so that it cannot be mistaken for the text around it. */
final class Quoted {
  private static final int MOST = 80; // characters

  private Quoted() {}

  /** Returns the value as a Java string literal, truncated if it is long. */
  static String java(String value) {
    boolean cut = value.length() > MOST && value.codePointCount(0, value.length()) > MOST;
    var out = new StringBuilder("\"");
    value
        .codePoints()
        .limit(MOST)
        .forEach(
            c -> {
              switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                default -> {
                  if (isPlain(c)) {
                    out.appendCodePoint(c);
                  } else {
                    for (char unit : Character.toChars(c)) {
                      escape(out, unit);
                    }
                  }
                }
              }
            });
    return out.append(cut ? "\" (cut)" : "\"").toString();
  }

  /**
   * Returns the class name of an exception, followed by its message if there is one. The message is quoted, because it
   * may contain text from a client.
   */
  static String java(Throwable thrown) {
    String name = thrown.getClass().getName();
    return thrown.getMessage() == null ? name : name + " " + java(thrown.getMessage());
  }

  /** Returns whether the character can be printed as it is: no control, line break or change of text direction. */
  private static boolean isPlain(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }

  private static void escape(StringBuilder out, char unit) {
    out.append("\\u").append(HexFormat.of().toHexDigits(unit));
  }

  /** Returns a JSON string (RFC 8259, 7). A lone surrogate is escaped, since UTF-8 cannot encode it. */
  static String json(String text) {
    var out = new StringBuilder(text.length() + 2).append('"');
    text.codePoints()
        .forEach(
            c -> {
              if (c == '"' || c == '\\') {
                out.append('\\').append((char) c);
              } else if (c < ' ' || c <= 0xFFFF && Character.isSurrogate((char) c)) {
                escape(out, (char) c);
              } else {
                out.appendCodePoint(c);
              }
            });
    return out.append('"').toString();
  }
}
