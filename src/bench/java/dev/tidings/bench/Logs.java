package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;

/** A separate command: measures channels over different logs, relative to the log in memory and to bare Redis. */
final class Logs {
  private static final List<String> KINDS = List.of(LogBench.MEMORY, LogBench.FILE, LogBench.REDIS);
  private static final List<String> CASES = List.of("publish", "growth", "latency", "fanout", "idle", "return", "nodes", LogBench.NCHAN);
  private static final long START = System.nanoTime();

  private final LogBench bench;
  private final List<String> cases;
  private final int rounds;

  private Logs(LogBench bench, List<String> cases) {
    this.bench = bench;
    this.cases = cases;
    this.rounds = bench.isSmall() ? 1 : Integer.getInteger("rounds", 3);
  }

  public static void main(String[] args) throws Exception {
    var kinds = chosen("logs", KINDS);
    var cases = chosen("cases", CASES);
    Machine.require(14_000);
    if (kinds.contains(LogBench.REDIS) && !RedisProcess.missing().isEmpty()) {
      System.err.println("not installed: " + RedisProcess.missing() + "; Debian's packages are redis-server and redis-tools");
      if (System.getenv("CI") != null) {
        System.exit(1);
      }
      System.err.println("so the log in Redis is not measured");
      kinds.remove(LogBench.REDIS);
    }
    System.out.println(Machine.description());
    boolean exact;
    try (var bench = new LogBench(kinds)) {
      exact = new Logs(bench, cases).run();
    }
    System.exit(exact ? 0 : 1);
  }

  private static List<String> chosen(String property, List<String> all) {
    String value = System.getProperty(property, "all");
    var chosen = new ArrayList<>(value.equals("all") ? all : List.of(value.split(",")));
    if (!all.containsAll(chosen)) {
      System.err.println("-D" + property + " must be some of " + all + ": " + value);
      System.exit(2);
    }
    return chosen;
  }

  /** Returns whether every event arrived exactly once and in order. */
  private boolean run() throws Exception {
    if (cases.contains(LogBench.NCHAN) && bench.has(LogBench.REDIS) && !NchanPeer.isInstalled()) {
      System.out.println("nchan is not installed (libnginx-mod-nchan), so it is not measured");
    }
    for (int round = 0; round < rounds; round++) {
      var kinds = new ArrayList<>(bench.kinds());
      Collections.rotate(kinds, -round); // drift of the machine affects all alike
      for (String name : CASES) {
        if (cases.contains(name)) {
          try {
            run(name, kinds, round);
          } catch (IOException | RuntimeException e) {
            e.printStackTrace();
            bench.fault(name + ": " + e.getMessage());
          }
          System.out.println(
              "[" + Duration.ofNanos(System.nanoTime() - START).toSeconds() + " s] round " + (round + 1) + " of " + rounds + ": " + name);
        }
      }
    }
    System.out.println("\n" + bench.table());
    System.out.println("Goals (medians)\n" + goals().text());
    if (bench.isSmall()) {
      System.out.println("These figures are those of the short mode: they say that it works, no more.");
    }
    return bench.isExact();
  }

  private void run(String name, List<String> kinds, int round) throws Exception {
    boolean redis = bench.has(LogBench.REDIS);
    switch (name) {
      case "publish" -> new LogRates(bench).publish(kinds);
      case "latency" -> new LogStreams(bench).latency(kinds);
      case "fanout" -> new LogStreams(bench).fanOut(kinds);
      case "return" -> new LogStreams(bench).reconnect(kinds);
      default -> {
        if (redis) {
          runWithRedis(name, round);
        }
      }
    }
  }

  private void runWithRedis(String name, int round) throws Exception {
    switch (name) {
      case "growth" -> new LogRates(bench).growth();
      case "idle" -> new IdleLogs(bench).measure();
      case "nodes" -> {
        try (var nodes = new ManyNodes(bench)) {
          nodes.measure();
        }
      }
      case LogBench.NCHAN -> {
        if (NchanPeer.isInstalled()) {
          new LogStreams(bench).besideNchan(round);
        }
      }
      default -> throw new IllegalArgumentException(name);
    }
  }

  private Goals goals() {
    var goals = new Goals();
    String redis = LogBench.REDIS;
    goals.atLeast("1 publish, 64 threads, by XADD -P 16 -c 8", ratio(LogRates.rate(redis, 64), LogRates.floor("/s", true)), 0.4);
    goals.atLeast("1 publish, one thread, by XADD -P 1 -c 1", ratio(LogRates.rate(redis, 1), LogRates.floor("/s", false)), 0.7);
    String inside = "us/event inside the command";
    goals.atMost("2 Redis, batches of 50, by XADD -P 16", ratio(LogRates.redisTime(50), LogRates.floor("us/event", true)), 1.3);
    goals.atMost("2 the same inside the command", ratio(LogRates.scriptTime(50), LogRates.floor(inside, true)), 1.3);
    goals.atMost("2 Redis, single events, by XADD -P 1", ratio(LogRates.redisTime(1), LogRates.floor("us/event", false)), 6);
    goals.atMost("2 the same inside the command", ratio(LogRates.scriptTime(1), LogRates.floor(inside, false)), 6);
    goals.atMost("2 Redis, 64 threads, 4 nodes by 1", ratio(LogRates.growth(64, 4), LogRates.growth(64, 1)), 1.6);
    goals.atMost("2 Redis, one thread, 4 nodes by 1", ratio(LogRates.growth(1, 4), LogRates.growth(1, 1)), 1.6);
    goals.atMost("3 latency over that of memory, by PING, p50", added("p50"), 2.5);
    goals.atMost("3 latency over that of memory, by PING, p99", added("p99"), 6);
    for (String kind : List.of(LogBench.FILE, redis)) {
      goals.atLeast("4 fan-out, events/s, " + kind + " by memory", ratio(LogStreams.fanOut(kind), LogStreams.fanOut(LogBench.MEMORY)), 0.9);
    }
    goals.atMost("5 " + Connections.MOST, bench.median(Connections.MOST), 11);
    goals.atMost("5 " + IdleLogs.NODE, bench.median(IdleLogs.NODE), 1);
    goals.atMost("5 " + IdleLogs.REDIS, bench.median(IdleLogs.REDIS), 1);
    goals.atMost("5 " + IdleLogs.HEAP, bench.median(IdleLogs.HEAP), 2_000);
    for (String kind : List.of(LogBench.FILE, redis)) {
      goals.atMost("6 reconnecting, time, " + kind + " by memory", ratio(LogStreams.returning(kind), LogStreams.returning(LogBench.MEMORY)), 1.3);
    }
    return goals;
  }

  private OptionalDouble ratio(String ours, String floor) {
    return Goals.ratio(bench.median(ours), bench.median(floor));
  }

  private OptionalDouble added(String quantile) {
    var added =
        Goals.difference(
            bench.median(LogStreams.latency(LogBench.REDIS, quantile)), bench.median(LogStreams.latency(LogBench.MEMORY, quantile)));
    return Goals.ratio(added, bench.median(LogStreams.pings(quantile)));
  }
}
