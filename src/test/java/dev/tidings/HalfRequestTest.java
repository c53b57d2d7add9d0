package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Authenticator;
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests that clients have begun and not completed when a server stops with a grace period. */
class HalfRequestTest {
  private static final Duration GRACE = Duration.ofSeconds(15);
  private static final Duration SOON = Duration.ofSeconds(5);

  /** An incomplete request, or a connection without one. */
  private enum Half {
    CONNECTION(null, false),
    ONE_BYTE("G", true),
    REQUEST_LINE("GET / HTTP/1.1", true),
    HEAD("GET / HTTP/1.1\r\nHos", true),
    ALL_BUT_THE_BLANK_LINE("GET / HTTP/1.1\r\nHost: localhost\r\n", true),
    NEXT_HEAD("GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\nGET /plain HT", true),
    KEPT_ALIVE("GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n", false);

    private final String text;
    private final boolean hasThread;

    Half(String text, boolean hasThread) {
      this.text = text;
      this.hasThread = hasThread;
    }

    private Client send(URI uri) throws IOException {
      var client = Client.raw(uri, text == null ? "" : text);
      if (this == NEXT_HEAD || this == KEPT_ALIVE) {
        assertEquals("ok", client.toEnd());
      }
      return client;
    }
  }

  private static SseServer server(Scheme scheme) throws IOException {
    var server = scheme.builder().build();
    server.get("/", request -> {
      try (var stream = request.getEventSource()) {
        stream.keepAlive();
      }
    });
    return server.get("/plain", request -> request.respond(200, "text/plain", "ok"));
  }

  @BeforeEach
  void noOtherServersThreadIsLeft() {
    Await.until("none is left", () -> handlers() == 0);
  }

  private static int handlers() {
    return VirtualThreads.named("tidings-handler-").size();
  }

  private static Duration timeOf(Runnable action) {
    long start = System.nanoTime();
    action.run();
    return Duration.ofNanos(System.nanoTime() - start);
  }

  private static void assertSoon(Duration took) {
    assertTrue(took.compareTo(SOON) < 0, took::toString);
  }

  static List<Object[]> halves() {
    var cases = new ArrayList<Object[]>();
    for (var scheme : Scheme.values()) {
      for (var half : Half.values()) {
        cases.add(new Object[] {scheme, half});
      }
    }
    return cases;
  }

  @ParameterizedTest
  @MethodSource("halves")
  void halfARequestHeadHoldsNothingUp(Scheme scheme, Half half) throws Exception {
    var server = server(scheme).start();
    try (var client = half.send(server.uri())) {
      boolean hasThread = half.hasThread || half == Half.CONNECTION && scheme == Scheme.HTTPS; // for the handshake
      Await.until("it is there", () -> handlers() == (hasThread ? 1 : 0));
      assertSoon(timeOf(() -> server.stop(GRACE)));
      client.toEndOrCut();
    }
    Await.until("no thread is left", () -> handlers() == 0);
  }

  @Test
  void halfATlsHandshakeHoldsNothingUp() throws Exception {
    var server = server(Scheme.HTTPS).start();
    try (var client = new Socket("127.0.0.1", server.port())) {
      client.getOutputStream().write(new byte[] {22, 3, 1, 2}); // a record whose rest does not arrive
      Await.until("it is there", () -> handlers() == 1);
      assertSoon(timeOf(() -> server.stop(GRACE)));
    }
    Await.until("no thread is left", () -> handlers() == 0);
  }

  @Test
  void aThousandHalfHeadsHoldNothingUpEither() throws Exception {
    var server = server(Scheme.HTTP).start();
    var clients = new ArrayList<Client>();
    try {
      for (int i = 0; i < 1000; i++) {
        clients.add(Half.HEAD.send(server.uri()));
      }
      Await.until("all are there", () -> handlers() == 1000);
      assertSoon(timeOf(() -> server.stop(GRACE)));
    } finally {
      for (var client : clients) {
        client.close();
      }
    }
  }

  // Requests that a stop waits for.

  private static LinkedBlockingQueue<String> stopping(SseServer server) {
    var stopped = new LinkedBlockingQueue<String>();
    Thread.ofPlatform().start(() -> {
      server.stop(GRACE);
      stopped.add("stopped");
    });
    return stopped;
  }

  /** A place where a request may be in progress. */
  private enum Place {
    OWN_HANDLER {
      @Override
      void block(SseServer server, Blocking work) {
        server.get("/work", request -> {
          work.run();
          request.respond(200, "text/plain", "done");
        });
      }
    },
    FILTER {
      @Override
      void block(SseServer server, Blocking work) {
        server.get("/work", request -> request.respond(200, "text/plain", "done"));
        server.context().getFilters().add(Filter.beforeHandler("slow", exchange -> work.runIfAsked(exchange)));
      }
    },
    AUTHENTICATOR {
      @Override
      void block(SseServer server, Blocking work) {
        server.get("/work", request -> request.respond(200, "text/plain", "done"));
        server.context().setAuthenticator(new Authenticator() {
          @Override
          public Result authenticate(HttpExchange exchange) {
            work.runIfAsked(exchange);
            return new Success(new HttpPrincipal("ann", "realm"));
          }
        });
      }
    },
    FOREIGN_CONTEXT {
      @Override
      void block(SseServer server, Blocking work) {
        server.httpServer().createContext("/work", exchange -> {
          work.run();
          answer(exchange);
        });
      }
    },
    FILTER_OF_A_FOREIGN_CONTEXT {
      @Override
      void block(SseServer server, Blocking work) {
        server.httpServer().createContext("/work", Place::answer)
            .getFilters().add(Filter.beforeHandler("slow", exchange -> work.run()));
      }
    };

    abstract void block(SseServer server, Blocking work);

    private static void answer(HttpExchange exchange) throws IOException {
      try (exchange) {
        exchange.sendResponseHeaders(200, 4);
        exchange.getResponseBody().write("done".getBytes());
      }
    }
  }

  /** Work that continues until the test ends it. */
  private static final class Blocking {
    private final CountDownLatch started = new CountDownLatch(1);
    private final CountDownLatch go = new CountDownLatch(1);

    private void run() {
      started.countDown();
      Await.uninterrupted(() -> Await.latch("the test", go));
    }

    private void runIfAsked(HttpExchange exchange) {
      if (exchange.getRequestURI().getPath().equals("/work")) {
        run();
      }
    }
  }

  static List<Object[]> places() {
    var cases = new ArrayList<Object[]>();
    for (var scheme : Scheme.values()) {
      for (var place : Place.values()) {
        cases.add(new Object[] {scheme, place});
      }
    }
    return cases;
  }

  @ParameterizedTest
  @MethodSource("places")
  void aWholeRequestCountsWhereverItIs(Scheme scheme, Place place) throws Exception {
    var work = new Blocking();
    try (var server = server(scheme)) {
      place.block(server, work);
      server.start();
      try (var half = Half.HEAD.send(server.uri()); var client = Client.get(server.uri().resolve("/work"))) {
        Await.latch("the work", work.started);
        Await.until("both are there", () -> handlers() == 2);
        var idle = new CountDownLatch(1);
        ((InFlight) server.httpServer().getExecutor()).whenEmpty(idle::countDown);
        assertEquals(1, idle.getCount());
        half.write("t: localhost\r\n\r\n"); // too late to be counted; its stream stays open
        half.awaitText(":\n\n");
        work.go.countDown();
        assertEquals("done", client.toEnd());
        Await.latch("no counted request to be left", idle);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aStopWaitsForTheHandlerOfAForeignContext(Scheme scheme) throws Exception {
    var work = new Blocking();
    var server = server(scheme);
    Place.FOREIGN_CONTEXT.block(server, work);
    server.start();
    try (var half = Half.HEAD.send(server.uri()); var client = Client.get(server.uri().resolve("/work"))) {
      Await.latch("the work", work.started);
      var stopped = stopping(server);
      Await.until("new requests are refused", () -> isRefused(server));
      assertNull(stopped.poll(1300, TimeUnit.MILLISECONDS)); // a stop without a grace period takes no longer
      half.write("t: localhost\r\n\r\n");
      assertEquals(503, half.status());
      work.go.countDown();
      assertEquals("done", client.toEnd());
      assertEquals("stopped", Await.next("the stop", stopped));
    }
  }

  private static boolean isRefused(SseServer server) {
    try (var client = Client.get(server.uri().resolve("/plain"))) {
      return client.status() == 503;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @EnumSource
  void halfABodyIsWaitedForSinceItsHandlerIsAtWork(Scheme scheme) throws Exception {
    var reads = new CountDownLatch(1);
    var server = server(scheme);
    server.post("/upload", request -> {
      reads.countDown();
      request.respond(200, "text/plain", request.text());
    });
    server.start();
    try (var client = Client.raw(server.uri(), "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhal")) {
      Await.latch("the handler", reads);
      var stopped = stopping(server);
      Await.until("new requests are refused", () -> isRefused(server));
      assertNull(stopped.poll(1300, TimeUnit.MILLISECONDS));
      client.write("ve");
      assertEquals("halve", client.toEnd());
      assertEquals("stopped", Await.next("the stop", stopped));
    }
  }
}
