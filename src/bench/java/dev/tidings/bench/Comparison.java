package dev.tidings.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Compares the library with old versions: ratios of medians, with the range of the single rounds. */
final class Comparison {
  private static final List<Figure> FIGURES =
      List.of(
          Figure.P50,
          Figure.P99,
          Figure.EVENTS,
          Figure.CPU,
          Figure.CHURN_CPU,
          Figure.CHURN_P99,
          Figure.JOIN_CPU,
          Figure.RETURN_P99,
          Figure.CPU_TOTAL,
          Figure.CORE,
          Figure.CONNECTS,
          Figure.HEAP,
          Figure.CHANNEL_HEAP);

  private Comparison() {}

  /** Returns a header and a row for each figure, or nothing if no old version was measured. */
  static List<List<String>> rows(Results results) {
    var rows = new ArrayList<List<String>>();
    results
        .plan()
        .forEach(
            (test, peers) ->
                peers.stream()
                    .map(Peer::plain)
                    .distinct()
                    .filter(peer -> peers.contains(peer + Old.FIRST))
                    .flatMap(peer -> of(results, test.name(), peer))
                    .forEach(rows::add));
    if (!rows.isEmpty()) {
      rows.addFirst(List.of("", "", "new/old", "old2/old"));
    }
    return rows;
  }

  private static Stream<List<String>> of(Results results, String test, String peer) {
    String old = peer + Old.FIRST;
    return FIGURES.stream()
        .filter(figure -> results.spread(test, old, figure).isPresent())
        .map(
            figure ->
                List.of(
                    test + " " + peer,
                    figure.label(),
                    ratio(results, test, peer, old, figure),
                    ratio(results, test, peer + Old.SECOND, old, figure)));
  }

  private static String ratio(Results results, String test, String over, String under, Figure figure) {
    var above = results.median(test, over, figure);
    var below = results.median(test, under, figure);
    if (above.isEmpty() || below.isEmpty() || below.getAsDouble() == 0) {
      return "-";
    }
    var rounds =
        results.of(test, under).stream()
            .flatMapToDouble(
                one ->
                    results.of(test, over).stream()
                        .filter(other -> other.round() == one.round())
                        .filter(other -> has(other, figure) && has(one, figure))
                        .mapToDouble(
                            other -> other.figures().get(figure) / one.figures().get(figure)))
            .summaryStatistics();
    String median = number(above.getAsDouble() / below.getAsDouble());
    return rounds.getCount() < 2
        ? median
        : median + " (" + number(rounds.getMin()) + ".." + number(rounds.getMax()) + ")";
  }

  private static boolean has(Sample sample, Figure figure) {
    return sample.figures().getOrDefault(figure, 0.0) != 0;
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }
}
