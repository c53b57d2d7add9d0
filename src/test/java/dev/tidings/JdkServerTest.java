package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** System properties are read once per JVM, so each case runs in its own JVM. */
class JdkServerTest {
  private static final String OWN_SERVER =
      """
      import com.sun.net.httpserver.*;
      import dev.tidings.*;
      import java.net.*;
      void main() throws Exception {
        var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
        http.setExecutor(java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor());
        for (String path : new String[] {"/a", "/b"}) {
          var sources = EventSources.create();
          http.createContext(path, exchange -> {
            try (var sse = sources.open(exchange)) { sse.send("x"); }
          });
        }
        http.start();
        for (String path : new String[] {"/a", "/b", "/a"}) {
          URI.create("http://localhost:" + http.getAddress().getPort() + path).toURL().openStream().readAllBytes();
        }
        System.exit(0);
      }
      """;
  private static final String SSE_SERVER =
      """
      import com.sun.net.httpserver.*;
      import dev.tidings.*;
      import java.net.*;
      void main(String... args) throws Exception {
        if (args.length > 0) {
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10).start();
        }
        try (var server = SseServer.create(0)) {
          server.get("/", request -> { try (var sse = request.getEventSource()) { sse.send("x"); } });
          server.start();
          server.uri().toURL().openStream().readAllBytes();
        }
        System.err.println("nodelay=" + System.getProperty("sun.net.httpserver.nodelay"));
        System.err.println("maxReqTime=" + System.getProperty("sun.net.httpserver.maxReqTime"));
        System.err.println("maxReqHeaderSize=" + System.getProperty("sun.net.httpserver.maxReqHeaderSize"));
        System.exit(0);
      }
      """;

  private static String run(String program, List<String> options, String... args) throws Exception {
    try (var jvm = OwnJvm.start(program, options, args)) {
      return jvm.toEnd();
    }
  }

  private static long count(String output, String text) {
    return Pattern.compile(Pattern.quote(text)).matcher(output).results().count();
  }

  @Test
  void whoSpeaksTlsIsKnownAlsoThroughAFilterThatWrapsTheExchange() {
    var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
    assertFalse(JdkServer.isTls(exchange));
    var server = mock(HttpsServer.class);
    when(exchange.getHttpContext().getServer()).thenReturn(server);
    assertTrue(JdkServer.isTls(exchange));
  }

  /** One open stream would block the whole server. */
  @Test
  void anExecutorThatRunsHandlersOnTheServersOwnThreadIsNone() throws Exception {
    var thrown = new LinkedBlockingQueue<Throwable>();
    var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    http.setExecutor(Runnable::run);
    http.start();
    try (var _ = new LogRecords(); var sources = EventSources.create()) {
      http.createContext("/", exchange -> {
        try (exchange) {
          thrown.add(assertThrows(IllegalStateException.class, () -> sources.open(exchange)));
          exchange.sendResponseHeaders(500, -1);
        }
      });
      try (var client = Client.get(URI.create("http://localhost:" + http.getAddress().getPort() + "/"))) {
        assertEquals(500, client.status());
      }
      assertTrue(Await.next("an error", thrown).getMessage().contains("setExecutor"));
    } finally {
      http.stop(0);
    }
  }

  @Test
  void anOwnServerWithoutNodelayGivesOneWarning() throws Exception {
    String output = run(OWN_SERVER, List.of());
    assertEquals(1, count(output, "sun.net.httpserver.nodelay is not set"), output);
    assertEquals(1, count(output, "WARNING"), output);
  }

  @Test
  void anOwnServerWithNodelayGivesNone() throws Exception {
    var options = List.of("-Dsun.net.httpserver.nodelay=true", "-Dsun.net.httpserver.maxRspTime=-1"); // no limit
    assertEquals("", run(OWN_SERVER, options));
  }

  @Test
  void maxRspTimeGivesOneWarning() throws Exception {
    String output = run(OWN_SERVER, List.of("-Dsun.net.httpserver.nodelay=true", "-Dsun.net.httpserver.maxRspTime=7"));
    assertEquals(1, count(output, "maxRspTime=7 aborts every stream"), output);
    assertEquals(1, count(output, "WARNING"), output);
  }

  @Test
  void sseServerSetsWhatTheUserDidNot() throws Exception {
    assertEquals("nodelay=true\nmaxReqTime=600\nmaxReqHeaderSize=32768\n", run(SSE_SERVER, List.of()));
  }

  @Test
  void sseServerLeavesWhatTheUserSet() throws Exception {
    assertEquals(
        "nodelay=false\nmaxReqTime=5\nmaxReqHeaderSize=50000\n",
        run(SSE_SERVER, List.of("-Dsun.net.httpserver.nodelay=false", "-Dsun.net.httpserver.maxReqTime=5", "-Dsun.net.httpserver.maxReqHeaderSize=50000")));
  }

  @Test
  void sseServerWarnsIfAServerWasThereBefore() throws Exception {
    String output = run(SSE_SERVER, List.of(), "another server first");
    assertEquals(1, count(output, "WARNING"), output);
    assertTrue(output.contains("a server was running before"), output);
  }

  /** Its clients run in the test's JVM, so that their heap does not count. */
  private static final String SERVER =
      """
      import com.sun.net.httpserver.*;
      import dev.tidings.*;
      import java.lang.management.ManagementFactory;
      import java.net.*;
      import jdk.management.VirtualThreadSchedulerMXBean;
      static Object read(Object from, String name) throws Exception {
        var field = from.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(from);
      }
      static int size(HttpServer server, String name) throws Exception {
        return ((Set<?>) read(read(server, "server"), name)).size();
      }
      static long used() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
      }
      void main() throws Exception {
        try (var server = SseServer.create(0)) {
          server.get("/", request -> request.respond(200, "text/plain", "served"));
          server.post("/upload", request -> request.respond(200, "text/plain",
              request.exchange().getRequestBody().readAllBytes().length + " bytes"));
          server.post("/bytes", request -> request.respond(200, "text/plain", request.bytes().length + " bytes"));
          server.post("/refused", request -> request.respond(401, "text/plain", "who are you?"));
          server.stream("POST", "/stream", (request, sse) -> sse.send("never"));
          IO.println(server.start().uri());
          var bare = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 4096);
          bare.setExecutor(java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor());
          bare.createContext("/", exchange -> exchange.sendResponseHeaders(204, -1));
          bare.start();
          var scheduler = ManagementFactory.getPlatformMXBean(VirtualThreadSchedulerMXBean.class);
          for (String line; (line = IO.readln()) != null; ) {
            IO.println(line + " " + switch (line) {
              case "bare" -> "http://localhost:" + bare.getAddress().getPort() + "/";
              case "used" -> used();
              case "busy" -> scheduler.getMountedVirtualThreadCount() + scheduler.getQueuedVirtualThreadCount();
              case "exchanges" -> read(read(server.httpServer(), "server"), "exchangeCount");
              case "reading" -> size(server.httpServer(), "reqConnections") + size(bare, "reqConnections");
              default -> size(server.httpServer(), "allConnections") + size(bare, "allConnections");
            });
          }
          bare.stop(0);
        }
      }
      """;

  private static OwnJvm startServer(String... options) throws Exception {
    var all = new ArrayList<>(List.of(options));
    all.addAll(List.of("--add-opens=jdk.httpserver/sun.net.httpserver=ALL-UNNAMED", "-Xmx512m"));
    return OwnJvm.start(SERVER, all);
  }

  private static List<Client> send(int count, URI uri, String text) throws Exception {
    var clients = new ArrayList<Client>();
    for (int i = 0; i < count; i++) {
      clients.add(Client.raw(uri, text));
    }
    return clients;
  }

  private static void close(List<Client> clients) throws IOException {
    for (Client client : clients) {
      client.close();
    }
  }

  private static void awaitAnswer(OwnJvm jvm, String question, long wanted) throws Exception {
    long start = System.nanoTime();
    while (Long.parseLong(jvm.ask(question)) != wanted) {
      assertTrue(System.nanoTime() - start < 20_000_000_000L, () -> "timed out waiting for " + wanted + " " + question);
    }
  }

  /** Returns the least of some measurements, since each may include garbage. */
  private static long leastUsed(OwnJvm jvm) throws Exception {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      least = Math.min(least, Long.parseLong(jvm.ask("used")));
    }
    return least;
  }

  /** Returns the used heap once all input is read: virtual threads have nothing to do, and the heap is stable. */
  private static long settled(OwnJvm jvm) throws Exception {
    long last = 0;
    long used = Long.MAX_VALUE;
    for (long start = System.nanoTime(); Math.abs(used - last) > 10_000; ) {
      assertTrue(System.nanoTime() - start < 20_000_000_000L, "the heap does not settle");
      last = used;
      awaitAnswer(jvm, "busy", 0);
      used = leastUsed(jvm);
    }
    return used;
  }

  /** Returns the heap per connection, of this many connections that each send the same. */
  private static long heapForEach(OwnJvm jvm, URI uri, int count, String half) throws Exception {
    var first = send(50, uri, half); // so that the code is loaded
    awaitAnswer(jvm, "reading", first.size());
    long before = settled(jvm);
    var more = send(count, uri, half);
    awaitAnswer(jvm, "reading", first.size() + count);
    long each = (settled(jvm) - before) / count;
    awaitAnswer(jvm, "reading", first.size() + count); // all were still connected
    close(first);
    close(more);
    awaitAnswer(jvm, "booked", 0);
    return each;
  }

  /** Otherwise each would make {@code HttpServer.stop} wait for its whole delay. */
  @Test
  void anUploadThatBreaksLeavesNoExchangeInTheServer() throws Exception {
    try (var jvm = startServer()) {
      var uri = jvm.uri();
      for (String path : List.of("/bytes", "/refused", "/stream")) {
        var clients = send(3, uri, "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n" + "x".repeat(500_000));
        awaitAnswer(jvm, "exchanges", 3);
        close(clients);
        awaitAnswer(jvm, "exchanges", 0);
      }
    }
  }

  /**
   * Of the JDK's 31 KB, 25 are buffers that it allocates at the first byte, and 3 are the stack of a waiting thread.
   * Interpreted, since compiled frames are smaller, and the time of compilation varies.
   */
  @Test
  void halfAHeadTakesWhatTheJdkTakesAndLittleMore() throws Exception {
    String half = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
    try (var jvm = startServer("-Xint")) {
      var uri = jvm.uri();
      long jdk = heapForEach(jvm, URI.create(jvm.ask("bare")), 200, half);
      long ours = heapForEach(jvm, uri, 200, half);
      long large = heapForEach(jvm, uri, 100, half + "x".repeat(31_000));
      String text = "half a head takes " + ours + " bytes of heap (at the JDK's own server " + jdk + "), and with 31,000 bytes of headers " + large;
      System.out.println(text);
      assertTrue(ours <= jdk + 1024, text);
      assertTrue(large <= 120 * 1024, text);
    }
  }

  @Test
  void aThousandHalfHeadsAreGoneAfterMaxReqTime() throws Exception {
    try (var jvm = startServer("-Dsun.net.httpserver.maxReqTime=1", "-Dsun.net.httpserver.timerMillis=100")) {
      var halves = send(1000, jvm.uri(), "GET / HTTP/1.1\r\nHos");
      for (Client half : halves) {
        assertEquals("", half.rest());
      }
      awaitAnswer(jvm, "booked", 0);
      close(halves);
    }
  }

  /** Nothing else reports it, and clients decide how often it happens. */
  @Test
  void uploadsThatMaxReqTimeCutsGiveOneWarningThatNamesIt() throws Exception {
    try (var jvm = startServer("-Dsun.net.httpserver.maxReqTime=1", "-Dsun.net.httpserver.timerMillis=100")) {
      String half = "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf";
      var uri = jvm.uri();
      var leaving = send(3, uri, half);
      close(leaving); // their uploads fail too, but not because of maxReqTime
      var uploads = send(3, uri, half);
      for (Client upload : uploads) {
        assertEquals("", upload.rest());
      }
      awaitAnswer(jvm, "booked", 0);
      close(uploads);
      long start = System.nanoTime();
      while (!jvm.hasSaid("was aborted by") && System.nanoTime() - start < 20_000_000_000L) {
        jvm.ask("booked"); // the handlers notice it later than the clients
      }
      jvm.end();
      String output = jvm.toEnd();
      assertEquals(1, count(output, "was aborted by sun.net.httpserver.maxReqTime=1 (seconds, for all servers of this JVM"), output);
      assertEquals(1, count(output, "WARNING"), output);
    }
  }

  private static String headOf(int bytes) {
    return "GET / HTTP/1.1\r\nConnection: close\r\nLast-Event-ID: " + "x".repeat(bytes) + "\r\n\r\n";
  }

  /** Returns the status line, or an empty string if the connection is closed without a response. */
  private static String answer(URI uri, String head) throws IOException {
    try (var client = Client.raw(uri, head)) {
      return client.rest().lines().findFirst().orElse("");
    } catch (SocketException e) {
      return ""; // closed while the client was still writing
    }
  }

  /** The JDK keeps a head for as long as its exchange is open. */
  @Test
  void aHeadOf40KilobytesIsClosedWithoutAnAnswerAndOneOf20IsServed() throws Exception {
    String manyFields = ("X: " + "x".repeat(95) + "\r\n").repeat(400);
    try (var jvm = startServer()) {
      var uri = jvm.uri();
      assertEquals("", answer(uri, headOf(40_000)));
      assertEquals("", answer(uri, "GET / HTTP/1.1\r\nHost: localhost\r\n" + manyFields + "\r\n"));
      assertEquals("", answer(uri, "GET /?" + "x".repeat(40_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      assertEquals("HTTP/1.1 200 OK", answer(uri, headOf(20_000)));
      assertEquals("HTTP/1.1 200 OK", answer(uri, headOf(32_000)));
    }
  }

  @Test
  void aUserMayLetLargerHeadsIn() throws Exception {
    try (var jvm = startServer("-Dsun.net.httpserver.maxReqHeaderSize=50000")) {
      assertEquals("HTTP/1.1 200 OK", answer(jvm.uri(), headOf(40_000)));
    }
  }

  /** The limit is 600 s; the earlier one of 30 s would have aborted this upload. */
  @Test
  @org.junit.jupiter.api.condition.EnabledIfSystemProperty(named = "chaos.seconds", matches = "\\d+")
  @org.junit.jupiter.api.Timeout(120)
  void anUploadOfAMinuteIsServed() throws Exception {
    String output = run(
        """
        import dev.tidings.*;
        import java.net.*;
        void main() throws Exception {
          try (var server = SseServer.create(0)) {
            server.post("/", request -> request.respond(200, "text/plain",
                request.exchange().getRequestBody().readAllBytes().length + " bytes"));
            server.start();
            try (var c = new Socket("127.0.0.1", server.port())) {
              c.getOutputStream().write("POST / HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 60\\r\\n\\r\\n".getBytes());
              for (int i = 0; i < 60; i++) {
                Thread.sleep(1000); // the client's own pace
                c.getOutputStream().write('x');
              }
              System.err.println(new String(c.getInputStream().readNBytes(15)));
            }
          }
          System.exit(0);
        }
        """, List.of());
    assertEquals("HTTP/1.1 200 OK\n", output);
  }

  @Test
  void aStreamOnAPlatformThreadGivesOneWarning() throws Exception {
    String output = run(
        OWN_SERVER.replace("newVirtualThreadPerTaskExecutor()", "newFixedThreadPool(4)"), List.of("-Dsun.net.httpserver.nodelay=true"));
    assertEquals(1, count(output, "a stream was opened on a platform thread: an executor of n threads is used up by n open streams"), output);
    assertEquals(1, count(output, "WARNING"), output);
  }

  /** Output for machines must not contain localized digits. */
  @Test
  void noOutputDependsOnTheLocale() throws Exception {
    String program =
        """
        import dev.tidings.*;
        void main() {
          System.err.print(Event.empty().withRetry(Duration.ofMillis(1234)).encode());
          try { Event.of("x").withId("\\u0001\\n"); } catch (IllegalArgumentException e) { System.err.println(e.getMessage()); }
        }
        """;
    assertEquals(run(program, List.of()), run(program, List.of("-Duser.language=ar", "-Duser.country=EG")));
  }

  /** A call without a locale would localize its output. */
  @Test
  void nothingIsFormattedWithoutALocale() throws Exception {
    try (var files = Files.walk(Path.of("src/main/java"))) {
      for (var file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
        var text = Files.readString(file);
        assertTrue(Pattern.compile("\\.formatted\\(|String\\.format\\((?!Locale)|to(Upper|Lower)Case\\(\\)").matcher(text).results().findAny().isEmpty(), file::toString);
      }
    }
  }
}
