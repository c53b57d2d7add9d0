package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A value that can never match is refused when it is set, and one that can is not. */
class ConfigurationTest {
  private static final String LONE = "\uD800";

  private static void assertRefused(String value, Executable setting) {
    var e = assertThrows(IllegalArgumentException.class, setting, () -> "taken: " + Quoted.java(value));
    assertTrue(e.getMessage().endsWith(": " + Quoted.java(value)), e.getMessage());
  }

  // Origins.

  /** Of these a browser can tell what it would say. */
  static List<String> originsOfSites() {
    return List.of(
        "http://localhost", "http://localhost:8080", "https://app.example:8443", "http://x:443", "https://x:80",
        "https://xn--bcher-kva.example", "https://app.example.", "http://my_service:3000", "http://a-b.c--d",
        "http://127.0.0.1:3000", "http://255.255.255.255", "http://1a.example", "http://0x.example",
        "http://[::1]", "http://[::1]:8080", "http://[::]", "http://[2001:db8::1:0:0:1]", "http://[1::]",
        "http://[1:0:2:3:4:5:6:7]", "http://[1:0:2:3:4:5::]", "http://[::ffff:102:304]", "http://[::102:304]", "https://x:65535");
  }

  static List<String> originsOfOtherPages() {
    return List.of("chrome-extension://abcdefghijklmnop", "moz-extension://3b5ad1c0-0000-4000-8000-000000000012", "capacitor://localhost");
  }

  static List<String> whatNoBrowserSays() {
    return List.of(
        "https://x:443", "http://x:80", "https://X", "HTTPS://x", "https://app.Example:8443", "https://user@x",
        "https://user:password@x", "https://b\u00fccher.example", "https://\u212A.example", "https://x:", "https://x:0443",
        "https://x:65536", "https://x:99999999999", "https://x/", "https://x/path", "https://x?", "https://x#", "https://", "https:x",
        "https:///x", "https://x y", " https://x", "https://x ", "https://x\n", "https://*.example", "x", "*", "", "//x",
        "http://127.1", "http://127.0.0.01", "http://0x7f.0.0.1", "http://0x7f000001", "http://2130706433",
        "http://256.0.0.1", "http://1.2.3.4.5", "http://127.0.0.1.", "http://a.1", "http://a..b", "http://.", "http://%61",
        "http://[::1", "http://[]", "http://[0:0:0:0:0:0:0:1]", "http://[::0001]", "http://[::FFFF:102:304]",
        "http://[::ffff:1.2.3.4]", "http://[2001:db8:0:0:1::1]", "http://[fe80::1%eth0]",
        "http://[fe80::1%25eth0]", "http://[v1.a]", "http://[1::2:3:4:5:0:0]", "http://[1:2]", "http://::1");
  }

  static List<String> pagesWithoutAnOriginOfTheirOwn() {
    return List.of("null", "ws://x", "wss://x", "ftp://x", "file://x", "file:///x", "data://x", "blob:https://x", "about:blank");
  }

  @ParameterizedTest
  @MethodSource({"originsOfSites", "originsOfOtherPages"})
  void anOriginAsABrowserSaysItIsTaken(String origin) {
    assertDoesNotThrow(() -> Cors.origins(origin));
    assertDoesNotThrow(() -> Cors.origins("https://other.example", origin, origin));
  }

  @ParameterizedTest
  @MethodSource({"whatNoBrowserSays", "pagesWithoutAnOriginOfTheirOwn"})
  void anOriginThatNoBrowserSaysIsRefused(String origin) {
    assertRefused(origin, () -> Cors.origins(origin));
    assertRefused(origin, () -> Cors.origins("https://other.example", origin));
  }

  /** The lists above are right: a browser agrees with each line of them. */
  @Test
  void aBrowserAgrees() throws Exception {
    var all = new ArrayList<>(originsOfSites());
    all.addAll(whatNoBrowserSays());
    String page =
        """
        <!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
        <script>
        const isSaid = text => { try { return new URL(text).origin === text; } catch (e) { return false; } };
        fetch('/report', {method: 'POST', body: LIST.map(isSaid).join()});
        </script>
        """;
    String list = all.stream().map(Quoted::json).collect(Collectors.joining(",", "[", "]"));
    var reports = new LinkedBlockingQueue<String>();
    try (var server = SseServer.create(0)) {
      server.get("/", request -> request.respond(200, "text/html", page.replace("LIST", list)));
      server.post("/report", request -> {
        reports.add(request.text());
        request.respond(204);
      });
      server.start();
      try (var browser = Chromium.start(server.uri())) {
        String report = reports.poll(30, TimeUnit.SECONDS);
        assertNotNull(report, () -> "no report; console: " + browser.console());
        var said = List.of(report.split(","));
        assertEquals(all.size(), said.size());
        for (int i = 0; i < all.size(); i++) {
          // Of a name with an empty label it says so, but no page is found there.
          boolean expected = originsOfSites().contains(all.get(i)) || List.of("http://a..b", "http://.").contains(all.get(i));
          assertEquals(expected, Boolean.valueOf(said.get(i)), all.get(i));
        }
      }
    }
  }

  // Routes.

  @ParameterizedTest
  @ValueSource(strings = {"get", "Get", "post", "head", "put", "delete", "options", "patch", "trace", "connect", "GE T", "G\u0130T", "GET ", ""})
  void aMethodThatNoRequestLineHasIsRefused(String method) throws Exception {
    try (var server = SseServer.create(0)) {
      assertRefused(method, () -> server.route(method, "/", request -> {}));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "PATCH", "REPORT", "M-SEARCH", "report", "PROPFIND"})
  void otherMethodsAreTakenAndFound(String method) throws Exception {
    try (var server = SseServer.create(0)) {
      server.route(method, "/", request -> request.respond(200, "text/plain", "found"));
      server.start();
      try (var client = Client.send(method, server.uri(), "HTTP/1.1", "")) {
        assertEquals("found", client.toEnd());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "*", "http://x/", "/a" + LONE, "/\uDC00\uD800", "/\uDC00b"})
  void aPathThatNoDecodedOneEqualsIsRefused(String path) throws Exception {
    try (var server = SseServer.create(0)) {
      assertRefused(path, () -> server.get(path, request -> {}));
      assertRefused(path, () -> server.post(path, request -> {}));
      assertRefused(path, () -> server.route("PUT", path, request -> {}));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "//", "/a b", "/a?b=c", "/a#b", "/a%20b", "/%", "/{id}|^", "/[a]", "/\u00fc\uD83D\uDE00", "/\0\n", "/\uFFFD", "/a/../b", "/.", "/\u0085"})
  void everyOtherPathIsTakenAndFound(String path) throws Exception {
    try (var server = SseServer.create(0)) {
      server.get(path, request -> request.respond(200, "text/plain", "found"));
      server.start();
      String encoded = "/" + URLEncoder.encode(path.substring(1), UTF_8).replace("+", "%20");
      try (var client = Client.raw(server.uri(), "GET " + encoded + " HTTP/1.1\r\nHost: x\r\n\r\n")) {
        assertEquals("found", client.toEnd());
      }
    }
  }

  // Names that are compared with what comes out of UTF-8.

  @ParameterizedTest
  @ValueSource(strings = {LONE, "a" + LONE, "\uDC00b"})
  void aNameThatUtf8CannotCarryIsRefused(String name) throws Exception {
    assertRefused(name, () -> Settings.defaults().lastEventIdParameter(name));
    assertRefused(name, () -> Channel.create(name, EventLog.inMemory()));
    try (var channel = Channel.create()) {
      assertRefused(name, () -> channel.gapName(name));
    }
    try (var sources = EventSources.create();
        var stream = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), java.io.OutputStream.nullOutputStream()))) {
      assertRefused(name, () -> stream.withPing(ping -> ping.asEvent(name)));
    }
  }
}
