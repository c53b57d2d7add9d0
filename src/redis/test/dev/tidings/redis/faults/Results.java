package dev.tidings.redis.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The results of the run, one line for each fault, in {@code target/faults.tsv}, and the page that is made of them. */
final class Results {
  private static final Path FILE = Path.of("target", "faults.tsv");
  private static final Path PAGE = Path.of("RESULTS.md");

  private Results() {}

  /** Records that a fault was survived. */
  static void passed(Fault fault, Verdict verdict, Site.Resumed resumed, String figures) throws IOException {
    String told =
        "acked " + verdict.acked + ", unknown " + verdict.unknown + ", refused " + verdict.refused + ", lost by Redis "
            + verdict.lostByEngine + ", told " + verdict.told + (verdict.toldFirst > 0 ? ", told at first " + verdict.toldFirst : "") + (verdict.stale > 0 ? ", lost events received again " + verdict.stale : "") + (verdict.again > 0 ? ", appended anew " + verdict.again : "");
    passed(fault, told + (figures.isEmpty() ? "" : "; " + figures), resumed == Site.Resumed.NONE ? "" : resumed.toString());
  }

  static void passed(Fault fault, String figures, String seconds) throws IOException {
    System.out.println("ok: " + fault + ": " + figures + "; " + seconds + " s");
    Files.createDirectories(FILE.getParent());
    Files.writeString(
        FILE, String.join("\t", fault.name(), figures, seconds) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /** Writes the page, if all faults have run. In CI, compares its rows with the faults instead. */
  static void main(String... args) throws IOException {
    Map<String, List<String>> rows = new LinkedHashMap<>();
    if (Files.exists(FILE)) {
      for (String line : Files.readAllLines(FILE)) {
        var cells = List.of(line.split("\t", -1));
        rows.put(cells.getFirst(), cells);
      }
    }
    boolean isCi = "true".equals(System.getenv("CI"));
    var missing = Stream.of(Fault.values()).filter(fault -> !rows.containsKey(fault.name())).toList();
    if (!missing.isEmpty()) {
      System.out.println(PAGE + " is unchanged, because these have not run: " + missing);
      System.exit(isCi ? 1 : 0);
    }
    if (isCi) {
      var there = Files.readAllLines(PAGE).stream().filter(line -> line.startsWith("| ")).skip(1).map(Results::lasting).toList();
      var here = Stream.of(Fault.values()).map(fault -> fault.title + " | " + fault.expected).toList();
      if (!there.equals(here)) {
        System.err.println(PAGE + " is out of date. It has " + there + "\nThe run has " + here);
        System.exit(1);
      }
      return;
    }
    String lines =
        Stream.of(Fault.values())
            .map(fault -> "| " + fault.title + " | " + fault.expected + " | " + String.join(" | ", rows.get(fault.name()).subList(1, 3)) + " |\n")
            .collect(Collectors.joining());
    Files.writeString(
        PAGE,
        """
        # Results of the fault tests

        `mvn -f src/redis clean verify` writes this page. A row is written only after its test has passed. In each of
        them, events that were lost, doubled, disordered, or missed without a gap event are 0; events that Redis
        acknowledged and lost are counted, and clients that could miss or have received them were told. The last column
        is the time until clients had the next event after the fault was over: median / longest, in seconds. The figures
        are from one run of the short tests, on a machine with two busy cores.

        | fault | expected | figures | seconds |
        |---|---|---|---|
        """
            + lines);
    System.out.println("wrote " + PAGE.toAbsolutePath());
  }

  private static String lasting(String line) {
    var cells = line.substring(2).split(" \\| ");
    return cells[0] + " | " + cells[1];
  }
}
