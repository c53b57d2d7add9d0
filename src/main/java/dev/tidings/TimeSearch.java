package dev.tidings;

import java.util.OptionalLong;

/** Searches a log in this process for the place of a time. */
final class TimeSearch {

  /** The times of the events of a log, which never decrease. */
  interface Times {
    /** Returns when the event with this number was appended, in milliseconds since 1970; empty if it was dropped. */
    OptionalLong of(long number);
  }

  private TimeSearch() {}

  /**
   * Returns the number before that of the first event that was appended at this time or later; empty if an event was
   * dropped since, so that the caller has to search again.
   *
   * @param base the number before that of the oldest event
   * @param end the number of the newest event
   * @param millis milliseconds since 1970
   */
  static OptionalLong before(long base, long end, long millis, Times times) {
    long low = base; // at or before the place
    long high = end;
    while (low < high) {
      long middle = low + (high - low) / 2 + 1;
      var time = times.of(middle);
      if (time.isEmpty()) {
        return OptionalLong.empty();
      }
      if (time.getAsLong() < millis) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return OptionalLong.of(low);
  }
}
