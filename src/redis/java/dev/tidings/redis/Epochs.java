package dev.tidings.redis;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * The epochs of a log, the newest first. A new epoch begins when the server may hold other data than it acknowledged, so
 * that a number can be assigned again, but an id cannot.
 */
record Epochs(List<Place> begins) {

  /** Parses {@code word:before,word:before}. Each epoch begins after the number that stands with its word. */
  static Epochs parse(String text) {
    var begins = new ArrayList<Place>();
    for (String epoch : text.split(",")) {
      int colon = epoch.indexOf(':');
      begins.add(new Place(Long.parseLong(epoch.substring(colon + 1)), epoch.substring(0, colon)));
    }
    return new Epochs(List.copyOf(begins));
  }

  /** Returns the place after this number. It has the word of the epoch in which that event was appended. */
  Place place(long number) {
    for (Place begin : begins) {
      if (begin.number() < number) {
        return new Place(number, begin.word());
      }
    }
    return new Place(number, begins.getLast().word()); // the start of the oldest epoch
  }

  /** Returns the number after which the oldest known epoch begins. Older places have no id. */
  long start() {
    return begins.getLast().number();
  }

  String newest() {
    return begins.getFirst().word();
  }

  /**
   * Returns a number up to which a client of an unknown epoch may have received the events of this log, while it has
   * received none after it: where the oldest epoch begins that was not born before the unknown one. Births increase within
   * a log, so no such epoch came before the unknown one. Returns empty if all epochs were born before it.
   */
  OptionalLong fork(String word) {
    long birth = Place.birth(word);
    var fork = OptionalLong.empty();
    for (Place begin : begins) {
      if (Place.birth(begin.word()) >= birth) {
        fork = OptionalLong.of(begin.number());
      }
    }
    return fork;
  }

  /** Returns the number of the last event of an epoch; -1 if the epoch is not known. */
  long end(String word, long last) {
    long end = last;
    for (Place begin : begins) {
      if (begin.word().equals(word)) {
        return end;
      }
      end = begin.number();
    }
    return -1;
  }
}
