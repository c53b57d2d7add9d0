package dev.tidings.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.tidings.Event;
import dev.tidings.EventSource;
import dev.tidings.EventSources;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/**
 * A separate command: measures the cost of the events of Flight Recorder, without a network. Three JVMs do the same in
 * turn: one without the module {@code jdk.jfr}, one with it, and one that records.
 */
final class Recording {
  private static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final int STREAMS = 500;
  private static final int OUTSTANDING = 16; // events
  private static final double GOAL = 1.05;

  private enum Kind {
    ABSENT("--limit-modules=jdk.httpserver,java.logging,jdk.management"),
    OFF("--add-modules=jdk.jfr"),
    ON("-XX:StartFlightRecording:maxsize=10m");

    private final String flag;

    Kind(String flag) {
      this.flag = flag;
    }
  }

  private Recording() {}

  public static void main(String[] args) throws Exception {
    if (args.length > 0 && args[0].equals("child")) {
      obey();
      return;
    }
    System.out.println(Machine.description());
    boolean small = Boolean.getBoolean("short");
    compare(small ? 1 : Integer.getInteger("rounds", 3), small ? 50 : 4000);
    System.exit(0);
  }

  /** Runs all in miniature, to check that it works. */
  static void shortly() throws Exception {
    compare(1, 50);
  }

  private static void compare(int rounds, int events) throws Exception {
    var log = Files.createDirectories(Path.of(System.getProperty("target", "target"))).resolve("recording.log");
    var costs = new EnumMap<Kind, List<Double>>(Kind.class);
    var jvms = new EnumMap<Kind, JavaProcess>(Kind.class);
    try {
      for (Kind kind : Kind.values()) {
        costs.put(kind, new ArrayList<>());
        jvms.put(kind, new JavaProcess(Recording.class, List.of("-Xmx1g", "-XX:+UseSerialGC", kind.flag), "", List.of("child"), log));
      }
      for (JavaProcess jvm : jvms.values()) {
        jvm.ask("measure " + events, LIMIT); // until the code is compiled
      }
      for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < Kind.values().length; i++) {
          var kind = Kind.values()[(i + round) % Kind.values().length];
          costs.get(kind).add(Double.parseDouble(jvms.get(kind).ask("measure " + events, LIMIT)[0]));
        }
      }
    } finally {
      jvms.values().forEach(JavaProcess::close);
    }
    report(costs);
  }

  private static void report(Map<Kind, List<Double>> costs) {
    double absent = median(costs.get(Kind.ABSENT));
    for (var kind : costs.entrySet()) {
      var sorted = kind.getValue().stream().sorted().toList();
      System.out.printf(
          Locale.ROOT,
          "jdk.jfr %-6s %8.1f ns of processor time per event (%.1f to %.1f), %.3f of absent%n",
          kind.getKey().name().toLowerCase(Locale.ROOT),
          median(kind.getValue()),
          sorted.getFirst(),
          sorted.getLast(),
          median(kind.getValue()) / absent);
    }
    double ratio = median(costs.get(Kind.OFF)) / absent;
    System.out.printf(Locale.ROOT, "off by absent: %.3f   <= %.2f  %s%n", ratio, GOAL, ratio <= GOAL ? "met" : "NOT MET");
  }

  private static double median(List<Double> costs) {
    var sorted = costs.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  // The measured JVM.

  private static void obey() throws Exception {
    System.setProperty("sun.net.httpserver.nodelay", "true"); // otherwise the library logs a warning
    for (String order; (order = IO.readln()) != null; ) {
      int events = Integer.parseInt(order.split(" ")[1]);
      double[] cost = new double[1];
      var thread = Thread.ofVirtual().start(() -> cost[0] = broadcasts(events)); // like a handler
      thread.join();
      System.out.println("@measure " + cost[0]);
    }
  }

  /** Returns the processor time of one event on one stream in nanoseconds. */
  private static double broadcasts(int events) {
    var closed = new CountDownLatch(STREAMS);
    try (var sources = EventSources.create()) {
      var streams = new ArrayList<EventSource>();
      for (int i = 0; i < STREAMS; i++) {
        var stream = sources.open(new FakeExchange(closed));
        stream.sendHeaders();
        streams.add(stream);
      }
      var event = Event.of("x".repeat(64));
      System.gc(); // so that earlier garbage is not counted here
      long start = SYSTEM.getProcessCpuTime();
      for (int i = 0; i < events; i++) {
        if (sources.broadcast(event) != STREAMS) {
          throw new IllegalStateException("a stream has ended");
        }
        if (i % OUTSTANDING == 0) {
          streams.forEach(EventSource::flush);
        }
      }
      streams.forEach(EventSource::flush);
      return (double) (SYSTEM.getProcessCpuTime() - start) / events / STREAMS;
    }
  }
}
