package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;

/** Measures many channels that are followed and idle: heap, and processor time of Redis and of the node. */
final class IdleLogs {
  static final String HEAP = "heap of a followed channel without its thread, B";
  static final String THREAD = "heap of the thread that follows it, B";
  static final String NODE = "10,000 idle followed channels, node, % of a core";
  static final String REDIS = "10,000 idle followed channels, Redis, % of a core";

  private static final int FEW = 10;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final LogBench bench;
  private final int channels;
  private final Duration settled;
  private final Duration measured;

  IdleLogs(LogBench bench) {
    this.bench = bench;
    this.channels = bench.size(10_000, 200);
    this.settled = Duration.ofMillis(bench.size(15_000, 100)); // all channels are compared with Redis each 10 s
    this.measured = Duration.ofMillis(bench.size(30_000, 500));
  }

  void measure() throws IOException, InterruptedException {
    try (var node = bench.node(LogBench.REDIS)) {
      heap(node);
    }
    try (var node = bench.node(LogBench.REDIS)) {
      follow(node, channels, channels, channels, channels);
      Thread.sleep(settled);
      var redis = bench.redis().used();
      var processor = node.processorTime();
      Thread.sleep(measured);
      double micros = measured.toNanos() / 1e3;
      bench.add(NODE, 100 * node.processorTime().minus(processor).toNanos() / 1e3 / micros);
      bench.add(REDIS, 100 * bench.redis().used().since(redis).micros() / micros);
      check(node);
    }
  }

  private void heap(ServerProcess node) throws IOException, InterruptedException {
    follow(node, FEW, FEW, FEW, FEW);
    follow(node, FEW, 1, 2 * FEW, FEW + 1);
    int collections = bench.times().collections();
    long before = node.heap(collections);
    follow(node, channels, 1, 2 * FEW + channels, FEW + 1); // all on one channel, which is followed already
    long threads = node.heap(collections);
    follow(node, channels, channels, 2 * FEW + 2 * channels, FEW + 1 + channels);
    long all = node.heap(collections);
    double thread = (threads - before) / (double) channels;
    bench.add(THREAD, thread);
    bench.add(HEAP, (all - threads) / (double) channels - thread);
    check(node);
  }

  private void check(ServerProcess node) throws IOException {
    var words = node.ask("followed", LIMIT);
    if (Long.parseLong(words[2]) > 0) {
      bench.fault(words[2] + " followers of idle channels failed");
    }
  }

  /** Starts threads that follow channels, and waits until the node has so many of both in all. */
  private void follow(ServerProcess node, int threads, int channels, int allThreads, int allChannels)
      throws IOException, InterruptedException {
    node.ask("idle " + threads + " " + channels, LIMIT);
    long deadline = CaseRun.deadline(LIMIT);
    while (Integer.parseInt(node.ask("followed", LIMIT)[0]) < allThreads || bench.redis().subscriptions() != allChannels) {
      if (System.nanoTime() > deadline) {
        throw new IOException("not all channels are followed");
      }
      Thread.sleep(20);
    }
  }
}
