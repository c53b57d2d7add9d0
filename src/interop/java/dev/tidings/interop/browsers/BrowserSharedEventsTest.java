package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Await;
import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.Settings;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests {@code samples/shared-events.js}, which shares one stream among the tabs of a page. */
@Timeout(60)
class BrowserSharedEventsTest {
  private static final Path SCRIPT = Path.of("..", "..", "samples", "shared-events.js");
  private static final String PAGE = """
      <!doctype html><html lang="en"><meta charset="utf-8"><title>events</title>
      <script src="/shared-events.js"></script>
      <script src="/page.js"></script>
      """;
  private static final String PAGE_SCRIPT = """
      const seen = [];
      const silence = Number(new URLSearchParams(location.search).get('silence') ?? 60_000);
      const events = new SharedEvents('/events', { names: ['news'], silence, recent: 100 });
      events.addEventListener('connection', event => seen.push('is ' + event.data));
      events.addEventListener('news', event => seen.push(event.data));
      events.addEventListener('gap', event => seen.push('gap of ' + JSON.parse(event.data).missed));
      """;

  private enum Mode {NORMAL, SILENT, BAD_GATEWAY}

  /** The server of the page; it holds the last five events. */
  private static final class Site implements AutoCloseable {
    final Channel news = Channel.create("news", EventLog.inMemory(5, 100_000, Duration.ofHours(1)));
    final SseServer server;
    final List<Mode> requests = new CopyOnWriteArrayList<>();
    final List<Optional<String>> lastEventIds = new CopyOnWriteArrayList<>();
    volatile Mode mode = Mode.NORMAL;

    Site() throws Exception {
      server = SseServer.builder().settings(Settings.defaults().withHeartbeat(Duration.ofSeconds(1))).build();
      server.get("/", request -> respond(request, "text/html", PAGE));
      server.get("/page.js", request -> respond(request, "text/javascript", PAGE_SCRIPT));
      server.get("/shared-events.js", request -> respond(request, "text/javascript", Files.readString(SCRIPT)));
      server.get("/favicon.ico", request -> request.respond(204));
      server.get("/events", this::events);
      server.start();
    }

    private static void respond(SseRequest request, String type, String text) throws Exception {
      request.appendHeader("Content-Security-Policy", "default-src 'self'").respond(200, type, text);
    }

    private void events(SseRequest request) throws Exception {
      var now = mode;
      lastEventIds.add(request.lastEventId());
      requests.add(now);
      if (now == Mode.BAD_GATEWAY) {
        request.respond(502);
        return;
      }
      try (var sse = request.getEventSource()) {
        sse.send(Event.empty().withRetry(Duration.ofMillis(50)));
        if (now == Mode.NORMAL) {
          sse.withPing(ping -> ping.asEvent("ping").interval(Duration.ofMillis(300)).start());
          news.join(sse);
        }
        sse.keepAlive();
      }
    }

    void publish(int from, int to) {
      for (int i = from; i <= to; i++) {
        news.publish("news", Integer.toString(i));
      }
    }

    /** Returns when this number of streams of the page has joined the channel. */
    void awaitStreams(int count) {
      Await.until(count + " streams", () -> news.count() == count);
    }

    Tab open(Browser browser) throws Exception {
      return open(browser, "");
    }

    Tab open(Browser browser, String query) throws Exception {
      var tab = browser.open();
      tab.go(server.uri().resolve("/" + query));
      return tab;
    }

    @Override
    public void close() {
      server.close();
      news.close();
    }
  }

  private static List<String> seen(Tab tab) throws Exception {
    return tab.evaluate("seen").getAsJsonArray().asList().stream().map(one -> one.getAsString()).toList();
  }

  private static void awaitSeen(Tab tab, String text) throws Exception {
    tab.await("seen.includes('" + text + "')");
  }

  @ParameterizedTest
  @EnumSource
  void twelveTabsShareOneStreamUntilTheLastIsClosed(Browser browser) throws Exception {
    var tabs = new ArrayList<Tab>();
    try (var site = new Site()) {
      for (int i = 0; i < 12; i++) {
        tabs.add(site.open(browser));
        awaitSeen(tabs.getLast(), "is open");
      }
      site.publish(1, 1);
      for (Tab tab : tabs) {
        awaitSeen(tab, "1");
      }
      while (tabs.size() > 1) {
        tabs.removeFirst().close();
      }
      site.publish(2, 2);
      var last = tabs.getFirst();
      awaitSeen(last, "2");
      assertEquals(1, site.news.count());

      var late = site.open(browser);
      tabs.add(late);
      awaitSeen(late, "2");
      assertEquals(List.of("is open", "1", "2"), seen(late));
      assertEquals(List.of(Mode.NORMAL), site.requests);
      for (Tab tab : tabs) {
        assertEquals(List.of(), tab.complaints());
      }
      while (!tabs.isEmpty()) {
        tabs.removeFirst().close();
      }
      Await.until("the stream has ended", () -> site.server.eventSources().count() == 0);

      tabs.add(site.open(browser));
      awaitSeen(tabs.getFirst(), "is open");
      site.awaitStreams(1);
      tabs.add(site.open(browser));
      awaitSeen(tabs.getLast(), "is open");
      tabs.getFirst().evaluate("events.close()");
      site.publish(3, 3);
      awaitSeen(tabs.getLast(), "3");
      assertEquals(1, site.news.count());

      tabs.getLast().call("goto", "about:blank");
      Await.until("the stream has ended", () -> site.server.eventSources().count() == 0);
      tabs.getLast().call("goBack"); // the page may have been kept, or loads again
      site.awaitStreams(1);
      site.publish(4, 4);
      awaitSeen(tabs.getLast(), "4");
      var events = seen(tabs.getLast()).stream().filter(text -> !text.startsWith("is ")).toList();
      assertEquals(events.stream().distinct().toList(), events, "no event is repeated");
      tabs.getLast().evaluate("events.close()");
      Await.until("the stream has ended", () -> site.server.eventSources().count() == 0);

      int requests = site.requests.size();
      tabs.getLast().evaluate("new SharedEvents('/events', { names: ['news'] }).close()"); // before it has joined
      tabs.getLast().await("navigator.locks.query().then(all => all.held.length + all.pending.length === 0)");
      assertEquals(requests, site.requests.size());
    } finally {
      for (Tab tab : tabs) {
        tab.close();
      }
    }
    browser.passed("HTTP/1.1, twelve tabs share one stream by samples/shared-events.js: each receives every event, one that"
        + " opens late receives the state and earlier events, and the stream ends with the last tab");
  }

  @ParameterizedTest
  @EnumSource
  void sharedStreamIsOpenedAnewAfterABadGatewayAndAllTabsAreToldAGap(Browser browser) throws Exception {
    try (var site = new Site(); var first = site.open(browser); var second = site.open(browser)) {
      awaitSeen(first, "is open");
      awaitSeen(second, "is open");
      site.awaitStreams(1);
      site.publish(1, 2);
      awaitSeen(first, "2");

      site.mode = Mode.BAD_GATEWAY; // after which an EventSource has given up
      site.server.eventSources().dropAll();
      Await.until("two 502", () -> site.requests.stream().filter(Mode.BAD_GATEWAY::equals).count() >= 2);
      site.publish(3, 10);
      site.mode = Mode.NORMAL;
      awaitSeen(first, "10");
      awaitSeen(second, "10");
      site.awaitStreams(1);
      assertTrue(site.lastEventIds.stream().skip(1).allMatch(Optional::isPresent), site.lastEventIds::toString);

      site.news.complete();
      awaitSeen(first, "is completed");
      awaitSeen(second, "is completed");
      int requests = site.requests.size();
      try (var late = site.open(browser)) {
        awaitSeen(late, "is completed");
        assertEquals(requests, site.requests.size());
      }
      for (Tab tab : List.of(first, second)) {
        var seen = seen(tab).stream().dropWhile("is connecting"::equals).toList();
        assertEquals(
            List.of("is open", "1", "2", "is connecting", "is open", "gap of 3", "6", "7", "8", "9", "10", "is completed"),
            seen);
      }
    }
    browser.passed("the shared stream is opened anew after a 502, with its last event id; all tabs are told a gap and the state;"
        + " after complete() it stays closed");
  }

  @ParameterizedTest
  @EnumSource
  void sharedStreamIsOpenedAnewWhenItIsSilent(Browser browser) throws Exception {
    try (var site = new Site(); var tab = site.open(browser, "?silence=1500")) {
      awaitSeen(tab, "is open");
      site.awaitStreams(1);
      site.publish(1, 1);
      awaitSeen(tab, "1");
      for (int round = 2; round <= 3; round++) {
        site.mode = Mode.SILENT;
        site.server.eventSources().dropAll();
        Await.until("a silent stream", () -> site.requests.getLast() == Mode.SILENT);
        site.mode = Mode.NORMAL;
        site.awaitStreams(1);
        Await.until("the silent stream has ended", () -> site.server.eventSources().count() == 1);
        Await.until("pings", () -> site.server.eventSources().streams().stream().allMatch(sse -> sse.traffic().sent() > 3));
      }
      site.publish(2, 2);
      awaitSeen(tab, "2");
      assertEquals(List.of("1", "2"), seen(tab).stream().filter(text -> !text.startsWith("is ")).toList());
      assertTrue(site.lastEventIds.stream().skip(1).allMatch(Optional::isPresent), site.lastEventIds::toString);
    }
    browser.passed("the shared stream is opened anew, with its last event id, when pings that are events do not arrive");
  }
}
