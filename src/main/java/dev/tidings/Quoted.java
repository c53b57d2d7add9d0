package dev.tidings;

/** A text in quotes, so that nothing in it is taken for what is around it. */
final class Quoted {
  private Quoted() {}

  /** The value as it would stand in Java source, cut where it is long. */
  static String java(String value) {
    var out = new StringBuilder("\"");
    value
        .chars()
        .limit(80)
        .forEach(
            c -> {
              switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                default -> {
                  if (c < ' ' || c == '\uFEFF') {
                    out.append(String.format("\\u%04x", c));
                  } else {
                    out.append((char) c);
                  }
                }
              }
            });
    return out.append(value.length() > 80 ? "\" (cut)" : "\"").toString();
  }

  /** A JSON string (RFC 8259, 7); a lone surrogate is escaped, since UTF-8 cannot carry it. */
  static String json(String text) {
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
