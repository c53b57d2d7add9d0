package dev.tidings.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** What the cases over different logs share: Redis, nodes, and the figures of all rounds. */
final class LogBench implements AutoCloseable {
  static final String MEMORY = "memory";
  static final String FILE = "file";
  static final String REDIS = "redis";
  static final String NCHAN = "nchan";

  private static final Path TARGET = Path.of(System.getProperty("target", "target"));

  private final boolean small = Boolean.getBoolean("short");
  private final Case.Times times = small ? Case.Times.SHORT : Case.Times.FULL;
  private final List<String> kinds; // of logs
  private final Optional<RedisProcess> redis;
  private final Path folder;
  private final Map<String, List<Double>> figures = new LinkedHashMap<>();
  private final List<String> faults = new ArrayList<>();

  LogBench(List<String> kinds) throws IOException {
    this.kinds = List.copyOf(kinds);
    Files.createDirectories(TARGET);
    folder = Files.createTempDirectory(TARGET, "logs");
    redis = kinds.contains(REDIS) ? Optional.of(RedisProcess.start()) : Optional.empty();
  }

  boolean isSmall() {
    return small;
  }

  Case.Times times() {
    return times;
  }

  /** Returns the first number, or the second one in the short mode. */
  int size(int full, int few) {
    return small ? few : full;
  }

  List<String> kinds() {
    return kinds;
  }

  boolean has(String kind) {
    return kinds.contains(kind);
  }

  RedisProcess redis() {
    return redis.orElseThrow();
  }

  // Nodes.

  /** Starts a node with a log of this kind. Nodes with a log in files have one each. */
  ServerProcess node(String kind) throws IOException {
    String where =
        switch (kind) {
          case REDIS -> redis().url();
          case FILE -> "file:" + Files.createTempDirectory(folder, "node").toAbsolutePath();
          default -> kind;
        };
    return server(LogPeer.NAME + where, kind);
  }

  ServerProcess nchan() throws IOException {
    var files = Files.createTempDirectory(folder, "nchan").toAbsolutePath();
    return server(NchanPeer.NAME + redis().port() + ":" + files, NCHAN);
  }

  private ServerProcess server(String peer, String name) throws IOException {
    return new ServerProcess(peer, Duration.ZERO, log(name));
  }

  static Path log(String name) {
    return TARGET.resolve("logs-" + name + ".log");
  }

  // Figures.

  void add(String name, double value) {
    figures.computeIfAbsent(name, key -> new ArrayList<>()).add(value);
  }

  /** Adds a figure of a case, which is missing if the case failed. */
  void add(String name, Map<Figure, Double> of, Figure figure) {
    if (of.containsKey(figure)) {
      add(name, of.get(figure));
    }
  }

  OptionalDouble median(String name) {
    var sorted = figures.getOrDefault(name, List.of()).stream().mapToDouble(value -> value).sorted().toArray();
    return sorted.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(Results.middle(sorted));
  }

  /** Notes that an event was lost, doubled or out of order, or that a server does not work. */
  void fault(String what) {
    faults.add(what);
    System.out.println("FAULT: " + what);
  }

  boolean isExact() {
    return faults.isEmpty();
  }

  /** Runs a case, and returns its figures. What goes wrong is a fault, unless it is nchan's. */
  Map<Figure, Double> run(String what, CaseRun run) {
    var sample = run.sample;
    boolean broken = false;
    try {
      run.run();
    } catch (IOException | RuntimeException e) {
      sample.trouble(String.valueOf(e.getMessage()));
      broken = true;
    }
    var made = sample.build(1, run.test, what, broken);
    if (broken || !made.isExact() || made.trouble().isPresent()) {
      String line = what + ": " + Report.line(made);
      if (what.equals(NCHAN)) {
        System.out.println(line);
      } else {
        fault(line);
      }
    }
    return made.figures();
  }

  /** Returns a table of the medians, with the minimum and maximum. */
  String table() {
    var text = new StringBuilder();
    figures.forEach(
        (name, values) -> {
          double min = values.stream().mapToDouble(value -> value).min().orElseThrow();
          double max = values.stream().mapToDouble(value -> value).max().orElseThrow();
          String range = values.size() > 1 ? " (" + number(min) + " to " + number(max) + ")" : "";
          text.append(String.format(Locale.ROOT, "%-72s %12s%s%n", name, number(median(name).orElseThrow()), range));
        });
    return text.toString();
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%,.0f", value);
  }

  @Override
  public void close() throws IOException {
    redis.ifPresent(RedisProcess::close);
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
