package dev.tidings;

import com.sun.net.httpserver.Authenticator;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Servers that share a control log in memory, on clocks that tests advance together. */
final class Nodes implements AutoCloseable {
  private static final Duration STEP = Duration.ofMillis(100);

  /** One server. Its handler keeps each stream open; the query of a request is its identifier. */
  static final class Node implements AutoCloseable {
    final ManualTicker ticker = new ManualTicker();
    final FaultyLog log;
    final EventSources sources;
    final Site site;
    Cluster cluster;

    private Node(EventLog shared, Settings settings) throws IOException {
      log = new FaultyLog(shared);
      sources = ticker.sources(settings);
      site = new Site(sources, EventSource::keepAlive);
      site.http().createContext("/as", this::openAs).setAuthenticator(new AnyUser());
    }

    private void openAs(HttpExchange exchange) {
      String id = exchange.getRequestURI().getQuery();
      try (var stream = id == null ? sources.open(exchange) : sources.open(exchange, id)) {
        stream.keepAlive();
      }
    }

    /** Opens a stream and reads its head. The stream is open on the server. */
    Client open(String identifier) throws Exception {
      var client = Client.get(site.uri(identifier));
      client.awaitText(":\n\n");
      return client;
    }

    /** Opens a stream whose principal has this username. */
    Client openAs(String user) throws Exception {
      var client = Client.get(site.uri().resolve("/as/" + user));
      client.awaitText(":\n\n");
      return client;
    }

    int open() {
      return sources.count();
    }

    @Override
    public void close() {
      if (cluster != null) {
        cluster.close();
      }
      site.close();
    }
  }

  /** The username is in the path. */
  private static final class AnyUser extends Authenticator {
    @Override
    public Result authenticate(HttpExchange exchange) {
      return new Success(new HttpPrincipal(exchange.getRequestURI().getPath().substring("/as/".length()), "any realm"));
    }
  }

  final EventLog shared = EventLog.inMemory();
  private final List<Node> all = new ArrayList<>();
  private final Settings settings;

  Nodes(int number, Settings settings) throws IOException {
    this.settings = settings;
    for (int i = 0; i < number; i++) {
      join(add());
    }
  }

  static Nodes of(int number) throws IOException {
    return new Nodes(number, Settings.defaults());
  }

  /** Adds a node that has not joined the cluster. */
  Node add() throws IOException {
    var node = new Node(shared, settings);
    all.add(node);
    return node;
  }

  static void join(Node node) {
    node.cluster = Cluster.join(node.sources, node.log);
  }

  Node get(int index) {
    return all.get(index);
  }

  /** Returns the number of open streams on all nodes. */
  int open() {
    return all.stream().mapToInt(Node::open).sum();
  }

  /** Advances the clocks of all nodes, in steps in which writers and readers can keep pace. */
  void advance(Duration duration) {
    for (long left = duration.dividedBy(STEP); left > 0; left--) {
      step();
    }
  }

  private void step() {
    all.forEach(node -> node.ticker.advance(STEP));
    LockSupport.parkNanos(1_000_000); // of real time, for the writers
  }

  /** Advances the clocks until the condition holds, at most by five minutes. */
  void advanceUntil(String what, BooleanSupplier condition) {
    for (int i = 0; i < 3000; i++) {
      if (condition.getAsBoolean()) {
        return;
      }
      step();
    }
    throw new AssertionError("five minutes passed until " + what);
  }

  /** Returns whether an append of this node is held. */
  static boolean isAppending(Node node) {
    return node.log.isAppending();
  }

  /** Waits until what the last advance caused is done, as far as a test can know. */
  void advanceNothing() {
    LockSupport.parkNanos(20_000_000);
  }

  /** Waits until these nodes have applied all that is in the log now. */
  void awaitApplied(Node... nodes) {
    shared.append(Command.encode(new Command.Drop("a marker"))); // passes only after all effects of what is before it
    for (Node node : nodes) {
      Await.until("a node has applied the log", () -> node.cluster.position().equals(Optional.of(shared.latest())));
    }
  }

  @Override
  public void close() {
    all.forEach(Node::close);
  }
}
