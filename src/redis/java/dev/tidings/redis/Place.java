package dev.tidings.redis;

import java.util.Optional;

/**
 * A place in a log, right after the event with this number.
 *
 * @param number the number of the event; the place before the first event has number 0
 * @param word the word of the epoch in which the number was assigned: 7 digits of its birth in base 36, and 5 random
 *     characters
 */
record Place(long number, String word) {
  private static final int DIGITS = 16; // as many as a Lua number represents exactly
  private static final int BIRTH = 7;
  private static final int WORD = BIRTH + 5;

  /** The length of the longest id. */
  static final int LONGEST = DIGITS + 1 + WORD;

  /** Returns the id of the place, which is its only spelling. */
  String id() {
    return number + "." + word;
  }

  /** Returns the place that this text means; empty if it is not an id of any log. */
  static Optional<Place> parse(String id) {
    int dot = id.length() > LONGEST ? -1 : id.indexOf('.');
    if (dot < 1 || dot > DIGITS || id.charAt(0) == '0' && dot > 1 || !isWord(id, dot + 1)) {
      return Optional.empty();
    }
    long number = 0;
    for (int i = 0; i < dot; i++) {
      int digit = id.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        return Optional.empty();
      }
      number = 10 * number + digit;
    }
    return Optional.of(new Place(number, id.substring(dot + 1)));
  }

  /**
   * Returns when an epoch began, in seconds since 1970 by the clock of Redis, but after the birth of the epoch before it in
   * the same log.
   */
  static long birth(String word) {
    return word.length() < BIRTH ? 0 : Long.parseLong(word, 0, BIRTH, 36);
  }

  private static boolean isWord(String id, int from) {
    for (int i = from; i < id.length(); i++) {
      char c = id.charAt(i);
      if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
        return false;
      }
    }
    return id.length() == from + WORD;
  }
}
