package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Settings;
import dev.tidings.SseServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests leaving a page with a stream, and going back to it. */
@Timeout(60)
class BrowserNavigationTest {
  // It records events and reports none: a page that is restored from memory would report them again.
  private static final String PAGE = """
      const seen = [];
      let source;
      function open() {
        source = new EventSource('/events');
        source.onmessage = event => seen.push(event.data);
      }
      addEventListener('pageshow', event => seen.push(event.persisted ? 'page from memory' : 'new page'));
      """;
  private static final String USUAL = Pages.page("events", PAGE + "open();");
  private static final String CAREFUL = Pages.page("events", PAGE + """
      addEventListener('pagehide', () => source.close());
      addEventListener('pageshow', open);
      """);

  private final BlockingQueue<String> endings = new LinkedBlockingQueue<>();
  private SseServer server;

  @BeforeEach
  void start() throws IOException {
    server = SseServer.builder().settings(Settings.defaults().withHeartbeat(Duration.ofMillis(500))).build();
    Pages.html(server, "/usual", USUAL);
    Pages.html(server, "/careful", CAREFUL);
    Pages.html(server, "/elsewhere", Pages.page("elsewhere", ""));
    server.get("/events", request -> {
      try (var sse = request.getEventSource()) {
        sse.send("welcome");
        endings.add(sse.keepAlive().name());
      }
    });
    server.start();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  /** Waits until the server has noticed the disconnect, and returns how many milliseconds that took. */
  private long awaitGone(long since) throws InterruptedException {
    assertEquals(Optional.of("CLIENT_GONE"), Optional.ofNullable(endings.poll(5, TimeUnit.SECONDS)));
    long millis = (System.nanoTime() - since) / 1_000_000;
    assertTrue(millis < 3000, millis + " ms");
    return millis;
  }

  private static void awaitSeen(Tab tab, String text) throws IOException, InterruptedException {
    tab.await("seen.join() === '" + text + "'");
  }

  @ParameterizedTest
  @EnumSource
  void streamEndsWithAReloadAndWithItsTab(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri().resolve("/usual"));
      tab.await("seen.includes('welcome')");
      long start = System.nanoTime();
      tab.call("reload");
      awaitGone(start);
      tab.await("seen.includes('welcome')");
    }
    long took = awaitGone(System.nanoTime());
    browser.passed("reloading a page or closing its tab ends its stream within the heartbeat of 500 ms and a second", took + " ms", "");
  }

  @ParameterizedTest
  @EnumSource
  void pageThatClosesItsStreamOnLeavingOpensAnotherOnTheWayBack(Browser browser) throws Exception {
    try (var tab = browser.open()) {
      tab.go(server.uri().resolve("/careful"));
      awaitSeen(tab, "new page,welcome");
      long start = System.nanoTime();
      tab.go(server.uri().resolve("/elsewhere"));
      awaitGone(start);
      tab.call("goBack");
      boolean fromMemory = tab.evaluate("seen.includes('page from memory')").getAsBoolean();
      awaitSeen(tab, fromMemory ? "new page,welcome,page from memory,welcome" : "new page,welcome");
      assertEquals(1, server.eventSources().count());
    }
    browser.passed("a page that closes its stream at `pagehide` and opens one at `pageshow` has one stream after leaving and going back");
  }

  @Test
  void firefoxEndsTheStreamOfAPageThatIsLeft() throws Exception {
    try (var tab = Browser.FIREFOX.open()) {
      tab.go(server.uri().resolve("/usual"));
      awaitSeen(tab, "new page,welcome");
      long start = System.nanoTime();
      tab.go(server.uri().resolve("/elsewhere"));
      long took = awaitGone(start);
      tab.call("goBack");
      awaitSeen(tab, "new page,welcome");
      Browser.FIREFOX.passed("leaving a page ends its stream; going back loads the page again", took + " ms", "");
    }
  }

  @Test
  void chromiumKeepsTheStreamOfAPageThatIsLeft() throws Exception {
    try (var tab = Browser.CHROMIUM.open()) {
      tab.go(server.uri().resolve("/usual"));
      awaitSeen(tab, "new page,welcome");
      tab.go(server.uri().resolve("/elsewhere"));
      assertEquals(null, endings.poll(3, TimeUnit.SECONDS)); // twice the usual time
      assertEquals(1, server.eventSources().broadcast("meanwhile"));
      tab.call("goBack");
      awaitSeen(tab, "new page,welcome,page from memory,meanwhile");
      assertEquals(1, server.eventSources().stats().opened());
      Browser.CHROMIUM.passed(
          "leaving a page ends its stream; going back loads the page again",
          "",
          "keeps the page in memory with its stream open, which occupies one of the six connections;"
              + " after going back, the page receives the events sent meanwhile");
    }
  }
}
