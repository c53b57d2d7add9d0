package dev.tidings.interop.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.SseServer;
import dev.tidings.interop.Npm;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import dev.tidings.interop.browsers.Browser;
import dev.tidings.interop.browsers.Pages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests clients that open a new connection when an EventSource would give up, and how their users prevent it. */
@Timeout(60)
class CompletionTest {
  private enum Client {
    RECONNECTING_EVENTSOURCE(
        "reconnecting-eventsource",
        "/reconnecting-eventsource.js",
        "new ReconnectingEventSource('/events', { max_retry_time: 200 })",
        "opens a new EventSource at the 204, and reconnects without limit: call its close() at the event tidings:completed"),
    SSE_JS(
        "sse.js",
        "/sse.js",
        "new SSE('/events', { autoReconnect: true, reconnectDelay: 100 })",
        "with autoReconnect, treats 204 as the end of a stream, and reconnects without limit: call its close() at the event"
            + " tidings:completed");

    final String npm;
    final String module;
    final String create;
    final String deviation;

    Client(String npm, String module, String create, String deviation) {
      this.npm = npm;
      this.module = module;
      this.create = create;
      this.deviation = deviation;
    }
  }

  private static final String PAGE = """
      <!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
      <title>completion</title>
      <script type="module">
      import * as all from '%s';
      const ReconnectingEventSource = all.default;
      const SSE = all.SSE;
      const source = %s;
      source.addEventListener('message', event => window.last = event.data);
      %s
      </script>
      """;
  private static final String CURE = "source.addEventListener('tidings:completed', () => source.close());";

  private final BlockingQueue<Optional<String>> lastEventIds = new LinkedBlockingQueue<>();
  private SseServer server;

  @BeforeEach
  void start() throws IOException {
    server = SseServer.create(0);
    Pages.npm(server, Client.RECONNECTING_EVENTSOURCE.module, "reconnecting-eventsource/build/esm/reconnecting-eventsource.js");
    Pages.npm(server, Client.SSE_JS.module, "sse.js/lib/sse.js");
    server.get("/events", request -> {
      lastEventIds.add(request.lastEventId());
      try (var sse = request.getEventSource()) {
        sse.send(Event.of("hello").withRetry(Duration.ofMillis(100)));
        sse.complete();
      }
    });
    server.start();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private void open(Client client, String more, Path folder, Check check) throws Exception {
    var page = Files.writeString(folder.resolve("page.html"), PAGE.formatted(client.module, client.create, more));
    Pages.html(server, "/", page);
    try (var tab = Browser.CHROMIUM.open()) {
      tab.go(server.uri());
      tab.await("window.last === 'hello'");
      check.run();
    }
  }

  private interface Check {
    void run() throws Exception;
  }

  @ParameterizedTest
  @EnumSource
  void comesBackWithoutLimit(Client client, @TempDir Path folder) throws Exception {
    open(client, "", folder, () -> {
      assertEquals(Optional.empty(), lastEventIds.poll(20, TimeUnit.SECONDS));
      for (int i = 0; i < 4; i++) {
        var next = lastEventIds.poll(20, TimeUnit.SECONDS);
        assertTrue(next != null, "it does not reconnect any more");
      }
    });
    passed(client, "does not reconnect after complete()", client.deviation);
  }

  @ParameterizedTest
  @EnumSource
  void staysAwayIfItsUserClosesIt(Client client, @TempDir Path folder) throws Exception {
    open(client, CURE, folder, () -> {
      assertEquals(Optional.empty(), lastEventIds.poll(20, TimeUnit.SECONDS));
      assertEquals(null, lastEventIds.poll(2, TimeUnit.SECONDS)); // ten times its reconnection time
    });
    passed(client, "does not reconnect after complete() if the page closes it at the event tidings:completed", "");
  }

  private static void passed(Client client, String check, String deviation) throws Exception {
    String version = Npm.version(client.npm) + " in " + Browser.CHROMIUM + " " + Browser.CHROMIUM.version();
    Results.passed(Part.CLIENTS, "npm " + client.npm, version, check, "", deviation);
  }
}
