package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Cors;
import dev.tidings.SseServer;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests that the host guard keeps pages of other sites from a server on a loopback address, and no others. */
@Timeout(60)
class BrowserHostTest {
  private static final String PAGE = Pages.page("a page", """
      function listen(base) {
        const source = new EventSource(base + '/events');
        source.onmessage = event => { tell('got ' + event.data); source.close(); };
        source.onerror = () => tell(source.readyState === EventSource.CLOSED ? 'gave up' : 'reconnects');
      }
      async function post(base, options) {
        try {
          const response = await fetch(base + '/say', { method: 'POST', body: 'hello', ...options });
          tell(response.type === 'opaque' ? 'unknown' : response.status + ' ' + (await response.text()).trim().slice(0, 60));
        } catch (e) {
          tell('failed ' + e.name);
        }
      }
      function image(base) {
        const image = new Image();
        image.onerror = () => tell('no image');
        image.src = base + '/events';
      }
      function submitWithoutReferrer() {
        document.head.insertAdjacentHTML('beforeend', '<meta name="referrer" content="no-referrer">');
        document.body.innerHTML = '<form method="post" action="/say" enctype="text/plain"><input name="a" value="b"></form>';
        document.forms[0].submit();
      }
      function frame(base) {
        const frame = document.createElement('iframe');
        frame.onload = () => tell('frame');
        frame.src = base + '/events';
        document.documentElement.append(frame);
      }
      """);

  private static final Queue<String> reached = new ConcurrentLinkedQueue<>();
  private static SseServer server;
  private static SseServer withCors;
  private static SseServer foreign; // serves the pages of http://foreign.test

  @BeforeAll
  static void start() throws IOException {
    foreign = SseServer.builder().anyHost().build();
    Pages.html(foreign, "/", PAGE);
    foreign.start();
    server = guarded();
    withCors = guarded();
    withCors.context().getFilters().add(Cors.origins(origin("foreign.test", foreign)));
    List.of(server, withCors).forEach(SseServer::start);
  }

  private static SseServer guarded() throws IOException {
    var guarded = SseServer.create(0);
    Pages.html(guarded, "/", PAGE);
    guarded.stream("/events", sse -> {
      reached.add("events");
      sse.send("hello");
      sse.keepAlive();
    });
    guarded.post("/say", request -> {
      reached.add("say");
      request.respond(200, "text/plain", "said " + request.text() + "\n");
    });
    // A page of the site with the foreign name, which had another address when the page was loaded.
    guarded.httpServer().createContext("/loaded-before", exchange -> {
      try (exchange) {
        byte[] page = PAGE.getBytes();
        exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
        exchange.sendResponseHeaders(200, page.length);
        exchange.getResponseBody().write(page);
      }
    });
    return guarded;
  }

  private static String origin(String name, SseServer server) {
    return "http://" + name + ":" + server.port();
  }

  private static Tab open(Browser browser, String uri) throws Exception {
    var tab = browser.open();
    tab.go(URI.create(uri));
    return tab;
  }

  @AfterAll
  static void stop() {
    List.of(foreign, server, withCors).forEach(SseServer::close);
  }

  @BeforeEach
  void clear() {
    reached.clear();
  }

  @ParameterizedTest
  @EnumSource
  void aPageThatUsesDnsRebindingIsRefused(Browser browser) throws Exception {
    try (var tab = open(browser, origin("foreign.test", server) + "/loaded-before")) {
      tab.evaluate("listen('')");
      tab.awaitTold("gave up");
      tab.evaluate("post('')");
      assertTrue(tab.told().startsWith("403 Host is not allowed: \"foreign.test:" + server.port()));
      tab.go(URI.create(origin("foreign.test", server) + "/"));
      assertTrue(tab.evaluate("document.body.innerText").getAsString().startsWith("Host is not allowed"));
    }
    assertEquals(List.of(), List.copyOf(reached));
    browser.passed("host guard: a page whose foreign name resolves to 127.0.0.1 (DNS rebinding) is refused: its EventSource gives up, its POST receives 403");
  }

  @ParameterizedTest
  @EnumSource
  void aPageOfAnotherSiteIsRefused(Browser browser) throws Exception {
    String base = origin("localhost", server);
    try (var tab = open(browser, origin("foreign.test", foreign) + "/")) {
      tab.evaluate("listen('" + base + "')");
      tab.awaitTold("gave up");
      tab.evaluate("post('" + base + "')");
      tab.awaitTold("failed TypeError");
      tab.evaluate("post('" + base + "', { mode: 'no-cors' })");
      tab.awaitTold("unknown");
      tab.evaluate("image('" + base + "')");
      tab.awaitTold("no image");
      tab.evaluate("frame('" + base + "')");
      tab.awaitTold("frame");
      assertEquals(List.of(), List.copyOf(reached));
      tab.evaluate("void (location.href = '" + base + "/')");
      tab.await("location.hostname === 'localhost' && document.title === 'a page'");
    }
    browser.passed("host guard: a page of another site is refused, with `EventSource`, `fetch`, an image and a frame; a link to a page of the server works");
  }

  @ParameterizedTest
  @EnumSource
  void theOwnPageWorks(Browser browser) throws Exception {
    for (String name : List.of("localhost", "127.0.0.1", "app.localhost")) {
      try (var tab = open(browser, origin(name, server) + "/")) {
        tab.evaluate("listen('')");
        tab.awaitTold("got hello");
        tab.evaluate("post('')");
        tab.awaitTold("200 said hello");
        tab.evaluate("submitWithoutReferrer()"); // Origin is null
        tab.await("location.pathname === '/say' && document.body.innerText.startsWith('said a=b')");
      }
    }
    browser.passed("host guard: pages of `localhost`, `127.0.0.1` and `app.localhost` receive the stream, and post");
  }

  @ParameterizedTest
  @EnumSource
  void aPageThatCorsAllowsWorks(Browser browser) throws Exception {
    String base = origin("localhost", withCors);
    try (var tab = open(browser, origin("foreign.test", foreign) + "/")) {
      tab.evaluate("listen('" + base + "')");
      tab.awaitTold("got hello");
      tab.evaluate("post('" + base + "', { headers: { 'Content-Type': 'application/json' } })"); // with a preflight
      tab.awaitTold("200 said hello");
      tab.evaluate("image('" + base + "')");
      tab.awaitTold("no image");
    }
    assertEquals(List.of("events", "say"), List.copyOf(reached));
    try (var tab = open(browser, origin("foreign.test", withCors) + "/loaded-before")) {
      tab.evaluate("post('')");
      assertTrue(tab.told().startsWith("403 Host is not allowed"));
    }
    browser.passed("host guard: a page of an origin that `Cors` allows receives the stream, and posts after a preflight; with the foreign name in `Host` it is refused");
  }
}
