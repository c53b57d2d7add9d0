package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseServer;
import dev.tidings.interop.Npm;
import dev.tidings.interop.Results;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests htmx 4, whose SSE extension reads streams with fetch, and its attribute {@code hx-sse:close}. */
@Timeout(60)
class BrowserHtmx4Test {
  private static final String PAGE = """
      <!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
      <title>htmx 4</title>
      <script src="/htmx.js"></script>
      <script src="/sse.js"></script>
      <body>
      <p id="live" hx-sse:connect="/fragments" %s>none yet</p>
      <script>
      document.addEventListener('htmx:sse:close', event => console.debug('tell closed: ' + event.detail.reason));
      </script>
      </body>
      </html>
      """;

  private final BlockingQueue<EventSource> streams = new LinkedBlockingQueue<>();
  private final BlockingQueue<Optional<String>> lastEventIds = new LinkedBlockingQueue<>();
  private SseServer server;

  @BeforeEach
  void start() throws IOException {
    server = SseServer.builder().settings(Settings.defaults().withHeartbeat(Duration.ofMillis(500))).build();
    Pages.npm(server, "/htmx.js", "htmx4/dist/htmx.min.js");
    Pages.npm(server, "/sse.js", "htmx4/dist/ext/hx-sse.min.js");
    Pages.html(server, "/", PAGE.formatted(""));
    Pages.html(server, "/told", PAGE.formatted("hx-sse:close=\"tidings:completed\""));
    server.get("/fragments", request -> {
      lastEventIds.add(request.lastEventId());
      try (var sse = request.getEventSource()) {
        if (sse.isOpen()) {
          streams.add(sse);
          sse.keepAlive();
        }
      }
    });
    server.start();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private EventSource stream() throws InterruptedException {
    return Optional.ofNullable(streams.poll(20, TimeUnit.SECONDS)).orElseThrow();
  }

  private Optional<String> lastEventId() throws InterruptedException {
    return lastEventIds.poll(20, TimeUnit.SECONDS);
  }

  private static void passed(Browser browser, String check, String deviation) throws Exception {
    Results.passed(
        Results.Part.BROWSERS, "htmx 4 in " + browser, Npm.version("htmx4") + ", " + browser + " " + browser.version(), check, "", deviation);
  }

  @ParameterizedTest
  @EnumSource
  void swapsAndResumes(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri());
      var sse = stream();
      assertEquals(Optional.empty(), lastEventId());
      sse.send(Event.of("<b>12,50 €</b>\n<i>世界</i>").withId("7"));
      tab.await("document.querySelector('#live').innerHTML === '<b>12,50 €</b>\\n<i>世界</i>'");
      sse.close();
      assertEquals(Optional.of("7"), lastEventId());
      stream().send("<b>again</b>");
      tab.await("document.querySelector('#live').innerHTML === '<b>again</b>'");
    }
    passed(browser, "replaces a fragment of several lines, and reconnects with `Last-Event-ID` after the end of a stream", "");
  }

  @ParameterizedTest
  @EnumSource
  void staysAwayAfterCompletionIfToldSo(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri().resolve("/told"));
      assertEquals(Optional.empty(), lastEventId());
      stream().complete();
      tab.awaitTold("closed: message");
      assertEquals(null, lastEventIds.poll(2, TimeUnit.SECONDS)); // three times its reconnection time
    }
    passed(browser, "does not reconnect after complete() with `hx-sse:close=\"tidings:completed\"`", "");
  }

  @ParameterizedTest
  @EnumSource
  void comesBackAfterCompletionIfNotToldSo(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri());
      assertEquals(Optional.empty(), lastEventId());
      stream().complete();
      for (int i = 0; i < 3; i++) {
        assertTrue(lastEventId().orElseThrow().startsWith("tidings-completed"));
      }
    }
    passed(
        browser,
        "does not reconnect after complete()",
        "treats the 204 as a stream that ends at once, and reconnects without limit, with the last event id: set"
            + " `hx-sse:close=\"tidings:completed\"`");
  }
}
