package dev.tidings.bench;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * A server under test, with its own implementation of server-sent events. {@code /events} opens a stream that
 * stays open. {@code /many?count=..&size=..} opens one whose handler sends that many events and ends it.
 */
interface Peer {

  /**
   * Listens on loopback.
   *
   * @param ping how often each stream is pinged; zero for never, if the server leaves that to its user
   */
  void start(int port, Duration ping) throws Exception;

  /** Publishes the event to all open streams, as users of the server would. Called by one thread. */
  void publish(String data) throws Exception;

  /** Returns how many streams have been opened. A stream counts once the next event will reach it. */
  long opened();

  /** Returns the last event id of a client that has all events so far, if the server has a history. */
  default String position() {
    throw new UnsupportedOperationException("this server has no history");
  }

  /** Creates this many channels, each with one event in its history and without streams. */
  default void createChannels(int count, String data) {
    throw new UnsupportedOperationException("this server has no channels by name");
  }

  /** Obeys an order that not all peers know, and returns the words of the answer. */
  default String obey(String[] words) throws Exception {
    throw new UnsupportedOperationException("unknown order " + words[0]);
  }

  /** Creates the peer of this name: one of {@link #ALL}, or one of those that {@link Logs} measures. */
  static Peer of(String name) {
    if (name.startsWith(LogPeer.NAME)) {
      return new LogPeer(name.substring(LogPeer.NAME.length()));
    }
    return name.startsWith(NchanPeer.NAME) ? new NchanPeer(name.substring(NchanPeer.NAME.length())) : ALL.get(name).get();
  }

  /** The library on robaho's server, whose jar is on the class path of this peer only. */
  String ROBAHO = "tidings-robaho";

  /** All peers, including the baselines, in the order of the table. */
  Map<String, Supplier<Peer>> ALL =
      ordered(
          List.of(
              Map.entry("tidings", () -> new TidingsPeer(TidingsPeer.Way.BROADCAST)),
              Map.entry("tidings-id", () -> new TidingsPeer(TidingsPeer.Way.BROADCAST_WITH_ID)),
              Map.entry("tidings-channel", () -> new TidingsPeer(TidingsPeer.Way.CHANNEL)),
              Map.entry("tidings-channels", () -> new TidingsPeer(TidingsPeer.Way.FOUR_CHANNELS)),
              Map.entry("tidings-names", () -> new NamesPeer(NamesPeer.Way.CHANNELS)),
              Map.entry("tidings-identifiers", () -> new NamesPeer(NamesPeer.Way.IDENTIFIERS)),
              Map.entry(ROBAHO, () -> new TidingsPeer(TidingsPeer.Way.BROADCAST, "robaho.")),
              Map.entry("undertow", UndertowPeer::new),
              Map.entry("vertx", VertxPeer::new),
              Map.entry("jetty", JettyPeer::new),
              Map.entry("helidon", HelidonPeer::new),
              Map.entry("javalin", JavalinPeer::new),
              Map.entry("raw", RawPeer::new),
              Map.entry("jdk", () -> new JdkPeer(false)),
              Map.entry("jdk-parked", () -> new JdkPeer(true))));

  /** The servers that are compared unless others are named. */
  List<String> DEFAULT =
      List.of("tidings", "undertow", "vertx", "jetty", "helidon", "javalin", "raw", "jdk");

  /** The library's own peers. The first one represents it in the comparison of servers. */
  List<String> OURS =
      List.of(
          "tidings",
          "tidings-id",
          "tidings-channel",
          "tidings-channels",
          "tidings-names",
          "tidings-identifiers");

  /** The peers that are baselines and not rivals. */
  List<String> FLOORS = List.of("raw", "jdk", "jdk-parked");

  /** Returns the name without the suffix for an old version of the library: {@code tidings@old}. */
  static String plain(String name) {
    int at = name.indexOf('@');
    return at < 0 ? name : name.substring(0, at);
  }

  private static Map<String, Supplier<Peer>> ordered(
      List<Map.Entry<String, Supplier<Peer>>> entries) {
    return entries.stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                Map.Entry::getValue,
                (a, b) -> a,
                java.util.LinkedHashMap::new));
  }
}
