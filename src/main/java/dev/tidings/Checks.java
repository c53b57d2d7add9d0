package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** The checks of arguments that stand in more than one place. Each message names the value and the rule. */
final class Checks {
  private static final String TOKEN_MARKS = "!#$%&'*+-.^_`|~";

  private Checks() {}

  /** The duration in nanoseconds; one longer than 292 years is without limit. */
  static long nanos(Duration duration) {
    return TimeUnit.NANOSECONDS.convert(duration);
  }

  static Duration requirePositive(String what, Duration duration) {
    if (!duration.isPositive()) {
      throw new IllegalArgumentException(what + " must be longer than zero: " + duration);
    }
    return duration;
  }

  static Duration requireNotNegative(String what, Duration duration) {
    if (duration.isNegative()) {
      throw new IllegalArgumentException(what + " must not be negative: " + duration);
    }
    return duration;
  }

  static void requireAtLeast(String what, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(what + " must be at least " + least + ": " + value);
    }
  }

  /** Text that UTF-8 can carry: decoded text never has a lone surrogate, so such a text matches nothing. */
  static String requireWellFormed(String what, String text) {
    if (!UTF_8.newEncoder().canEncode(text)) {
      throw new IllegalArgumentException(
          what + " must have no lone surrogate, which UTF-8 cannot carry: " + Quoted.java(text));
    }
    return text;
  }

  /** A header field that RFC 9110, sections 5.1 and 5.5, allows. */
  static void requireHeader(String name, String value) {
    requireToken("header name", name);
    if (!value.chars().allMatch(Checks::isValueChar)) {
      throw new IllegalArgumentException(
          "header value must be one line of ISO-8859-1 without controls (RFC 9110, 5.5): "
              + Quoted.java(value));
    }
  }

  static void requireToken(String what, String text) {
    if (text.isEmpty() || !text.chars().allMatch(Checks::isTokenChar)) {
      throw new IllegalArgumentException(
          what + " must be a token (RFC 9110, 5.6.2): " + Quoted.java(text));
    }
  }

  private static boolean isTokenChar(int c) {
    return c >= 'a' && c <= 'z'
        || c >= 'A' && c <= 'Z'
        || c >= '0' && c <= '9'
        || TOKEN_MARKS.indexOf(c) >= 0;
  }

  private static boolean isValueChar(int c) {
    return c == '\t' || c >= ' ' && c <= '~' || c >= 0xA0 && c <= 0xFF;
  }
}
