package dev.tidings.bench;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * What one server did in one case of one round.
 *
 * @param trouble why there are no figures, or not all
 * @param broken whether that means that the server does not work, rather than that it is stuck behind
 *     clients that do not read
 */
record Sample(
    int round,
    String test,
    String peer,
    Map<Figure, Double> figures,
    Optional<String> trouble,
    boolean broken) {

  static final class Builder {
    private final EnumMap<Figure, Double> figures = new EnumMap<>(Figure.class);
    private Optional<String> trouble = Optional.empty();

    Builder set(Figure figure, double value) {
      figures.put(figure, value);
      return this;
    }

    Builder add(Figure figure, double value) {
      figures.merge(figure, value, Double::sum);
      return this;
    }

    Builder trouble(String what) {
      trouble = Optional.of(trouble.map(before -> before + "; " + what).orElse(what));
      return this;
    }

    Sample build(int round, Case test, String peer, boolean broken) {
      return new Sample(round, test.name(), peer, figures, trouble, broken);
    }
  }

  /** Whether every stream got every event once and in order, as far as events came at all. */
  boolean isExact() {
    return figures.getOrDefault(Figure.LOST, 0.0) == 0
        && figures.getOrDefault(Figure.DOUBLED, 0.0) == 0
        && figures.getOrDefault(Figure.DISORDERED, 0.0) == 0;
  }
}
