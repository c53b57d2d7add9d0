package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a real browser's EventSource does at the ends that streams come to. */
class BrowserTest {
  private static final String PAGE =
      """
      <!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>events</title>
      <script>
      const name = location.hash.slice(1);
      let order = Promise.resolve();
      const report = text => order = order.then(() => fetch('/report', {method: 'POST', body: name + ' ' + text}));
      const source = new EventSource('/events');
      source.onmessage = event => report('got ' + event.data);
      source.onerror = () => report(source.readyState === EventSource.CLOSED ? 'gave up' : 'reconnects');
      </script>
      """;

  private static final Duration CHROMIUMS_OWN = Duration.ofSeconds(3); // reconnection time

  private final BlockingQueue<String> reports = new LinkedBlockingQueue<>();
  private final BlockingQueue<Long> requests = new LinkedBlockingQueue<>(); // when each came
  private SseServer server;

  private void start(Settings settings, SseHandler events) throws IOException {
    server = SseServer.builder().settings(settings).build();
    server.get("/", request -> request.respond(200, "text/html", PAGE));
    server.post("/report", request -> {
      reports.add(request.text());
      request.respond(204);
    });
    server.get("/events", request -> {
      requests.add(System.nanoTime());
      events.handle(request);
    });
    server.start();
  }

  @AfterEach
  void stop() {
    Optional.ofNullable(server).ifPresent(SseServer::close);
  }

  private Chromium tab(String name) throws IOException {
    return Chromium.start(server.uri().resolve("/#" + name));
  }

  /** The next report like this; what comes before it must be of the others. */
  private void assertReported(String text, String... others) throws InterruptedException {
    for (String report; !(report = Await.next("the report: " + text, reports)).equals(text); ) {
      assertTrue(List.of(others).contains(report), report);
    }
  }

  @Test
  void stopsForGoodAfterComplete() throws Exception {
    start(Settings.defaults(), request -> {
      var stream = request.getEventSource();
      stream.send(Event.of("all there is").withId("7").withRetry(Duration.ofMillis(100)));
      stream.complete();
    });
    try (var _ = tab("tab")) {
      assertReported("tab got all there is");
      assertReported("tab reconnects");
      assertReported("tab gave up");
      assertEquals(2, requests.size());
      assertEquals(1, server.eventSources().opened());
      assertEquals(null, reports.poll(1, TimeUnit.SECONDS)); // ten times as long as it would wait
      assertEquals(2, requests.size());
    }
  }

  @Test
  void comesBackAfterCloseWhenRetrySays() throws Exception {
    var retry = Duration.ofMillis(500);
    start(Settings.defaults(), request -> {
      try (var stream = request.getEventSource()) {
        stream.send(Event.of("once more").withRetry(retry));
      }
    });
    try (var _ = tab("tab")) {
      long first = Await.next("the first request", requests);
      for (int i = 0; i < 2; i++) {
        long next = Await.next("the next request", requests);
        var waited = Duration.ofNanos(next - first);
        assertTrue(waited.compareTo(retry) >= 0, waited::toString);
        assertTrue(waited.compareTo(CHROMIUMS_OWN) < 0, waited::toString);
        first = next;
      }
    }
  }

  @Test
  void obeysTheRetryOfAStop() throws Exception {
    var settings = Settings.defaults()
        .reconnect(Duration.ofMillis(500), Duration.ofMillis(500)).farewell(Event.of("back soon"));
    start(settings, request -> {
      var stream = request.getEventSource();
      stream.send("hello");
      stream.keepAlive();
    });
    try (var _ = tab("tab")) {
      assertReported("tab got hello");
      // The registry alone is stopped, so that the server sees when the browser comes back.
      server.eventSources().close();
      long stopped = System.nanoTime();
      requests.clear();
      assertReported("tab got back soon");
      var waited = Duration.ofNanos(Await.next("its return", requests) - stopped);
      assertTrue(waited.compareTo(Duration.ofMillis(400)) > 0, waited::toString);
      assertTrue(waited.compareTo(CHROMIUMS_OWN) < 0, waited::toString);
      Await.next("that it is refused, and comes back again", requests);
    }
  }

  @Test
  void twoTabsWithOneIdentifierSettleAndTheLastOneStays() throws Exception {
    start(Settings.defaults(), request -> {
      var stream = request.getEventSource("me");
      stream.send(Event.of("hello").withRetry(Duration.ofMillis(100)));
      stream.keepAlive();
    });
    try (var _ = tab("older")) {
      assertReported("older got hello");
      try (var _ = tab("newer")) {
        assertReported("older gave up", "newer got hello", "older reconnects");
        Await.until("the newer one has it", () -> server.eventSources().opened() == 2);
        int before = requests.size();
        var late = reports.poll(2, TimeUnit.SECONDS); // twenty times as long as they would wait
        assertTrue(late == null || late.equals("newer got hello"), late);
        assertEquals(before, requests.size());
        assertEquals(2, server.eventSources().opened());
        assertEquals(1, server.eventSources().count());
        assertEquals(1, server.eventSources().broadcast("for who stayed"));
        assertReported("newer got for who stayed", "newer got hello");
        assertEquals(Map.of(Ending.REPLACED, 1L), server.eventSources().ended());
      }
    }
  }

  @Test
  void onAFullServerItComesBackByItselfOnceThereIsRoom() throws Exception {
    var settings = Settings.defaults().maxStreams(1)
        .reconnect(Duration.ofMillis(100), Duration.ofMillis(300));
    start(settings, request -> {
      var stream = request.getEventSource();
      stream.send("welcome");
      stream.keepAlive();
    });
    try (var other = Client.get(server.uri().resolve("/events"))) {
      assertEquals("welcome", other.next().data());
      try (var _ = tab("tab")) {
        for (int i = 0; i < 5; i++) {
          assertReported("tab reconnects");
        }
        var refused = server.eventSources().ended().get(Ending.REFUSED);
        assertTrue(refused >= 5, () -> "refused " + refused);
        assertEquals(1, server.eventSources().dropAll());
        assertReported("tab got welcome", "tab reconnects");
        assertEquals(1, server.eventSources().count());
      }
    }
  }
}
