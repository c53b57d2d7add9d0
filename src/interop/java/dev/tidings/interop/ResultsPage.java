package dev.tidings.interop;

import dev.tidings.interop.Results.Part;
import dev.tidings.interop.Results.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Writes {@code RESULTS.md} from the rows of a whole run. Where CI is true it compares instead: a check
 * or a deviation that the page has and the run has not, or the other way round, is a failure; versions
 * and figures may differ.
 */
final class ResultsPage {
  private static final Path PAGE = Path.of("RESULTS.md");

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
        # What Tidings was held against

        Written by `mvn -f src/interop verify`, which runs every check; a row stands here because its check
        passed, or because what differs, as its last column says, was seen, which is checked too. Figures are of
        one run, on a machine with two cores.
        """);
    for (Part part : Part.values()) {
      var its = rows.stream().filter(row -> row.part() == part).toList();
      if (!its.isEmpty()) {
        page.append("\n## ").append(part.title).append("\n\n");
        page.append("| who | version | what was checked | measured | what differs, and why |\n|---|---|---|---|---|\n");
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
      System.err.println(PAGE + " is stale. Only in the page: " + stale + "\nOnly in the run: " + here);
      System.exit(1);
    }
    System.out.println(rows.size() + " rows, as in " + PAGE);
  }

  /** A line without what may change from run to run: version and figures. */
  private static String lasting(String line) {
    var cells = line.split(" \\| ", -1);
    return cells.length == 5 ? cells[0] + " | " + cells[2] + " | " + cells[4] : line;
  }
}
