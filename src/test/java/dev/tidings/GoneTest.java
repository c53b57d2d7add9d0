package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Clients that disconnect in different ways, each noticed in real time within an interval plus a second. All
 * disconnect at the same time, since most of it is waiting; each test checks the outcome of one.
 */
class GoneTest {
  private static final Duration INTERVAL = Duration.ofSeconds(3);
  /** An interval plus a second is promised; with pings of a single write it would be two intervals. */
  private static final Duration LIMIT = INTERVAL.plusMillis(2500);

  /** The way in which a client disconnects. */
  interface Leaving {
    void leave(Client client) throws Exception;
  }

  private static final Map<String, FutureTask<Void>> GOING = new HashMap<>();
  private static LogRecords log;

  @BeforeAll
  static void go() {
    log = new LogRecords();
    SelfSigned.context(); // slow the first time, which must not count in a test
    for (var scheme : Scheme.values()) {
      go("close " + scheme, () -> isNoticed(scheme, INTERVAL, client -> client.socket().close()));
      go("reset " + scheme, () -> isNoticed(scheme, INTERVAL, Client::reset));
    }
    go("kill", GoneTest::killed);
    // RFC 9112, 9.6 allows a client to close its half and still read. On TLS the JDK's client closes both.
    go("half", () -> isNoticed(Scheme.HTTP, Duration.ofSeconds(1), client -> {
      client.socket().shutdownOutput();
      client.awaitComments(3);
      client.close();
    }));
  }

  @AfterAll
  static void stop() {
    log.close();
  }

  private static void go(String how, Executable steps) {
    var task = new FutureTask<Void>(() -> {
      try {
        steps.execute();
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
      return null;
    });
    GOING.put(how, task);
    Thread.ofPlatform().daemon().name(how).start(task);
  }

  private static void assertNoticed(String how) throws Exception {
    GOING.get(how).get(40, TimeUnit.SECONDS);
    assertFalse(log.hasStackTraces());
    assertFalse(log.messages(Level.FINE).isEmpty(), "there is a DEBUG line");
    assertEquals(List.of(), log.loud().stream().map(record -> record.getMessage()).filter(m -> !m.contains("nodelay")).toList());
  }

  private static void isNoticed(Scheme scheme, Duration interval, Leaving leaving) throws Exception {
    var handlers = new LinkedBlockingQueue<Ending>();
    String name = "leaving-" + UUID.randomUUID();
    try (var server = scheme.builder().settings(Settings.defaults().withHeartbeat(interval)).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource(name)) {
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
      assertTrue(log.messages(Level.FINE).stream().anyMatch(message -> message.contains("EventSource[\"" + name)));
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

  /** Noticed at once and much work, so it runs separately. */
  @ParameterizedTest
  @EnumSource
  void aClientThatDiesInTheMiddleOfAFrame(Scheme scheme) throws Exception {
    var settings = Settings.defaults().withHeartbeat(INTERVAL).withQueueBytes(100_000_000);
    var handlers = new LinkedBlockingQueue<Ending>();
    try (var server = scheme.builder().settings(settings).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("x".repeat(20_000_000)); // more than the kernel buffers
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

  private static void killed() throws Exception {
    var handlers = new LinkedBlockingQueue<Ending>();
    try (var server = SseServer.builder().settings(Settings.defaults().withHeartbeat(INTERVAL)).build()) {
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

  @ParameterizedTest
  @EnumSource
  void aClientThatCloses(Scheme scheme) throws Exception {
    assertNoticed("close " + scheme);
  }

  @ParameterizedTest
  @EnumSource
  void aClientThatResets(Scheme scheme) throws Exception {
    assertNoticed("reset " + scheme);
  }

  @Test
  void aClientThatWasKilled() throws Exception {
    assertNoticed("kill");
  }

  @Test
  void aClientThatHalfClosesIsServedUntilItCloses() throws Exception {
    assertNoticed("half");
  }
}
