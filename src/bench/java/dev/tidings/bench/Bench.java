package dev.tidings.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/** The command: runs the chosen servers in the chosen cases, round by round, and writes the results. */
final class Bench {
  private static final Path TARGET = Path.of(System.getProperty("target", "target"));

  private static final long START = System.nanoTime();

  private final Map<Case, List<String>> plan; // the peers of each case
  private final int rounds;
  private final boolean small;
  private final Case.Times times;
  private final List<Sample> samples = new ArrayList<>();
  private int done;

  private Bench() {
    small = Boolean.getBoolean("short");
    times = small ? Case.Times.SHORT : Case.Times.FULL;
    plan = plan(System.getProperty("cases", "all"), System.getProperty("peers", "all"), small);
    rounds = small ? 1 : Integer.getInteger("rounds", 3);
    if (rounds < 1) {
      throw new IllegalArgumentException("rounds must be at least 1: " + rounds);
    }
  }

  private static Map<Case, List<String>> plan(String cases, String peers, boolean small) {
    var plan = new LinkedHashMap<Case, List<String>>();
    var named = List.of(peers.split(","));
    if (!peers.equals("all")) {
      named.forEach(Bench::check);
    }
    for (Case test : Case.named(cases)) {
      var chosen =
          peers.equals("all") ? test.peers() : named.stream().filter(test::suits).toList();
      if (!chosen.isEmpty()) {
        plan.put(small ? test.small() : test, chosen);
      } else if (!cases.equals("all")) {
        throw new IllegalArgumentException(test.name() + " is for none of " + named);
      }
    }
    return plan;
  }

  private static void check(String peer) {
    if (!Peer.ALL.containsKey(Peer.plain(peer))) {
      throw new IllegalArgumentException(
          "no such peer: " + peer + "; there are " + Peer.ALL.keySet());
    }
    Old.classes(peer); // throws if they are missing
  }

  public static void main(String[] args) throws IOException {
    Bench bench;
    try {
      bench = new Bench();
      Machine.require(bench.plan.keySet().stream().mapToInt(Case::descriptors).max().orElse(0));
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
      return;
    }
    boolean worked = bench.run();
    if (bench.small && System.getProperty("cases", "all").equals("all")) {
      worked &= withoutNetwork();
    }
    System.exit(worked ? 0 : 1);
  }

  private static boolean withoutNetwork() {
    try {
      System.out.println("\nWithout a network, in miniature too");
      InProcess.shortly();
      Compression.shortly();
      Recording.shortly();
      return true;
    } catch (Exception e) {
      e.printStackTrace();
      return false;
    }
  }

  /** Returns whether every server worked, and every event arrived exactly once and in order. */
  private boolean run() throws IOException {
    System.out.println(Machine.description());
    for (int round = 1; round <= rounds; round++) {
      if (small) {
        var peers = new LinkedHashSet<String>();
        plan.values().forEach(peers::addAll);
        peers.forEach(this::shortly);
      } else {
        for (Case test : plan.keySet()) {
          for (String peer : turned(plan.get(test), round)) {
            alone(round, test, peer);
          }
        }
      }
    }
    var results = new Results(samples, plan);
    System.out.println(Report.text(results));
    if (small) {
      System.out.println("These figures are those of the short mode: they say that it works, no more.");
    }
    Files.createDirectories(TARGET);
    Files.writeString(TARGET.resolve("bench.json"), Json.of(samples));
    Files.writeString(TARGET.resolve("bench.svg"), Chart.of(results));
    System.out.println("written: " + TARGET.resolve("bench.json") + ", bench.svg");
    return samples.stream().noneMatch(sample -> sample.broken() || !sample.isExact());
  }

  /** Starts each round with a different peer, so that drift of the machine affects all alike. */
  private static List<String> turned(List<String> peers, int round) {
    var order = new ArrayList<>(peers);
    Collections.rotate(order, 1 - round);
    return order;
  }

  /** Runs one case in a new process. */
  private void alone(int round, Case test, String peer) {
    var sample = new Sample.Builder();
    boolean broken = false;
    try (var server = new ServerProcess(peer, times.ping(test.kind()), log(peer))) {
      server.checkClock();
      broken = !run(test, server, sample);
    } catch (IOException | RuntimeException e) {
      sample.trouble(String.valueOf(e.getMessage()));
      broken = true;
    }
    keep(sample.build(round, test, peer, broken));
  }

  /** Runs all cases in one process, to save time. Starts another one only after a failure. */
  private void shortly(String peer) {
    ServerProcess server = null;
    try {
      for (Case test : plan.keySet()) {
        if (!plan.get(test).contains(peer)) {
          continue;
        }
        var sample = new Sample.Builder();
        boolean worked = false;
        try {
          if (server == null) {
            server = new ServerProcess(peer, times.ping(), log(peer));
            server.checkClock();
          }
          worked = run(test, server, sample);
        } catch (IOException e) {
          sample.trouble(e.getMessage());
        }
        var made = sample.build(1, test, peer, !worked);
        keep(made);
        if (made.trouble().isPresent() && server != null) {
          server.close();
          server = null;
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } finally {
      close(server);
    }
  }

  private static void close(ServerProcess server) {
    try {
      if (server != null) {
        server.close();
      }
    } catch (IOException e) {
      System.err.println("closing: " + e);
    }
  }

  /** Returns false if the server does not work. Being stuck because of stalled clients is a result, too. */
  private boolean run(Case test, ServerProcess server, Sample.Builder sample) {
    try {
      CaseRun.of(test, times, server, sample).run();
      return true;
    } catch (CaseRun.StuckException e) {
      sample.trouble(e.getMessage());
      if (test.stalled() > 0) {
        sample.set(Figure.LOST, 0); // events that were never published are not lost
        return true;
      }
      return false;
    } catch (IOException | RuntimeException e) {
      sample.trouble(String.valueOf(e.getMessage()));
      return false;
    }
  }

  private void keep(Sample sample) {
    samples.add(sample);
    System.out.printf(
        "[%d/%d, %d s] round %d %-4s %-16s %s%n",
        ++done,
        rounds * plan.values().stream().mapToInt(List::size).sum(),
        Duration.ofNanos(System.nanoTime() - START).toSeconds(),
        sample.round(),
        sample.test(),
        sample.peer(),
        Report.line(sample));
  }

  private static Path log(String peer) {
    return TARGET.resolve("bench-" + peer + ".log");
  }
}
