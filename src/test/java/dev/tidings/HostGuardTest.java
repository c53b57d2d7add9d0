package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.BasicAuthenticator;
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class HostGuardTest {
  private static SseServer server; // with further hosts

  @BeforeAll
  static void start() throws IOException {
    server = answering(SseServer.builder().hosts("Example.com", "*.tenant.example", "a_b.example.").hosts("10.0.0.5", "[2001:DB8::1]", "xn--bcher-kva.example"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static SseServer answering(SseServer.Builder builder) throws IOException {
    var server = builder.build();
    server.get("/", request -> request.respond(200, "text/plain", "in\n"));
    server.post("/", request -> request.respond(200, "text/plain", request.text()));
    return server.start();
  }

  /** Sends a request with these lines after the request line, and returns its response. */
  private static String ask(URI uri, String requestLine, String... lines) throws IOException {
    String head = Stream.concat(Stream.of(requestLine), Stream.of(lines)).reduce("", (all, line) -> all + line + "\r\n");
    try (var client = Client.raw(uri, head + "\r\n")) {
      boolean empty = client.status() == 204 || requestLine.startsWith("HEAD");
      return client.status() + (empty ? "" : " " + client.toEnd().strip());
    }
  }

  private static int status(String requestLine, String... lines) throws IOException {
    return Integer.parseInt(ask(server.uri(), requestLine, lines).substring(0, 3));
  }

  // Host.

  @ParameterizedTest
  @ValueSource(strings = {
    "localhost", "LOCALHOST", "localhost.", "localhost:1", "localhost:", "localhost:65535", "app.localhost:8080", "a.b.localhost",
    "127.0.0.1", "127.0.0.1:80", "127.255.0.1", "127.0.0.1.", "[::1]", "[::1]:80", "[0:0:0:0:0:0:0:1]", "[::0001]", "[::ffff:127.0.0.1]",
    "example.com", "EXAMPLE.COM:8443", "example.com.", "example.com.:80", "a_b.example", "xn--bcher-kva.example", "XN--BCHER-KVA.example",
    "x.tenant.example", "x.y.tenant.example.:80", "10.0.0.5", "10.0.0.5:80", "[2001:db8::1]", "[2001:db8:0::1]:80",
  })
  void allowedHostsReachTheHandler(String host) throws Exception {
    assertEquals("200 in", ask(server.uri(), "GET / HTTP/1.1", "Host: " + host));
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "", " ", "evil.test", "localhost.evil.test", "evillocalhost", ".localhost", "a..localhost", "localhost..", "localhost@evil.test",
    "evil.test@localhost", "user:password@localhost", "evil.test#localhost", "evil.test/localhost", "localhost,evil.test", "localhost evil.test",
    "localhost:80:80", "localhost:a", "localhost:123456", "http://localhost", "127.0.0.1.evil.test", "127.evil.test", "127.1", "127.0.0.256",
    "127.0.0", "1270.0.0.1", "0.0.0.0", "10.0.0.6", "[::]", "[::2]", "::1", "[::1", "[::1%25lo]", "[127.0.0.1]", "[::1]evil.test", "[]",
    "[1:2:3:4:5:6:7:8:9]", "www.example.com", "example.com.evil.test", "xexample.com", "tenant.example", ".tenant.example", "xtenant.example", "xxtenant.example", "a.xtenant.example",
    "*.tenant.example", "b\u00fccher.example", "null", "*",
  })
  void otherHostsAreForeign(String host) throws Exception {
    assertEquals(403, status("GET / HTTP/1.1", "Host: " + host));
    assertEquals(403, status("POST / HTTP/1.1", "Host: " + host, "Content-Length: 0"));
    assertEquals(403, status("HEAD / HTTP/1.0", "Host: " + host));
  }

  @Test
  void eachOfSeveralHostsMustBeAllowed() throws Exception {
    assertEquals(200, status("GET / HTTP/1.1", "Host: localhost", "Host: example.com"));
    assertEquals(403, status("GET / HTTP/1.1", "Host: localhost", "Host: evil.test"));
    assertEquals(403, status("GET / HTTP/1.1", "Host: evil.test", "Host: localhost"));
  }

  @Test
  void theHostOfAnAbsoluteTargetMustBeAllowedToo() throws Exception {
    assertEquals(200, status("GET http://example.com:80/ HTTP/1.1", "Host: localhost"));
    assertEquals(403, status("GET http://evil.test/ HTTP/1.1", "Host: localhost"));
    assertEquals(403, status("GET http://localhost/ HTTP/1.1", "Host: evil.test"));
    assertEquals(403, status("GET http://localhost@evil.test/ HTTP/1.1", "Host: localhost"));
    assertEquals(403, status("GET http://a_b.test/ HTTP/1.1", "Host: localhost"));
    assertEquals(403, status("GET http://evil.test/ HTTP/1.0"));
  }

  @Test
  void aRequestWithoutHostPassesUnlessItHasAnOrigin() throws Exception {
    assertEquals(200, status("GET / HTTP/1.0"));
    assertEquals(200, status("GET / HTTP/1.1"));
    assertEquals("403 a request with Origin must have Host", ask(server.uri(), "GET / HTTP/1.1", "Origin: http://localhost"));
  }

  // Origin.

  @ParameterizedTest
  @ValueSource(strings = {
    "http://localhost", "https://localhost", "http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000", "https://example.com",
    "https://example.com:8443", "HTTP://Example.com", "https://x.tenant.example", "http://app.localhost",
  })
  void pagesOnAllowedHostsMayAsk(String origin) throws Exception {
    assertEquals(200, status("GET / HTTP/1.1", "Host: localhost", "Origin: " + origin));
    assertEquals(200, status("POST / HTTP/1.1", "Host: localhost", "Origin: " + origin, "Sec-Fetch-Site: cross-site", "Content-Length: 0"));
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "", "null", "http://evil.test", "https://evil.test", "http://localhost.evil.test", "http://localhost@evil.test", "http://localhost:80@evil.test",
    "http://localhost/", "http://", "localhost", "//localhost", "file://", "file://localhost", "ftp://localhost", "chrome-extension://localhost",
    "http://localhost http://evil.test", "http://localhost, http://evil.test", "*", "http://*.tenant.example",
  })
  void otherOriginsAreForeign(String origin) throws Exception {
    assertEquals(403, status("GET / HTTP/1.1", "Host: localhost", "Origin: " + origin));
    assertEquals(403, status("POST / HTTP/1.1", "Host: localhost", "Origin: " + origin, "Sec-Fetch-Site: same-site", "Content-Length: 0"));
    assertEquals(403, status("GET / HTTP/1.1", "Host: localhost", "Origin: http://localhost", "Origin: " + origin));
  }

  /** A form of the own page under {@code Referrer-Policy: no-referrer}. */
  @ParameterizedTest
  @CsvSource({
    "'Host: localhost|Origin: null|Sec-Fetch-Site: same-origin', 200",
    "'Host: example.com|Origin: null|Sec-Fetch-Site: same-origin', 200",
    "'Host: localhost|Origin: null', 403",
    "'Host: localhost|Origin: null|Sec-Fetch-Site: ', 403",
    "'Host: localhost|Origin: null|Sec-Fetch-Site: none', 403",
    "'Host: localhost|Origin: null|Sec-Fetch-Site: cross-site', 403",
    "'Host: localhost|Origin: null|Sec-Fetch-Site: same-origin|Sec-Fetch-Site: cross-site', 403",
    "'Host: localhost|Origin: null|Sec-Fetch-Site: same-origin, cross-site', 403",
    "'Host: localhost|Origin: null|Origin: http://evil.test|Sec-Fetch-Site: same-origin', 403",
    "'Host: localhost|Origin: http://evil.test|Sec-Fetch-Site: same-origin', 403",
    "'Host: localhost|Origin: |Sec-Fetch-Site: same-origin', 403",
    "'Host: evil.test|Origin: null|Sec-Fetch-Site: same-origin', 403",
    "'Origin: null|Sec-Fetch-Site: same-origin', 403",
  })
  void theOwnPageMayHideItsOrigin(String lines, int status) throws Exception {
    assertEquals(status, status("POST / HTTP/1.1", (lines + "|Content-Length: 0").split("\\|")));
  }

  // Sec-Fetch-Site.

  @ParameterizedTest
  @CsvSource({
    "GET, 'Sec-Fetch-Site: none', 200",
    "GET, 'Sec-Fetch-Site: same-origin', 200",
    "GET, 'Sec-Fetch-Site: same-site', 200",
    "GET, 'Sec-Fetch-Site: ', 200",
    "GET, 'Sec-Fetch-Site: cross-site', 403",
    "GET, 'Sec-Fetch-Site: Cross-Site', 403",
    "GET, 'Sec-Fetch-Site: none|Sec-Fetch-Site: cross-site', 403",
    "GET, 'Sec-Fetch-Site: none, cross-site', 403",
    "GET, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors|Sec-Fetch-Dest: image', 403",
    "GET, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors|Sec-Fetch-Dest: script', 403",
    "GET, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors|Sec-Fetch-Dest: document', 403",
    "GET, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: iframe', 403",
    "GET, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: object', 403",
    "GET, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate', 403",
    "GET, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document', 200",
    "HEAD, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document', 403",
    "POST, 'Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document', 403",
  })
  void otherSitesMayOnlySendTheUserToAPage(String method, String lines, int status) throws Exception {
    assertEquals(status, status(method + " / HTTP/1.1", ("Host: localhost|" + lines).split("\\|")));
  }

  // Cors.

  private static SseServer withCors(boolean first, Cors cors) throws IOException {
    var server = answering(SseServer.builder());
    server.context().getFilters().add(first ? 0 : 1, cors);
    return server;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void corsWidensTheOriginsAndNothingElse(boolean first) throws Exception {
    try (var server = withCors(first, Cors.origins("https://app.example"))) {
      var uri = server.uri();
      assertEquals("200 in", ask(uri, "GET / HTTP/1.1", "Host: localhost", "Origin: https://app.example", "Sec-Fetch-Site: cross-site"));
      assertTrue(ask(uri, "GET / HTTP/1.1", "Host: localhost", "Origin: https://other.example").startsWith("403 Origin"));
      assertTrue(ask(uri, "GET / HTTP/1.1", "Host: localhost", "Origin: null").startsWith("403 Origin"));
      assertTrue(ask(uri, "GET / HTTP/1.1", "Host: app.example", "Origin: https://app.example").startsWith("403 Host"));
      assertTrue(ask(uri, "GET / HTTP/1.1", "Host: localhost", "Sec-Fetch-Site: cross-site").startsWith("403 Sec-Fetch-Site"));
      String[] preflight = {"Host: localhost", "Origin: https://app.example", "Access-Control-Request-Method: POST"};
      assertEquals("204", ask(uri, "OPTIONS / HTTP/1.1", preflight));
    }
    try (var server = withCors(first, Cors.anyOrigin())) {
      assertEquals("200 in", ask(server.uri(), "GET / HTTP/1.1", "Host: localhost", "Origin: null"));
      assertEquals("200 in", ask(server.uri(), "GET / HTTP/1.1", "Host: localhost", "Origin: what is this?"));
      assertTrue(ask(server.uri(), "GET / HTTP/1.1", "Host: evil.test", "Origin: null").startsWith("403 Host"));
    }
  }

  // The response.

  @Test
  void theTextNamesTheValueAndTheCall() throws Exception {
    assertEquals(
        "403 Host is not allowed: \"evil.test:80\"; if it is a name of this server, call SseServer.builder().hosts(\"evil.test\"), or hosts"
            + " of its HostGuard",
        ask(server.uri(), "GET / HTTP/1.1", "Host: evil.test:80"));
    assertEquals(
        "403 Origin is not allowed: \"http://evil.test\"; if it is a name of this server, call SseServer.builder().hosts(\"evil.test\"),"
            + " or hosts of its HostGuard; to allow pages of another site, add a Cors filter to the context",
        ask(server.uri(), "GET / HTTP/1.1", "Host: localhost", "Origin: http://evil.test"));
    assertEquals("403 Host is not allowed: \"<\\\"b>\", which names no host", ask(server.uri(), "GET / HTTP/1.1", "Host: <\"b>"));
    try (var client = Client.raw(server.uri(), "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n")) {
      assertEquals("text/plain; charset=utf-8", client.headers().get("Content-Type"));
    }
  }

  @Test
  void hugeValuesAreBoundedEverywhere() throws Exception {
    for (String huge : List.of("a.".repeat(15_000), "[" + ":".repeat(15_000) + "]", "\u202e".repeat(5000), "localhost:" + "1".repeat(15_000), "1.".repeat(140))) {
      try (var log = new LogRecords()) {
        for (var lines : List.of(new String[] {"Host: " + huge}, new String[] {"Host: localhost", "Origin: http://" + huge})) {
          String text = ask(server.uri(), "GET / HTTP/1.1", lines);
          assertTrue(text.startsWith("403 ") && text.length() < 700 && text.contains(" (cut)"), text);
          assertTrue(text.codePoints().noneMatch(c -> c == 0x202e), text);
        }
        assertFalse(log.messages().isEmpty());
        assertTrue(log.messages().stream().allMatch(line -> line.length() < 800), log.messages()::toString);
      }
    }
  }

  @Test
  void theFirstRefusalIsAWarningAndLaterOnesAreDetails() throws Exception {
    try (var log = new LogRecords(); var server = answering(SseServer.builder())) {
      for (int i = 0; i < 3; i++) {
        assertTrue(ask(server.uri(), "GET / HTTP/1.1", "Host: evil" + i).startsWith("403"));
      }
      Await.until("all are logged", () -> log.messages().stream().filter(line -> line.contains("403")).count() == 3);
      var loud = log.messages(Level.WARNING);
      assertEquals(1, loud.size(), loud::toString);
      assertTrue(loud.getFirst().contains("Host is not allowed: \"evil0\"") && loud.getFirst().contains("hosts(\"evil0\")"), loud::toString);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aHeadRequestGetsNoBodyAndTheConnectionGoesOn(Scheme scheme) throws Exception {
    try (var server = answering(scheme.builder());
        var client = Client.raw(server.uri(), "HEAD / HTTP/1.1\r\nHost: evil.test\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) {
      String all = client.rest();
      assertTrue(all.matches("(?s)HTTP/1.1 403 .*\r\n\r\nHTTP/1.1 200 OK.*\r\n\r\nin\n"), all);
      assertTrue(all.toLowerCase().contains("content-length: 137"), all);
    }
  }

  /** Such a client would see a reset instead of the response if the rest of its request were not read. */
  @ParameterizedTest
  @EnumSource
  void aClientThatWritesAllBeforeItReadsSeesTheRefusal(Scheme scheme) throws Exception {
    int length = scheme == Scheme.HTTP ? 8_000_000 : 2_000_000; // more than buffers hold; TLS is slow on a busy machine
    try (var server = answering(scheme.builder());
        var client = Client.raw(server.uri(), "POST / HTTP/1.1\r\nHost: evil.test\r\nContent-Length: " + length + "\r\n\r\n")) {
      client.write("x".repeat(length));
      assertEquals(403, client.status());
      assertTrue(client.toEnd().startsWith("Host is not allowed"));
    }
  }

  /**
   * On TLS, the JDK's server would not notice a request that arrives together with the end of the one before, which
   * happens after a response that is sent early.
   */
  @ParameterizedTest
  @EnumSource
  void theNextRequestIsAnsweredOrTheConnectionIsClosed(Scheme scheme) throws Exception {
    int length = 2_000_000;
    try (var server = answering(scheme.builder())) {
      for (String head : List.of("POST / HTTP/1.1\r\nHost: evil.test", "POST /unknown HTTP/1.1\r\nHost: localhost", "POST / HTTP/1.1\r\nHost: localhost")) {
        try (var client = Client.raw(server.uri(), head + "\r\nContent-Length: " + length + "\r\n\r\n")) {
          client.write("x".repeat(length));
          int status = client.status();
          assertTrue(status >= 400, () -> head + ": " + status);
          boolean closes = "close".equals(client.headers().get("Connection"));
          assertEquals(scheme == Scheme.HTTPS, closes, head);
          if (closes) {
            client.toEnd();
            assertEquals("", client.rest());
          } else {
            client.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            String rest = client.rest();
            assertTrue(rest.contains("HTTP/1.1 200 OK") && rest.endsWith("in\n"), rest);
          }
        }
      }
    }
  }

  /** A request that was read, or that has no bytes, needs no new connection. */
  @ParameterizedTest
  @EnumSource
  void theConnectionGoesOnAfterARequestThatWasRead(Scheme scheme) throws Exception {
    try (var server = answering(scheme.builder());
        var client = Client.raw(server.uri(), "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody")) {
      assertEquals(200, client.status());
      assertFalse(client.headers().containsKey("Connection"));
      assertEquals("body", client.toEnd());
      client.write("POST /unknown HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      String rest = client.rest();
      assertTrue(rest.contains("HTTP/1.1 404") && rest.contains("HTTP/1.1 200 OK") && rest.endsWith("in\n"), rest);
    }
  }

  @Test
  void aClientThatSendsNoRestIsNotWaitedForLong() throws Exception {
    try (var server = answering(Scheme.HTTP.builder()); var tls = answering(Scheme.HTTPS.builder()); var http = new Own(HostGuard.loopback())) {
      String half = "POST / HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 10\r\n\r\nhalf";
      try (var client = Client.raw(server.uri(), half); var secure = Client.raw(tls.uri(), half); var other = Client.raw(http.uri(), half)) {
        assertEquals(403, client.status());
        assertEquals(403, secure.status());
        assertEquals(403, other.status());
        long start = System.nanoTime();
        client.rest();
        secure.rest();
        other.rest(); // the connections are closed after 5 s, at the same time
        long took = Duration.ofNanos(System.nanoTime() - start).toMillis();
        assertTrue(took > 3000 && took < 15_000, took + " ms");
      }
    }
    Await.until("no timer is left", () -> VirtualThreads.named("tidings-timer").isEmpty());
  }

  @Test
  void aStopCutsARefusalThatWaits() throws Exception {
    var server = answering(SseServer.builder());
    try (var client = Client.raw(server.uri(), "POST / HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 10\r\n\r\nhalf")) {
      assertEquals(403, client.status());
      assertEquals(List.of(), VirtualThreads.named("tidings-timer")); // the ticker of the server limits the wait
      long start = System.nanoTime();
      server.close();
      assertTrue(Duration.ofNanos(System.nanoTime() - start).toMillis() < 2500);
    }
  }

  // Streams.

  @Test
  void aRefusedRequestOpensNoStreamAndEndsNone() throws Exception {
    try (var server = SseServer.create(0)) {
      server.stream("/", _ -> "me", (request, sse) -> {
        sse.send("hello");
        sse.keepAlive();
      });
      server.start();
      try (var client = Client.get(server.uri(), "Accept: text/event-stream")) {
        assertEquals("hello", client.next().data());
        for (String line : List.of("Host: evil.test", "Origin: http://evil.test", "Sec-Fetch-Site: cross-site")) {
          var own = line.startsWith("Host") ? new String[] {line} : new String[] {"Host: localhost", line};
          assertTrue(ask(server.uri(), "GET / HTTP/1.1", own).startsWith("403"));
        }
        assertEquals(1, server.eventSources().stats().opened());
        assertEquals(1, server.eventSources().count());
      }
    }
  }

  // Servers of one's own.

  /** A server without Tidings, which counts the requests that pass. */
  private static final class Own implements AutoCloseable {
    final HttpServer http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    final AtomicInteger passed = new AtomicInteger();

    Own(Filter... filters) throws IOException {
      http.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      http.createContext("/", exchange -> {
        try (exchange) {
          passed.incrementAndGet();
          exchange.sendResponseHeaders(204, -1);
        }
      }).getFilters().addAll(List.of(filters));
      http.start();
    }

    URI uri() {
      return URI.create("http://127.0.0.1:" + http.getAddress().getPort() + "/");
    }

    @Override
    public void close() {
      http.stop(0);
    }
  }

  @Test
  void itGuardsAContextOfAnyServer() throws Exception {
    try (var own = new Own(HostGuard.loopback().hosts("example.com"), Cors.origins("https://app.example"))) {
      assertEquals("204", ask(own.uri(), "GET / HTTP/1.1", "Host: localhost"));
      assertEquals("204", ask(own.uri(), "GET / HTTP/1.1", "Host: example.com", "Origin: https://app.example"));
      assertEquals(2, own.passed.get());
      assertTrue(ask(own.uri(), "GET / HTTP/1.1", "Host: evil.test").startsWith("403 Host"));
      assertTrue(ask(own.uri(), "POST / HTTP/1.1", "Host: localhost", "Origin: https://other.example", "Content-Length: 0").startsWith("403 Origin"));
      assertEquals(2, own.passed.get());
    }
  }

  @Test
  void furtherHostsLeaveTheFilterAsItIs() throws Exception {
    var loopback = HostGuard.loopback();
    var more = loopback.hosts("a.example");
    try (var few = new Own(loopback); var many = new Own(more.hosts("b.example"))) {
      assertTrue(ask(few.uri(), "GET / HTTP/1.1", "Host: a.example").startsWith("403"));
      assertEquals("204", ask(many.uri(), "GET / HTTP/1.1", "Host: a.example"));
      assertEquals("204", ask(many.uri(), "GET / HTTP/1.1", "Host: b.example"));
    }
  }

  @Test
  void itIsAskedBeforeAnAuthenticator() throws Exception {
    try (var server = answering(SseServer.builder())) {
      var asked = new AtomicInteger();
      server.context().setAuthenticator(new BasicAuthenticator("tidings") {
        @Override
        public boolean checkCredentials(String user, String password) {
          asked.incrementAndGet();
          return true;
        }
      });
      String password = "Authorization: Basic YTpi";
      assertEquals("403", ask(server.uri(), "GET / HTTP/1.1", "Host: evil.test", password).substring(0, 3));
      assertEquals("403", ask(server.uri(), "GET / HTTP/1.1", "Host: localhost", "Origin: http://evil.test", password).substring(0, 3));
      assertEquals(0, asked.get());
      assertEquals("401", ask(server.uri(), "GET / HTTP/1.1", "Host: localhost").substring(0, 3));
      assertEquals("200 in", ask(server.uri(), "GET / HTTP/1.1", "Host: localhost", password));
      assertEquals(1, asked.get());
    }
  }

  // SseServer.

  @ParameterizedTest
  @EnumSource
  void itIsOnByDefaultOnALoopbackAddress(Scheme scheme) throws Exception {
    try (var server = answering(scheme.builder())) {
      assertInstanceOf(HostGuard.class, server.context().getFilters().getFirst());
      assertEquals("403", ask(server.uri(), "GET / HTTP/1.1", "Host: evil.test").substring(0, 3));
      assertEquals("403", ask(server.uri(), "GET /unknown HTTP/1.1", "Host: evil.test").substring(0, 3));
      assertEquals("200 in", ask(server.uri(), "GET / HTTP/1.1", "Host: localhost"));
    }
  }

  @Test
  void onOtherAddressesHostsTurnsItOn() throws Exception {
    var everywhere = new InetSocketAddress(0);
    try (var open = answering(SseServer.builder().address(everywhere));
        var guarded = answering(SseServer.builder().address(everywhere).hosts("example.com"))) {
      assertEquals(List.of(), open.context().getFilters());
      assertEquals("200 in", ask(open.uri(), "GET / HTTP/1.1", "Host: evil.test", "Origin: http://evil.test"));
      assertEquals("403", ask(guarded.uri(), "GET / HTTP/1.1", "Host: evil.test").substring(0, 3));
      assertEquals("200 in", ask(guarded.uri(), "GET / HTTP/1.1", "Host: example.com"));
      assertEquals("200 in", ask(guarded.uri(), "GET / HTTP/1.1", "Host: localhost"));
    }
  }

  @Test
  void anyHostTurnsItOffAndTheLastCallCounts() throws Exception {
    try (var open = answering(SseServer.builder().hosts("example.com").anyHost());
        var guarded = answering(SseServer.builder().anyHost().hosts("example.com"))) {
      assertEquals(List.of(), open.context().getFilters());
      assertEquals("200 in", ask(open.uri(), "GET / HTTP/1.1", "Host: evil.test", "Origin: http://evil.test"));
      assertEquals("403", ask(guarded.uri(), "GET / HTTP/1.1", "Host: evil.test").substring(0, 3));
    }
  }

  @Test
  void otherContextsNeedTheirOwn() throws Exception {
    try (var server = answering(SseServer.builder())) {
      var context = server.httpServer().createContext("/own", exchange -> {
        try (exchange) {
          exchange.sendResponseHeaders(204, -1);
        }
      });
      assertEquals("204", ask(server.uri(), "GET /own HTTP/1.1", "Host: evil.test"));
      context.getFilters().add(HostGuard.loopback());
      assertEquals("403", ask(server.uri(), "GET /own HTTP/1.1", "Host: evil.test").substring(0, 3));
    }
  }

  // Names that are set.

  private static List<String> noHosts() {
    return List.of("", ".", "..", "a..b", ".a", "a..", "*", "*.", "*.com", "*.localhost.", "*.*.example.com", "a.*.example", "*example.com", "example.com:80",
        "http://example.com", "//example.com", "example.com/", "user@example.com", "b\u00fccher.example", "::1", "[::1", "[::1]:80", "[::g]", "[1.2.3.4]",
        "*.10.0.0.1", "*.[::1]", "127.1", "256.0.0.1", "0x7f.1", "a b", "a,b", "a".repeat(254), "[" + "1:".repeat(30) + ":1]");
  }

  @ParameterizedTest
  @MethodSource("noHosts")
  void whatIsNoHostIsRefused(String host) {
    var e = assertThrows(IllegalArgumentException.class, () -> HostGuard.loopback().hosts("example.com", host));
    assertTrue(e.getMessage().endsWith(": " + Quoted.java(host)) && e.getMessage().contains("without scheme and port"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> SseServer.builder().hosts(host));
  }

  @Test
  void atLeastOneHostIsNamed() {
    assertThrows(IllegalArgumentException.class, () -> HostGuard.loopback().hosts());
    assertThrows(IllegalArgumentException.class, () -> SseServer.builder().hosts());
  }
}
