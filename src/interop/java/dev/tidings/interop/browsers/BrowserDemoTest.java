package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Child;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The demo as a person uses it: by its controls, looking at what the page shows. */
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
      // A burst shows for half a second, which is over before a busy machine looks.
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
      tab.await("document.querySelector('#line').getBBox().height > 30"); // the burst has its place in the chart
      fits(tab);
      tab.screenshot(screenshot(browser, width, "in use"), true);

      tab.click("#cards article:nth-child(2) button");
      tab.await(card("shop-2") + ".includes('closed ·')");
      tab.await("!" + rows() + ".includes('shop-2')");
      tab.click("#drop");
      tab.await("document.querySelector('#sent').textContent.startsWith('ended 3 streams, ')"); // with that of the live data
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
        "the demo page, %d pixels wide: opening, sending to one, to a prefix, to all, closing, dropping; the chart moves, nothing scrolls sideways, the console stays empty"
            .formatted(width));
  }

  /** Sending to nobody, closing a stream, and leaving the page while one is open. */
  private static boolean isOwnDoing(String complaint) {
    return complaint.matches("404: \\S+/send\\?id=nobody|console: Failed to load resource: .* 404 .*")
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

  /** The text of the stream's card, empty without one. */
  private static String card(String title) {
    return "([...document.querySelectorAll('#cards article')].map(card => card.textContent).find(text => text.startsWith('%s')) ?? '')"
        .formatted(title);
  }

  private static String rows() {
    return "document.querySelector('#rows').textContent";
  }
}
