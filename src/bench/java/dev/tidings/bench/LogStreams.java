package dev.tidings.bench;

import java.io.IOException;
import java.util.List;

/** Measures streams over different logs: latency, fan-out, and clients that reconnect. */
final class LogStreams {
  private static final String LATENCY = "latency at 1,000/s";
  private static final String FAN_OUT = "fan-out to 1,000 streams";
  private static final int WINDOW = 32;
  private static final int SIZE = 64;

  private final LogBench bench;

  LogStreams(LogBench bench) {
    this.bench = bench;
  }

  private Case test(String name, Case.Kind kind, int streams, int window) {
    var test = new Case(name, name, kind, streams, window, SIZE, 0, List.of());
    return bench.isSmall() ? test.small() : test;
  }

  // Latency.

  static String latency(String kind, String quantile) {
    return LATENCY + ", " + kind + ", " + quantile + " ms";
  }

  static String pings(String quantile) {
    return "PING meanwhile, " + quantile + " ms";
  }

  /** Publishes at a fixed rate. With a log in Redis, the streams are on another node. */
  void latency(List<String> kinds) throws IOException, InterruptedException {
    for (String kind : kinds) {
      try (var node = bench.node(kind)) {
        if (kind.equals(LogBench.REDIS)) {
          try (var other = bench.node(kind);
              var pinger = new Pinger(bench.redis().open())) {
            latency(kind, node, other);
            var pings = pinger.stop();
            bench.add(pings("p50"), CaseRun.millis(pings.quantile(0.5)));
            bench.add(pings("p99"), CaseRun.millis(pings.quantile(0.99)));
          }
        } else {
          latency(kind, node, node);
        }
      }
    }
  }

  private String latency(String kind, ServerProcess node, ServerProcess reading) throws IOException {
    var test = test("latency", Case.Kind.FANOUT, 1, 0);
    var figures = bench.run(kind, new LatencyRun(test, bench.times(), node, reading, new Sample.Builder()));
    bench.add(latency(kind, "p50"), figures, Figure.P50);
    bench.add(latency(kind, "p99"), figures, Figure.P99);
    return LATENCY;
  }

  // Fan-out.

  static String fanOut(String kind) {
    return FAN_OUT + ", " + kind + ", events/s";
  }

  void fanOut(List<String> kinds) throws IOException {
    for (String kind : kinds) {
      try (var node = bench.node(kind);
          var connections = new Connections(bench)) {
        fanOut(kind, node, node);
      }
    }
  }

  private String fanOut(String kind, ServerProcess node, ServerProcess reading) throws IOException {
    var test = test("fan-out", Case.Kind.FANOUT, 1_000, WINDOW);
    var figures = bench.run(kind, new CaseRun(test, bench.times(), node, reading, new Sample.Builder()));
    bench.add(fanOut(kind), figures, Figure.EVENTS);
    bench.add(FAN_OUT + ", " + kind + ", p50 ms", figures, Figure.P50);
    if (bench.has(kind)) { // not of two nodes
      bench.add(FAN_OUT + ", " + kind + ", CPU us/event", figures, Figure.CPU);
    }
    return FAN_OUT;
  }

  // Reconnecting.

  static String returning(String kind) {
    return "10,000 clients reconnect, " + kind + ", s";
  }

  void reconnect(List<String> kinds) throws IOException {
    for (String kind : kinds) {
      try (var node = bench.node(kind);
          var connections = new Connections(bench)) {
        var test = test("return", Case.Kind.RETURN, 10_000, 1);
        var figures = bench.run(kind, new ReturnRun(test, bench.times(), node, new Sample.Builder()));
        bench.add(returning(kind), figures, Figure.RETURN_TIME);
        bench.add("10,000 clients reconnect, " + kind + ", CPU us/event", figures, Figure.CPU);
      }
    }
  }

  // Two nodes, beside nchan.

  /** Measures two nodes of the library, and two of nchan: events are published on one, and the streams are on the other. */
  void besideNchan(int round) throws IOException {
    for (boolean nchan : List.of(round % 2 == 0, round % 2 != 0)) {
      for (Measured measured : List.<Measured>of(this::latency, this::fanOut)) {
        if (nchan) {
          try (var both = bench.nchan()) {
            each(LogBench.NCHAN, both, both, measured);
          }
        } else {
          try (var node = bench.node(LogBench.REDIS);
              var other = bench.node(LogBench.REDIS)) {
            each("two nodes", node, other, measured);
          }
        }
      }
    }
  }

  private interface Measured {
    /** Returns the name of what was measured. */
    String of(String kind, ServerProcess node, ServerProcess reading) throws IOException;
  }

  /** Measures, and the processor time of Redis for each published event, too. */
  private void each(String kind, ServerProcess node, ServerProcess reading, Measured measured) throws IOException {
    long first = node.nextEvent();
    var before = bench.redis().used();
    String what = measured.of(kind, node, reading);
    if (node.nextEvent() > first) {
      bench.add(what + ", " + kind + ", Redis us/event", bench.redis().used().since(before).each(node.nextEvent() - first).micros());
    }
  }
}
