package dev.tidings.interop.proxies;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.tidings.Channel;
import dev.tidings.Settings;
import dev.tidings.SseServer;
import dev.tidings.client.EventClient;
import dev.tidings.client.EventClientException;
import dev.tidings.interop.Child;
import dev.tidings.interop.Ports;
import dev.tidings.interop.proxies.ProxyFront.Outcome;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Replaces two nodes behind nginx one after the other, as a deployment does, while clients have streams. */
@Timeout(90)
class RollingUpdateTest {
  private static final int CLIENTS = 50;
  private static final int RECEIVERS = 10;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  @Test
  void noClientIsRefusedMoreThanOnce() throws Exception {
    ProxyKind.NGINX.binary(); // may skip the test
    var nodes = new ArrayList<Node>();
    var visitors = new ArrayList<Visitor>();
    var receivers = new ArrayList<Receiver>();
    try {
      for (int i = 0; i < 2; i++) {
        nodes.add(new Node(Ports.free()));
      }
      try (var proxy = Proxy.startBalancer(nodes.stream().map(node -> node.port).toList())) {
        for (int i = 0; i < CLIENTS; i++) {
          visitors.add(new Visitor(proxy.uri("/events")));
        }
        for (int i = 0; i < RECEIVERS; i++) {
          receivers.add(new Receiver(proxy.uri("/events")));
        }
        awaitAll("before the update", visitors);
        for (Node node : nodes) {
          node.replace();
          awaitAll("after an update", visitors);
        }
        for (Receiver receiver : receivers) {
          receiver.awaitContinued();
        }
        visitors.forEach(Visitor::stop);
        for (Visitor visitor : visitors) {
          assertTrue(visitor.refused <= 1, () -> "refused " + visitor.refused + " times");
          assertEquals(visitor.gaps, visitor.moves, "a gap for each change of the node, since their logs differ");
        }
        var pauses = visitors.stream().flatMap(visitor -> visitor.pauses.stream()).sorted().toList();
        assertTrue(pauses.size() >= CLIENTS, () -> pauses.size() + " interruptions"); // half of the clients twice
        long refused = visitors.stream().mapToInt(visitor -> visitor.refused).sum();
        String measured = pauses.size() + " interruptions: p50 " + pauses.get(pauses.size() / 2) + " ms, at most "
            + pauses.getLast() + " ms without a stream; " + refused + " refused once";
        new ProxyFront(ProxyKind.NGINX, true)
            .passed(
                "two nodes with stopOnExit are replaced one after the other: each of 50 clients reconnects and resumes, and is refused at most once",
                Outcome.measured(measured));
        new ProxyFront(ProxyKind.NGINX, true)
            .passed(
                "two nodes with stopOnExit are replaced one after the other: each of " + RECEIVERS
                    + " EventClients reconnects and resumes, and never fails twice in succession",
                Outcome.AS_EXPECTED);
      }
    } finally {
      receivers.forEach(receiver -> receiver.client.close());
      visitors.forEach(Visitor::stop);
      nodes.forEach(node -> node.child.close());
      http.shutdownNow();
    }
  }

  /** Waits until each client has a stream on which an event has arrived since now. */
  private static void awaitAll(String when, List<Visitor> visitors) throws InterruptedException {
    var seen = visitors.stream().map(visitor -> visitor.events).toList();
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!IntStream.range(0, seen.size()).allMatch(i -> visitors.get(i).events > seen.get(i) && visitors.get(i).live)) {
      if (System.nanoTime() > end) {
        fail(when + ", not all clients have a stream: " + visitors.stream().filter(visitor -> !visitor.live).count());
      }
      Thread.sleep(20);
    }
  }

  /** A client of the library, which fails if two attempts in succession do. */
  private static final class Receiver {
    final EventClient client;
    volatile int gaps;
    volatile int events;
    private volatile Optional<EventClientException> failure = Optional.empty();

    Receiver(URI uri) throws InterruptedException {
      client = EventClient.builder(uri).maxAttempts(2).open();
      Thread.ofVirtual().start(this::receive);
    }

    private void receive() {
      try {
        for (var event : client) {
          if (event.name().isPresent()) {
            gaps++;
          } else {
            events++;
          }
        }
      } catch (EventClientException e) {
        failure = Optional.of(e);
      }
    }

    /** Waits until it has continued after its stream was ended, and receives an event. */
    void awaitContinued() throws InterruptedException {
      await(() -> gaps > 0);
      int before = events;
      await(() -> events > before);
      assertTrue(gaps <= 2, () -> gaps + " gaps");
    }

    private void await(BooleanSupplier condition) throws InterruptedException {
      for (long end = System.nanoTime() + PATIENCE.toNanos(); !condition.getAsBoolean() && System.nanoTime() < end; ) {
        failure.ifPresent(e -> fail("a client has failed", e));
        Thread.sleep(10);
      }
      assertTrue(condition.getAsBoolean(), "a client does not continue");
    }
  }

  /** A client that behaves like an EventSource, and counts its attempts. */
  private final class Visitor {
    private final URI uri;
    private final Thread thread = Thread.ofVirtual().unstarted(this::run);
    private String id = "";
    private long retry = 500; // milliseconds
    private long lost; // when its last stream ended; 0 for none
    final List<Long> pauses = new ArrayList<>(); // milliseconds
    int gaps;
    int moves;
    volatile int events;
    volatile boolean live;
    volatile int refused;

    Visitor(URI uri) {
      this.uri = uri;
      thread.start();
    }

    private void run() {
      try {
        while (true) {
          visit();
          Thread.sleep(retry);
        }
      } catch (InterruptedException e) {
        // stopped
      }
    }

    private void visit() throws InterruptedException {
      var request = HttpRequest.newBuilder(uri).header("Accept", "text/event-stream").header("Last-Event-ID", id);
      boolean served = false;
      try {
        var response = http.send(request.build(), BodyHandlers.ofInputStream());
        try (var reader = new BufferedReader(new InputStreamReader(response.body(), UTF_8))) {
          for (String line; response.statusCode() == 200 && (line = reader.readLine()) != null; ) {
            served |= read(line, served);
          }
        }
      } catch (IOException e) {
        // broken off, like an end
      }
      live = false;
      if (served) {
        lost = System.nanoTime();
      } else if (!Thread.currentThread().isInterrupted()) {
        refused++;
      }
    }

    /** Returns whether the line belongs to an event. */
    private boolean read(String line, boolean served) {
      if (line.startsWith("retry: ")) {
        retry = Long.parseLong(line.substring(7));
      } else if (line.startsWith("id: ")) {
        id = line.substring(4);
      } else if (line.equals("event: gap")) {
        gaps++;
      } else if (line.startsWith("data: ")) {
        if (!served && lost != 0) {
          pauses.add((System.nanoTime() - lost) / 1_000_000);
          moves++;
        }
        live = true;
        events++;
        return true;
      }
      return false;
    }

    void stop() {
      thread.interrupt();
      try {
        thread.join(PATIENCE);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** A node, whose process is replaced. */
  private static final class Node {
    final int port;
    Child child;

    Node(int port) throws IOException, InterruptedException {
      this.port = port;
      start();
    }

    private void start() throws IOException, InterruptedException {
      child =
          Child.start(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/test-classes",
              RollingUpdateTest.class.getName(), String.valueOf(port));
      child.await("ready", PATIENCE);
    }

    /** Sends SIGTERM, waits for the exit, and starts the next version. */
    void replace() throws Exception {
      child.handle().destroy();
      child.handle().onExit().get(10, TimeUnit.SECONDS);
      assertEquals(143, child.status());
      child.close();
      start();
    }
  }

  /** Runs a node on the given port. Its ids are its own, since it has a log of its own. */
  static void main(String... args) throws Exception {
    var settings = Settings.defaults().withReconnect(Duration.ofMillis(500), Duration.ofMillis(1500));
    var builder = SseServer.builder().port(Integer.parseInt(args[0])).settings(settings);
    try (var clock = Channel.create(); var server = builder.hosts(Proxy.UPSTREAM).build()) {
      server.stream("/events", sse -> {
        clock.join(sse);
        sse.keepAlive();
      });
      server.stopOnExit(Duration.ofMillis(500)).start();
      System.out.println("ready");
      while (!server.eventSources().isStopping()) {
        clock.publish(LocalTime.now().toString());
        Thread.sleep(100);
      }
      server.join();
    }
  }
}
