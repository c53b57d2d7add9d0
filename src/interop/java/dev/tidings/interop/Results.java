package dev.tidings.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * The results of the run, one line per check, in {@code target/results.tsv}. {@link ResultsPage} formats them
 * as a page. A row is written only after its check has passed.
 */
public final class Results {
  static final Path FILE = Path.of("target", "results.tsv");

  private Results() {}

  /** The parts of the page, in their order. */
  public enum Part {
    BROWSERS("Browsers"),
    CLIENTS("Clients"),
    SERVERS("Servers of others, with the library's client"),
    PARSER("Parser"),
    TOKENS("SDKs of language models"),
    MCP("Model Context Protocol"),
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
   * @param who the name of the software
   * @param version the version that it reports
   * @param check the check, the same in every run
   * @param measured the figures of this run, or empty
   * @param deviation the difference from the expected behaviour, and its reason, the same in every run; or
   *     empty
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
