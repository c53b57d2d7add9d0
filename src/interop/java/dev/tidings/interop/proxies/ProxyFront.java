package dev.tidings.interop.proxies;

import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/** A proxy with the configuration of the README, or with the minimal configuration. */
record ProxyFront(ProxyKind kind, boolean readme) {
  static final List<ProxyFront> README =
      Stream.of(ProxyKind.values()).map(kind -> new ProxyFront(kind, true)).toList();
  static final List<ProxyFront> ALL =
      Stream.of(ProxyKind.values())
          .flatMap(kind -> Stream.of(new ProxyFront(kind, true), new ProxyFront(kind, false)))
          .toList();

  /** The result of a check, for its row. */
  record Outcome(String measured, String deviation) {
    static final Outcome AS_EXPECTED = new Outcome("", "");

    static Outcome measured(String measured) {
      return new Outcome(measured, "");
    }
  }

  interface Check {
    Outcome on(ProxyFront front) throws Exception;
  }

  /** Runs a check on the proxies in turn, if parallel runs would disturb the measurement. */
  static void inTurn(List<ProxyFront> fronts, String what, Check check) throws Exception {
    for (ProxyFront front : fronts) {
      front.passed(what, check.on(front));
    }
  }

  /** Runs a check on all proxies in parallel, if most of the time is spent waiting. */
  static void atOnce(List<ProxyFront> fronts, String what, Check check) throws Exception {
    fronts.forEach(front -> front.kind.binary()); // on this thread, so that a missing proxy skips the test
    // Platform threads, because virtual threads pin all carriers while they wait for class initialization.
    try (var executor = Executors.newFixedThreadPool(fronts.size())) {
      var outcomes =
          executor.invokeAll(fronts.stream().map(front -> (Callable<Outcome>) () -> check.on(front)).toList());
      for (int i = 0; i < fronts.size(); i++) {
        fronts.get(i).passed(what, outcomes.get(i).get());
      }
    }
  }

  void passed(String what, Outcome outcome) throws Exception {
    Results.passed(
        Part.PROXIES,
        kind.title,
        kind.version(),
        (readme ? "the README's configuration: " : "defaults: ") + what,
        outcome.measured,
        outcome.deviation);
  }

  /** Returns whether this is the given proxy with its defaults. */
  boolean isBare(ProxyKind kind) {
    return this.kind == kind && !readme;
  }

  String configuration() {
    return readme ? kind.readme() : kind.defaults;
  }

  Proxy start(ProxySite site) throws Exception {
    return Proxy.start(kind, configuration(), site.port());
  }

  /** Returns a name for its stream that no other proxy uses. */
  String stream() {
    return kind.name().toLowerCase(Locale.ROOT) + (readme ? "-readme" : "-defaults");
  }
}
