package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Text that UTF-8 can carry: what comes out of it never has a lone surrogate, so such a text matches nothing. */
final class WellFormed {
  private WellFormed() {}

  static String require(String what, String text) {
    if (!UTF_8.newEncoder().canEncode(text)) {
      throw new IllegalArgumentException(
          what + " must have no lone surrogate, which UTF-8 cannot carry: " + Quoted.java(text));
    }
    return text;
  }
}
