package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Child;
import dev.tidings.interop.Ports;
import dev.tidings.interop.proxies.ProxyFront.Outcome;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests one server behind all proxies that is killed and restarted. */
@Timeout(60)
class ProxyKilledServerTest {
  private static final String PATH = "/events?channel=news&name=";

  private final HttpClient client = HttpClient.newHttpClient();

  @Test
  void clientsSeeThatTheServerWasKilledAndResume() throws Exception {
    int port = Ports.free();
    var visitors = new ArrayList<Visitor>();
    try (var server = new Servers(port)) {
      for (ProxyFront front : ProxyFront.ALL) {
        visitors.add(new Visitor(front, port));
      }
      long start = System.nanoTime();
      server.child.kill();
      for (Visitor visitor : visitors) {
        visitor.seesTheCut(start);
      }
      server.child.handle().onExit().get(10, TimeUnit.SECONDS); // then its port is closed, too
      visitors.forEach(Visitor::comesTooEarly);
      for (Visitor visitor : visitors) {
        visitor.isTurnedAway();
      }
      server.start();
      for (Visitor visitor : visitors) {
        visitor.resumes();
        visitor.front.passed(
            "the client notices at once that the server was killed; after the restart, its last event id reaches the server",
            visitor.outcome());
      }
    } finally {
      for (Visitor visitor : visitors) {
        visitor.proxy.close();
      }
      client.shutdownNow();
    }
  }

  private final class Visitor {
    final ProxyFront front;
    final Proxy proxy;
    private final ProxyClient listening;
    private String id;
    private long cut; // in milliseconds after the kill
    private CompletableFuture<String> early;

    Visitor(ProxyFront front, int port) throws Exception {
      this.front = front;
      proxy = Proxy.start(front.kind(), front.configuration(), port);
      listening = ProxyClient.open(client, proxy.uri(PATH + front.stream()));
      listening.next();
      id = listening.next().id();
    }

    /** Checks how the response ends. Over HTTP/1.0 a proxy cannot distinguish a killed server from an end. */
    void seesTheCut(long start) throws Exception {
      var expected = front.isBare(ProxyKind.NGINX) ? ProxyClient.END : ProxyClient.BROKEN;
      ProxyClient.Seen seen;
      while (!(seen = listening.next()).id().isEmpty()) {
        id = seen.id();
      }
      assertEquals(expected, seen.lines(), front.toString());
      cut = (seen.nanos() - start) / 1_000_000;
      assertTrue(cut < 2000, front + ": " + cut + " ms");
      listening.close();
    }

    void comesTooEarly() {
      long start = System.nanoTime();
      var request = HttpRequest.newBuilder(proxy.uri(PATH + front.stream())).timeout(Duration.ofSeconds(20)).build();
      early =
          client.sendAsync(request, BodyHandlers.ofString())
              .thenApply(HttpResponse::statusCode)
              .thenApply(status -> status + " after " + (System.nanoTime() - start) / 1_000_000 + " ms");
    }

    void isTurnedAway() throws Exception {
      String status = front.kind() == ProxyKind.NGINX ? "502 " : "503 ";
      assertTrue(early.get(20, TimeUnit.SECONDS).startsWith(status), front + ": " + early.get());
    }

    /** Checks that the client receives a gap event, because the log in memory ended with the server. */
    void resumes() throws Exception {
      try (var again = ProxyClient.open(client, proxy.uri(PATH + front.stream()), "Last-Event-ID", id)) {
        var gap = again.next();
        assertTrue(gap.lines().contains("event: gap"), gap.toString());
        assertTrue(gap.data().contains("\"after\":\"" + id + "\""), gap + " after " + id);
        assertTrue(again.next().data().startsWith("number "));
      }
    }

    Outcome outcome() {
      String deviation =
          switch (front.kind()) {
            case NGINX -> "requests receive 502 while the server is down";
            case HAPROXY -> "requests receive 503 while the server is down, after HAProxy has retried for 3 s";
            case APACHE -> "requests receive 503 while the server is down";
          };
      return new Outcome(
          "ended after " + cut + " ms; then " + early.join(),
          deviation
              + "; an EventSource then does not reconnect, as the standard requires"
              + (front.isBare(ProxyKind.NGINX) ? "; over HTTP/1.0 to the server, the abort looks like a normal end" : ""));
    }
  }

  /** The consecutive server processes on one port. */
  private static final class Servers implements AutoCloseable {
    private final int port;
    private Child child;

    Servers(int port) throws IOException, InterruptedException {
      this.port = port;
      start();
    }

    void start() throws IOException, InterruptedException {
      child =
          Child.start(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-cp", "target/classes:target/test-classes",
              ProxySite.class.getName(), String.valueOf(port));
      child.await("ready", Duration.ofSeconds(20));
    }

    @Override
    public void close() {
      child.close();
    }
  }
}
