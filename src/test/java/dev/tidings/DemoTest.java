package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.demo.Demo;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DemoTest {
  private SseServer server;
  private HttpClient client;

  @BeforeEach
  void start() throws IOException {
    server = Demo.start(0);
    client = HttpClient.newHttpClient();
  }

  @AfterEach
  void stop() {
    server.close();
    client.shutdownNow();
  }

  // The page.

  @Test
  void pageNeedsNothingFromElsewhere() throws Exception {
    var response = get("/");
    assertEquals(200, response.statusCode());
    assertEquals("text/html; charset=utf-8", header(response, "Content-Type"));
    assertTrue(header(response, "Content-Security-Policy").startsWith("default-src 'none'; "));
    assertFalse(response.body().matches("(?s).*(src|href)=.?(https?:)?//.*"));
    assertFalse(response.body().contains("innerHTML"));
  }

  // Streams.

  @Test
  void streamTellsItsIdentifierAndPingsAsAsked() throws Exception {
    try (var lines = open("/events?id=me&ping=0.1&text=still+here&event=tick")) {
      lines.await("event: opened");
      lines.await("data: me");
      lines.await("event: tick");
      lines.await("data: still here");
    }
  }

  @Test
  void pingIsACommentUnlessAskedToBeAnEvent() throws Exception {
    try (var lines = open("/events?ping=0.1&text=still+here")) {
      lines.await("data: without an identifier");
      lines.await(line -> line.matches(": ?still here"));
    }
  }

  @Test
  void sendReachesOneOrAPrefixOrAll() throws Exception {
    try (var one = open("/events?id=a-1");
        var two = open("/events?id=a-2");
        var nameless = open("/events")) {
      for (var lines : List.of(one, two, nameless)) {
        lines.await("event: opened");
      }
      assertEquals("sent 1 event to 1 stream\n", post("/send?id=a-1", "for one").body());
      one.await("data: for one");
      assertEquals(
          "sent 4 events to 2 streams\n", post("/send?prefix=a-&times=2&event=n", "both").body());
      one.await("event: n");
      two.await("data: both");
      assertEquals("sent 3 events to 3 streams\n", post("/send", "all\nof you").body());
      nameless.await("data: all");
      nameless.await("data: of you");
    }
  }

  @Test
  void dropEndsAllStreams() throws Exception {
    try (var named = open("/events?id=me");
        var nameless = open("/events")) {
      named.await("event: opened");
      nameless.await("event: opened");
      assertEquals("ended 2 streams\n", post("/drop", "").body());
      named.await(Lines.END);
      nameless.await(Lines.END);
      assertEquals(0, server.eventSources().count());
    }
  }

  // The live feed.

  @Test
  void liveFeedShowsAStreamAppearAndGo() throws Exception {
    try (var live = open("/live")) {
      live.await(line -> line.startsWith("data: {\"count\":0,\"rate\":0.0,"));
      try (var stream = open("/events?id=me&ping=0.1")) {
        stream.await("event: opened");
        live.await(line -> line.contains("\"count\":1,") && line.contains("{\"id\":\"me\",\"age\":"));
        live.await(line -> line.matches(".*\"rate\":[1-9].*"));
      }
      live.await(line -> line.contains("\"count\":0,") && line.contains("\"CLIENT_GONE\":1"));
    }
  }

  @Test
  void liveFeedIsNoneOfTheStreamsThatAllReaches() throws Exception {
    try (var live = open("/live")) {
      live.await("event: state");
      assertEquals("sent 0 events to 0 streams\n", post("/send", "all").body());
    }
  }

  @Test
  void liveFeedComesAgainForALaterWatcher() throws Exception {
    try (var live = open("/live")) {
      live.await("event: state");
      post("/drop", "");
      live.await(Lines.END);
      assertNull(live.lines.poll(1, TimeUnit.SECONDS)); // until the feed has noticed that nobody watches
    }
    try (var live = open("/live")) {
      live.await("event: state");
    }
  }

  @Test
  void hostileIdentifierStaysInsideItsJsonString() throws Exception {
    try (var live = open("/live");
        var stream = open("/events?id=%22%7D%5D%0D%0Adata:%20%5C%3C/script%3E%00%E2%80%A8%F0%9F%90%99")) {
      stream.await("event: opened");
      live.await(
          line ->
              line.contains(
                  "{\"id\":\"\\\"}]\\u000d\\u000adata: \\\\</script>\\u0000\u2028🐙\","));
    }
  }

  // Bad input.

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "/events?ping=often        | ping must be 0.1 to 3600 seconds: \"often\"",
        "/events?ping=-1           | ping must be 0.1 to 3600 seconds: \"-1\"",
        "/events?ping=             | ping must be 0.1 to 3600 seconds: \"\"",
        "/events?ping=0.05         | ping must be 0.1 to 3600 seconds: \"0.05\"",
        "/events?ping=NaN          | ping must be 0.1 to 3600 seconds: \"NaN\"",
        "/events?event=a%0Ab       | event name must be one line: \"a\\nb\"",
        "/events?ident=me          | unknown parameter \"ident\"; known here: id, ping, text, event",
      })
  void badStreamIsRefusedWithValueAndRule(String path, String text) throws Exception {
    var response = get(path);
    assertEquals(text + "\n", response.body());
    assertEquals(400, response.statusCode());
    assertEquals(0, server.eventSources().stats().opened());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "/send?id=a&prefix=a  | 400 | give id or prefix, not both",
        "/send?id=nobody      | 404 | no open stream has the identifier \"nobody\"",
        "/send?times=1001     | 400 | times must be 1 to 1000: \"1001\"",
        "/send?times=0        | 400 | times must be 1 to 1000: \"0\"",
        "/send?event=a%0Db    | 400 | event name must be one line: \"a\\rb\"",
        "/drop?id=me          | 400 | unknown parameter \"id\"; known here: none",
      })
  void badSendingIsRefusedWithValueAndRule(String path, int status, String text) throws Exception {
    var response = post(path, "x");
    assertEquals(text + "\n", response.body());
    assertEquals(status, response.statusCode());
  }

  /** A larger burst would end the streams that it is sent to. */
  @Test
  void aBurstIsBounded() throws Exception {
    assertEquals(200, post("/send?times=1000", "x".repeat(400)).statusCode());
    var response = post("/send?times=1000", "x".repeat(1000));
    assertEquals("a burst must have at most 524288 bytes: 1008000\n", response.body());
    assertEquals(400, response.statusCode());
  }

  @Test
  void anIdentifierThatWatchersAreToldIsBounded() throws Exception {
    var response = get("/events?id=" + "x".repeat(201));
    assertTrue(response.body().startsWith("id must have at most 200 characters: \"xxx"), response.body());
    assertEquals(400, response.statusCode());
  }

  @Test
  void messageIsBounded() throws Exception {
    assertEquals(200, post("/send", "x".repeat(64 * 1024)).statusCode());
    assertEquals(413, post("/send", "x".repeat(64 * 1024 + 1)).statusCode());
  }

  // Other sites.

  @ParameterizedTest
  @CsvSource({
    "localhost, '', 200",
    "evil.example, '', 403",
    "localhost, 'Origin: http://localhost', 200",
    "localhost, 'Origin: http://evil.example', 403",
    "localhost, 'Sec-Fetch-Site: same-origin', 200",
    "localhost, 'Sec-Fetch-Site: cross-site', 403",
  })
  void requestsOfOtherSitesAreRefused(String host, String line, int status) throws Exception {
    for (String request : List.of("GET /", "GET /live", "GET /events?id=me", "POST /send", "POST /drop")) {
      String head = request + " HTTP/1.1\r\nHost: " + host + "\r\n" + (line.isEmpty() ? "" : line + "\r\n") + "\r\n";
      assertEquals("HTTP/1.1 " + status, rawStatus(head), request);
    }
  }

  // The command.

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "http  | port must be a number from 0 to 65535: \"http\"",
        "-1    | port must be a number from 0 to 65535: \"-1\"",
        "65536 | port must be a number from 0 to 65535: \"65536\"",
      })
  void badPortEndsTheCommandWithStatus2(String port, String text) throws Exception {
    assertEquals(List.of("2", text), run(port));
  }

  @Test
  void portInUseEndsTheCommandWithStatus1() throws Exception {
    var result = run(Integer.toString(server.port()));
    assertEquals("1", result.get(0));
    assertTrue(result.get(1).startsWith("cannot listen on port " + server.port() + ": "), result.get(1));
  }

  @Test
  void commandSaysHowItIsUsedAndEndsWhenAsked() throws Exception {
    var process = command("0").start();
    try (var out = process.inputReader()) {
      assertTrue(out.readLine().matches("Tidings demo at http://localhost:\\d+/ until Ctrl-C"));
      String curl = out.readLine();
      assertTrue(curl.matches(" +open a stream: +curl -N 'localhost:\\d+/events\\?id=me'"), curl);
      var uri = URI.create(curl.replaceAll(".*'(.*)'", "http://$1"));
      try (var lines = new Lines(client, uri)) {
        lines.await("data: me");
        process.destroy();
        lines.await(Lines.END);
      }
      assertTrue(process.waitFor(10, TimeUnit.SECONDS));
    } finally {
      process.destroyForcibly();
    }
  }

  private static List<String> run(String... args) throws Exception {
    var process = command(args).start();
    try (var errors = process.errorReader()) {
      var lines = errors.lines().toList();
      return Stream.concat(Stream.of(Integer.toString(process.waitFor())), lines.stream()).toList();
    } finally {
      process.destroyForcibly();
    }
  }

  private static ProcessBuilder command(String... args) throws Exception {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var classes = Path.of(Demo.class.getResource("demo.html").toURI()).resolve("../../../..").normalize();
    var command = Stream.of(java, "-XX:TieredStopAtLevel=1", "-cp", classes.toString(), "dev.tidings.demo.Demo");
    return new ProcessBuilder(Stream.concat(command, Stream.of(args)).toList());
  }

  // Requests.

  private HttpResponse<String> get(String path) throws Exception {
    return client.send(HttpRequest.newBuilder(uri(path)).build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> post(String path, String body) throws Exception {
    var request = HttpRequest.newBuilder(uri(path)).POST(HttpRequest.BodyPublishers.ofString(body));
    return client.send(request.build(), BodyHandlers.ofString());
  }

  private Lines open(String path) throws Exception {
    return new Lines(client, uri(path));
  }

  private URI uri(String path) {
    return server.uri().resolve(path);
  }

  private static String header(HttpResponse<?> response, String name) {
    return response.headers().firstValue(name).orElseThrow();
  }

  /** Uses a socket, since HttpClient does not allow setting Host. */
  private String rawStatus(String request) throws IOException {
    try (var socket = new Socket(server.uri().getHost(), server.port());
        var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1))) {
      socket.setSoTimeout(10_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      return in.readLine().substring(0, 12);
    }
  }

  /** The lines of an open stream, read in the background. */
  private static final class Lines implements AutoCloseable {
    static final String END = "\0end";

    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final Stream<String> body;

    Lines(HttpClient client, URI uri) throws Exception {
      var response = client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofLines());
      assertEquals(200, response.statusCode());
      body = response.body();
      Thread.ofVirtual().start(this::read);
    }

    private void read() {
      try {
        body.forEach(lines::add);
      } catch (RuntimeException e) {
        // aborted or closed: an end as well
      }
      lines.add(END);
    }

    void await(String line) throws InterruptedException {
      await(line::equals);
    }

    void await(Predicate<String> wanted) throws InterruptedException {
      String line;
      do {
        line = lines.poll(10, TimeUnit.SECONDS);
        assertTrue(line != null && (!line.equals(END) || wanted.test(END)), "the line did not arrive");
      } while (!wanted.test(line));
    }

    @Override
    public void close() {
      body.close();
    }
  }
}
