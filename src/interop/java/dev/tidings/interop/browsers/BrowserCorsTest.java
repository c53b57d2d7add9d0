package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Filter;
import dev.tidings.Cors;
import dev.tidings.Event;
import dev.tidings.SseServer;
import dev.tidings.interop.Npm;
import dev.tidings.interop.Results;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests streams of another origin, which allows requests with credentials from one origin only. */
@Timeout(60)
class BrowserCorsTest {
  private static final String PAGE = Pages.page("another origin", """
      const events = new URLSearchParams(location.search).get('events');
      function listen(withCredentials) {
        const source = new EventSource(events, { withCredentials });
        source.onopen = () => tell('open');
        source.onmessage = event => tell('got ' + event.data);
        source.onerror = () => tell(source.readyState === EventSource.CLOSED ? 'gave up' : 'reconnects');
      }
      async function post() {
        try {
          const response = await fetch(events, {
            method: 'POST',
            credentials: 'include',
            headers: { 'Content-Type': 'application/json', 'Accept': 'text/event-stream' },
            body: JSON.stringify({ question: 'ünï?' }),
          });
          const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
          let text = '';
          for (let part; !(part = await reader.read()).done;) {
            text += part.value;
            for (let end; (end = text.indexOf('\\n\\n')) >= 0; text = text.slice(end + 2)) {
              tell('block ' + text.slice(0, end).replaceAll('\\n', '|'));
            }
          }
          tell('end');
        } catch (e) {
          tell('failed ' + e.name);
        }
      }
      async function ask() {
        const { fetchEventSource } = await import('/fetch-event-source/fetch');
        fetchEventSource(events.replace('events', 'question'), {
          method: 'POST',
          credentials: 'include',
          headers: { 'Content-Type': 'application/json' },
          body: '"why?"',
          openWhenHidden: true,
          onmessage: event => event.data && tell('got ' + event.data),
          onclose: () => { throw new Error('reconnect') },
        });
      }
      """);

  /** A request, recorded by the first filter of the server. */
  private record Asked(String method, String cookie, String lastEventId) {}

  private static final BlockingQueue<Asked> asked = new LinkedBlockingQueue<>();
  private static SseServer friend;
  private static SseServer stranger;
  private static SseServer events;

  @BeforeAll
  static void start() throws IOException {
    friend = page();
    stranger = page();
    events = SseServer.create(0);
    var filters = events.context().getFilters();
    filters.add(Filter.beforeHandler("notes", exchange -> {
      var headers = exchange.getRequestHeaders();
      asked.add(new Asked(exchange.getRequestMethod(), headers.getFirst("Cookie"), headers.getFirst("Last-Event-ID")));
    }));
    filters.add(Cors.origins(origin(friend)).withCredentials());
    events.get("/login", request -> {
      request.exchange().getResponseHeaders().set("Set-Cookie", "user=ann; HttpOnly; SameSite=Lax");
      request.respond(204);
    });
    events.get("/events", request -> {
      try (var sse = request.getEventSource()) {
        sse.send(Event.of(request.lastEventId().orElse("no id")).withId("7").withRetry(Duration.ofMillis(500)));
        if (request.lastEventId().isPresent()) {
          sse.keepAlive();
        }
      }
    });
    events.post("/events", request -> {
      String body = request.text();
      try (var sse = request.getEventSource()) {
        sse.send(Event.of("answer", "to " + body));
        sse.send("and more");
      }
    });
    events.post("/question", request -> {
      String body = request.text();
      try (var sse = request.getEventSource()) {
        String last = request.lastEventId().orElse("0");
        sse.send(Event.of(body + " after " + last).withId("1").withRetry(Duration.ofMillis(100)));
        if (request.lastEventId().isPresent()) {
          sse.keepAlive();
        }
      }
    });
    events.start();
  }

  private static SseServer page() throws IOException {
    var server = SseServer.create(0);
    Pages.html(server, "/", PAGE);
    Pages.fetchEventSource(server);
    return server.start();
  }

  private static String origin(SseServer server) {
    return "http://127.0.0.1:" + server.port();
  }

  private static URI page(SseServer of) {
    return of.uri().resolve("/?events=" + events.uri() + "events");
  }

  @AfterAll
  static void stop() {
    List.of(friend, stranger, events).forEach(SseServer::close);
  }

  @BeforeEach
  void clear() {
    asked.clear();
  }

  private static Tab loggedIn(Browser browser, SseServer page) throws Exception {
    var tab = browser.open();
    tab.go(page(page));
    tab.evaluate("fetch('" + events.uri() + "login', { credentials: 'include', mode: 'no-cors' }).then(() => null)");
    assertEquals("GET", asked().method());
    return tab;
  }

  private static Asked asked() throws InterruptedException {
    return Optional.ofNullable(asked.poll(10, TimeUnit.SECONDS)).orElseThrow();
  }

  @ParameterizedTest
  @EnumSource
  void eventSourceSendsItsCookieToAnotherOriginAndResumes(Browser browser) throws Exception {
    try (var tab = loggedIn(browser, friend)) {
      tab.evaluate("listen(true)");
      tab.awaitTold("open", "got no id", "reconnects", "open", "got 7");
      assertEquals(List.of(new Asked("GET", "user=ann", null), new Asked("GET", "user=ann", "7")), List.of(asked(), asked()));
      assertTrue(asked.isEmpty(), asked::toString);
    }
    browser.passed("CORS: an EventSource with credentials sends its cookie, and `Last-Event-ID` when it reconnects, without a preflight");
  }

  @ParameterizedTest
  @EnumSource
  void eventSourceWithoutCredentialsBringsNoCookie(Browser browser) throws Exception {
    try (var tab = loggedIn(browser, friend)) {
      tab.evaluate("listen(false)");
      tab.awaitTold("open", "got no id");
      assertEquals(new Asked("GET", null, null), asked());
    }
    browser.passed("CORS: an EventSource without credentials receives the stream, and sends no cookie");
  }

  @ParameterizedTest
  @EnumSource
  void fetchPostsAfterAPreflightAndReadsTheStream(Browser browser) throws Exception {
    try (var tab = loggedIn(browser, friend)) {
      tab.evaluate("post()");
      tab.awaitTold("block event: answer|data: to {\"question\":\"ünï?\"}", "block data: and more", "end");
      assertEquals(List.of(new Asked("OPTIONS", null, null), new Asked("POST", "user=ann", null)), List.of(asked(), asked()));
    }
    browser.passed("CORS: `fetch` posts JSON with credentials after a preflight, and reads the stream in the response");
  }

  @Test
  void fetchEventSourceAsksOnceMoreBeforeItResumes() throws Exception {
    try (var tab = loggedIn(Browser.CHROMIUM, friend)) {
      tab.evaluate("ask()");
      tab.awaitTold("got \"why?\" after 0", "got \"why?\" after 1");
      var preflight = new Asked("OPTIONS", null, null);
      assertEquals(
          List.of(preflight, new Asked("POST", "user=ann", null), preflight, new Asked("POST", "user=ann", "1")),
          List.of(asked(), asked(), asked(), asked()));
    }
    Results.passed(
        Results.Part.CLIENTS,
        "npm @microsoft/fetch-event-source",
        Npm.version("@microsoft/fetch-event-source") + " in " + Browser.CHROMIUM + " " + Browser.CHROMIUM.version(),
        "CORS: posts to another origin with credentials, and again with `Last-Event-ID` after the stream ends, each after a preflight");
  }

  @ParameterizedTest
  @EnumSource
  void aStrangerGetsNothing(Browser browser) throws Exception {
    try (var tab = loggedIn(browser, stranger)) {
      tab.evaluate("listen(true)");
      tab.awaitTold("gave up");
      tab.evaluate("post()");
      tab.awaitTold("failed TypeError");
      assertEquals("GET", asked().method());
      assertEquals("OPTIONS", asked().method());
      assertTrue(asked.isEmpty(), asked::toString);
      assertFalse(tab.complaints().isEmpty());
    }
    browser.passed("CORS: a page of an origin that is not allowed receives no stream: its EventSource gives up, and its POST is not sent");
  }
}
