package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Await;
import dev.tidings.Channel;
import dev.tidings.Ending;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests situations outside the common scenarios: opening, a full server, a stopping or missing server. */
@Timeout(60)
class BrowserStreamTest {
  private static final String PAGE = Pages.page("events", """
      const source = new EventSource('/events');
      source.onopen = () => tell('open');
      source.onmessage = event => tell('got ' + event.data);
      source.onerror = () => tell(source.readyState === EventSource.CLOSED ? 'gave up' : 'reconnects');
      """);

  private static final Duration RETRY = Duration.ofMillis(500);
  /** The default reconnection time of browsers; that of Firefox is longer. */
  private static final Duration BROWSERS_OWN = Duration.ofSeconds(3);

  private static void takeMessage(Tab tab, String text) throws InterruptedException {
    while (true) {
      String told = tab.told();
      if (told.equals("got " + text)) {
        return;
      }
      assertTrue(told.equals("open") || told.equals("reconnects"), told);
    }
  }

  @ParameterizedTest
  @EnumSource
  void opensBeforeTheFirstMessage(Browser browser) throws Exception {
    BlockingQueue<EventSource> streams = new LinkedBlockingQueue<>();
    try (var server = SseServer.create(0)) {
      Pages.html(server, "/", PAGE);
      server.get("/events", request -> {
        try (var sse = request.getEventSource()) {
          streams.add(sse);
          sse.keepAlive();
        }
      });
      server.start();
      try (var tab = browser.open()) {
        tab.go(server.uri());
        tab.awaitTold("open");
        var sse = streams.poll(10, TimeUnit.SECONDS);
        sse.send("the first");
        tab.awaitTold("got the first");
      }
    }
    browser.passed("its `open` event is fired while the handler waits, before the first message");
  }

  @ParameterizedTest
  @EnumSource
  void onAFullServerItComesBackByItselfOnceThereIsRoom(Browser browser) throws Exception {
    var settings = Settings.defaults().withMaxStreams(1).withReconnect(Duration.ofMillis(500), Duration.ofMillis(700));
    try (var server = SseServer.builder().settings(settings).build()) {
      Pages.html(server, "/", PAGE);
      server.get("/events", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("welcome");
          sse.keepAlive();
        }
      });
      server.start();
      try (var first = browser.open(); var second = browser.open()) {
        first.go(server.uri());
        first.awaitTold("open", "got welcome");
        second.go(server.uri());
        for (int i = 0; i < 3; i++) {
          second.awaitTold("open", "reconnects"); // status 200 and the end of the response
        }
        assertTrue(server.eventSources().stats().refused() >= 3);
        assertEquals(1, server.eventSources().count());
        first.evaluate("source.close()");
        server.eventSources().dropAll();
        takeMessage(second, "welcome");
        assertEquals(1, server.eventSources().count());
      }
    }
    browser.passed("a full server refuses it with 200 and `retry:`: reconnects by itself, and receives a stream when there is room");
  }

  @ParameterizedTest
  @EnumSource
  void obeysTheRetryOfAStop(Browser browser) throws Exception {
    BlockingQueue<Long> requests = new LinkedBlockingQueue<>(); // the time of each
    var settings = Settings.defaults().withReconnect(RETRY, RETRY).withFarewell(Event.of("back soon"));
    try (var server = SseServer.builder().settings(settings).build()) {
      Pages.html(server, "/", PAGE);
      server.get("/events", request -> {
        requests.add(System.nanoTime());
        try (var sse = request.getEventSource()) {
          sse.send("hello");
          sse.keepAlive();
        }
      });
      server.start();
      try (var tab = browser.open()) {
        tab.go(server.uri());
        tab.awaitTold("open", "got hello");
        // Stops only the registry, so that the server still sees when the browser reconnects.
        server.eventSources().close();
        long stopped = System.nanoTime();
        requests.clear();
        tab.awaitTold("got back soon");
        var waited = Duration.ofNanos(Await.next("the reconnect", requests) - stopped);
        assertTrue(waited.compareTo(Duration.ofMillis(400)) > 0, waited::toString);
        assertTrue(waited.compareTo(BROWSERS_OWN) < 0, waited::toString);
        Await.next("the reconnect after the refusal", requests);
      }
    }
    browser.passed("a server that stops sends its farewell event and `retry:`: reconnects then, is refused, and reconnects again");
  }

  @ParameterizedTest
  @EnumSource
  void twoTabsWithOneIdentifierSettleAndTheLastOneStays(Browser browser) throws Exception {
    var requests = new AtomicInteger();
    try (var server = SseServer.create(0)) {
      Pages.html(server, "/", PAGE);
      server.get("/events", request -> {
        requests.incrementAndGet();
        try (var sse = request.getEventSource("me")) {
          sse.send(Event.of("hello").withRetry(Duration.ofMillis(100)));
          sse.keepAlive();
        }
      });
      server.start();
      try (var older = browser.open(); var newer = browser.open()) {
        older.go(server.uri());
        older.awaitTold("open", "got hello");
        newer.go(server.uri());
        newer.awaitTold("open", "got hello");
        older.awaitTold("reconnects", "gave up");
        int before = requests.get();
        assertEquals(null, older.allTold().poll(2, TimeUnit.SECONDS)); // four times as long as either waits
        assertEquals(before, requests.get());
        assertEquals(2, server.eventSources().stats().opened());
        assertEquals(1, server.eventSources().count());
        assertEquals(1, server.eventSources().broadcast("for the newer tab"));
        newer.awaitTold("got for the newer tab");
        assertEquals(Map.of(Ending.REPLACED, 1L), server.eventSources().stats().ended());
      }
    }
    browser.passed("two tabs with one identifier: the older one does not reconnect after its stream was replaced, the newer one continues");
  }

  @ParameterizedTest
  @EnumSource
  void resumesWhenTheServerComesBack(Browser browser) throws Exception {
    try (var news = Channel.create(EventLog.inMemory())) {
      int port;
      try (var tab = browser.open()) {
        try (var server = server(0, news)) {
          port = server.port();
          tab.go(server.uri());
          tab.awaitTold("open");
          news.publish("before");
          tab.awaitTold("got before");
        }
        tab.awaitTold("reconnects", "reconnects", "reconnects"); // no server listens on the port
        news.publish("meanwhile");
        try (var _ = server(port, news)) {
          takeMessage(tab, "meanwhile");
          news.publish("after");
          takeMessage(tab, "after");
        }
      }
    }
    browser.passed("the server is down for some attempts: keeps trying, and resumes at its last event when the server is up again");
  }

  private static SseServer server(int port, Channel news) throws IOException {
    var settings = Settings.defaults().withReconnect(Duration.ofMillis(500), Duration.ofMillis(700));
    var server = SseServer.builder().port(port).settings(settings).build();
    Pages.html(server, "/", PAGE);
    server.get("/events", request -> {
      try (var sse = request.getEventSource()) {
        sse.send(Event.empty().withRetry(Duration.ofMillis(500)));
        news.join(sse);
        sse.keepAlive();
      }
    });
    return server.start();
  }
}
