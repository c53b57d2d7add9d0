package dev.tidings.bench;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * The figures of one server in one case of one round.
 *
 * @param trouble the reason if figures are missing
 * @param broken whether the reason is that the server does not work, and not that it is stuck because of
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

  /** Returns whether every stream received events exactly once and in order, as far as any arrived. */
  boolean isExact() {
    return figures.getOrDefault(Figure.LOST, 0.0) == 0
        && figures.getOrDefault(Figure.DOUBLED, 0.0) == 0
        && figures.getOrDefault(Figure.DISORDERED, 0.0) == 0;
  }
}
