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
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests a page without its own script: htmx replaces its parts with the events that arrive. */
@Timeout(60)
class BrowserHtmxTest {
  private static final String PAGE = """
      <!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
      <title>htmx</title>
      <script src="/htmx.js"></script>
      <script src="/sse.js"></script>
      <body hx-ext="sse">
      <div id="live" sse-connect="/fragments" %s>
        <p id="price" sse-swap="price">none yet</p>
        <ul id="news" sse-swap="news" hx-swap="beforeend"></ul>
        <p id="part" hx-get="/part" hx-trigger="sse:changed">old</p>
      </div>
      </body>
      </html>
      """;

  private final BlockingQueue<EventSource> streams = new LinkedBlockingQueue<>();
  private final BlockingQueue<Optional<String>> lastEventIds = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> endings = new LinkedBlockingQueue<>();
  private SseServer server;

  @BeforeEach
  void start() throws IOException {
    server = SseServer.builder().settings(Settings.defaults().withHeartbeat(Duration.ofMillis(500))).build();
    Pages.npm(server, "/htmx.js", "htmx.org/dist/htmx.min.js");
    Pages.npm(server, "/sse.js", "htmx-ext-sse/dist/sse.min.js");
    Pages.html(server, "/", PAGE.formatted(""));
    Pages.html(server, "/told", PAGE.formatted("sse-close=\"tidings:completed\""));
    Pages.html(server, "/part", "<b>new</b>");
    server.get("/fragments", request -> {
      lastEventIds.add(request.lastEventId());
      try (var sse = request.getEventSource()) {
        if (sse.isOpen()) {
          sse.send(Event.empty().withRetry(Duration.ofMillis(500)));
          streams.add(sse);
          endings.add(sse.keepAlive().name());
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
    return Optional.ofNullable(streams.poll(10, TimeUnit.SECONDS)).orElseThrow();
  }

  private Optional<String> lastEventId() throws InterruptedException {
    return lastEventIds.poll(10, TimeUnit.SECONDS);
  }

  private static void passed(Browser browser, String check, String deviation) throws Exception {
    String version = Npm.version("htmx.org") + ", htmx-ext-sse " + Npm.version("htmx-ext-sse") + ", " + browser + " " + browser.version();
    Results.passed(Results.Part.BROWSERS, "htmx in " + browser, version, check, "", deviation);
  }

  @ParameterizedTest
  @EnumSource
  void fragmentsAreSwappedIn(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri());
      var sse = stream();
      assertEquals(Optional.empty(), lastEventId());
      sse.send(Event.of("price", "<b>12,50 €</b>\n<i>since\r\n noon</i>"));
      tab.await("document.querySelector('#price').innerHTML === '<b>12,50 €</b>\\n<i>since\\n noon</i>'");
      sse.send(Event.of("news", "<li>one</li>"));
      sse.send(Event.of("news", "<li>世界 🎈</li>").withId("7"));
      tab.await("[...document.querySelectorAll('#news > li')].map(item => item.textContent).join() === 'one,世界 🎈'");
      sse.send(Event.of("changed", ""));
      tab.await("document.querySelector('#part').innerHTML === '<b>new</b>'");
      assertEquals(List.of(), tab.complaints());

      sse.close();
      assertEquals(Optional.of("7"), lastEventId());
      stream().send(Event.of("news", "<li>three</li>"));
      tab.await("document.querySelectorAll('#news > li').length === 3");
    }
    passed(
        browser,
        "replaces and appends fragments of several lines, sends a request when an event arrives, and reconnects with"
            + " `Last-Event-ID` after the end of a stream",
        "");
  }

  @ParameterizedTest
  @EnumSource
  void removedElementClosesItsStream(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri());
      stream();
      tab.evaluate("htmx.swap('#live', '<p>something else</p>', { swapStyle: 'outerHTML' })");
      assertEquals("CLIENT_GONE", endings.poll(3, TimeUnit.SECONDS));
    }
    passed(browser, "closes the stream when its element is swapped out", "");
  }

  @ParameterizedTest
  @EnumSource
  void staysAwayAfterCompletionIfToldSo(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri().resolve("/told"));
      assertEquals(Optional.empty(), lastEventId());
      stream().complete();
      tab.await("document.querySelector('#live')['htmx-internal-data'].sseEventSource.readyState === EventSource.CLOSED");
      assertEquals(null, lastEventIds.poll(2, TimeUnit.SECONDS)); // four times its reconnection time
    }
    passed(browser, "does not reconnect after complete() with `sse-close=\"tidings:completed\"`", "");
  }

  @ParameterizedTest
  @EnumSource
  void comesBackAfterCompletionIfNotToldSo(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri());
      assertEquals(Optional.empty(), lastEventId());
      stream().complete();
      assertTrue(lastEventId().orElseThrow().startsWith("tidings-completed"));
      assertEquals(Optional.empty(), lastEventId());
      stream();
    }
    passed(
        browser,
        "does not reconnect after complete()",
        "its EventSource gives up at the 204, and the extension then opens a new one, without a last event id:"
            + " set `sse-close=\"tidings:completed\"`");
  }
}
