package dev.tidings.interop;

import dev.tidings.interop.Results.Part;
import dev.tidings.interop.Results.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Writes {@code RESULTS.md} from the rows of a complete run. In CI it compares the rows with the page, and
 * fails if a check or a deviation is only in the page or only in the run. Versions and figures may differ.
 */
final class ResultsPage {
  private static final Path PAGE = Path.of("RESULTS.md");
  private static final Comparator<Row> ORDER = Comparator.comparing(Row::who).thenComparing(Row::check);

  private ResultsPage() {}

  public static void main(String... args) throws IOException {
    var rows = Results.all();
    if ("true".equals(System.getenv("CI"))) {
      compare(Files.readString(PAGE), rows);
    } else {
      Files.writeString(PAGE, page(rows));
      System.out.println(rows.size() + " rows in " + PAGE.toAbsolutePath());
    }
  }

  private static String page(List<Row> rows) {
    var page = new StringBuilder("""
        # Results of the interoperability tests

        `mvn -f src/interop verify` writes this page. A row is written only after its check has passed. The
        deviations in the last column are tested, too. The figures are from one run, on a machine with two cores.
        """);
    for (Part part : Part.values()) {
      var its = rows.stream().filter(row -> row.part() == part).sorted(ORDER).toList(); // they come from several JVMs
      if (!its.isEmpty()) {
        page.append("\n## ").append(part.title).append("\n\n");
        page.append("| software | version | check | measured | deviation |\n|---|---|---|---|---|\n");
        its.forEach(row -> page.append(line(row)));
      }
    }
    return page.toString();
  }

  private static String line(Row row) {
    return List.of(row.who(), row.version(), row.check(), row.measured(), row.deviation()).stream()
        .map(cell -> cell.replace("|", "\\|"))
        .collect(Collectors.joining(" | ", "| ", " |\n"));
  }

  private static void compare(String page, List<Row> rows) {
    var here = page(rows).lines().map(ResultsPage::lasting).collect(Collectors.toCollection(TreeSet::new));
    var there = page.lines().map(ResultsPage::lasting).collect(Collectors.toCollection(TreeSet::new));
    var stale = new TreeSet<>(there);
    stale.removeAll(here);
    here.removeAll(there);
    if (!stale.isEmpty() || !here.isEmpty()) {
      System.err.println(PAGE + " is out of date. Only in the page: " + stale + "\nOnly in the run: " + here);
      System.exit(1);
    }
    System.out.println(rows.size() + " rows, the same as in " + PAGE);
  }

  /** Returns a line without version and figures, which may change from run to run. */
  private static String lasting(String line) {
    var cells = line.split(" \\| ", -1);
    return cells.length == 5 ? cells[0] + " | " + cells[2] + " | " + cells[4] : line;
  }
}
