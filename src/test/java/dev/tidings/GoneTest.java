package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Clients that go, each in its own way, noticed on real time within an interval and a second. */
class GoneTest {
  private static final Duration INTERVAL = Duration.ofSeconds(3);
  /** What is promised is an interval and a second; a ping of one write would take two intervals. */
  private static final Duration LIMIT = INTERVAL.plusMillis(2500);

  /** How a client leaves. */
  interface Leaving {
    void leave(Client client) throws Exception;
  }

  private static void isNoticed(Scheme scheme, Leaving leaving) throws Exception {
    var handlers = new LinkedBlockingQueue<Ending>();
    try (var log = new LogRecords();
        var server = scheme.builder().settings(Settings.defaults().heartbeat(INTERVAL)).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource("leaving")) {
          sse.send("hello");
          handlers.add(sse.keepAlive());
        }
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals("hello", client.next().data());
        leaving.leave(client);
        endsInTime(server, handlers);
      }
      assertFalse(log.hasStackTraces());
      assertTrue(log.messages(Level.FINE).stream().anyMatch(message -> message.contains("EventSource[\"leaving")));
      assertEquals(List.of(), log.loud().stream().map(record -> record.getMessage()).filter(m -> !m.contains("nodelay")).toList());
    }
  }

  private static void endsInTime(SseServer server, BlockingQueue<Ending> handlers) throws InterruptedException {
    long start = System.nanoTime();
    assertEquals(Ending.CLIENT_GONE, Await.next("the wait to return", handlers));
    var took = Duration.ofNanos(System.nanoTime() - start);
    assertTrue(took.compareTo(LIMIT) < 0, took::toString);
    assertEquals(0, server.eventSources().count());
    assertEquals(List.of(), server.eventSources().all());
    Await.until("its exchange is closed", () -> server.eventSources().streams().isEmpty());
  }

  @ParameterizedTest
  @EnumSource
  void aClientThatCloses(Scheme scheme) throws Exception {
    isNoticed(scheme, client -> client.socket().close());
  }

  @ParameterizedTest
  @EnumSource
  void aClientThatResets(Scheme scheme) throws Exception {
    isNoticed(scheme, Client::reset);
  }

  @ParameterizedTest
  @EnumSource
  void aClientThatDiesInTheMiddleOfAFrame(Scheme scheme) throws Exception {
    var settings = Settings.defaults().heartbeat(INTERVAL).queueBytes(100_000_000);
    var handlers = new LinkedBlockingQueue<Ending>();
    try (var log = new LogRecords(); var server = scheme.builder().settings(settings).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("x".repeat(50_000_000));
          handlers.add(sse.keepAlive());
        }
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        client.head();
        client.socket().getInputStream().readNBytes(100_000);
      }
      endsInTime(server, handlers);
      assertFalse(log.hasStackTraces());
    }
  }

  @Test
  void aClientThatWasKilled() throws Exception {
    var handlers = new LinkedBlockingQueue<Ending>();
    try (var server = SseServer.builder().settings(Settings.defaults().heartbeat(INTERVAL)).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          handlers.add(sse.keepAlive());
        }
      });
      server.start();
      var curl = new ProcessBuilder("curl", "-sN", server.uri().toString()).start();
      assertEquals(':', curl.getInputStream().read());
      curl.destroyForcibly();
      endsInTime(server, handlers);
    }
  }

  /** RFC 9112, 9.6 lets a client close its half; it still reads. On TLS the JDK's client closes both. */
  @Test
  void aClientThatHalfClosesIsServedUntilItCloses() throws Exception {
    isNoticed(Scheme.HTTP, client -> {
      client.socket().shutdownOutput();
      client.awaitComments(3);
      client.close();
    });
  }
}
