package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Measures appends: their rate, and the processor time of Redis for each, also with several nodes that follow. */
final class LogRates {
  private static final int THREADS = 64;
  private static final int BATCH = 50;
  private static final int SIZE = 100; // bytes, as those of the peer
  private static final int NODES = 4;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final LogBench bench;
  private final long millis;

  /** What appending took. */
  private record Appended(double perSecond, double processorMicros, RedisProcess.Used each) {}

  LogRates(LogBench bench) {
    this.bench = bench;
    this.millis = bench.size(3_000, 200);
  }

  static String rate(String kind, int threads) {
    return "publish, " + kind + ", " + threads + (threads == 1 ? " thread, /s" : " threads, /s");
  }

  static String floor(String what, boolean pipelined) {
    return "XADD" + (pipelined ? " -P 16 -c 8" : " -P 1 -c 1") + ", " + what;
  }

  /** The figures of a batch of this size. */
  static String redisTime(int batch) {
    return "Redis, us/event, batches of " + batch;
  }

  static String scriptTime(int batch) {
    return "Redis, us/event inside the command, batches of " + batch;
  }

  static String growth(int threads, int nodes) {
    return "Redis, us/event, " + threads + (threads == 1 ? " thread, " : " threads, ") + nodes + (nodes == 1 ? " node" : " nodes");
  }

  private void floors() throws IOException {
    for (boolean pipelined : List.of(true, false)) {
      int clients = pipelined ? 8 : 1;
      int count = pipelined ? bench.size(400_000, 16_000) : bench.size(40_000, 1_000);
      var floor = bench.redis().benchmark(pipelined ? 16 : 1, clients, count, SIZE);
      bench.add(floor("/s", pipelined), floor.perSecond());
      bench.add(floor("us/event", pipelined), floor.micros());
      bench.add(floor("us/event inside the command", pipelined), floor.commandMicros());
    }
  }

  /** Measures appends with each log, and the processor time of Redis. */
  void publish(List<String> kinds) throws IOException {
    if (bench.has(LogBench.REDIS)) {
      floors();
    }
    for (String kind : kinds) {
      boolean redis = kind.equals(LogBench.REDIS);
      try (var node = bench.node(kind)) {
        append(node, redis, THREADS, 1, LogPeer.SHORT); // compiles
        var many = append(node, redis, THREADS, 1, LogPeer.SHORT);
        tell(kind, THREADS, many);
        append(node, redis, 1, 1, LogPeer.SHORT);
        var single = append(node, redis, 1, 1, LogPeer.SHORT);
        tell(kind, 1, single);
        if (redis) {
          bench.add("publish, redis, 64 threads, events per script", 1 / many.each.scripts());
          tell(1, single);
          append(node, true, 1, BATCH, LogPeer.SHORT);
          tell(BATCH, append(node, true, 1, BATCH, LogPeer.SHORT));
        }
      }
    }
  }

  private void tell(String kind, int threads, Appended appended) {
    bench.add(rate(kind, threads), appended.perSecond);
    bench.add("publish, " + kind + ", " + threads + (threads == 1 ? " thread" : " threads") + ", CPU us/event", appended.processorMicros);
  }

  private void tell(int batch, Appended appended) {
    bench.add(redisTime(batch), appended.each.micros());
    bench.add(scriptTime(batch), appended.each.scriptMicros());
    bench.add("of this inside XADD, batches of " + batch, appended.each.xaddMicros());
  }

  private Appended append(ServerProcess node, boolean redis, int threads, int batch, String channel) throws IOException {
    var before = redis ? bench.redis().used() : RedisProcess.Used.NOTHING;
    var words = node.ask("append " + threads + " " + batch + " " + millis + " " + channel, LIMIT);
    long count = Long.parseLong(words[0]);
    var used = redis ? bench.redis().used().since(before) : before;
    double seconds = Long.parseLong(words[1]) / 1e9;
    return new Appended(count / seconds, Long.parseLong(words[2]) / 1e3 / count, used.each(count));
  }

  /** Measures the processor time of Redis for each event of one channel that several nodes follow. */
  void growth() throws IOException {
    for (int nodes : List.of(1, NODES)) {
      var all = new ArrayList<ServerProcess>();
      try {
        String channel = "followed-" + nodes + "-" + System.nanoTime();
        for (int i = 0; i < nodes; i++) {
          var node = bench.node(LogBench.REDIS);
          all.add(node);
          node.ask("follow " + channel, LIMIT);
          await(node, 0, 1);
        }
        for (int threads : List.of(THREADS, 1)) {
          followed(all, threads, channel); // compiles
          bench.add(growth(threads, nodes), followed(all, threads, channel));
        }
      } finally {
        for (var node : all) {
          node.close();
        }
      }
    }
  }

  /** Publishes on the first node, until all have read all events. Returns the processor time of Redis for each event. */
  private double followed(List<ServerProcess> nodes, int threads, String channel) throws IOException {
    var reads = new long[nodes.size()];
    for (int i = 0; i < reads.length; i++) {
      reads[i] = Long.parseLong(nodes.get(i).ask("followed", LIMIT)[1]);
    }
    var before = bench.redis().used();
    var words = nodes.getFirst().ask("append " + threads + " 1 " + millis + " " + channel, LIMIT);
    long count = Long.parseLong(words[0]);
    for (int i = 0; i < reads.length; i++) {
      await(nodes.get(i), reads[i] + count, 1);
    }
    return bench.redis().used().since(before).each(count).micros();
  }

  /** Waits until the followers of a node have read that many events. */
  private void await(ServerProcess node, long reads, int followers) throws IOException {
    long deadline = CaseRun.deadline(LIMIT);
    while (true) {
      var words = node.ask("followed", LIMIT);
      long read = Long.parseLong(words[1]);
      if (Long.parseLong(words[2]) > 0 || read > reads) {
        bench.fault("a follower has read " + read + " of " + reads + " events, " + words[2] + " lost, doubled or out of order");
        return;
      }
      if (Long.parseLong(words[0]) == followers && read == reads) {
        return;
      }
      if (System.nanoTime() > deadline) {
        bench.fault("a follower has read only " + read + " of " + reads + " events");
        return;
      }
      java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
    }
  }
}
