package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** That nothing is left behind: streams, virtual threads, and what the JDK's server books for them. */
class LeakTest {
  private static final Settings QUICK =
      Settings.defaults().heartbeat(Duration.ofMillis(100)).writeDeadline(Duration.ofMillis(300));

  @ParameterizedTest
  @EnumSource
  void everyThreadEndsWithTheServer(Scheme scheme) throws Exception {
    int before = VirtualThreads.named("tidings-").size();
    var server = scheme.builder().settings(QUICK.overflow(Overflow.dropNewest())).build();
    server.get("/", request -> {
      try (var sse = request.getEventSource()) {
        sse.keepAlive();
      }
    });
    server.start();
    var clients = new ArrayList<Client>();
    for (int i = 0; i < 10; i++) {
      clients.add(Client.get(server.uri(), 4096));
    }
    Await.until("all are there", () -> server.eventSources().count() == 10);
    assertTrue(VirtualThreads.named("tidings-").size() > before + 10, "the dump shows handlers");
    for (int i = 0; i < 200; i++) {
      server.eventSources().broadcast("x".repeat(60_000));
    }
    server.close();
    Await.until("the last ones are through their last steps", () -> VirtualThreads.named("tidings-").size() == before);
    for (var client : clients) {
      client.close();
    }
  }

  /** Each way out, many times; what would be left behind is 25 KB and more for each. */
  @ParameterizedTest
  @EnumSource
  void everyWayOutGivesTheConnectionBack(Scheme scheme) throws Exception {
    try (var server = scheme.builder().settings(QUICK.bodyLimit(10)).build()) {
      var endings = new LinkedBlockingQueue<String>();
      server.get("/stream", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("x");
          sse.keepAlive();
        } finally {
          endings.add("stream");
        }
      });
      server.post("/text", request -> {
        try {
          request.respond(200, "text/plain", request.text());
        } finally {
          endings.add("text");
        }
      });
      server.post("/stream", request -> {
        try (var sse = request.getEventSource()) {
          sse.keepAlive();
        } finally {
          endings.add("body");
        }
      });
      server.start();
      var uri = server.uri();
      long connections = 0;
      for (int i = 0; i < 20; i++) {
        try (var plain = Client.get(uri.resolve("/stream"));
            var old = Client.send("GET", uri.resolve("/stream"), "HTTP/1.0", "")) {
          plain.next();
          old.next();
          if (i % 2 == 0) {
            plain.reset();
            old.reset();
          }
        }
        Client.raw(uri, "POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf").close();
        Client.raw(uri, "POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf").close();
        connections += 4;
      }
      for (long i = 0; i < connections; i++) {
        Await.next("a handler to end", endings);
      }
      Await.until("no stream is left", () -> server.eventSources().streams().isEmpty());
      Await.until("the server has no connection in its books", () -> booked(server) == 0);
    }
  }

  /** The JDK tells nobody how many connections it has; a test may look. */
  private static int booked(SseServer server) {
    try {
      var wrapper = server.httpServer();
      var field = wrapper.getClass().getDeclaredField("server");
      field.setAccessible(true);
      Object impl = field.get(wrapper);
      var all = impl.getClass().getDeclaredField("allConnections");
      all.setAccessible(true);
      return ((java.util.Set<?>) all.get(impl)).size();
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aClientWithHalfABodyDoesNotHoldUpTheClose(Scheme scheme) throws Exception {
    var server = scheme.builder().build();
    var entered = new CountDownLatch(2);
    server.post("/stream", request -> {
      entered.countDown();
      try (var sse = request.getEventSource()) {
        sse.keepAlive();
      }
    });
    server.post("/text", request -> {
      entered.countDown();
      request.respond(200, "text/plain", request.text());
    });
    server.start();
    try (var one = Client.raw(server.uri(), "POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
        var two = Client.raw(server.uri(), "POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")) {
      Await.latch("both", entered);
      long start = System.nanoTime();
      server.close();
      var took = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(took.compareTo(Duration.ofSeconds(2)) < 0, took::toString);
      one.toEndOrCut();
      two.toEndOrCut();
    }
  }

  @Test
  void aClosedRegistryDoesNotWaitForHalfABody() throws Exception {
    var sources = EventSources.create(QUICK);
    try (var site = new Site(sources, EventSource::keepAlive)) {
      sources.close();
      try (var client = Client.raw(site.uri(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")) {
        assertEquals(Ending.REFUSED, site.ending());
        assertEquals(503, client.status());
      }
    }
  }
}
