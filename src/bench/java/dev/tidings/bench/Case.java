package dev.tidings.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * One case of the benchmark.
 *
 * @param streams the number of clients, or of idle channels
 * @param window the number of events that may be outstanding
 * @param size the bytes of data in an event
 * @param stalled the number of clients that never read
 * @param peers the peers that are measured unless others are named
 */
record Case(
    String name,
    String title,
    Kind kind,
    int streams,
    int window,
    int size,
    int stalled,
    List<String> peers) {

  enum Kind {
    FANOUT,
    IDLE,
    CONNECT,
    SINGLE,
    WAYS,
    CHURN,
    RETURN,
    NAMES,
    CHANNELS
  }

  static final int MANY = 200_000; // events of the single stream
  private static final String CHANNEL = "tidings-channel";
  private static final String CHANNELS = "tidings-channels";
  private static final String NAMES = "tidings-names";
  private static final String IDENTIFIERS = "tidings-identifiers";

  static final List<Case> ALL =
      List.of(
          servers("A", "1,000 streams, one event outstanding", Kind.FANOUT, 1_000, 1, 64, 0),
          servers("B", "1,000 streams, up to 32 outstanding", Kind.FANOUT, 1_000, 32, 64, 0),
          servers("C", "10,000 streams, one outstanding", Kind.FANOUT, 10_000, 1, 64, 0),
          servers("D", "as C, 1 % never read", Kind.FANOUT, 10_000, 1, 64, 100),
          servers("E", "10,000 idle streams, pings for a minute", Kind.IDLE, 10_000, 0, 64, 0),
          servers("F", "10,000 connects", Kind.CONNECT, 10_000, 0, 64, 0),
          servers("G", "200,000 events to one client", Kind.SINGLE, 1, 0, 64, 0),
          servers("H10", "10 KB to 500 streams", Kind.FANOUT, 500, 1, 10_000, 0),
          servers("H100", "100 KB to 500 streams", Kind.FANOUT, 500, 1, 100_000, 0),
          ours("K", "as C, events with ids", Kind.WAYS, 10_000, "tidings-id", CHANNEL),
          ours("K2", "as K, four channels in turn", Kind.WAYS, 10_000, "tidings-id", CHANNELS),
          ours("N", "as C, 100 join and 100 leave a second", Kind.CHURN, 18_000, "tidings"),
          ours("R", "clients come back 1,000 events behind", Kind.RETURN, 5_000, CHANNEL),
          new Case(
              "T",
              "10,000 names, one stream each, events to random names, up to 32 outstanding",
              Kind.NAMES, 10_000, 32, 64, 0, List.of(NAMES, IDENTIFIERS)),
          ours("T0", "100,000 idle channels, three minutes", Kind.CHANNELS, 100_000, NAMES));

  private static Case servers(
      String name, String title, Kind kind, int streams, int window, int size, int stalled) {
    return new Case(name, title, kind, streams, window, size, stalled, Peer.DEFAULT);
  }

  private static Case ours(String name, String title, Kind kind, int streams, String... peers) {
    return new Case(name, title, kind, streams, 1, 64, 0, List.of(peers));
  }

  /** Returns the cases of these comma-separated names: all for {@code all}, both for {@code H}. */
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

  /** Returns whether the case suits this peer, which need not be one of its own peers. */
  boolean suits(String peer) {
    String way = Peer.plain(peer);
    boolean named = way.equals(NAMES) || way.equals(IDENTIFIERS);
    boolean ordered = window == 1 && stalled == 0; // there is no order between channels
    return switch (kind) {
      case WAYS, NAMES, CHANNELS -> peers.contains(way);
      case RETURN -> way.equals(CHANNEL);
      case FANOUT, CHURN -> !named && (ordered || !way.equals(CHANNELS));
      case IDLE, CONNECT, SINGLE -> !named;
    };
  }

  /** Returns how many file descriptors and local ports it needs, including those of closed connections. */
  int descriptors() {
    return switch (kind) {
      case CHURN -> streams + 1_800;
      case RETURN -> streams * 5 / 2 + 500;
      case FANOUT, IDLE, CONNECT, SINGLE, WAYS, NAMES -> streams * 5 / 4 + 500;
      case CHANNELS -> 500;
    };
  }

  /** Returns the same case in miniature. */
  Case small() {
    return new Case(
        name, title, kind, Math.min(streams, 200), window, size, Math.min(stalled, 2), peers);
  }

  /**
   * Durations and counts. Those of the short mode only show whether the benchmark works.
   *
   * @param ping the heartbeat for idle streams
   * @param connectWarmUps how often all clients connect beforehand: the JVM compiles for about 30,000
   *     connects
   * @param cycle the heartbeat while visitors join and leave
   * @param visitors the number of visitors at a time
   * @param behind the number of events that returning clients have missed
   */
  record Times(
      Duration warmUp,
      Duration measured,
      Duration ping,
      Duration idle,
      int connectWarmUps,
      Duration cycle,
      int visitors,
      int behind,
      int many,
      Duration patience,
      int collections) {
    static final Times FULL =
        new Times(
            Duration.ofSeconds(4),
            Duration.ofSeconds(8),
            Duration.ofSeconds(15),
            Duration.ofSeconds(60),
            8,
            Duration.ofSeconds(10),
            100,
            1_000,
            MANY,
            Duration.ofSeconds(15),
            3);
    static final Times SHORT =
        new Times(
            Duration.ofMillis(100),
            Duration.ofMillis(200),
            Duration.ofMillis(600),
            Duration.ofMillis(900),
            2,
            Duration.ofMillis(600),
            5,
            100,
            5_000,
            Duration.ofSeconds(2),
            1);

    Duration ping(Kind kind) {
      return switch (kind) {
        case IDLE -> ping;
        case CHURN -> cycle;
        default -> Duration.ZERO;
      };
    }
  }
}
