package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.tidings.SseServer;
import java.net.URI;
import java.util.ArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests more streams than a browser opens connections to one origin over HTTP/1.1. */
@Timeout(60)
class BrowserTabsTest {
  private static final String PAGE = Pages.page("events", """
      const streams = Number(new URLSearchParams(location.search).get('streams') ?? 1);
      const sources = Array.from({ length: streams }, (_, i) => {
        const source = new EventSource('/events?stream=' + i);
        source.onmessage = event => tell('got ' + event.data);
        return source;
      });
      """);

  private static SseServer start() throws Exception {
    var server = SseServer.create(0);
    Pages.html(server, "/", PAGE);
    server.get("/events", request -> {
      try (var sse = request.getEventSource()) {
        sse.send("welcome");
        sse.keepAlive();
      }
    });
    return server.start();
  }

  @ParameterizedTest
  @CsvSource({"CHROMIUM, 6", "FIREFOX, 9"})
  void oneTabMoreThanThereAreConnectionsWaitsUntilAnotherCloses(Browser browser, int connections) throws Exception {
    var tabs = new ArrayList<Tab>();
    try (var server = start()) {
      for (int i = 0; i < connections; i++) {
        tabs.add(browser.open());
        tabs.getLast().go(server.uri());
        tabs.getLast().awaitTold("got welcome");
      }
      var more = browser.open();
      tabs.add(more);
      var loading = more.begin("goto", server.uri().toString());
      assertThrows(TimeoutException.class, () -> loading.get(1, TimeUnit.SECONDS));
      assertEquals(connections, server.eventSources().count());

      tabs.add(browser.open());
      tabs.getLast().go(URI.create("http://localhost:" + server.port() + "/"));
      tabs.getLast().awaitTold("got welcome");

      tabs.removeFirst().close();
      loading.get(20, TimeUnit.SECONDS);
      more.awaitTold("got welcome");
    } finally {
      for (Tab tab : tabs) {
        tab.close();
      }
    }
    browser.passed(
        "HTTP/1.1, one stream per tab: six are open, and the seventh tab does not load until one is closed;"
            + " under another host name a tab loads at once",
        "",
        browser == Browser.FIREFOX
            ? "nine are open, and the tenth waits: pages that load may use three more connections, and their streams keep them"
            : "");
  }

  @ParameterizedTest
  @EnumSource
  void theSeventhStreamOfOnePageWaitsUntilAnotherCloses(Browser browser) throws Exception {
    try (var server = start();
        var tab = browser.open()) {
      tab.go(server.uri().resolve("/?streams=7"));
      for (int i = 0; i < 6; i++) {
        tab.awaitTold("got welcome");
      }
      assertEquals(null, tab.allTold().poll(1, TimeUnit.SECONDS));
      assertEquals(6, server.eventSources().count());
      tab.evaluate("sources[0].close()");
      tab.awaitTold("got welcome");
    }
    browser.passed("HTTP/1.1, seven streams in one page: six are open, and the seventh opens when one is closed");
  }
}
