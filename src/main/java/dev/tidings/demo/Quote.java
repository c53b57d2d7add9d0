package dev.tidings.demo;

import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Quotes text, so that it can be distinguished from the surrounding text. */
final class Quote {
  private static final int MOST = 80; // characters

  /** Characters that are not displayed as themselves: controls, line breaks, direction marks, surrogates. */
  private static final Pattern SPECIAL_IN_JAVA =
      Pattern.compile("[\"\\\\\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}\\p{Cn}]");

  /** Characters that must be escaped (RFC 8259, 7), and lone surrogates, which UTF-8 cannot encode. */
  private static final Pattern SPECIAL_IN_JSON = Pattern.compile("[\"\\\\\\x00-\\x1f\\p{Cs}]");

  private Quote() {}

  /** Returns the value as a Java string literal, truncated if it is long. */
  static String java(String value) {
    boolean cut = value.codePointCount(0, value.length()) > MOST;
    String shown = cut ? value.substring(0, value.offsetByCodePoints(0, MOST)) : value;
    String quoted =
        replace(
            SPECIAL_IN_JAVA,
            shown,
            special ->
                switch (special) {
                  case "\n" -> "\\n";
                  case "\r" -> "\\r";
                  default -> escape(special);
                });
    return cut ? quoted + " (cut)" : quoted;
  }

  /** Returns the text as a JSON string. */
  static String json(String text) {
    return replace(SPECIAL_IN_JSON, text, Quote::escape);
  }

  private static String replace(Pattern special, String text, UnaryOperator<String> escape) {
    String escaped =
        special
            .matcher(text)
            .replaceAll(found -> Matcher.quoteReplacement(escape.apply(found.group())));
    return '"' + escaped + '"';
  }

  /** Escapes a character. A character above U+FFFF has two UTF-16 units. */
  private static String escape(String special) {
    if (special.equals("\"") || special.equals("\\")) {
      return "\\" + special;
    }
    return special
        .chars()
        .mapToObj(unit -> String.format(Locale.ROOT, "\\u%04x", unit))
        .collect(Collectors.joining());
  }
}
