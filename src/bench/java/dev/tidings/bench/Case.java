package dev.tidings.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * One situation.
 *
 * @param streams how many clients there are
 * @param window how many events may be outstanding
 * @param size bytes of data in an event
 * @param stalled how many of the clients never read
 */
record Case(
    String name, String title, Kind kind, int streams, int window, int size, int stalled) {

  enum Kind {
    FANOUT,
    IDLE,
    CONNECT,
    SINGLE
  }

  static final int MANY = 200_000; // events of the single stream

  static final List<Case> ALL =
      List.of(
          new Case("A", "1,000 streams, one event outstanding", Kind.FANOUT, 1_000, 1, 64, 0),
          new Case("B", "1,000 streams, up to 32 outstanding", Kind.FANOUT, 1_000, 32, 64, 0),
          new Case("C", "10,000 streams, one outstanding", Kind.FANOUT, 10_000, 1, 64, 0),
          new Case("D", "as C, 1 % never read", Kind.FANOUT, 10_000, 1, 64, 100),
          new Case("E", "10,000 idle streams, pings for a minute", Kind.IDLE, 10_000, 0, 64, 0),
          new Case("F", "10,000 connects", Kind.CONNECT, 10_000, 0, 64, 0),
          new Case("G", "200,000 events to one client", Kind.SINGLE, 1, 0, 64, 0),
          new Case("H10", "10 KB to 500 streams", Kind.FANOUT, 500, 1, 10_000, 0),
          new Case("H100", "100 KB to 500 streams", Kind.FANOUT, 500, 1, 100_000, 0));

  /** The names that are separated by commas; all for {@code all}, both for {@code H}. */
  static List<Case> named(String names) {
    if (names.equals("all")) {
      return ALL;
    }
    var chosen = new ArrayList<Case>();
    for (String name : names.split(",")) {
      int before = chosen.size();
      for (Case one : ALL) {
        if (one.name.equalsIgnoreCase(name) || name.equalsIgnoreCase("H") && one.isLarge()) {
          chosen.add(one);
        }
      }
      if (chosen.size() == before) {
        var valid = ALL.stream().map(Case::name).toList();
        throw new IllegalArgumentException("no such case: " + name + "; there are " + valid);
      }
    }
    return chosen;
  }

  boolean isLarge() {
    return size > 1_000;
  }

  /** The same in miniature. */
  Case small() {
    return new Case(
        name, title, kind, Math.min(streams, 200), window, size, Math.min(stalled, 2));
  }

  /** How long to wait, publish and so on; the miniature says only whether it works. */
  record Times(
      Duration warmUp,
      Duration measured,
      Duration ping,
      Duration idle,
      int many,
      Duration patience,
      int collections) {
    static final Times FULL =
        new Times(
            Duration.ofSeconds(4),
            Duration.ofSeconds(8),
            Duration.ofSeconds(15),
            Duration.ofSeconds(60),
            MANY,
            Duration.ofSeconds(15),
            3);
    static final Times SHORT =
        new Times(
            Duration.ofMillis(100),
            Duration.ofMillis(200),
            Duration.ofMillis(600),
            Duration.ofMillis(900),
            5_000,
            Duration.ofSeconds(2),
            1);
  }
}
