package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Ending;
import dev.tidings.EventSource;
import dev.tidings.SelfSigned;
import dev.tidings.Settings;
import dev.tidings.client.EventClient;
import dev.tidings.interop.Relay;
import dev.tidings.interop.proxies.ProxyFront.Outcome;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The library's client with HTTP/2 between it and nginx. A relay between them counts their connections. */
@Timeout(60)
class ClientHttp2Test {
  private static final Duration BOUND = Duration.ofSeconds(20);
  private static final ProxyFront NGINX = new ProxyFront(ProxyKind.NGINX, true);
  private static final int CLIENTS = 20;

  private final HttpClient http = HttpClient.newBuilder().sslContext(SelfSigned.context()).build();
  private final List<EventClient> clients = new ArrayList<>();
  private ProxySite site;
  private Proxy proxy;
  private Relay relay;

  @BeforeEach
  void start() throws Exception {
    site = new ProxySite(0, Settings.defaults().withHeartbeat(Duration.ofMillis(500)));
    proxy = NGINX.start(site);
    relay = Relay.start(proxy.tlsUri("/").getPort());
  }

  @AfterEach
  void stop() throws Exception {
    clients.forEach(EventClient::close);
    http.shutdownNow();
    if (relay != null) {
      relay.close();
      proxy.close();
    }
    site.close();
  }

  private EventClient.Builder builder(String name) {
    var uri = URI.create("https://127.0.0.1:" + relay.port() + "/events?channel=news&name=" + name);
    return EventClient.builder(uri).retry(Duration.ofMillis(100)).maxRetry(Duration.ofMillis(300));
  }

  /** Opens a stream on the connection that all share. */
  private EventClient open(String name) throws InterruptedException {
    var client = builder(name).client(http).open();
    clients.add(client);
    return client;
  }

  private static String data(EventClient client) throws InterruptedException {
    return client.next(BOUND).orElseThrow().data().orElseThrow();
  }

  /** Publishes an event, and returns how long it takes to receive it from each client. */
  private long publish(String data, List<EventClient> receivers) throws InterruptedException {
    long start = System.nanoTime();
    site.channel("news").publish(data);
    for (EventClient client : receivers) {
      assertEquals(data, data(client));
    }
    return (System.nanoTime() - start) / 1_000_000;
  }

  private static void passed(String check, String measured) throws Exception {
    NGINX.passed("HTTP/2, " + check, Outcome.measured(measured));
  }

  @Test
  void streamsShareAConnectionAndEachEndsAlone() throws Exception {
    for (int i = 0; i < CLIENTS; i++) {
      open("shared" + i);
    }
    var times = new ArrayList<Long>();
    for (int i = 0; i < 5; i++) {
      times.add(publish("event " + i, clients));
    }
    assertTrue(times.stream().allMatch(millis -> millis < 2000), times::toString);
    long start = System.nanoTime();
    clients.removeFirst().close();
    var end = site.await("shared0").awaitEnd();
    assertEquals(Ending.CLIENT_GONE, end.why());
    long noticed = (end.nanos() - start) / 1_000_000;
    assertTrue(noticed < 4000, noticed + " ms");
    publish("the others go on", clients);
    assertEquals(1, relay.accepted());
    passed(
        CLIENTS + " EventClients on one connection: each receives every event; one is closed, the server notices, and the others"
            + " go on; heartbeat 500 ms",
        "all have an event within " + times + " ms; closed after " + noticed + " ms");
  }

  @Test
  void allResumeWhenTheProxyIsKilled() throws Exception {
    for (int i = 0; i < CLIENTS; i++) {
      open("killed" + i);
    }
    var publisher = Thread.ofVirtual().start(() -> {
      for (int i = 1; i <= 200; i++) {
        site.channel("news").publish(Integer.toString(i));
        sleep(Duration.ofMillis(5));
      }
    });
    assertEquals("1", data(clients.getFirst()));
    proxy.killAndRestart();
    publisher.join();
    var expected = IntStream.rangeClosed(1, 200).mapToObj(Integer::toString).toList();
    for (EventClient client : clients) {
      var received = new ArrayList<>(client == clients.getFirst() ? List.of("1") : List.<String>of());
      while (received.size() < 200) {
        received.add(data(client));
      }
      assertEquals(expected, received);
    }
    assertTrue(relay.accepted() > 1);
    passed(CLIENTS + " EventClients on one connection, nginx is killed and restarted: each receives 200 events, exactly once and in order", "");
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The connection stays open, but nothing comes, as after a failure of the network. */
  @Test
  void aSilentConnectionIsReplaced() throws Exception {
    var before = SSLContext.getDefault();
    SSLContext.setDefault(SelfSigned.context()); // of its own HttpClient
    try (var client = builder("silent").maxSilence(Duration.ofMillis(1500)).responseTimeout(Duration.ofSeconds(1)).open()) {
      site.channel("news").publish("before");
      assertEquals("before", data(client));
      assertEquals(Optional.empty(), client.next(Duration.ofSeconds(2))); // pings keep the stream
      assertEquals(1, relay.accepted());
      proxy.freeze();
      site.channel("news").publish("meanwhile");
      for (int i = 0; relay.accepted() == 1; i++) {
        assertEquals(Optional.empty(), client.next(Duration.ofMillis(100)));
        assertTrue(i < 200, "no further connection");
      }
      proxy.thaw();
      assertEquals("meanwhile", data(client));
      publish("after", List.of(client));
      assertFalse(client.isEnded());
    } finally {
      SSLContext.setDefault(before);
      proxy.thaw();
    }
    passed("nginx is stopped: EventClient opens another connection after its longest silence, and resumes when nginx continues", "");
  }

  /** Sends more to streams than clients that do not read can receive, and returns when the server waits. */
  private List<Flood> flood(String... names) throws Exception {
    var floods = new ArrayList<Flood>();
    for (String name : names) {
      floods.add(new Flood(site.await(name).sse()));
    }
    var before = List.<Integer>of();
    for (List<Integer> sent;
        !(sent = floods.stream().map(flood -> flood.sent.get()).toList()).equals(before)
            || sent.stream().mapToInt(Integer::intValue).sum() < Flood.LEAST; ) {
      before = sent;
      Thread.sleep(1000);
    }
    assertTrue(before.stream().allMatch(sent -> sent < Flood.COUNT), "the server did not wait");
    return floods;
  }

  /** Large events for a stream. */
  private static final class Flood {
    static final int COUNT = 40;
    static final int LEAST = 15; // what the client takes before the server can have to wait
    static final String LARGE = "x".repeat(1_000_000);

    final AtomicInteger sent = new AtomicInteger();
    final Thread sender;

    Flood(EventSource sse) {
      sender = Thread.ofVirtual().start(() -> {
        for (int i = 0; i < COUNT && sse.send(i + LARGE); i++) {
          sent.incrementAndGet();
        }
      });
    }

    /** Receives all of it. */
    void receive(EventClient client) throws InterruptedException {
      for (int i = 0; i < COUNT; i++) {
        assertEquals(i + LARGE, data(client));
      }
      sender.join();
    }
  }

  @Test
  void aClientThatDoesNotReadBlocksNoOther() throws Exception {
    var slow = open("slow");
    var fast = List.of(open("fast1"), open("fast2"));
    var flood = flood("slow").getFirst();
    int waited = flood.sent.get();
    var times = new ArrayList<Long>();
    for (int i = 0; i < 5; i++) {
      long start = System.nanoTime();
      site.await("fast1").sse().send("event " + i);
      site.await("fast2").sse().send("event " + i);
      for (EventClient client : fast) {
        assertEquals("event " + i, data(client));
      }
      times.add((System.nanoTime() - start) / 1_000_000);
    }
    flood.receive(slow);
    assertEquals(1, relay.accepted());
    passed(
        "three EventClients on one connection, one of them does not read: the others receive every event, and so does that one later",
        "the server waits after " + waited + " MB; the others have an event within " + times + " ms");
  }

  /** The JDK's client allows 16 MB for each stream, and 32 MB for a connection. */
  @Test
  void clientsThatDoNotReadUseUpTheWindowOfTheirConnection() throws Exception {
    var slow = List.of(open("idle1"), open("idle2"), open("idle3"));
    var fast = open("waits");
    var floods = flood("idle1", "idle2", "idle3");
    site.await("waits").sse().send("late");
    boolean waits = fast.next(Duration.ofSeconds(3)).isEmpty();
    assertTrue(waits, "the other client does not wait now");
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      var all = new ArrayList<Future<?>>(); // each of them needs the window that the others use
      for (int i = 0; i < slow.size(); i++) {
        var flood = floods.get(i);
        var client = slow.get(i);
        all.add(executor.submit(() -> {
          flood.receive(client);
          return null;
        }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    }
    assertEquals("late", data(fast));
    assertEquals(1, relay.accepted());
    NGINX.passed(
        "HTTP/2, four EventClients on one connection, three of them do not read: the other one receives every event",
        new Outcome(
            "",
            "only when they read again: the JDK's `HttpClient` buffers up to 16 MB for each stream, and 32 MB for a connection,"
                + " after which no stream of it goes on; clients with an `HttpClient` of their own are not affected"));
  }
}
