package dev.tidings.redis;

import java.util.HexFormat;

/** Quotes text from outside, so that it cannot be mistaken for the text around it. */
final class Quoted {
  private static final int MOST = 200; // characters

  private Quoted() {}

  /** Returns the text in quotation marks, without controls, and truncated if it is long. */
  static String text(String value) {
    var out = new StringBuilder("\"");
    value
        .codePoints()
        .limit(MOST)
        .forEach(
            c -> {
              switch (Character.getType(c)) {
                case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE,
                    Character.UNASSIGNED -> {
                  for (char unit : Character.toChars(c)) {
                    out.append("\\u").append(HexFormat.of().toHexDigits(unit));
                  }
                }
                default -> {
                  if (c == '"' || c == '\\') {
                    out.append('\\');
                  }
                  out.appendCodePoint(c);
                }
              }
            });
    return out.append(value.codePointCount(0, value.length()) > MOST ? "\" (cut)" : "\"").toString();
  }

  /** Returns the reason of a failure: the messages of the exception and its causes. */
  static String reason(Throwable thrown) {
    var out = new StringBuilder();
    String before = "";
    for (var at = thrown; at != null; at = at.getCause()) {
      String text = at.getMessage() == null ? at.getClass().getSimpleName() : at.getMessage();
      if (!before.contains(text)) {
        out.append(out.isEmpty() ? "" : ": ").append(text);
      }
      for (var also : at.getSuppressed()) {
        if (also.getMessage() != null && !out.toString().contains(also.getMessage())) {
          out.append(": ").append(also.getMessage());
        }
      }
      before = text;
    }
    return text(out.toString());
  }
}
