package dev.tidings.bench;

import java.util.List;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;

/** The targets of the library, as ratios within one run. */
final class Targets {
  private static final String OURS = "tidings";
  private static final double MORE_HEAP = 1.5; // KiB
  private static final double MORE_MILLIS = 100;
  private static final double CORE = 2; // %
  private static final double CHANNEL = 3_000 / 1024.0; // KiB

  private final Results results;
  private final Goals goals = new Goals();

  private Targets(Results results) {
    this.results = results;
  }

  static String text(Results results) {
    var targets = new Targets(results);
    targets.all();
    return "Targets (medians)\n" + targets.goals.text();
  }

  private void all() {
    atMost("1 C: CPU/event, raw", ours("C", Figure.CPU), of("C", "raw", Figure.CPU), 1.3);
    atMost("1 C: CPU/event, best peer", ours("C", Figure.CPU), least("C", Figure.CPU), 1);
    atLeast("1 C: events/s, best peer", ours("C", Figure.EVENTS), most("C", Figure.EVENTS), 1);
    atLeast("2 B: events/s, best peer", ours("B", Figure.EVENTS), most("B", Figure.EVENTS), 2);
    atMost("3 D: p99, own of C", ours("D", Figure.P99), ours("C", Figure.P99), 1.25);
    atMost("3 D: p99, best peer", ours("D", Figure.P99), least("D", Figure.P99), 1);
    results.rivals().forEach(this::isolation);
    atMost("4 A: p50, best peer", ours("A", Figure.P50), least("A", Figure.P50), 1);
    atMost("4 A: p99, best peer", ours("A", Figure.P99), least("A", Figure.P99), 1);
    atMost(
        "5 E: CPU, bare JDK", ours("E", Figure.CPU_TOTAL), of("E", "jdk", Figure.CPU_TOTAL), 1);
    atLeast(
        "6 F: connects/s, bare JDK",
        ours("F", Figure.CONNECTS),
        of("F", "jdk", Figure.CONNECTS),
        0.9);
    heap("6 F: heap/stream, bare JDK", "F", "jdk");
    heap("6 F: heap/stream, bare JDK, parked", "F", "jdk-parked");
    atLeast(
        "7 G: events/s, bare JDK", ours("G", Figure.EVENTS), of("G", "jdk", Figure.EVENTS), 0.5);
    for (String test : List.of("H10", "H100")) {
      var late = ours(test, Figure.SOLO_LATE);
      String what = "8 " + test + ": events of 40 ms or more, ten streams";
      goals.add(what, late, "= 0", late.orElse(1) == 0);
      heap("8 " + test + ": heap/stream, bare JDK", test, "jdk");
    }
    ways();
  }

  /** Checks the targets for channels, for visitors and for clients that reconnect. */
  private void ways() {
    var channel = of("K", "tidings-channel", Figure.CPU);
    atMost("9 K: CPU/event, channel by broadcast", channel, of("K", "tidings-id", Figure.CPU), 1.1);
    atMost(
        "9 K2: CPU/event, four channels by broadcast",
        of("K2", "tidings-channels", Figure.CPU),
        of("K2", "tidings-id", Figure.CPU),
        1.3);
    atMost(
        "10 N: CPU/event less joins, by quiet",
        ours("N", Figure.CHURN_CPU),
        ours("N", Figure.CPU),
        1.1);
    atMost(
        "11 R: CPU/event of those who come back, by channel of K",
        of("R", "tidings-channel", Figure.CPU),
        channel,
        1.5);
    var later =
        Goals.difference(
            of("R", "tidings-channel", Figure.RETURN_P99),
            of("R", "tidings-channel", Figure.P99));
    boolean met = later.orElse(0) <= MORE_MILLIS;
    goals.add("11 R: p99 of the live ones, ms more", later, "<= " + Goals.number(MORE_MILLIS), met);
    names();
  }

  /** Checks the targets for channels by name. */
  private void names() {
    String ours = "tidings-names";
    atMost(
        "12 T: CPU/event, channels by name, by send to identifiers",
        of("T", ours, Figure.CPU),
        of("T", "tidings-identifiers", Figure.CPU),
        1.5);
    goals.atMost("12 T0: % of a core, 100,000 idle channels", of("T0", ours, Figure.CORE), CORE);
    goals.atMost("12 T0: heap/channel, KiB", of("T0", ours, Figure.CHANNEL_HEAP), CHANNEL);
  }

  /** Checks that clients that do not read affect the other clients of this rival more than the library's. */
  private void isolation(String rival) {
    String what = "3 D: p99 of " + rival + ", own of C (ours has to be less)";
    var usual = of("C", rival, Figure.P99);
    var ratio = Goals.ratio(of("D", rival, Figure.P99), usual);
    var own = Goals.ratio(ours("D", Figure.P99), ours("C", Figure.P99));
    boolean stuck = results.of("D", rival).stream().anyMatch(one -> one.trouble().isPresent());
    if (stuck) {
      goals.add(what, "stuck", "> " + Goals.text(own), own.isPresent() ? "met" : "not measured");
    } else {
      boolean met = own.orElse(Double.MAX_VALUE) < ratio.orElse(0);
      var both = own.isPresent() ? ratio : own;
      goals.add(what, Goals.text(ratio), "> " + Goals.text(own), Goals.verdict(both, met));
    }
  }

  private OptionalDouble ours(String test, Figure figure) {
    return of(test, OURS, figure);
  }

  private OptionalDouble of(String test, String peer, Figure figure) {
    return results.median(test, peer, figure);
  }

  private OptionalDouble least(String test, Figure figure) {
    return rivals(test, figure, value -> value);
  }

  private OptionalDouble most(String test, Figure figure) {
    var least = rivals(test, figure, value -> -value);
    return least.isPresent() ? OptionalDouble.of(-least.getAsDouble()) : least;
  }

  private OptionalDouble rivals(String test, Figure figure, ToDoubleFunction<Double> order) {
    return results.rivals().stream()
        .map(rival -> of(test, rival, figure))
        .filter(OptionalDouble::isPresent)
        .mapToDouble(value -> order.applyAsDouble(value.getAsDouble()))
        .min();
  }

  private void atMost(String what, OptionalDouble ours, OptionalDouble theirs, double limit) {
    goals.atMost(what, Goals.ratio(ours, theirs), limit);
  }

  private void atLeast(String what, OptionalDouble ours, OptionalDouble theirs, double limit) {
    goals.atLeast(what, Goals.ratio(ours, theirs), limit);
  }

  private void heap(String what, String test, String floor) {
    var more = Goals.difference(ours(test, Figure.HEAP), of(test, floor, Figure.HEAP));
    goals.add(what + ", KiB more", more, "<= " + MORE_HEAP, more.orElse(0) <= MORE_HEAP);
  }
}
