package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import dev.tidings.Ending;
import dev.tidings.SelfSigned;
import dev.tidings.Settings;
import dev.tidings.interop.Child;
import dev.tidings.interop.proxies.ProxyFront.Outcome;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests streams through proxies, with HTTP/2 between client and proxy. */
@Timeout(60)
class ProxyHttp2Test {
  private static final int STREAMS = 50;
  private static final Settings SETTINGS = Settings.defaults().withHeartbeat(Duration.ofMillis(500));

  private final HttpClient client = HttpClient.newBuilder().sslContext(SelfSigned.context()).build();

  @AfterEach
  void closeClient() {
    client.shutdownNow();
  }

  @Test
  void fiftyStreamsShareOneConnection() throws Exception {
    try (var site = new ProxySite(0, SETTINGS)) {
      ProxyFront.inTurn(
          ProxyFront.README,
          "HTTP/2: 50 streams over one connection receive each event; when one is cancelled, the server notices and the"
              + " others continue; heartbeat 500 ms",
          front -> fiftyStreams(front, site));
    }
  }

  private Outcome fiftyStreams(ProxyFront front, ProxySite site) throws Exception {
    var listening = new ArrayList<ProxyClient>();
    try (var proxy = front.start(site)) {
      if (front.kind() == ProxyKind.APACHE) {
        finishRequests(proxy);
      }
      for (int i = 0; i < STREAMS; i++) {
        if (front.kind() == ProxyKind.APACHE && i % 5 == 4) {
          finishRequest(proxy); // Apache may have reduced the limit of the connection meanwhile
        }
        listening.add(ProxyClient.open(client, proxy.tlsUri("/events?name=" + front.stream() + i)));
      }
      var connections = listening.stream().map(one -> one.response.connectionLabel()).collect(Collectors.toSet());
      assertEquals(1, connections.size());
      var delays = new ArrayList<Double>();
      for (int i = 0; i < 5; i++) {
        delays.addAll(sendToAll("event " + i, site, front, listening));
      }
      delays.sort(null);
      assertTrue(delays.getLast() < 1000, () -> front + ": " + delays);

      long start = System.nanoTime();
      listening.removeFirst().close();
      var end = site.await(front.stream() + "0").awaitEnd();
      assertEquals(Ending.CLIENT_GONE, end.why());
      long took = (end.nanos() - start) / 1_000_000;
      assertTrue(took < 4000, front + ": " + took + " ms");
      sendToAll("go on", site, front, listening);
      return new Outcome(
          "an event reaches one of 50 in %.1f ms (median), all within %.1f ms; the cancelled stream ended after %d ms"
              .formatted(delays.get(delays.size() / 2), delays.getLast(), took),
          front.kind() == ProxyKind.APACHE
              ? "only after other responses on the connection, because mod_http2 starts with six concurrent requests"
              : "");
    } finally {
      for (ProxyClient one : listening) {
        one.close();
      }
    }
  }

  /** Finishes requests with pauses. After each, Apache doubles the concurrent requests of a connection. */
  private void finishRequests(Proxy proxy) throws Exception {
    for (int i = 0; i < 8; i++) {
      finishRequest(proxy);
      Thread.sleep(300);
    }
  }

  private void finishRequest(Proxy proxy) throws Exception {
    assertEquals(200, ProxyClient.get(client, proxy.tlsUri("/events/page"), "Accept", "*/*").statusCode());
  }

  @Test
  void apacheWorksOnSixRequestsOfANewConnection() throws Exception {
    var front = new ProxyFront(ProxyKind.APACHE, true);
    var listening = new ArrayList<ProxyClient>();
    try (var site = new ProxySite(0, SETTINGS);
        var proxy = front.start(site)) {
      for (int i = 0; i < 6; i++) {
        listening.add(ProxyClient.open(client, proxy.tlsUri("/events?name=" + i)));
      }
      var page = new FutureTask<>(() -> ProxyClient.get(client, proxy.tlsUri("/events/page"), "Accept", "*/*"));
      Thread.ofVirtual().start(page);
      assertThrows(TimeoutException.class, () -> page.get(1, TimeUnit.SECONDS));
      site.await("0").sse().close();
      assertEquals(200, page.get(20, TimeUnit.SECONDS).statusCode());
      front.passed(
          "HTTP/2: six streams of a new connection open; its further requests wait until one of them ends",
          new Outcome(
              "",
              "mod_http2 starts with six concurrent requests per connection, and doubles that after finished responses: a"
                  + " browser that has loaded a page and its parts has more"));
    } finally {
      for (ProxyClient one : listening) {
        one.close();
      }
    }
  }

  @Test
  void apacheNeedsAThreadForEachStream() throws Exception {
    var front = new ProxyFront(ProxyKind.APACHE, true);
    String configuration = "ThreadsPerChild 2\nMaxRequestWorkers 2\n" + front.configuration();
    try (var site = new ProxySite(0, SETTINGS);
        var proxy = Proxy.start(front.kind(), configuration, site.port());
        var first = ProxyClient.open(client, proxy.uri("/events?name=1"));
        var second = ProxyClient.open(client, proxy.uri("/events?name=2"))) {
      var third = new FutureTask<>(() -> ProxyClient.open(client, proxy.uri("/events?name=3")));
      Thread.ofVirtual().start(third);
      assertThrows(TimeoutException.class, () -> third.get(1, TimeUnit.SECONDS));
      first.close();
      third.get(20, TimeUnit.SECONDS).close();
      assertTrue(second.isSilent());
      front.passed(
          "MaxRequestWorkers limits the number of open streams; the next one opens when one ends",
          new Outcome("", "each open stream occupies a thread of Apache httpd"));
    }
  }

  /** Sends an event to all clients, and returns the delay for each client in milliseconds. */
  private static List<Double> sendToAll(String data, ProxySite site, ProxyFront front, List<ProxyClient> listening)
      throws InterruptedException {
    long start = System.nanoTime();
    var streams = site.streams(front.stream());
    assertEquals(listening.size(), streams.size());
    streams.forEach(sse -> assertTrue(sse.send(data)));
    var delays = new ArrayList<Double>();
    for (ProxyClient one : listening) {
      var seen = one.next();
      assertEquals(data, seen.data());
      delays.add((seen.nanos() - start) / 1e6);
    }
    return delays;
  }

  @Test
  void browserOpensMoreThanSixOnlyOverHttp2() throws Exception {
    String chromium = Child.find("chromium", "chromium-browser", "google-chrome");
    var proxies = new ArrayList<Proxy>();
    try (var site = new ProxySite(0, SETTINGS)) {
      var command = new ArrayList<>(List.of(Child.find("node"), "js/six-connections.js", chromium));
      for (ProxyFront front : ProxyFront.README) {
        var proxy = front.start(site);
        proxies.add(proxy);
        command.add(proxy.uri("/events/page").toString());
        command.add(proxy.tlsUri("/events/page").toString());
      }
      var lines = Child.run(Duration.ofSeconds(40), command.toArray(String[]::new)).lines().toList();
      String version = json(lines.getFirst()).get("version").getAsString();
      for (ProxyFront front : ProxyFront.README) {
        int line = 1 + 2 * ProxyFront.README.indexOf(front);
        var http1 = json(lines.get(line));
        var http2 = json(lines.get(line + 1));
        assertEquals("http/1.1 6 7", summary(http1));
        assertEquals("h2 10 10", summary(http2));
        front.passed(
            "Chromium, ten EventSources in one page: all open at once over HTTP/2, six over HTTP/1.1, and a seventh when one is closed",
            new Outcome(
                version,
                front.kind() == ProxyKind.APACHE
                    ? "only after other responses on the connection, because mod_http2 starts with six concurrent requests"
                    : ""));
      }
    } finally {
      for (Proxy proxy : proxies) {
        proxy.close();
      }
    }
  }

  private static JsonObject json(String line) {
    return new Gson().fromJson(line, JsonObject.class);
  }

  private static String summary(JsonObject result) {
    return result.get("protocol").getAsString() + " " + result.get("first").getAsInt() + " " + result.get("then").getAsInt();
  }
}
