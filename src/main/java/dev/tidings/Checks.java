package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** Argument checks that several classes use. Each message names the value and the rule. */
final class Checks {
  private static final String TOKEN_MARKS = "!#$%&'*+-.^_`|~";

  private static final int MOST_KEY = 256; // characters

  private Checks() {}

  /** Returns the duration in nanoseconds, or {@code Long.MAX_VALUE}, which means no time limit, if it is too long. */
  static long nanos(Duration duration) {
    return TimeUnit.NANOSECONDS.convert(duration);
  }

  /** Returns the time in milliseconds since 1970: the nearest from zero on. */
  static long millis(Instant time) {
    if (time.isBefore(Instant.EPOCH)) {
      return 0;
    }
    return time.isAfter(Instant.ofEpochMilli(Long.MAX_VALUE)) ? Long.MAX_VALUE : time.toEpochMilli();
  }

  static Duration requirePositive(String what, Duration duration) {
    if (!Objects.requireNonNull(duration, what).isPositive()) {
      throw new IllegalArgumentException(what + " must be longer than zero: " + duration);
    }
    return duration;
  }

  static Duration requireNotNegative(String what, Duration duration) {
    if (Objects.requireNonNull(duration, what).isNegative()) {
      throw new IllegalArgumentException(what + " must not be negative: " + duration);
    }
    return duration;
  }

  static void requireAtLeast(String what, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(what + " must be at least " + least + ": " + value);
    }
  }

  /** Checks the key of an event that is appended at most once. */
  static String requireKey(String key) {
    if (key.isEmpty() || key.length() > MOST_KEY) {
      throw new IllegalArgumentException(
          "key must be 1 to " + MOST_KEY + " characters: " + Quoted.java(key));
    }
    return requireWellFormed("key", key);
  }

  /** Checks that a handler may respond with this status code, which must be final (RFC 9110, 15). */
  static int requireStatus(int status) {
    if (status < 200 || status > 599) {
      throw new IllegalArgumentException("status must be 200 to 599: " + status);
    }
    return status;
  }

  /** Rejects lone surrogates. UTF-8 cannot encode them, so such text would never match decoded text. */
  static String requireWellFormed(String what, String text) {
    if (hasLoneSurrogate(text)) {
      throw new IllegalArgumentException(
          what + " must not contain a lone surrogate, which UTF-8 cannot encode: " + Quoted.java(text));
    }
    return text;
  }

  private static boolean hasLoneSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        return !UTF_8.newEncoder().canEncode(text); // allocates buffers
      }
    }
    return false;
  }

  /** Checks a header field against RFC 9110, sections 5.1 and 5.5. */
  static void requireHeader(String name, String value) {
    requireToken("header name", name);
    if (!value.chars().allMatch(Checks::isValueChar)) {
      throw new IllegalArgumentException(
          "header value must be one line of ISO-8859-1 without controls (RFC 9110, 5.5): "
              + Quoted.java(value));
    }
  }

  static void requireToken(String what, String text) {
    if (Objects.requireNonNull(text, what).isEmpty() || !text.chars().allMatch(Checks::isTokenChar)) {
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
