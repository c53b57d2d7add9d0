package dev.tidings.interop.networks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/**
 * Servers, one with a short write deadline and two practically without, and five machines with clients. All
 * cables but one are pulled at once, and have their fates.
 */
final class LostNetwork implements AutoCloseable {
  /** Its cable stays pulled. */
  static final String GONE = "gone";
  /** Its cable is back before any deadline. */
  static final String BLINK = "blink";
  /** Its cable is back once the deadline ended a stream, and before the kernel gives up. */
  static final String BACK = "back";
  /** It loses its power, and is back with another cable. */
  static final String DEAD = "dead";
  /** Nothing happens to it. */
  static final String WELL = "well";

  static final Duration HEARTBEAT = Duration.ofSeconds(1);
  static final Duration DEADLINE = Duration.ofMillis(2500);
  /** For how long the cable is pulled that is so for a moment only. */
  static final Duration BLINKED = Duration.ofMillis(500);
  /** When the machine is back that lost its power. */
  static final Duration OFF = Duration.ofSeconds(2);

  /** The kernel's tcp_retries2; its default of 15 would take a quarter of an hour. */
  static final int RETRIES = 5;
  /** The same for what it still has to send on a connection that the process has closed. */
  static final int ORPHAN_RETRIES = 4;

  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final int WARM = 100; // events

  private final Namespaces network;
  private final NetworkServer quick;
  private final NetworkServer patient;
  private final NetworkServer stopping; // patient too
  private final List<String> booksBefore;
  private final Map<String, NetworkClient> clients = new LinkedHashMap<>();
  private final CompletableFuture<Long> back = new CompletableFuture<>();
  private final long down;

  private LostNetwork(Namespaces network) throws Exception {
    this.network = network;
    quick = NetworkServer.start(network, 8080, HEARTBEAT, DEADLINE);
    patient = NetworkServer.start(network, 8081, HEARTBEAT, Duration.ofDays(1));
    stopping = NetworkServer.start(network, 8082, HEARTBEAT, Duration.ofDays(1));
    warmUp();
    booksBefore = List.of(quick.awaitEmptyBooks(), patient.awaitEmptyBooks());
    openClients();
    for (NetworkClient client : clients.values()) {
      client.await(client.isIdle() ? 1 : WARM);
    }
    quick.mark();
    patient.mark();
    clients.values().forEach(NetworkClient::mark);
    down = System.nanoTime(); // before it is, since the bounds from below must hold
    for (String machine : List.of(GONE, BACK, DEAD)) {
      network.pull(machine);
    }
    var blink = new FutureTask<>(() -> blink(network));
    Thread.ofVirtual().name("blink").start(blink);
    Thread.ofVirtual().name("fates").start(() -> fates(blink));
  }

  /** Returns when the cables have been pulled. */
  static LostNetwork lose() throws Exception {
    var machines = List.of(GONE, BLINK, BACK, DEAD, WELL);
    var network = Namespaces.make(Map.of("tcp_retries2", RETRIES, "tcp_orphan_retries", ORPHAN_RETRIES), machines);
    try {
      return new LostNetwork(network);
    } catch (Exception | Error e) {
      network.close();
      throw e;
    }
  }

  /** Each server has had a client that came and went, so that all is loaded and open that will be once. */
  private void warmUp() throws Exception {
    for (NetworkServer server : List.of(quick, patient)) {
      try (var client = NetworkClient.open(network, WELL, server, "busy")) {
        client.await(WARM);
      }
      server.awaitEnd("busy-" + WELL);
    }
  }

  private void openClients() throws IOException, InterruptedException {
    for (String kind : List.of("idle", "busy", "crowd")) {
      open(GONE, quick, kind);
      open(GONE, patient, kind);
      open(GONE, stopping, kind);
      open(BLINK, quick, kind);
      open(BACK, patient, kind);
    }
    open(BACK, quick, "idle");
    open(BACK, quick, "busy");
    open(DEAD, quick, "idle");
    open(DEAD, patient, "idle");
    open(DEAD, patient, "busy");
    open(WELL, quick, "crowd");
    open(WELL, patient, "crowd");
  }

  private void open(String machine, NetworkServer server, String kind) throws IOException, InterruptedException {
    clients.put(key(machine, server, kind), NetworkClient.open(network, machine, server, kind));
  }

  private static String key(String machine, NetworkServer server, String kind) {
    return machine + server.port() + kind;
  }

  private static Void blink(Namespaces network) throws IOException, InterruptedException {
    network.blink(BLINK, BLINKED);
    return null;
  }

  private void fates(Future<Void> blink) {
    try {
      for (String kind : List.of("idle", "busy")) {
        withoutDeadline(DEAD, kind).close();
      }
      withDeadline(DEAD, "idle").close();
      network.powerOff(DEAD);
      sleepUntil(OFF);
      network.powerOn(DEAD);
      withDeadline(BACK, "busy").awaitEnd();
      network.plug(BACK);
      blink.get();
      back.complete(System.nanoTime());
    } catch (Exception | Error e) {
      back.completeExceptionally(e);
    }
  }

  private void sleepUntil(Duration afterDown) throws InterruptedException {
    TimeUnit.NANOSECONDS.sleep(down + afterDown.toNanos() - System.nanoTime());
  }

  /** Awaits that all that comes back is back, and returns when that was. */
  long awaitBack() throws Exception {
    return back.get(BOUND.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** A client of the server with the write deadline. */
  NetworkClient withDeadline(String machine, String kind) {
    return clients.get(key(machine, quick, kind));
  }

  NetworkClient withoutDeadline(String machine, String kind) {
    return clients.get(key(machine, patient, kind));
  }

  /** A client of the server that is to be stopped. */
  NetworkClient ofStopping(String machine, String kind) {
    return clients.get(key(machine, stopping, kind));
  }

  /** Stops that server, and returns how long it took. */
  Duration stop() throws IOException, InterruptedException {
    return stopping.stop();
  }

  /** When that was, counted from when the network was lost. */
  Duration after(long nanos) {
    return Duration.ofNanos(nanos - down);
  }

  /** Awaits that the server's kernel has forgotten all connections with this machine. */
  void awaitForgotten(String machine) throws Exception {
    while (!network.sockets(machine).isEmpty()) {
      if (after(System.nanoTime()).compareTo(BOUND) > 0) {
        throw new AssertionError("the kernel still has " + network.sockets(machine));
      }
      Thread.sleep(50);
    }
  }

  /** Closes the clients, and awaits that the servers are as they were before the first. */
  String leave() throws Exception {
    clients.values().forEach(NetworkClient::close);
    var books = List.of(quick.awaitEmptyBooks(), patient.awaitEmptyBooks());
    assertEquals(booksBefore, books);
    return books.getFirst();
  }

  @Override
  public void close() {
    clients.values().forEach(NetworkClient::close);
    quick.close();
    patient.close();
    stopping.close();
    network.close();
  }
}
