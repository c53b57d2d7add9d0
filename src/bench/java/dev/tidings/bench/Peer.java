package dev.tidings.bench;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * A server under test, by its own way of server-sent events: {@code /events} opens a stream that stays,
 * {@code /many?count=..&size=..} one whose handler sends that many events and ends it.
 */
interface Peer {

  /**
   * Listens on loopback.
   *
   * @param ping how often each stream is pinged; zero for never, if the server leaves that to its user
   */
  void start(int port, Duration ping) throws Exception;

  /** Hands the event to all open streams, as the server's users would; called by one thread. */
  void publish(String data) throws Exception;

  /** How many streams have ever been opened, each counted once the next event will reach it. */
  long opened();

  /** All peers and floors, in the order of the table. */
  Map<String, Supplier<Peer>> ALL =
      ordered(
          List.of(
              Map.entry("tidings", TidingsPeer::new),
              Map.entry("undertow", UndertowPeer::new),
              Map.entry("vertx", VertxPeer::new),
              Map.entry("jetty", JettyPeer::new),
              Map.entry("helidon", HelidonPeer::new),
              Map.entry("javalin", JavalinPeer::new),
              Map.entry("raw", RawPeer::new),
              Map.entry("jdk", () -> new JdkPeer(false)),
              Map.entry("jdk-parked", () -> new JdkPeer(true))));

  /** What is measured unless named. */
  List<String> DEFAULT =
      List.of("tidings", "undertow", "vertx", "jetty", "helidon", "javalin", "raw", "jdk");

  /** What is no rival but a yardstick. */
  List<String> FLOORS = List.of("raw", "jdk", "jdk-parked");

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
