package dev.tidings.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Formats the tables. */
final class Report {
  private static final List<Figure> IN_PROGRESS =
      List.of(
          Figure.EVENTS,
          Figure.P50,
          Figure.P99,
          Figure.CPU,
          Figure.CHURN_CPU,
          Figure.CHURN_CPU_WHOLE,
          Figure.JOINS,
          Figure.RETURN_P99,
          Figure.RETURN_TIME,
          Figure.CPU_TOTAL,
          Figure.CORE,
          Figure.CONNECTS,
          Figure.HEAP,
          Figure.CHANNEL_HEAP,
          Figure.READS,
          Figure.SOLO_MAX);

  private Report() {}

  /** Formats one sample, during the run. */
  static String line(Sample sample) {
    String text =
        IN_PROGRESS.stream()
            .filter(sample.figures()::containsKey)
            .map(figure -> figure.text(sample.figures().get(figure)) + " " + figure.label())
            .collect(Collectors.joining(", "));
    if (!sample.isExact()) {
      text +=
          " LOST %.0f DOUBLED %.0f DISORDERED %.0f"
              .formatted(
                  sample.figures().get(Figure.LOST),
                  sample.figures().get(Figure.DOUBLED),
                  sample.figures().get(Figure.DISORDERED));
    }
    return text + sample.trouble().map(what -> " [" + what + "]").orElse("");
  }

  static String text(Results results) {
    var out = new StringBuilder();
    for (Case test : results.plan().keySet()) {
      out.append('\n').append(test.name()).append(": ").append(test.title());
      out.append("; ").append(test.streams());
      out.append(test.kind() == Case.Kind.CHANNELS ? " channels\n" : " streams\n");
      table(out, test, results);
    }
    var comparison = Comparison.rows(results);
    if (!comparison.isEmpty()) {
      out.append("\nThe present state by the old one, and old by old: what differs between equals\n");
      print(out, comparison, comparison.getFirst().size());
    }
    out.append('\n').append(Targets.text(results));
    return out.toString();
  }

  private static void table(StringBuilder out, Case test, Results results) {
    var figures =
        List.of(Figure.values()).stream()
            .filter(
                figure ->
                    results.samples().stream()
                        .anyMatch(
                            sample ->
                                sample.test().equals(test.name())
                                    && sample.figures().containsKey(figure)))
            .toList();
    var rows = new ArrayList<List<String>>();
    var head = new ArrayList<String>(List.of(""));
    figures.forEach(figure -> head.add(figure.label()));
    rows.add(head);
    for (String peer : results.plan().get(test)) {
      var row = new ArrayList<String>(List.of(peer));
      for (Figure figure : figures) {
        row.add(
            results.spread(test.name(), peer, figure)
                .map(spread -> cell(figure, spread))
                .orElse("-"));
      }
      results.of(test.name(), peer).stream()
          .flatMap(sample -> sample.trouble().stream())
          .distinct()
          .forEach(row::add);
      rows.add(row);
    }
    print(out, rows, figures.size() + 1);
  }

  /** Formats the median, and the minimum and maximum if rounds differ. */
  private static String cell(Figure figure, Results.Spread spread) {
    String median = figure.text(spread.median());
    String min = figure.text(spread.min());
    String max = figure.text(spread.max());
    return min.equals(max) ? median : median + " (" + min + ".." + max + ")";
  }

  private static void print(StringBuilder out, List<List<String>> rows, int columns) {
    var widths = new int[columns];
    for (var row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    for (var row : rows) {
      for (int i = 0; i < row.size(); i++) {
        String cell = row.get(i);
        int width = i < columns ? widths[i] : 0;
        String space = " ".repeat(Math.max(0, width - cell.length()));
        out.append(i == 0 ? cell + space : "  " + space + cell);
      }
      out.append('\n');
    }
  }
}
