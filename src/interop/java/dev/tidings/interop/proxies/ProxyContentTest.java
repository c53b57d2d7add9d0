package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Ending;
import dev.tidings.Settings;
import dev.tidings.interop.proxies.ProxyFront.Outcome;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests how proxies treat the bytes: compression, delays, and buffering for clients that do not read. */
@Timeout(60)
class ProxyContentTest {
  private static final Settings SETTINGS = Settings.defaults().withHeartbeat(Duration.ofMillis(500));
  private static final String NO_TRANSFORM = " ignores Cache-Control: no-transform, but forwards each event at once";

  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void closeClient() {
    client.shutdownNow();
  }

  /** A proxy with compression on. It must compress an HTML page, which shows that compression works. */
  private record Compressor(ProxyKind kind, String check, String before, String added, boolean compresses) {
    String configuration() {
      return Proxy.replace(kind.readme(), before, added + "\n" + before);
    }
  }

  private static final List<Compressor> COMPRESSORS =
      List.of(
          new Compressor(
              ProxyKind.NGINX,
              "gzip on: streams are not compressed, because their type is not in gzip_types",
              "location", "gzip on;", false),
          new Compressor(
              ProxyKind.NGINX,
              "gzip on, gzip_types text/event-stream: each event arrives at once",
              "location", "gzip on; gzip_types text/event-stream;", true),
          new Compressor(
              ProxyKind.HAPROXY,
              "compression algo gzip: streams are not compressed, because of Cache-Control: no-transform",
              "  timeout connect", "  compression algo gzip", false),
          new Compressor(
              ProxyKind.HAPROXY,
              "the same, with a rule that removes no-transform: not compressed, because HAProxy decides before its rules",
              "  timeout connect",
              "  compression algo gzip\n  http-response set-header Cache-Control no-store",
              false),
          new Compressor(
              ProxyKind.APACHE,
              "AddOutputFilterByType DEFLATE text/html: streams are not compressed",
              "ProxyPass", "AddOutputFilterByType DEFLATE text/html", false),
          new Compressor(
              ProxyKind.APACHE,
              "SetOutputFilter DEFLATE: each event arrives at once",
              "ProxyPass", "SetOutputFilter DEFLATE", true));

  @Test
  void compressorsDoNotHoldEventsBack() throws Exception {
    try (var site = new ProxySite(0, SETTINGS)) {
      for (var compressor : COMPRESSORS) {
        var front = new ProxyFront(compressor.kind, true);
        try (var proxy = Proxy.start(compressor.kind, compressor.configuration(), site.port())) {
          front.passed(compressor.check, compress(compressor, proxy, site));
        }
      }
    }
  }

  private Outcome compress(Compressor compressor, Proxy proxy, ProxySite site) throws Exception {
    var page = ProxyClient.get(client, proxy.uri("/events/page"), "Accept-Encoding", "gzip");
    assertEquals("gzip", page.headers().firstValue("Content-Encoding").orElse("-"));
    String stream = compressor.kind + "-" + COMPRESSORS.indexOf(compressor);
    try (var listening = ProxyClient.open(client, proxy.uri("/events?name=" + stream), "Accept-Encoding", "gzip")) {
      assertEquals(compressor.compresses ? "gzip" : "-", listening.header("Content-Encoding"));
      var delays = ProxyDelays.measure(site.await(stream).sse(), listening, 20, 1, 20);
      assertTrue(delays.median() < 50 && delays.most() < 500, delays.toString());
      return new Outcome(delays.toString(), compressor.compresses ? compressor.kind.title + NO_TRANSFORM : "");
    }
  }

  /** Tests a configuration that breaks streams, to show that the other tests can fail, and the symptom. */
  @Test
  void bufferingNginxHoldsEventsBack() throws Exception {
    var front = new ProxyFront(ProxyKind.NGINX, false);
    String configuration = "proxy_ignore_headers X-Accel-Buffering; " + front.configuration();
    try (var site = new ProxySite(0, SETTINGS);
        var proxy = Proxy.start(front.kind(), configuration, site.port())) {
      var opening = new FutureTask<>(() -> ProxyClient.open(client, proxy.uri("/events?name=held")));
      Thread.ofVirtual().start(opening);
      var sse = site.await("held").sse();
      assertTrue(sse.send("x".repeat(100)) && sse.flush());
      assertFalse(isDone(opening, 1000), "not held back");
      int sent = 1;
      for (; !isDone(opening, 10); sent++) {
        assertTrue(sse.send("x".repeat(100)));
      }
      opening.get().close();
      front.passed(
          "without X-Accel-Buffering (proxy_ignore_headers): nothing arrives before about 4 KB have been sent",
          new Outcome(
              sent + " events of 100 characters",
              "with HTTP/1.0 to the server, its default, nginx buffers every stream without X-Accel-Buffering: no"));
    }
  }

  private static boolean isDone(FutureTask<?> task, int millis) throws InterruptedException, ExecutionException {
    try {
      task.get(millis, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    }
  }

  @Test
  void clientThatDoesNotReadHarmsNobody() throws Exception {
    var settings = SETTINGS.withWriteDeadline(Duration.ofSeconds(2)).withQueueBytes(256 * 1024);
    try (var site = new ProxySite(0, settings)) {
      ProxyFront.atOnce(
          ProxyFront.ALL,
          "a client does not read: its stream ends, and another client receives events of 100 kB completely and in order",
          front -> stall(front, site));
    }
  }

  private Outcome stall(ProxyFront front, ProxySite site) throws Exception {
    String name = front.stream();
    try (var proxy = front.start(site);
        var stuck = new Socket();
        var reading = ProxyClient.open(client, proxy.uri("/events?name=" + name))) {
      stuck.setReceiveBufferSize(8 * 1024);
      stuck.connect(new InetSocketAddress("127.0.0.1", proxy.uri("/").getPort()));
      stuck.getOutputStream().write(("GET /events?name=" + name + "-stuck HTTP/1.1\r\nHost: localhost\r\n\r\n").getBytes());
      var visit = site.await(name + "-stuck");
      var sse = site.await(name).sse();
      String filling = "x".repeat(100_000);
      int number = 0;
      for (; visit.sse().isOpen(); number++) {
        assertTrue(number < 1000, "still open after 100 MB");
        visit.sse().offer(filling);
        assertTrue(sse.send(number + " " + filling));
        assertEquals(number + " " + filling, reading.next().data());
      }
      var why = visit.awaitEnd().why();
      assertTrue(Set.of(Ending.OVERFLOW, Ending.TOO_SLOW).contains(why), why.toString());
      return Outcome.measured(why + " after " + number / 10.0 + " MB, the size of the buffers between server and client");
    }
  }
}
