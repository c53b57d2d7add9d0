package dev.tidings.interop.foreign;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.client.EventClient;
import dev.tidings.client.EventClientException;
import dev.tidings.interop.Ports;
import dev.tidings.interop.Relay;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The library's client with Nchan, whose histories are bounded and lost when it is killed. */
@Timeout(60)
class NchanTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  private static Nchan nchan;

  @BeforeAll
  static void start(@TempDir Path folder) throws Exception {
    nchan = new Nchan(folder, Ports.free());
  }

  @AfterAll
  static void stop() {
    if (nchan != null) {
      nchan.close();
    }
  }

  private static EventClient.Builder client(int port, String path) {
    var uri = URI.create("http://127.0.0.1:" + port + path);
    return EventClient.builder(uri).retry(Duration.ofMillis(100)).maxRetry(Duration.ofMillis(300));
  }

  private static EventClient.Builder client(String path) {
    return client(nchan.port(), path);
  }

  private static void publish(String channel, int from, int to) throws Exception {
    for (int i = from; i <= to; i++) {
      nchan.publish(channel, Integer.toString(i));
    }
  }

  private static List<String> take(EventClient client, int count) throws InterruptedException {
    var taken = new ArrayList<String>();
    while (taken.size() < count) {
      taken.add(client.next(BOUND).orElseThrow().data().orElseThrow());
    }
    return taken;
  }

  private static List<String> numbers(int from, int to) {
    return IntStream.rangeClosed(from, to).mapToObj(Integer::toString).toList();
  }

  /** Waits until the second in the last id is over: Nchan numbers the messages of a second from 0 again after a loss. */
  private static void awaitNextSecond(EventClient client) throws InterruptedException {
    String id = client.lastEventId().orElseThrow();
    long second = Long.parseLong(id.substring(0, id.indexOf(':')));
    while (Instant.now().getEpochSecond() <= second) {
      Thread.sleep(10);
    }
  }

  private static void passed(String check, String deviation) throws Exception {
    Results.passed(Part.SERVERS, "Nchan", Nchan.version(), check, "", deviation);
  }

  @Test
  void receivesEveryEventAndNoticesPings() throws Exception {
    try (var relay = Relay.start(nchan.port());
        var client = client(relay.port(), "/events/all").maxSilence(Duration.ofMillis(1900)).open()) {
      nchan.publish("all", "one\ntwo\n\nfour", "X-EventSource-Event", "named");
      nchan.publish("all", " a leading space");
      nchan.publish("all", "one\r\ntwo\rthree");
      nchan.publish("all", "Grüße, 世界, 🎈");
      nchan.publish("all", "x".repeat(1_000_000));
      var expected = List.of(
          Event.of("named", "one\ntwo\n\nfour"), Event.of(" a leading space"), Event.of("one\ntwo"),
          Event.of("Grüße, 世界, 🎈"), Event.of("x".repeat(1_000_000)));
      for (Event event : expected) {
        var next = client.next(BOUND).orElseThrow();
        assertEquals(event.withId(next.id().orElseThrow()), next);
        assertEquals(next.id(), client.lastEventId());
      }
      assertEquals(Optional.empty(), client.next(Duration.ofSeconds(4))); // twice its longest silence
      assertEquals(1, relay.accepted());
    }
    passed(
        "sends names, ids, several lines, UTF-8, 1,000,000 characters: receives every event, and pings keep the stream",
        "writes CR unchanged into a line of data, so clients lose the text between CR and the next LF");
  }

  @Test
  void resumesAfterCuts() throws Exception {
    try (var relay = Relay.start(nchan.port()); var client = client(relay.port(), "/events/cut").open()) {
      for (int i = 0; i < 50; i += 10) {
        publish("cut", i + 1, i + 5);
        assertEquals(numbers(i + 1, i + 5), take(client, 5));
        relay.cut();
        publish("cut", i + 6, i + 10);
        assertEquals(numbers(i + 6, i + 10), take(client, 5));
      }
      assertEquals(6, relay.accepted());
    }
    passed("a connection is cut five times: 50 events, exactly once and in order", "");
  }

  @Test
  void isNotToldOfALoss() throws Exception {
    String first;
    try (var client = client("/events/loss").open()) {
      publish("loss", 1, 1);
      take(client, 1);
      first = client.lastEventId().orElseThrow();
    }
    publish("loss", 2, 3 * Nchan.HISTORY);
    try (var client = client("/events/loss").lastEventId(first).open()) {
      assertEquals(numbers(2 * Nchan.HISTORY + 1, 3 * Nchan.HISTORY), take(client, Nchan.HISTORY));
    }
    passed(
        "more events are missed than it keeps: receives those that are kept, and is told of the loss",
        "skips lost events without a notice");
  }

  @Test
  void goesOnAfterAKill() throws Exception {
    try (var client = client("/events/kill").open()) {
      publish("kill", 1, 3);
      assertEquals(numbers(1, 3), take(client, 3));
      awaitNextSecond(client);
      nchan.killAndRestart();
      publish("kill", 4, 6); // perhaps before the client has reconnected
      assertEquals(numbers(4, 6), take(client, 3));
    }
    passed("is killed and restarted without its events: reconnects, and receives those that are published after it", "");
  }

  @Test
  void aKillLooksLikeTheEnd() throws Exception {
    try (var client = client("/events/end").reconnect(false).open()) {
      publish("end", 1, 1);
      assertEquals(numbers(1, 1), take(client, 1));
      nchan.killAndRestart();
      assertEquals(Optional.empty(), client.next(BOUND));
      assertTrue(client.isEnded());
    }
    passed(
        "is killed while a client that does not reconnect receives: reports a failure",
        "sends neither chunks nor a length, so the end of the connection is that of the response");
  }

  @Test
  void goesOnAfterTheChannelWasDeleted() throws Exception {
    try (var client = client("/events/deleted").open()) {
      publish("deleted", 1, 3);
      assertEquals(numbers(1, 3), take(client, 3));
      awaitNextSecond(client);
      nchan.delete("deleted");
      publish("deleted", 4, 6);
      assertEquals(numbers(4, 6), take(client, 3));
    }
    passed("its channel is deleted and used again: reconnects, and receives the new events", "");
  }

  @Test
  void isRefusedForGoodByOtherStatuses() throws Exception {
    for (var path : List.of("/nothing", "/existing/nothing")) {
      var failure = assertThrows(EventClientException.class, () -> client(path).open());
      assertEquals(OptionalInt.of(path.equals("/nothing") ? 404 : 403), failure.status());
    }
    passed("answers 404, or 403 for a channel that does not exist: fails with the status", "");
  }
}
