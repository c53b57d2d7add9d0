package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing leaks: no streams, no virtual threads, and no connections in the JDK's server. */
class LeakTest {
  private static final Settings QUICK =
      Settings.defaults().withHeartbeat(Duration.ofMillis(100)).withWriteDeadline(Duration.ofMillis(300));

  @ParameterizedTest
  @EnumSource
  void everyThreadEndsWithTheServer(Scheme scheme) throws Exception {
    var before = VirtualThreads.byId("tidings-").keySet(); // of other tests, and perhaps about to end
    var server = scheme.builder().settings(QUICK.withOverflow(Overflow.dropNewest())).build();
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
    assertTrue(threadsBesides(before).size() > 10, "the dump shows handlers");
    for (int i = 0; i < 200; i++) {
      server.eventSources().broadcast("x".repeat(60_000));
    }
    server.close();
    Await.until("the last threads have ended", () -> threadsBesides(before).isEmpty());
    for (var client : clients) {
      client.close();
    }
  }

  private static Set<Long> threadsBesides(Set<Long> before) {
    var threads = new HashSet<>(VirtualThreads.byId("tidings-").keySet());
    threads.removeAll(before);
    return threads;
  }

  /** The handler has half a second to return, which may be too little on a busy machine, but not every time. */
  @Test
  void aHandlerThatTakesAWhileAfterItsInterruptIsWaitedFor() throws Exception {
    boolean hasEnded = false;
    for (int round = 0; round < 5 && !hasEnded; round++) {
      var inside = new CountDownLatch(1);
      var ended = new CountDownLatch(1);
      var server = SseServer.create(0);
      server.get("/", request -> {
        inside.countDown();
        try {
          Thread.sleep(Duration.ofHours(1));
        } catch (InterruptedException e) {
          Thread.sleep(100); // cleans up
          ended.countDown();
        }
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        Await.latch("the handler", inside);
        server.close();
        hasEnded = ended.getCount() == 0;
        client.toEndOrCut();
      }
    }
    assertTrue(hasEnded);
  }

  @Test
  void whereNobodyHoldsItUpAServerClosesWithoutAWait() throws Exception {
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 5 && least >= 400_000_000; round++) { // handlers have half a second
      var server = SseServer.create(0);
      server.get("/", request -> request.getEventSource().keepAlive());
      server.start();
      try (var client = Client.get(server.uri())) {
        client.awaitText(":\n\n");
        long start = System.nanoTime();
        server.close();
        least = Math.min(least, System.nanoTime() - start);
        client.toEnd();
      }
    }
    assertTrue(least < 400_000_000, "took at least " + least);
  }

  /** Each way to end a connection, many times; a leaked one would hold 25 KB or more. */
  @ParameterizedTest
  @EnumSource
  void everyWayOutGivesTheConnectionBack(Scheme scheme) throws Exception {
    try (var server = scheme.builder().settings(QUICK.withBodyLimit(10)).build()) {
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
        Client.raw(uri, "POST /text HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf").close();
        Client.raw(uri, "POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf").close();
        connections += 4;
      }
      for (long i = 0; i < connections; i++) {
        Await.next("a handler to end", endings);
      }
      Await.until("no stream is left", () -> server.eventSources().streams().isEmpty());
      Await.until("the server has forgotten all connections", () -> booked(server) == 0);
    }
  }

  /** Reads the number of connections by reflection, since the JDK has no API for it. */
  static int booked(SseServer server) {
    return booked(server.httpServer());
  }

  static int booked(HttpServer wrapper) {
    try {
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

  /** The client chooses the protocol text in a request line, so it must not decide whether a connection is kept. */
  @ParameterizedTest
  @ValueSource(strings = {"FOO", "HTTP/2.0", "http/1.1", "HTTP/1.1", "HTTP/1.0", "http/1.0", "HTTP/3", "HTTP/1.1 HTTP/2"})
  void everyProtocolOfARequestLineGivesTheConnectionBack(String protocol) throws Exception {
    try (var server = SseServer.builder().settings(QUICK.withOverflow(Overflow.dropNewest())).build()) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("x");
          sse.keepAlive();
        }
      });
      server.get("/end", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("the end");
        }
      });
      server.get("/text", request -> request.respond(200, "text/plain", "text"));
      server.start();
      var stuck = new ArrayList<Client>();
      for (int i = 0; i < 5; i++) {
        try (var leaving = Client.send("GET", server.uri(), protocol, "");
            var resetting = Client.send("GET", server.uri(), protocol, "");
            var ended = Client.send("GET", server.uri().resolve("/end"), protocol, "");
            var head = Client.send("HEAD", server.uri(), protocol, "");
            var text = Client.send("GET", server.uri().resolve("/text"), protocol, "")) {
          assertEquals("x", leaving.next().data());
          assertEquals("close", leaving.headers().get("Connection"));
          assertEquals("x", resetting.next().data());
          resetting.reset();
          assertEquals("data: the end\n\n", ended.toEnd());
          assertEquals(200, head.status());
          assertEquals("text", text.toEnd());
        }
        var client = Client.send("GET", server.uri(), protocol, "");
        assertEquals("x", client.next().data());
        stuck.add(client); // from now on it does not read
      }
      Await.until("only those are left", () -> server.eventSources().count() == stuck.size());
      String large = "x".repeat(60_000);
      Await.until("all have ended", () -> server.eventSources().broadcast(large) == 0 && server.eventSources().count() == 0);
      Await.until("the server has forgotten all connections", () -> booked(server) == 0);
      for (Client client : stuck) {
        client.close();
      }
    }
  }

  /** On a server of the application, no handler throws at the end. HTTP/1.0 would need that, so it is left out. */
  @ParameterizedTest
  @ValueSource(strings = {"FOO", "HTTP/2.0", "http/1.1", "HTTP/1.1"})
  void theSameHoldsOnAServerOfOnesOwn(String protocol) throws Exception {
    try (var site = new Site(EventSources.create(QUICK), EventSource::keepAlive)) {
      for (int i = 0; i < 10; i++) {
        Client.send("GET", site.uri(), protocol, "").head().close();
      }
      for (int i = 0; i < 10; i++) {
        site.ending();
      }
      Await.until("the server has forgotten all connections", () -> booked(site.http()) == 0);
    }
  }

  /** A filter may wrap the server's exchange in its own. */
  @Test
  void theProtocolDecidesNothingBehindAFilterThatWrapsTheExchange() throws Exception {
    try (var server = SseServer.builder().settings(QUICK).build()) {
      server.context().getFilters().add(Filter.adaptRequest("its own exchange", request -> request));
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("x");
        }
      });
      server.start();
      try (var client = Client.send("GET", server.uri(), "FOO", "")) {
        assertEquals("close", client.headers().get("Connection"));
      }
    }
  }

  /** Another server may speak HTTP/2, where Connection is an error; its protocol text does not come from the client. */
  @ParameterizedTest
  @CsvSource({"HTTP/1.1,close", "HTTP/1.0,close", "http/1.1,close", "HTTP/2,", "HTTP/2.0,", "HTTP/3,"})
  void onOtherServersTheProtocolDecidesWhetherTheConnectionIsClosed(String protocol, String connection) {
    var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
    when(exchange.getProtocol()).thenReturn(protocol);
    try (var sources = EventSources.create(); var stream = sources.open(exchange)) {
      assertTrue(stream.isOpen());
      assertEquals(connection, exchange.getResponseHeaders().getFirst("Connection"));
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
    try (var one = Client.raw(server.uri(), "POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf");
        var two = Client.raw(server.uri(), "POST /text HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")) {
      Await.latch("both", entered);
      long start = System.nanoTime();
      server.close();
      var took = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(took.compareTo(Duration.ofSeconds(8)) < 0, took::toString); // the shortest deadline is 10
      one.toEndOrCut();
      two.toEndOrCut();
    }
  }

  @Test
  void aClosedRegistryDoesNotWaitForHalfABody() throws Exception {
    var sources = EventSources.create(QUICK);
    try (var site = new Site(sources, EventSource::keepAlive)) {
      sources.close();
      try (var client = Client.raw(site.uri(), "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")) {
        assertEquals(Ending.REFUSED, site.ending());
        assertEquals(503, client.status());
      }
    }
  }
}
