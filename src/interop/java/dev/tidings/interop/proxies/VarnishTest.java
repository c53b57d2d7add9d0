package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Ending;
import dev.tidings.Settings;
import dev.tidings.interop.Child;
import dev.tidings.interop.Ports;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests Varnish, which by default limits the time of a whole response, and can compress what it forwards. */
@Timeout(60)
class VarnishTest {
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final Duration HEARTBEAT = Duration.ofMillis(250);
  private static final String BARE = "vcl 4.1;\nbackend default { .host = \"127.0.0.1\"; .port = \"8080\"; }\n";
  private static final String GZIP = "sub vcl_backend_response { set beresp.do_gzip = true; }\n";

  private final HttpClient client = HttpClient.newHttpClient();
  private ProxySite site;

  @TempDir
  private Path folder;

  @BeforeEach
  void start() throws Exception {
    site = new ProxySite(0, Settings.defaults().withHeartbeat(HEARTBEAT));
  }

  @AfterEach
  void stop() {
    client.shutdownNow();
    site.close();
  }

  private static String readme() throws Exception {
    var block = Pattern.compile("```vcl\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(Path.of("README.md")));
    assertTrue(block.find(), "the README has no configuration of Varnish");
    return block.group(1);
  }

  private static void passed(String check, String measured, String deviation) throws Exception {
    var version = Pattern.compile("varnish-([\\d.]+)").matcher(Child.run(BOUND, Child.find("varnishd"), "-V"));
    assertTrue(version.find());
    Results.passed(Part.PROXIES, "Varnish", version.group(1), check, measured, deviation);
  }

  /** Starts Varnish with a limit of one second for a whole response. */
  private Child varnish(String configuration, int port) throws Exception {
    String binary = Child.find("varnishd");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x")); // its compiler is another user
    var vcl = folder.resolve("proxy.vcl");
    Files.writeString(vcl, Proxy.replace(configuration, "\"8080\"", "\"" + site.port() + "\""));
    var child = Child.start(
        binary, "-F", "-n", folder.resolve("work").toString(), "-f", vcl.toString(), "-a", "127.0.0.1:" + port,
        "-p", "send_timeout=1", "-s", "malloc,20m");
    child.await("said Child starts", BOUND);
    return child;
  }

  private static URI uri(int port, String name) {
    return URI.create("http://127.0.0.1:" + port + "/events?name=" + name);
  }

  @Test
  void abortsStreamsAfterItsSendTimeout() throws Exception {
    int port = Ports.free();
    try (var _ = varnish(BARE, port);
        var stream = ProxyClient.open(client, uri(port, "bare"))) {
      long start = System.nanoTime();
      assertEquals(ProxyClient.BROKEN, stream.next().lines());
      long millis = (System.nanoTime() - start) / 1_000_000;
      assertTrue(millis > 500 && stream.comments() > 1, millis + " ms, " + stream.comments() + " pings");
      passed(
          "defaults, with send_timeout 1 s: a stream with heartbeats stays open", "aborted after " + millis + " ms",
          "aborts a stream after `send_timeout`, 600 s by default, whatever it sends: return (pipe) for streams");
    }
  }

  @Test
  void holdsEventsBackIfItCompresses() throws Exception {
    int port = Ports.free();
    try (var _ = varnish(BARE + GZIP, port)) {
      var opening = new FutureTask<>(() -> {
        try (var stream = ProxyClient.open(client, uri(port, "gzip"), "Accept-Encoding", "gzip")) {
          assertEquals("gzip", stream.header("Content-Encoding"));
          return stream.next();
        }
      });
      Thread.ofVirtual().start(opening);
      var sse = site.await("gzip").sse();
      assertTrue(sse.send("early") && sse.flush());
      boolean early;
      try {
        early = opening.get(700, TimeUnit.MILLISECONDS).data().equals("early");
      } catch (TimeoutException e) {
        early = false;
      }
      assertTrue(!early, "it flushes each event now");
      passed(
          "with `beresp.do_gzip`: each event arrives at once", "",
          "ignores Cache-Control: no-transform, and holds events back until its buffer is full: return (pipe) for streams");
    }
  }

  @Test
  void pipesStreamsWithTheReadmesConfiguration() throws Exception {
    int port = Ports.free();
    try (var _ = varnish(readme() + GZIP, port);
        var stream = ProxyClient.open(client, uri(port, "pipe"), "Accept-Encoding", "gzip")) {
      assertEquals("-", stream.header("Content-Encoding"));
      var visit = site.await("pipe");
      var delays = ProxyDelays.measure(visit.sse(), stream, 20, 1, 20);
      assertTrue(delays.median() < 50, delays.toString());
      Thread.sleep(3000); // three times send_timeout
      assertTrue(stream.isSilent() && stream.comments() > 5, stream.comments() + " pings");
      visit.sse().send("still here");
      assertEquals("still here", stream.next().data());
      stream.close();
      assertEquals(Ending.CLIENT_GONE, visit.awaitEnd().why());
      passed(
          "the README's configuration, with send_timeout 1 s and `beresp.do_gzip`: each event arrives at once, the stream stays"
              + " open, and the server notices that the client has disconnected",
          delays.toString(), "");
    }
  }
}
