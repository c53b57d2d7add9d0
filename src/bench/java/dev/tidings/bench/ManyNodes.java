package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Measures nodes with many streams each on one Redis. Each node has a process of clients of its own. */
final class ManyNodes implements AutoCloseable {
  static final String CPU = "4 nodes, many streams, all nodes, CPU us/delivered event";

  private static final int NODES = 4;
  private static final int SIZE = 64;
  private static final int MORE_FILES = 1_000; // than streams
  private static final int STREAM = 100; // KiB of memory in all processes
  private static final Duration LIMIT = Duration.ofSeconds(120);

  private final LogBench bench;
  private final int streams; // of each node
  private final long paceMillis;
  private final List<ServerProcess> nodes = new ArrayList<>();
  private final List<JavaProcess> clients = new ArrayList<>();

  ManyNodes(LogBench bench) throws IOException {
    this.bench = bench;
    this.streams = bench.size(streams(), 50);
    this.paceMillis = bench.size(1_000, 20);
  }

  /** Returns how many streams each node gets: as many as wanted, or as the limits of the machine permit. */
  private static int streams() throws IOException {
    int wanted = Integer.getInteger("pernode", 15_000);
    long byFiles = Machine.descriptors() - MORE_FILES;
    long byMemory = Machine.memory() / STREAM / NODES;
    int possible = (int) Math.min(wanted, Math.min(byFiles, byMemory));
    if (possible < wanted) {
      String limit = byFiles < byMemory ? "ulimit -Hn is " + Machine.descriptors() : Machine.memory() / 1024 + " MiB are available";
      System.out.println("only " + possible + " streams for each of " + NODES + " nodes instead of " + wanted + ", because " + limit);
    }
    return possible;
  }

  void measure() throws IOException {
    for (int i = 0; i < NODES; i++) {
      var node = bench.node(LogBench.REDIS);
      nodes.add(node);
      clients.add(
          new JavaProcess(
              StreamsMain.class, List.of("-Xmx1g"), "", List.of(Integer.toString(node.port())), LogBench.log("clients")));
    }
    for (var client : clients) { // one after the other, because a node that has no processor time tells clients a gap
      client.ask("connect " + streams, LIMIT);
    }
    for (var node : nodes) {
      awaitOpened(node);
    }
    publish(bench.size(5, 2)); // compiles
    var redis = bench.redis().used();
    long[] before = processorNanos();
    int events = bench.size(20, 5);
    var latencies = publish(events);
    long[] after = processorNanos();
    double delivered = (double) events * streams * NODES;
    bench.add("4 nodes, streams of each", streams);
    bench.add(CPU, (after[0] - before[0]) / 1e3 / delivered);
    bench.add("4 nodes, many streams, clients, CPU us/delivered event", (after[1] - before[1]) / 1e3 / delivered);
    double micros = bench.redis().used().since(redis).micros();
    bench.add("4 nodes, many streams, Redis, us/event", micros / events);
    bench.add("4 nodes, many streams, Redis, us/delivered event", micros / delivered);
    bench.add("4 nodes, many streams, worst p50 ms", latencies[0] / 1e6);
    bench.add("4 nodes, many streams, worst p99 ms", latencies[1] / 1e6);
    bench.add("4 nodes, many streams, RSS of a node, MiB", nodes.getFirst().status("VmRSS") / 1024.0);
  }

  /** Returns the processor time of all nodes, and of all clients. */
  private long[] processorNanos() {
    return new long[] {
      nodes.stream().mapToLong(node -> node.processorTime().toNanos()).sum(),
      clients.stream().mapToLong(client -> client.processorTime().toNanos()).sum()
    };
  }

  private void all(String order) throws IOException {
    for (var client : clients) {
      client.order(order);
    }
    for (var client : clients) {
      client.await(order.split(" ")[0], LIMIT);
    }
  }

  private void awaitOpened(ServerProcess node) throws IOException {
    long deadline = CaseRun.deadline(LIMIT);
    while (node.ask("opened") < streams) {
      if (System.nanoTime() > deadline) {
        throw new IOException("a node has opened only " + node.ask("opened") + " streams");
      }
      java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
    }
  }

  /** Publishes on the first node. Returns the greatest p50 and p99 of all clients in nanoseconds. */
  private long[] publish(int events) throws IOException {
    var node = nodes.getFirst();
    long first = node.nextEvent();
    all("begin " + first + " " + SIZE);
    node.order(new Publisher.Order(first, LIMIT.toMillis(), events, 0, SIZE, paceMillis).toString());
    long last = Long.parseLong(node.await("published", LIMIT)[0]);
    node.published(last);
    for (var client : clients) {
      client.order("end " + last);
    }
    long[] latencies = new long[2];
    for (var client : clients) {
      long[] words = List.of(client.await("end", LIMIT)).stream().mapToLong(Long::parseLong).toArray();
      latencies[0] = Math.max(latencies[0], words[5]);
      latencies[1] = Math.max(latencies[1], words[6]);
      if (words[0] != (long) streams * (last - first + 1) || words[1] + words[2] + words[3] + words[4] > 0) {
        bench.fault(
            "clients of a node received " + words[0] + " events; " + words[1] + " lost, " + words[2] + " doubled, " + words[3]
                + " disordered; " + words[4] + " streams ended");
      }
    }
    return latencies;
  }

  @Override
  public void close() throws IOException {
    clients.forEach(JavaProcess::close);
    for (var node : nodes) {
      node.close();
    }
  }
}
