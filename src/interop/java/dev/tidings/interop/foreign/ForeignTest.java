package dev.tidings.interop.foreign;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.client.EventClient;
import dev.tidings.client.EventClientException;
import dev.tidings.interop.Child;
import dev.tidings.interop.Ports;
import dev.tidings.interop.Relay;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** The library's client with servers of others. */
@ParameterizedClass
@EnumSource(Foreign.class)
@Timeout(120)
class ForeignTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  private static int port;
  private static Child process;

  @Parameter
  private Foreign server;

  @BeforeParameterizedClassInvocation
  static void start(Foreign server) throws Exception {
    server.prepare();
    port = Ports.free();
    process = server.start(port);
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    process.close();
  }

  private static URI uri(int port, String path) {
    return URI.create("http://127.0.0.1:" + port + path);
  }

  private static EventClient.Builder client(String path) {
    return EventClient.builder(uri(port, path));
  }

  private static Event next(EventClient client) throws InterruptedException {
    return client.next(BOUND).orElseThrow();
  }

  private static String data(EventClient client) throws InterruptedException {
    return next(client).data().orElseThrow();
  }

  private static String get(String path) throws Exception {
    try (var http = HttpClient.newHttpClient()) {
      return http.send(HttpRequest.newBuilder(uri(port, path)).build(), BodyHandlers.ofString()).body();
    }
  }

  private void passed(String check, String deviation) throws Exception {
    Results.passed(Part.SERVERS, server.title, server.version(), check, "", deviation);
  }

  @Test
  void receivesEveryEventAndNoticesHeartbeats() throws Exception {
    String leading = server == Foreign.SPRING ? "a leading space" : " a leading space";
    var expected = List.of(
        Event.of("plain"), Event.of("one\ntwo\n\nfour"), Event.of("named", "with a name"), Event.of("Grüße, 世界, 🎈"),
        Event.of(": a colon"), Event.of("with an id").withId("id 1"), Event.of(leading), Event.of("x".repeat(1_000_000)),
        Event.of("last", "that is all"));
    int before = Integer.parseInt(get("/visits"));
    try (var client = client("/receive").maxSilence(Duration.ofSeconds(1)).open()) {
      for (Event event : expected) {
        assertEquals(event, next(client));
      }
      assertEquals(Optional.of("id 1"), client.lastEventId());
      assertEquals(Optional.empty(), client.next(Duration.ofSeconds(2))); // twice its longest silence
    }
    assertEquals(before + 1, Integer.parseInt(get("/visits")));
    passed(
        "sends names, ids, several lines, UTF-8, 1,000,000 characters: receives every event, and comments keep the stream",
        server == Foreign.SPRING ? "writes no space after the colon of `data:`, so clients remove a leading space of the data" : "");
  }

  @Test
  void resumesAfterEveryEndAndACut() throws Exception {
    var received = new ArrayList<String>();
    try (var relay = Relay.start(port); var client = EventClient.open(uri(relay.port(), "/count"))) {
      for (Optional<Event> event; (event = client.next(BOUND)).isPresent(); ) {
        received.add(text(event.get()));
        if (received.size() == 40) {
          relay.cut();
        }
      }
      assertTrue(client.isEnded());
      assertEquals(Optional.of("100"), client.lastEventId());
    }
    assertEquals(numbers(), received);
    passed("ends its stream three times, and a connection is cut: 100 events, exactly once and in order; then 204 ends the client", "");
  }

  @Test
  void resumesAfterAKill() throws Exception {
    var received = new ArrayList<String>();
    try (var client = client("/count").maxRetry(Duration.ofMillis(300)).open()) {
      for (Optional<Event> event; (event = client.next(BOUND)).isPresent(); ) {
        received.add(text(event.get()));
        if (received.size() == 30) {
          process.kill();
          process.close();
          process = server.start(port);
        }
      }
      assertTrue(client.isEnded());
    }
    assertEquals(numbers(), received);
    passed("is killed and restarted: 100 events, exactly once and in order", "");
  }

  /** Returns the data: better-sse sends it as JSON. */
  private String text(Event event) {
    String data = event.data().orElseThrow();
    return server == Foreign.BETTER_SSE ? data.replace("\"", "") : data;
  }

  private static List<String> numbers() {
    return IntStream.rangeClosed(1, 100).mapToObj(number -> "number " + number).toList();
  }

  @Test
  void aFailureIsNotTheEnd() throws Exception {
    try (var client = client("/fail").reconnect(false).open()) {
      assertEquals("before", text(next(client)));
      var failure = assertThrows(EventClientException.class, () -> client.next(BOUND));
      assertTrue(failure.getMessage().contains("the stream was lost"), failure.getMessage());
    }
    try (var client = client("/fail").open()) {
      assertEquals("before", text(next(client)));
      assertEquals(Optional.empty(), client.next(BOUND));
      assertTrue(client.isEnded()); // by the 204 of its second request
    }
    passed("fails during a stream: reports a failure, or reconnects", "");
  }

  @Test
  void receivesTheResponseOfAPostOnce() throws Exception {
    try (var client = client("/say").post("one\nGrüße", "text/plain;charset=utf-8").open()) {
      assertEquals("one", data(client));
      assertEquals("Grüße", data(client));
      assertEquals(Optional.empty(), client.next(BOUND));
      assertTrue(client.isEnded());
    }
    passed("answers a POST with a stream: receives it, and does not repeat the request", "");
  }

  @Test
  void receivesSeveralLinesOfText() throws Exception {
    boolean isWhole = server != Foreign.BETTER_SSE;
    try (var client = client("/lines").reconnect(false).open()) {
      assertEquals(isWhole ? "one\ntwo" : "one", data(client));
      assertEquals(Optional.empty(), client.next(BOUND));
    }
    passed(
        "sends text with a line break: receives it",
        isWhole ? "" : "with a serializer other than its JSON, writes line breaks unchanged, so clients lose all lines but the first");
  }

  @Test
  void isRefusedForGoodByOtherStatuses() throws Exception {
    var failure = assertThrows(EventClientException.class, () -> client("/missing").open());
    assertEquals(OptionalInt.of(404), failure.status());
    assertEquals(server == Foreign.BETTER_SSE ? "nothing here" : "", failure.body()); // Spring has none as an event stream
    var running = assertThrows(EventClientException.class, () -> client("/missing").build().next(BOUND));
    assertEquals(OptionalInt.of(404), running.status());
    passed("answers 404: fails with the status", "");
  }

  @Test
  void obeysRetryAfter() throws Exception {
    try (var client = client("/busy").open()) {
      assertEquals("not busy", data(client));
      long start = System.nanoTime();
      assertEquals("not busy", data(client));
      long took = (System.nanoTime() - start) / 1_000_000;
      assertTrue(took >= 1000, took + " ms");
    }
    passed("answers 503 with `Retry-After: 1`: reconnects after that time", "");
  }
}
