package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SseServerTest {

  @Test
  void routesAreByMethodAndExactPath() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/a", request -> request.respond(200, "text/plain", "got " + request.path()));
      server.post("/a", request -> request.respond(201, "application/json", "{}"));
      server.route("DELETE", "/b c", request -> request.respond(204));
      server.start();
      assertAnswer(server, "GET", "/a", 200, "got /a");
      assertAnswer(server, "GET", "/a?x=y", 200, "got /a");
      assertAnswer(server, "POST", "/a", 201, "{}");
      assertAnswer(server, "DELETE", "/b%20c", 204, "");
      assertAnswer(server, "HEAD", "/a", 200, "");
      assertAnswer(server, "GET", "/a/", 404, "not found\n");
      assertAnswer(server, "GET", "/A", 404, "not found\n");
      assertAnswer(server, "GET", "/", 404, "not found\n");
      try (var client = Client.send("PUT", server.uri().resolve("/a"), "HTTP/1.1", "x")) {
        assertEquals(405, client.status());
        assertEquals("GET, HEAD, POST", client.headers().get("Allow"));
      }
      try (var client = Client.send("HEAD", server.uri().resolve("/b%20c"), "HTTP/1.1", "")) {
        assertEquals(405, client.status());
        assertEquals("DELETE", client.headers().get("Allow"));
      }
    }
  }

  @Test
  void aHeadRequestGoesToTheHandlerOfGetUnlessThereIsItsOwn() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/get", request -> request.respond(200, "text/plain", "get"));
      server.get("/both", request -> request.respond(200, "text/plain", "get"));
      server.route("HEAD", "/both", request -> request.respond(204));
      server.route("HEAD", "/head", request -> request.respond(204));
      server.start();
      assertAnswer(server, "HEAD", "/get", 200, "");
      assertAnswer(server, "HEAD", "/both", 204, "");
      assertAnswer(server, "GET", "/both", 200, "get");
      assertAnswer(server, "HEAD", "/head", 204, "");
      assertAnswer(server, "GET", "/head", 405, "use HEAD\n");
    }
  }

  private static void assertAnswer(SseServer server, String method, String path, int status, String body) throws IOException {
    try (var client = Client.send(method, server.uri().resolve(path), "HTTP/1.1", "")) {
      assertEquals(status, client.status());
      if (!method.equals("HEAD") && status != 204) {
        assertEquals(body, client.toEnd());
      }
    }
  }

  @Test
  void badRoutesAreRefused() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/a", request -> {});
      assertMessage("there is a handler already for GET /a", () -> server.get("/a", request -> {}));
      assertMessage("path must start with /: \"a\"", () -> server.get("a", request -> {}));
      assertMessage("method must be a token (RFC 9110, 5.6.2): \"G ET\"", () -> server.route("G ET", "/", request -> {}));
      assertMessage("backlog must be at least 1: 0", () -> SseServer.builder().backlog(0));
      assertThrows(IllegalArgumentException.class, () -> SseServer.create(65_536));
    }
  }

  private static void assertMessage(String message, Runnable action) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, action::run).getMessage());
  }

  @Test
  void createBindsLoopbackAndABuilderAnyAddress() throws Exception {
    try (var server = SseServer.create(0)) {
      assertTrue(server.httpServer().getAddress().getAddress().isLoopbackAddress());
      assertThrows(IOException.class, () -> SseServer.create(server.port()));
    }
    try (var server = SseServer.builder().address(new InetSocketAddress(0)).build()) {
      assertTrue(server.httpServer().getAddress().getAddress().isAnyLocalAddress());
      assertEquals("http://127.0.0.1:" + server.port() + "/", server.uri().toString());
    }
    var v6 = new InetSocketAddress(InetAddress.getByName("::1"), 0);
    try (var server = SseServer.builder().address(v6).build()) {
      assertEquals("http://[0:0:0:0:0:0:0:1]:" + server.port() + "/", server.uri().toString());
    }
  }

  @Test
  void tlsServesStreams() throws Exception {
    try (var server = SseServer.builder().tls(SelfSigned.context()).build()) {
      assertTrue(server.httpServer() instanceof HttpsServer);
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send("secret");
        }
      });
      server.start();
      assertTrue(server.uri().toString().startsWith("https://"));
      try (var client = Client.get(server.uri())) {
        assertEquals("data: secret\n\n", client.toEnd());
      }
    }
  }

  @Test
  void filtersAndOtherContextsWork() throws Exception {
    try (var server = SseServer.create(0)) {
      server.context().getFilters().add(Filter.adaptRequest("tag", request -> request.with("Tag", List.of("yes"))));
      server.httpServer().createContext("/files", exchange -> {
        try (exchange) {
          exchange.sendResponseHeaders(204, -1);
        }
      });
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send(request.header("tag").orElse("no"));
        }
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals("yes", client.next().data());
      }
      assertAnswer(server, "GET", "/files/x", 204, "");
    }
  }

  @Test
  void aHandlerWithoutAnAnswerIs500AndAWarning() throws Exception {
    try (var log = new LogRecords(); var server = SseServer.create(0)) {
      server.get("/", request -> {});
      server.start();
      assertAnswer(server, "GET", "/", 500, "the handler sent no response\n");
      assertEquals(List.of("no response from the handler of \"GET /\""), log.messages(Level.WARNING));
    }
  }

  @Test
  void aHandlerMayAnswerOnTheExchangeItself() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/", request -> {
        request.exchange().sendResponseHeaders(200, 2);
        request.exchange().getResponseBody().write("ok".getBytes());
      });
      server.start();
      assertAnswer(server, "GET", "/", 200, "ok");
    }
  }

  @Test
  void startTwiceIsAnErrorAndJoinReturnsOnClose() throws Exception {
    var server = SseServer.create(0);
    server.start();
    assertThrows(IllegalStateException.class, server::start);
    var joined = new CountDownLatch(1);
    Thread.ofVirtual().start(() -> {
      try {
        server.join();
        joined.countDown();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    assertEquals(1, joined.getCount());
    server.close();
    server.close();
    Await.latch("join", joined);
    assertThrows(ConnectException.class, () -> Client.get(server.uri()));
  }

  @Test
  void aServerThatNeverStartedCloses() throws Exception {
    SseServer.create(0).close();
  }

  @ParameterizedTest
  @EnumSource
  void closeWithTwoHundredStreamsSomeStalledReturnsSoon(Scheme scheme) throws Exception {
    var handlers = new AtomicInteger();
    var endings = new LinkedBlockingQueue<Ending>();
    var before = StopTest.threads();
    var server = scheme.builder().settings(Settings.defaults().withOverflow(Overflow.dropNewest())).build();
    server.get("/", request -> {
      handlers.incrementAndGet();
      try (var sse = request.getEventSource(request.query("id").orElseThrow())) {
        endings.add(sse.keepAlive());
      } finally {
        handlers.decrementAndGet();
      }
    });
    server.start();
    var clients = new ArrayList<Client>();
    try {
      for (int i = 0; i < 200; i++) {
        boolean stalls = i % 20 == 0;
        clients.add(Client.get(server.uri().resolve(stalls ? "/?id=stalled-" + i : "/?id=reads-" + i), stalls ? 4096 : 0));
      }
      Await.until("all are there", () -> server.eventSources().count() == 200);
      var large = Event.of("x".repeat(60_000));
      var stalled = server.eventSources().find(id -> id.startsWith("stalled"));
      while (stalled.stream().anyMatch(stream -> stream.traffic().dropped() < 20)) {
        stalled.forEach(stream -> stream.offer(large));
        Thread.onSpinWait();
      }
      server.eventSources().find(id -> id.startsWith("reads")).forEach(stream -> stream.send("last words"));
      long start = System.nanoTime();
      server.close();
      var took = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(took.compareTo(Duration.ofSeconds(8)) < 0, took::toString); // the shortest deadline is 10
      assertEquals(0, handlers.get());
      for (int i = 0; i < 200; i++) {
        assertEquals(Ending.STOPPING, Await.next("an ending", endings));
      }
      for (int i = 0; i < 200; i++) {
        if (i % 20 != 0) {
          assertEquals("last words", clients.get(i).next().data());
        }
      }
    } finally {
      for (var client : clients) {
        client.close();
      }
    }
    Await.until("no thread is left", () -> StopTest.threads().equals(before));
  }

  @Test
  void manyMayWaitToBeAccepted() throws Exception {
    for (var scheme : Scheme.values()) {
      try (var server = scheme.builder().build()) { // bound, but does not accept connections before its start
        var waiting = new ArrayList<Socket>();
        try {
          for (int i = 0; i < 500; i++) { // with the JDK's own backlog, 50, the later ones would time out
            waiting.add(new Socket());
            waiting.getLast().connect(new InetSocketAddress(server.uri().getHost(), server.port()), 500);
          }
        } finally {
          for (Socket socket : waiting) {
            socket.close();
          }
        }
      }
    }
  }

  @Test
  void closeInterruptsHandlersThatGoOn() throws Exception {
    var server = SseServer.create(0);
    var started = new CountDownLatch(1);
    var interrupted = new CountDownLatch(1);
    server.get("/", request -> {
      started.countDown();
      try {
        Thread.sleep(Duration.ofHours(1));
      } catch (InterruptedException e) {
        interrupted.countDown();
      }
    });
    server.start();
    try (var client = Client.get(server.uri())) {
      Await.latch("the handler", started);
      server.close();
      Await.latch("its interrupt", interrupted);
      client.toEndOrCut();
    }
  }

  @Test
  void closeFromAnInterruptedThreadStillStopsAndKeepsTheStatus() throws Exception {
    var server = SseServer.create(0);
    server.get("/", request -> {
      try (var sse = request.getEventSource()) {
        sse.keepAlive();
      }
    });
    server.start();
    try (var client = Client.get(server.uri())) {
      client.head();
      Thread.currentThread().interrupt();
      server.close();
      assertTrue(Thread.interrupted());
      client.toEnd();
      assertFalse(server.eventSources().count() > 0);
    }
  }

  @Test
  void aSecondHandlerThatIsRefusedDoesNotReplaceTheFirst() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/", request -> request.respond(200, "text/plain", "the first"));
      assertThrows(IllegalArgumentException.class, () -> server.get("/", request -> request.respond(500)));
      server.start();
      assertAnswer(server, "GET", "/", 200, "the first");
    }
  }

  @Test
  void aHandlerThatReturnsClosesItsStream() throws Exception {
    try (var server = SseServer.create(0)) {
      var endings = new LinkedBlockingQueue<Ending>();
      server.eventSources().onEnd((stream, why) -> endings.add(why));
      server.get("/", request -> request.getEventSource().send("x"));
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals("data: x\n\n", client.toEnd());
        assertEquals(Ending.CLOSED, Await.next("the end", endings));
        assertEquals(0, server.eventSources().count());
      }
    }
  }
}
