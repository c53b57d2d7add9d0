package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import dev.tidings.SseServer;
import dev.tidings.interop.Child;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests the demo page as a person uses it: operates its controls and checks the visible content. */
@Timeout(90)
class BrowserDemoTest {
  private static final Path SCREENSHOTS = Path.of("target", "screenshots");

  private static Child demo;
  private static URI page;

  @BeforeAll
  static void start() throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    demo = Child.start(java, "-cp", Path.of("target", "classes").toString(), "dev.tidings.demo.Demo", "0");
    page = URI.create(demo.await("Tidings demo at", Duration.ofSeconds(20)).replaceAll(".*(http://\\S+).*", "$1"));
  }

  @AfterAll
  static void stop() {
    demo.close();
  }

  @ParameterizedTest
  @CsvSource({"CHROMIUM, 390, 844", "CHROMIUM, 1280, 900", "FIREFOX, 390, 844", "FIREFOX, 1280, 900"})
  void isUsedWithoutAnError(Browser browser, int width, int height) throws Exception {
    try (var tab = browser.open()) {
      tab.call("setViewport", Map.of("width", width, "height", height));
      tab.go(page);
      tab.await("document.querySelector('#feed').textContent === 'live'");
      fits(tab);

      openStream(tab, "shop-1", "0.5", "comment", "still here");
      openStream(tab, "shop-2", "0.5", "event", "tick");
      openStream(tab, "Grüße <b>&</b>", "5", "comment", "");
      tab.await("document.querySelector('#open-count').textContent === '3'");
      tab.await(rows() + ".includes('Grüße <b>&</b>')");
      tab.await(card("shop-1") + ".includes(': still here')");
      tab.await(card("shop-2") + ".includes('ping tick')");

      send(tab, "id", "Grüße <b>&</b>", "note", "1", "two\nlines, 世界 🎈");
      tab.await("document.querySelector('#sent').textContent === 'sent 1 event to 1 stream'");
      tab.await(card("Grüße") + ".includes('note two\\nlines, 世界 🎈')");
      // A burst is visible for half a second. A busy machine could check too late, so record the peak.
      tab.evaluate("(() => { window.peak = 0; const rate = document.querySelector('#rate');"
          + " new MutationObserver(() => window.peak = Math.max(window.peak, Number(rate.textContent.replace(/,/g, ''))))"
          + ".observe(rate, {childList: true, characterData: true, subtree: true}); return true; })()");
      send(tab, "prefix", "shop-", "", "200", "to the shops");
      tab.await("document.querySelector('#sent').textContent === 'sent 400 events to 2 streams'");
      tab.await("window.peak > 100");
      assertEquals(false, tab.evaluate(card("Grüße") + ".includes('to the shops')").getAsBoolean());
      send(tab, "all", "", "", "20", "to everybody");
      tab.await("document.querySelector('#sent').textContent === 'sent 60 events to 3 streams'");
      for (String title : List.of("shop-1", "shop-2", "Grüße")) {
        tab.await(card(title) + ".includes('to everybody')");
      }
      send(tab, "id", "nobody", "", "1", "x");
      tab.await("document.querySelector('#sent.bad')?.textContent === 'no open stream has the identifier \"nobody\"'");
      tab.await("document.querySelector('#line').getBBox().height > 30"); // the burst is visible in the chart
      fits(tab);
      tab.screenshot(screenshot(browser, width, "in use"), true);

      tab.click("#cards article:nth-child(2) button");
      tab.await(card("shop-2") + ".includes('closed ·')");
      tab.await("!" + rows() + ".includes('shop-2')");
      tab.click("#drop");
      // The third one is the stream of the live data.
      tab.await("document.querySelector('#sent').textContent.startsWith('ended 3 streams, ')");
      tab.await(card("shop-1") + ".includes('ended by the server ·')");
      tab.await("document.querySelector('#open-count').textContent === '0'");
      tab.await("document.querySelector('#feed').textContent === 'live'");
      fits(tab);
      tab.screenshot(screenshot(browser, width, "dropped"), true);

      tab.call("reload");
      tab.await("document.querySelector('#feed').textContent === 'live'");
      tab.screenshot(screenshot(browser, width, "new"), true);
      assertEquals(List.of(), tab.complaints().stream().filter(one -> !isOwnDoing(one)).toList());
    }
    browser.passed(
        ("the demo page, %d pixels wide: opening, sending to one stream, to a prefix and to all, closing, dropping;"
                + " the chart moves, nothing scrolls sideways, the console stays empty")
            .formatted(width));
  }

  @ParameterizedTest
  @CsvSource({"CHROMIUM, 390, 844", "CHROMIUM, 1280, 900", "FIREFOX, 390, 844", "FIREFOX, 1280, 900"})
  void saysWhatItDoesNotTake(Browser browser, int width, int height) throws Exception {
    String identifier = "<i>me</i> & \"you\" \u2028 ünï";
    try (var tab = browser.open()) {
      tab.call("setViewport", Map.of("width", width, "height", height));
      tab.go(page);
      tab.await("document.querySelector('#feed').textContent === 'live'");

      tab.fill("#ping", "0.3");
      tab.fill("#ping-text", "still here");
      String text = new Gson().toJson(identifier);
      // Some of these characters cannot be typed.
      tab.evaluate("(field => { field.value = " + text + "; field.dispatchEvent(new Event('change')); })(document.querySelector('#identifier'))");
      tab.click("#opener button");
      tab.await(card("<i>me</i>") + ".includes('open ·')");
      tab.await(rows() + ".includes(" + text + ")");
      assertTrue(tab.evaluate("document.querySelector('#rows i, #cards h3 i') === null").getAsBoolean(), "an identifier became markup");
      tab.await("/ [1-9]\\d* comment/.test(" + card("<i>me</i>") + ")");
      tab.click("#cards article:nth-child(1) button");
      tab.await(card("<i>me</i>") + ".includes('closed ·')");
      tab.await("!" + rows() + ".includes(" + text + ")");
      tab.click("#cards article:nth-child(1) button");
      tab.await(card("<i>me</i>") + " === ''");

      tab.fill("#identifier", "x");
      tab.fill("#ping", "often");
      tab.click("#opener button");
      tab.await("document.querySelector('#opened.bad')?.textContent.includes('ping must be 0.1 to 3600 seconds: \"often\"')");
      for (int i = 1; i <= 4; i++) {
        openStream(tab, "more-" + i, "5", "comment", "");
      }
      tab.await("document.querySelector('#open-count').textContent === '4'");
      tab.click("#opener button");
      tab.await("document.querySelector('#opened').textContent.includes('Four streams are open')");
      fits(tab);
      tab.click("#drop");
      tab.await("[...document.querySelectorAll('#cards article')].filter(card => card.textContent.includes('ended by the server')).length === 4");
      tab.await("document.querySelector('#feed').textContent === 'live' && document.querySelector('#open-count').textContent === '0'");
      assertEquals(List.of(), tab.complaints().stream().filter(one -> !isOwnDoing(one)).toList());
    }
    browser.passed(
        "the demo page, %d pixels wide: an identifier with markup is text, an invalid ping is explained, a fifth stream is refused"
            .formatted(width));
  }

  /** Any page can load a URL without the user's consent, so a GET must be as harmless as a POST. */
  @ParameterizedTest
  @EnumSource
  void anotherSitesPageDoesNotEndAStream(Browser browser) throws Exception {
    String url = page.resolve("events?id=me").toString();
    String harmful =
        """
        <!doctype html><link rel=icon href='data:,'>
        <script>
        let left = 5;
        const loaded = () => --left || console.debug('tell loaded');
        fetch('URL', {mode: 'no-cors'}).then(loaded, loaded);
        new EventSource('URL').onerror = loaded;
        </script>
        <img src='URL' onerror=loaded()>
        <script src='URL' onerror=loaded()></script>
        <iframe src='URL' onload=loaded()></iframe>
        """;
    try (var http = HttpClient.newHttpClient();
        var other = SseServer.builder().anyHost().build()) {
      var dropping = HttpRequest.newBuilder(page.resolve("drop")).POST(BodyPublishers.noBody()).build();
      http.send(dropping, BodyHandlers.ofString()); // streams of earlier tabs, whose end may not have been noticed
      var mine = http.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofLines()).body();
      var lines = mine.iterator();
      awaitLine(lines, "data: me");
      Pages.html(other, "/", harmful.replace("URL", url));
      other.start();
      try (var tab = browser.open()) {
        tab.go(URI.create("http://foreign.test:" + other.port() + "/")); // this machine, by the name of another site
        tab.awaitTold("loaded");
      }
      var sending = HttpRequest.newBuilder(page.resolve("send?id=me")).POST(BodyPublishers.ofString("still here"));
      assertEquals("sent 1 event to 1 stream", http.send(sending.build(), BodyHandlers.ofString()).body().strip());
      awaitLine(lines, "data: still here");
      assertEquals("ended 1 stream", http.send(dropping, BodyHandlers.ofString()).body().strip());
      mine.close();
      http.shutdownNow();
    }
    browser.passed("the demo page's server: requests from a page of another site, of any kind, neither open nor end a stream");
  }

  private static void awaitLine(Iterator<String> lines, String line) {
    while (!lines.next().equals(line)) {} // throws if there is no such line
  }

  /**
   * Returns whether the test itself caused this complaint: by sending to an unknown identifier, by an invalid
   * ping, by closing a stream, or by leaving the page while a stream is open.
   */
  private static boolean isOwnDoing(String complaint) {
    return complaint.matches("404: \\S+/send\\?id=nobody|400: \\S+/events\\?\\S+|console: Failed to load resource: .* 40[04] .*")
        || complaint.matches("failed: \\S+/(events\\?\\S+|live) (net::ERR_ABORTED|NS_BINDING_ABORTED|NS_ERROR_ABORT)");
  }

  private static Path screenshot(Browser browser, int width, String when) {
    return SCREENSHOTS.resolve("demo %s %d %s.png".formatted(browser, width, when).toLowerCase().replace(' ', '-'));
  }

  private static void fits(Tab tab) throws IOException, InterruptedException {
    int wide = tab.evaluate("document.documentElement.scrollWidth").getAsInt();
    int window = tab.evaluate("innerWidth").getAsInt();
    assertTrue(wide <= window, wide + " pixels in a window of " + window);
  }

  private static void openStream(Tab tab, String identifier, String ping, String as, String text)
      throws IOException, InterruptedException {
    tab.fill("#identifier", identifier);
    tab.fill("#ping", ping);
    tab.call("select", "#ping-as", as);
    tab.fill("#ping-text", text);
    tab.click("#opener button");
    tab.await(card(identifier) + ".includes('open ·')");
  }

  private static void send(Tab tab, String to, String target, String event, String times, String text)
      throws IOException, InterruptedException {
    tab.call("select", "#to", to);
    if (!to.equals("all")) {
      tab.fill("#target", target);
    }
    tab.fill("#event", event);
    tab.fill("#times", times);
    tab.fill("#text", text);
    tab.click("#sender button.main");
  }

  /** Returns an expression for the text of the stream's card, empty if there is no card. */
  private static String card(String title) {
    return "([...document.querySelectorAll('#cards article')].map(card => card.textContent).find(text => text.startsWith('%s')) ?? '')"
        .formatted(title);
  }

  private static String rows() {
    return "document.querySelector('#rows').textContent";
  }
}
