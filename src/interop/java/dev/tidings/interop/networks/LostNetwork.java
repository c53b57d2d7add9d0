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
 * Three servers, one with a short write deadline and two with practically none, and five machines with
 * clients. All cables but one are unplugged at the same time. The further events differ by machine.
 */
final class LostNetwork implements AutoCloseable {
  /** Its cable stays unplugged. */
  static final String GONE = "gone";
  /** Its cable is plugged in again before any deadline. */
  static final String BLINK = "blink";
  /** Its cable is plugged in again after the deadline has ended a stream, and before the kernel gives up. */
  static final String BACK = "back";
  /** It loses power, and returns with another cable. */
  static final String DEAD = "dead";
  /** Nothing happens to it. */
  static final String WELL = "well";

  static final Duration HEARTBEAT = Duration.ofSeconds(1);
  static final Duration DEADLINE = Duration.ofMillis(2500);
  /** For how long the cable of {@link #BLINK} is unplugged. */
  static final Duration BLINKED = Duration.ofMillis(500);
  /** The time after which {@link #DEAD} has power again. */
  static final Duration OFF = Duration.ofSeconds(2);

  /** The kernel's tcp_retries2. With its default of 15, a test would take a quarter of an hour. */
  static final int RETRIES = 5;
  /** The same for unsent data of a connection that the process has closed. */
  static final int ORPHAN_RETRIES = 4;

  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final int WARM = 100; // events

  private final Namespaces network;
  private final NetworkServer quick;
  private final NetworkServer patient;
  private final NetworkServer stopping; // patient, too
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
    down = System.nanoTime(); // before the cables are unplugged, because the lower bounds must hold
    for (String machine : List.of(GONE, BACK, DEAD)) {
      network.pull(machine);
    }
    var blink = new FutureTask<>(() -> blink(network));
    Thread.ofVirtual().name("blink").start(blink);
    Thread.ofVirtual().name("fates").start(() -> fates(blink));
  }

  /** Starts servers and clients, and returns when the cables have been unplugged. */
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

  /** Opens and closes one client per server, so that one-time classes and files are loaded and open. */
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

  /** Waits until the machines that return are connected again, and returns that time. */
  long awaitBack() throws Exception {
    return back.get(BOUND.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Returns a client of the server with the write deadline. */
  NetworkClient withDeadline(String machine, String kind) {
    return clients.get(key(machine, quick, kind));
  }

  NetworkClient withoutDeadline(String machine, String kind) {
    return clients.get(key(machine, patient, kind));
  }

  /** Returns a client of the server that will be stopped. */
  NetworkClient ofStopping(String machine, String kind) {
    return clients.get(key(machine, stopping, kind));
  }

  /** Stops the server of {@link #ofStopping}, and returns how long that took. */
  Duration stop() throws IOException, InterruptedException {
    return stopping.stop();
  }

  /** Returns the duration from the loss of the network to this time. */
  Duration after(long nanos) {
    return Duration.ofNanos(nanos - down);
  }

  /** Waits until the server's kernel has no connection with this machine any more. */
  void awaitForgotten(String machine) throws Exception {
    while (!network.sockets(machine).isEmpty()) {
      if (after(System.nanoTime()).compareTo(BOUND) > 0) {
        throw new AssertionError("the kernel still has " + network.sockets(machine));
      }
      Thread.sleep(50);
    }
  }

  /** Closes the clients, and checks that the servers return to their state before the first client. */
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
