package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.tidings.interop.Child;
import dev.tidings.interop.Npm;
import dev.tidings.interop.Ports;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests the proxy of Vite's development server while the server behind it is killed. */
@Timeout(90)
class ViteTest {
  private static final Duration BOUND = Duration.ofSeconds(60);

  /** Not HTTP/2, because Vite never answers a request to upgrade the connection to that. */
  private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  @AfterEach
  void closeClient() {
    client.shutdownNow();
  }

  private static void passed(String check, String deviation) throws Exception {
    Results.passed(Part.PROXIES, "Vite's proxy", Npm.versionOnNode("vite"), check, "", deviation);
  }

  /** Runs with Vite in front of a server. */
  private interface Check {
    void run(Child server, URI uri) throws Exception;
  }

  private static void withVite(String mode, Check check) throws Exception {
    int port = Ports.free();
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    try (var server = Child.start(java, "-cp", "target/classes:target/test-classes", ProxySite.class.getName(), String.valueOf(port));
        var vite = Child.start(Child.find("node"), "js/vite.mjs", "js", String.valueOf(port), mode)) {
      server.await("ready", BOUND);
      String vitePort = vite.await("port ", BOUND).replace("port ", "");
      check.run(server, URI.create("http://127.0.0.1:" + vitePort + "/events?channel=news&name=" + mode));
    }
  }

  @Test
  void doesNotTellThatTheServerWasKilled() throws Exception {
    withVite("plain", (server, uri) -> {
      try (var stream = ProxyClient.open(client, uri)) {
        stream.next();
        server.kill();
        Optional<ProxyClient.Seen> last;
        while ((last = stream.next(Duration.ofSeconds(3))).isPresent()) { // the events on the way
          assertFalse(last.get().isEnd(), "the client notices it now");
        }
        assertEquals(500, ProxyClient.get(client, uri, "Accept", "text/event-stream").statusCode());
      }
    });
    passed(
        "defaults: the client notices at once that the server was killed",
        "keeps the response open, so a client waits without limit, unless it watches the heartbeat; requests receive 500 while"
            + " the server is down, after which an EventSource does not reconnect");
  }

  @Test
  void tellsItWithTheCure() throws Exception {
    withVite("cured", (server, uri) -> {
      try (var stream = ProxyClient.open(client, uri)) {
        stream.next();
        server.kill();
        ProxyClient.Seen last;
        do {
          last = stream.next();
        } while (!last.isEnd());
        assertEquals(ProxyClient.BROKEN, last.lines());
      }
    });
    passed("with the README's `configure`: the client notices at once that the server was killed", "");
  }
}
