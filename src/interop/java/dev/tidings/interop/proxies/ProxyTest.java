package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Ending;
import dev.tidings.Settings;
import dev.tidings.interop.proxies.ProxyFront.Outcome;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests streams through proxies, with HTTP/1.1 between client and proxy. */
@Timeout(60)
class ProxyTest {
  private static final Duration HEARTBEAT = Duration.ofMillis(500);
  private static final Settings SETTINGS = Settings.defaults().withHeartbeat(HEARTBEAT);

  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void closeClient() {
    client.shutdownNow();
  }

  private ProxyClient open(Proxy proxy, String stream, String... headers) throws Exception {
    return ProxyClient.open(client, proxy.uri("/events?name=" + stream), headers);
  }

  @Test
  void eventsArriveOneByOne() throws Exception {
    try (var site = new ProxySite(0, Settings.defaults())) {
      ProxyFront.inTurn(
          ProxyFront.ALL,
          "the response headers arrive before any event, and each event at once: alone, in bursts of five, of 20 kB, of 1 MB",
          front -> delays(front, site));
    }
  }

  private Outcome delays(ProxyFront front, ProxySite site) throws Exception {
    try (var proxy = front.start(site);
        var listening = open(proxy, front.stream())) {
      var sse = site.await(front.stream()).sse();
      assertTrue(listening.isSilent());
      var alone = ProxyDelays.measure(sse, listening, 20, 1, 20);
      var fives = ProxyDelays.measure(sse, listening, 10, 5, 20);
      var large = ProxyDelays.measure(sse, listening, 10, 1, 20_000);
      var huge = ProxyDelays.measure(sse, listening, 5, 1, 1_000_000);
      String measured = "alone: " + alone + "; in bursts of five: " + fives + "; 20 kB: " + large + "; 1 MB: " + huge;
      if (front.isBare(ProxyKind.HAPROXY)) {
        assertTrue(alone.median() > 100 && alone.most() < 1000, front + ": " + measured);
        return new Outcome(measured, "delays data by 200 ms without option http-no-delay");
      }
      assertTrue(List.of(alone, fives, large).stream().allMatch(some -> some.median() < 50), front + ": " + measured);
      assertTrue(List.of(alone, fives, large).stream().allMatch(some -> some.most() < 500), front + ": " + measured);
      assertTrue(huge.most() < 2000, front + ": " + measured); // depends on the machine, which may be busy
      return Outcome.measured(measured);
    }
  }

  @Test
  void serverNoticesThatTheClientLeft() throws Exception {
    try (var site = new ProxySite(0, SETTINGS)) {
      ProxyFront.atOnce(
          ProxyFront.ALL,
          "the server notices that the client has disconnected; heartbeat 500 ms",
          front -> leave(front, site));
    }
  }

  private Outcome leave(ProxyFront front, ProxySite site) throws Exception {
    try (var proxy = front.start(site);
        var listening = open(proxy, front.stream())) {
      var visit = site.await(front.stream());
      long start = System.nanoTime();
      listening.close();
      var end = visit.awaitEnd();
      assertEquals(Ending.CLIENT_GONE, end.why());
      long took = (end.nanos() - start) / 1_000_000;
      boolean watches = front.kind() == ProxyKind.NGINX; // the others notice it by a failed write
      long bound = (watches ? 1 : 2) * (HEARTBEAT.toMillis() + 1000);
      assertTrue(took < bound + 500, front + ": " + took + " ms"); // the machine may be busy
      return new Outcome(
          "after " + took + " ms",
          watches ? "" : "the proxy, too, notices a disconnect only when a write fails: up to twice the time without a proxy");
    }
  }

  @Test
  void headersAndAnswersPassThrough() throws Exception {
    try (var site = new ProxySite(0, SETTINGS.withMaxStreams(1))) {
      ProxyFront.inTurn(
          ProxyFront.ALL,
          "Content-Type and Cache-Control reach the client; so do 200 with retry for browsers and 503 with Retry-After for"
              + " other clients when the server is full, and 204 after complete()",
          front -> answers(front, site));
    }
  }

  private Outcome answers(ProxyFront front, ProxySite site) throws Exception {
    try (var proxy = front.start(site);
        var listening = open(proxy, front.stream())) {
      assertEquals("text/event-stream; charset=utf-8", listening.header("Content-Type"));
      assertEquals("no-store, no-transform", listening.header("Cache-Control"));
      boolean nginx = front.kind() == ProxyKind.NGINX;
      assertEquals(nginx ? "-" : "no", listening.header("X-Accel-Buffering"));
      assertEquals(nginx ? "keep-alive" : "-", listening.header("Connection"));
      var visit = site.await(front.stream());
      assertEquals(front.isBare(ProxyKind.NGINX) ? "HTTP/1.0" : "HTTP/1.1", visit.protocol());

      var uri = proxy.uri("/events?name=another");
      var browser = ProxyClient.get(client, uri, "Accept", "text/event-stream");
      assertEquals(200, browser.statusCode());
      assertTrue(browser.body().matches("retry: \\d+\n\n"), browser.body());
      var other = ProxyClient.get(client, uri, "Accept", "*/*");
      assertEquals(503, other.statusCode());
      assertTrue(other.headers().firstValue("Retry-After").isPresent());

      visit.sse().complete();
      String id = listening.next().id();
      assertEquals(ProxyClient.END, listening.next().lines());
      assertEquals(204, ProxyClient.get(client, uri, "Last-Event-ID", id).statusCode());
      return new Outcome(
          front.isBare(ProxyKind.NGINX) ? "HTTP/1.0 to the server" : "HTTP/1.1 to the server",
          nginx
              ? "Connection: close and X-Accel-Buffering are for nginx, which does not forward them"
              : "Connection: close is for the proxy, which does not forward it");
    }
  }

  @Test
  void clientSeesTheEndAndResumes() throws Exception {
    try (var site = new ProxySite(0, SETTINGS)) {
      ProxyFront.atOnce(
          ProxyFront.ALL,
          "the client sees a normal end of a stream, and notices at once that the proxy was killed; after the proxy's"
              + " restart it resumes, exactly once and in order",
          front -> endAndResume(front, site));
    }
  }

  private Outcome endAndResume(ProxyFront front, ProxySite site) throws Exception {
    String stream = front.stream();
    var channel = site.channel(stream);
    try (var proxy = front.start(site)) {
      String id;
      long seen;
      try (var listening = open(proxy, stream + "-1&channel=" + stream)) {
        listening.next(); // its position
        channel.publish("1");
        id = listening.next().id();
        long start = System.nanoTime();
        proxy.killAndRestart();
        var cut = listening.next();
        assertEquals(ProxyClient.BROKEN, cut.lines());
        seen = (cut.nanos() - start) / 1_000_000;
        assertTrue(seen < 2000, front + ": " + seen + " ms");
      }
      channel.publish("2");
      try (var listening = open(proxy, stream + "-2&channel=" + stream, "Last-Event-ID", id)) {
        channel.publish("3");
        assertEquals("2", listening.next().data());
        assertEquals("3", listening.next().data());
        site.await(stream + "-2").sse().close();
        assertEquals(ProxyClient.END, listening.next().lines());
      }
      return Outcome.measured("aborted after " + seen + " ms");
    }
  }

  @Test
  void heartbeatOutlastsTheTimeout() throws Exception {
    try (var beating = new ProxySite(0, SETTINGS);
        var silent = new ProxySite(0, Settings.defaults())) {
      ProxyFront.atOnce(
          ProxyFront.README,
          "timeout 2 s: with a heartbeat of 500 ms a stream stays open for 5 s without events, with one of 15 s it is aborted",
          front -> {
            String configuration = Proxy.replace(front.configuration(), "60", "2");
            try (var lasting = Proxy.start(front.kind(), configuration, beating.port());
                var cutting = Proxy.start(front.kind(), configuration, silent.port())) {
              return quiet(front, lasting, cutting, beating);
            }
          });
    }
  }

  private Outcome quiet(ProxyFront front, Proxy lasting, Proxy cutting, ProxySite beating) throws Exception {
    try (var stays = open(lasting, front.stream());
        var goes = open(cutting, front.stream())) {
      long start = System.nanoTime();
      var cut = goes.next();
      assertEquals(ProxyClient.BROKEN, cut.lines());
      long after = (cut.nanos() - start) / 1_000_000;
      assertTrue(after > 1500 && after < 5000, front + ": " + after + " ms");
      Thread.sleep(Duration.ofSeconds(5).minusNanos(System.nanoTime() - start));
      assertTrue(stays.isSilent());
      assertTrue(stays.comments() > 5, () -> front + ": " + stays.comments() + " heartbeats have arrived");
      beating.await(front.stream()).sse().send("still here");
      assertEquals("still here", stays.next().data());
      return Outcome.measured("aborted after " + after + " ms");
    }
  }

  /** Otherwise the heartbeat would have to be shorter than this timeout, too. */
  @Test
  void clientTimeoutOfHaproxyDoesNotCutStreams() throws Exception {
    var front = new ProxyFront(ProxyKind.HAPROXY, true);
    String configuration = Proxy.replace(front.configuration(), "timeout client 60s", "timeout client 1s");
    try (var site = new ProxySite(0, Settings.defaults());
        var proxy = Proxy.start(front.kind(), configuration, site.port());
        var listening = open(proxy, front.stream())) {
      Thread.sleep(Duration.ofSeconds(3));
      assertTrue(listening.isSilent());
      site.await(front.stream()).sse().send("still here");
      assertEquals("still here", listening.next().data());
      front.passed("timeout client 1 s does not abort a stream, only timeout server does; heartbeat 15 s", Outcome.AS_EXPECTED);
    }
  }
}
