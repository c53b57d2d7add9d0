package dev.tidings.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the run found, a line for each check in {@code target/results.tsv}, of which {@link
 * ResultsPage} makes the page. A row is written only after its check has passed.
 */
public final class Results {
  static final Path FILE = Path.of("target", "results.tsv");

  private Results() {}

  /** What the table is divided into, in this order. */
  public enum Part {
    BROWSERS("Browsers"),
    CLIENTS("Clients"),
    PARSER("Parser"),
    PROXIES("Proxies"),
    PROVIDERS("Other servers behind the same API"),
    NETWORKS("Lost networks");

    final String title;

    Part(String title) {
      this.title = title;
    }
  }

  /**
   * A check that passed.
   *
   * @param who the software, as it calls itself
   * @param version as it says itself
   * @param check what was checked, the same in every run
   * @param measured figures of this run, or empty
   * @param deviation what differs from what one would expect and why, the same in every run, or empty
   */
  record Row(Part part, String who, String version, String check, String measured, String deviation) {
    String line() {
      return Stream.of(part.name(), who, version, check, measured, deviation)
          .map(cell -> cell.replaceAll("\\s+", " ").strip())
          .reduce((a, b) -> a + "\t" + b)
          .orElseThrow();
    }

    static Row of(String line) {
      var cells = line.split("\t", -1);
      return new Row(Part.valueOf(cells[0]), cells[1], cells[2], cells[3], cells[4], cells[5]);
    }
  }

  public static void passed(Part part, String who, String version, String check) {
    passed(part, who, version, check, "", "");
  }

  public static synchronized void passed(
      Part part, String who, String version, String check, String measured, String deviation) {
    var row = new Row(part, who, version, check, measured, deviation);
    System.out.println("ok: " + who + " " + version + ": " + check + (measured.isEmpty() ? "" : ": " + measured));
    try {
      Files.createDirectories(FILE.getParent());
      Files.writeString(FILE, row.line() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<Row> all() throws IOException {
    try (var lines = Files.lines(FILE)) {
      return lines.map(Row::of).toList();
    }
  }
}
