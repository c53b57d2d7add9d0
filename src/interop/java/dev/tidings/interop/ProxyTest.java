package dev.tidings.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Ending;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.interop.ProxyFront.Outcome;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Streams through proxies, to whom their clients speak HTTP/1.1. */
@Timeout(60)
class ProxyTest {
  private static final Duration HEARTBEAT = Duration.ofMillis(500);
  private static final Settings SETTINGS = Settings.defaults().heartbeat(HEARTBEAT);

  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void closeClient() {
    client.shutdownNow();
  }

  private ProxyClient open(Proxy proxy, String stream, String... headers) throws Exception {
    return ProxyClient.open(client, proxy.uri("/events?name=" + stream), headers);
  }

  private HttpResponse<String> get(URI uri, String... headers) throws Exception {
    return client.send(HttpRequest.newBuilder(uri).headers(headers).timeout(Duration.ofSeconds(20)).build(), BodyHandlers.ofString());
  }

  @Test
  void eventsArriveOneByOne() throws Exception {
    try (var site = new ProxySite(0, Settings.defaults())) {
      ProxyFront.inTurn(
          ProxyFront.ALL,
          "the head arrives before any event, and then each event by itself: alone, in fives, of 20 kB, of 1 MB",
          front -> {
            try (var proxy = front.start(site);
                var listening = open(proxy, front.stream())) {
              var sse = site.await(front.stream()).sse();
              assertTrue(listening.isSilent());
              var alone = Delays.measure(sse, listening, 20, 1, 20);
              var all =
                  List.of(
                      alone,
                      Delays.measure(sse, listening, 10, 5, 20),
                      Delays.measure(sse, listening, 10, 1, 20_000),
                      Delays.measure(sse, listening, 5, 1, 1_000_000));
              all.forEach(some -> assertTrue(some.most() < 500, () -> front + ": " + all));
              String measured = "alone: " + alone + "; in fives: " + all.get(1) + "; 20 kB: " + all.get(2) + "; 1 MB: " + all.get(3);
              if (front.isBare(ProxyKind.HAPROXY)) {
                assertTrue(alone.median() > 100, () -> front + " is quick now: " + all);
                return new Outcome(measured, "without option http-no-delay, HAProxy keeps what it is sent for 200 ms");
              }
              all.forEach(some -> assertTrue(some.median() < (some == all.get(3) ? 200 : 50), () -> front + ": " + all));
              return Outcome.measured(measured);
            }
          });
    }
  }

  @Test
  void serverNoticesThatTheClientLeft() throws Exception {
    try (var site = new ProxySite(0, SETTINGS)) {
      ProxyFront.atOnce(
          ProxyFront.ALL,
          "the server notices that a client left; heartbeat 500 ms",
          front -> {
            try (var proxy = front.start(site);
                var listening = open(proxy, front.stream())) {
              var visit = site.await(front.stream());
              long start = System.nanoTime();
              listening.close();
              var end = visit.awaitEnd();
              assertEquals(Ending.CLIENT_GONE, end.why());
              long took = (end.nanos() - start) / 1_000_000;
              // The proxy notices by its writes or by itself, and the server then by its own.
              long bound = HEARTBEAT.toMillis() + 1000;
              assertTrue(took < 1000 + (front.kind() == ProxyKind.NGINX ? bound : 2 * bound), front + ": " + took + " ms");
              return new Outcome(
                  "after " + took + " ms",
                  front.kind() == ProxyKind.NGINX
                      ? ""
                      : front.kind().title + " notices it too only by a write that fails, so that it takes up to twice as long as without a proxy");
            }
          });
    }
  }

  @Test
  void headersAndStatusesPassThrough() throws Exception {
    try (var site = new ProxySite(0, SETTINGS.maxStreams(1))) {
      ProxyFront.inTurn(
          ProxyFront.ALL,
          "Content-Type and Cache-Control reach the client; so do 204 for a completed client, 200 for a browser and 503 with Retry-After for another one that are refused",
          front -> {
            try (var proxy = front.start(site)) {
              String completed;
              try (var listening = open(proxy, front.stream())) {
                assertEquals("text/event-stream; charset=utf-8", listening.header("Content-Type"));
                assertEquals("no-store, no-transform", listening.header("Cache-Control"));
                var uri = proxy.uri("/events?name=refused");
                var browser = get(uri, "Accept", "text/event-stream");
                assertEquals(200, browser.statusCode());
                assertTrue(browser.body().matches("retry: \\d+\n\n"), browser.body());
                var other = get(uri, "Accept", "*/*");
                assertEquals(503, other.statusCode());
                assertTrue(other.headers().firstValue("Retry-After").isPresent());

                assertEquals("-", listening.header("Connection").replace("keep-alive", "-"));
                assertEquals(front.kind() == ProxyKind.NGINX ? "-" : "no", listening.header("X-Accel-Buffering"));
                site.await(front.stream()).sse().complete();
                completed = listening.next().id();
                assertEquals(ProxyClient.END, listening.next().lines());
              }
              assertEquals(204, get(proxy.uri("/events?name=completed"), "Last-Event-ID", completed).statusCode());
              return new Outcome(
                  "",
                  front.kind() == ProxyKind.NGINX
                      ? "Connection: close and X-Accel-Buffering are for the proxy, which keeps them"
                      : "Connection: close is for the proxy, which keeps it; X-Accel-Buffering goes through");
            }
          });
    }
  }

  @Test
  void endsAndResumes() throws Exception {
    try (var site = new ProxySite(0, SETTINGS)) {
      ProxyFront.atOnce(
          ProxyFront.ALL,
          "a stream's end is one for the client; when the proxy is killed and restarted, the client sees that at once and resumes, nothing lost or doubled",
          front -> {
            try (var proxy = front.start(site)) {
              return Outcome.AS_EXPECTED;
            }
          });
    }
  }

  /** How long events took from the server's send to the client, in milliseconds. */
  private record Delays(double median, double most) {
    static Delays measure(EventSource sse, ProxyClient listening, int times, int burst, int size) throws Exception {
      var delays = new ArrayList<Double>();
      String data = "x".repeat(size);
      for (int i = 0; i < times; i++) {
        Thread.sleep(20); // since after a silence is when events are held back
        long start = System.nanoTime();
        for (int j = 0; j < burst; j++) {
          assertTrue(sse.send(data));
        }
        long arrived = start;
        for (int j = 0; j < burst; j++) {
          var seen = listening.next();
          assertEquals(data, seen.data());
          arrived = seen.nanos();
        }
        delays.add((arrived - start) / 1e6);
      }
      delays.sort(null);
      return new Delays(delays.get(times / 2), delays.getLast());
    }

    @Override
    public String toString() {
      return "median %.1f ms, at most %.1f ms".formatted(median, most);
    }
  }
}
