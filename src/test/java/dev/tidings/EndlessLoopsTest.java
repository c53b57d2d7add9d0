package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import java.io.OutputStream;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Handlers that keep sending after their client is gone; nothing else reveals them. */
class EndlessLoopsTest {
  private final ManualTicker ticker = new ManualTicker();

  private EventSources sources() {
    return ticker.sources(Settings.defaults());
  }

  private static List<String> warnings(LogRecords log) {
    return log.messages(Level.WARNING).stream().filter(message -> message.startsWith("the handler of")).toList();
  }

  private static EventSource open(EventSources sources) {
    return sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
  }

  private void loop(EventSource stream, int times, Duration pace) {
    for (int i = 0; i < times; i++) {
      assertFalse(stream.send("tick"));
      ticker.advance(pace);
    }
  }

  @Test
  void aHundredRefusedSendsOverFiveSecondsAreOneWarning() {
    try (var log = new LogRecords(); var sources = sources()) {
      sources.nameRoutes(exchange -> "GET /clock");
      var stream = open(sources);
      stream.life().end(Ending.CLIENT_GONE);
      loop(stream, 99, Duration.ofMillis(100));
      assertEquals(List.of(), warnings(log));
      loop(stream, 1, Duration.ofMillis(100));
      assertEquals(1, warnings(log).size());
      loop(stream, 1000, Duration.ofMillis(100));
      var other = open(sources);
      other.life().end(Ending.CLIENT_GONE);
      loop(other, 1000, Duration.ofMillis(100));
      assertEquals(
          List.of("the handler of \"GET /clock\" goes on sending although its stream has ended (CLIENT_GONE):"
              + " loop while (sse.send(…)), or until isOpen() is false"),
          warnings(log));
    }
  }

  /** The client chooses the rest of a path, so that each path would cause a warning. */
  @Test
  void onAServerOfTheUsersTheContextTellsRequestsApart() {
    try (var log = new LogRecords(); var sources = sources()) {
      for (String path : List.of("/events/1", "/events/2")) {
        var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
        var context = exchange.getHttpContext();
        when(context.getPath()).thenReturn("/events");
        when(exchange.getRequestURI()).thenReturn(URI.create(path));
        var stream = sources.open(exchange);
        stream.life().end(Ending.CLIENT_GONE);
        loop(stream, 200, Duration.ofMillis(100));
      }
      assertEquals(1, warnings(log).size());
      assertTrue(warnings(log).getFirst().startsWith("the handler of \"/events\" goes on"), warnings(log)::toString);
    }
  }

  /** Otherwise there would be no room for those that are suspects. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whoLeavesItsStreamThrowsOrGoesSilentIsNoSuspectAnyMore(boolean leaves) throws Exception {
    try (var log = new LogRecords(); var sources = sources()) {
      sources.nameRoutes(exchange -> "GET /clock");
      for (int i = 0; i < 1100; i++) {
        Await.end(Thread.ofVirtual().start(() -> {
          var stream = open(sources);
          stream.life().end(Ending.CLIENT_GONE);
          assertFalse(stream.send("one"));
          if (leaves) {
            stream.close();
          }
        }));
      }
      ticker.advance(leaves ? Duration.ZERO : Duration.ofSeconds(61));
      var stream = open(sources);
      stream.life().end(Ending.CLIENT_GONE);
      loop(stream, 200, Duration.ofMillis(100));
      assertEquals(1, warnings(log).size());
    }
  }

  /** An ended stream whose handler has this route. */
  private static EndlessLoops.Looping ended(String route) {
    return new EndlessLoops.Looping() {
      @Override
      public Optional<Ending> ending() {
        return Optional.of(Ending.CLIENT_GONE);
      }

      @Override
      public String route() {
        return route;
      }
    };
  }

  @Test
  void whoGoesOnIsNotForgottenForTheManyWhoAreSuspectedToo() throws Exception {
    var loops = new EndlessLoops(ticker);
    var stream = ended("GET /clock");
    try (var log = new LogRecords()) {
      for (int i = 0; i < 99; i++) {
        loops.refused(stream);
        ticker.advance(Duration.ofSeconds(1));
      }
      for (int i = 0; i < 1000; i++) {
        Await.end(Thread.ofVirtual().start(() -> loops.refused(ended("GET /once"))));
      }
      loops.refused(stream);
      assertEquals(1, warnings(log).size());
    }
  }

  /** Route names may come from requests. */
  @Test
  void aThousandRoutesAreWarnedAboutAndNoMore() {
    var loops = new EndlessLoops(ticker);
    try (var log = new LogRecords()) {
      for (int i = 0; i < 1001; i++) {
        var stream = ended("GET /" + i);
        for (int refusal = 0; refusal < 99; refusal++) {
          loops.refused(stream);
        }
        ticker.advance(Duration.ofSeconds(5));
        loops.refused(stream);
      }
      assertEquals(1000, warnings(log).size());
    }
  }

  @Test
  void whatAnOpenStreamDropsIsNone() throws Exception {
    var body = new StuckBody();
    try (var log = new LogRecords();
        var sources = ticker.sources(Settings.defaults().withQueueEvents(1).withOverflow(Overflow.dropNewest()))) {
      var stream = sources.open(MockExchange.with(new Headers(), body));
      body.fill(stream);
      for (int i = 0; i < 200; i++) {
        assertFalse(stream.offer("tick"));
        ticker.advance(Duration.ofMillis(100));
      }
      body.read();
      assertEquals(List.of(), warnings(log));
    }
  }

  @Test
  void manyRefusedSendsInAShortTimeAreNone() {
    try (var log = new LogRecords(); var sources = sources()) {
      var stream = open(sources);
      stream.life().end(Ending.CLIENT_GONE);
      loop(stream, 1000, Duration.ofMillis(4));
      assertEquals(List.of(), warnings(log));
    }
  }

  @Test
  void aLoopOverManyStreamsNeverWarns() throws Exception {
    try (var log = new LogRecords(); var sources = sources()) {
      var streams = new ArrayList<EventSource>();
      for (int i = 0; i < 3; i++) {
        streams.add(open(sources));
      }
      streams.getFirst().life().end(Ending.CLIENT_GONE);
      for (int i = 0; i < 1000; i++) { // one of them has ended
        streams.forEach(stream -> stream.send("tick"));
        streams.forEach(EventSource::flush);
        ticker.advance(Duration.ofMillis(100));
      }
      streams.get(1).life().end(Ending.CLIENT_GONE);
      streams.get(2).life().end(Ending.CLIENT_GONE);
      for (int i = 0; i < 1000; i++) { // all have
        streams.forEach(stream -> stream.offer("tick"));
        ticker.advance(Duration.ofMillis(100));
      }
      var stream = open(sources);
      stream.life().end(Ending.CLIENT_GONE);
      Await.end(Thread.ofVirtual().start(() -> loop(stream, 1000, Duration.ofMillis(100)))); // not the handler's thread
      assertEquals(List.of(), warnings(log));
    }
  }

  @Test
  void aServersRouteIsNamed() throws Exception {
    var goesOn = new AtomicBoolean(true);
    try (var log = new LogRecords(); var server = SseServer.builder().settings(Settings.defaults().withHeartbeat(Duration.ofMillis(100))).build()) {
      server.get("/clock", request -> {
        var sse = request.getEventSource();
        while (goesOn.get()) {
          sse.send("tick");
          Thread.sleep(20);
        }
      });
      server.httpServer().createContext("/own/", exchange -> {
        var sse = server.eventSources().open(exchange);
        while (goesOn.get()) {
          sse.send("tick");
          LockSupport.parkNanos(20_000_000);
        }
      });
      server.start();
      for (String path : List.of("/clock", "/own/what-a-client-likes")) {
        try (var head = Client.send("HEAD", server.uri().resolve(path), "HTTP/1.1", "")) {
          assertEquals(200, head.status());
        }
      }
      Await.until("both are warned about", () -> warnings(log).size() == 2);
      goesOn.set(false);
      for (String route : List.of("/clock", "/own/")) {
        assertTrue(warnings(log).stream().anyMatch(line -> line.startsWith("the handler of \"" + route + "\" goes on sending")), route);
      }
    }
  }
}
