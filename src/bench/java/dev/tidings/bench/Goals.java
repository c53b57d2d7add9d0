package dev.tidings.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** A table of values with their bounds, and whether each is met. */
final class Goals {
  private final List<String> lines = new ArrayList<>();

  String text() {
    return String.join("\n", lines) + "\n";
  }

  void atMost(String what, OptionalDouble value, double limit) {
    add(what, value, "<= " + number(limit), value.orElse(0) <= limit);
  }

  void atLeast(String what, OptionalDouble value, double limit) {
    add(what, value, ">= " + number(limit), value.orElse(0) >= limit);
  }

  void add(String what, OptionalDouble value, String bound, boolean met) {
    add(what, text(value), bound, verdict(value, met));
  }

  static String verdict(OptionalDouble value, boolean met) {
    return value.isEmpty() ? "not measured" : met ? "met" : "NOT MET";
  }

  void add(String what, String value, String bound, String verdict) {
    lines.add(String.format(Locale.ROOT, "%-62s %8s %10s  %s", what, value, bound, verdict));
  }

  static OptionalDouble ratio(OptionalDouble ours, OptionalDouble theirs) {
    return ours.isPresent() && theirs.isPresent() && theirs.getAsDouble() > 0
        ? OptionalDouble.of(ours.getAsDouble() / theirs.getAsDouble())
        : OptionalDouble.empty();
  }

  static OptionalDouble difference(OptionalDouble ours, OptionalDouble theirs) {
    return ours.isPresent() && theirs.isPresent()
        ? OptionalDouble.of(ours.getAsDouble() - theirs.getAsDouble())
        : OptionalDouble.empty();
  }

  static String text(OptionalDouble value) {
    return value.isPresent() ? number(value.getAsDouble()) : "-";
  }

  static String number(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }
}
