package dev.tidings.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;

/** Describes the machine, on which the figures depend. */
final class Machine {
  private Machine() {}

  static String description() {
    return LocalDate.now()
        + ", "
        + System.getProperty("os.name")
        + " "
        + System.getProperty("os.version").replaceAll("^(\\d+\\.\\d+).*", "$1")
        + ", "
        + Runtime.getRuntime().availableProcessors()
        + " cores, Java "
        + Runtime.version()
        + ", server flags "
        + ServerProcess.FLAGS;
  }

  /** Checks the limits: a stream needs a file descriptor in each process, and a local port. */
  static void require(int needed) throws IOException {
    var limits = Path.of("/proc/self/limits");
    if (!Files.exists(limits)) {
      throw new IllegalArgumentException("this benchmark reads /proc and runs on Linux only");
    }
    for (String line : Files.readAllLines(limits)) {
      if (line.startsWith("Max open files")) {
        var hard = line.substring("Max open files".length()).strip().split("\\s+")[1];
        long limit = hard.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(hard);
        require(limit >= needed, "file descriptors", hard, needed, "ulimit -Hn");
      }
    }
    String ports = "/proc/sys/net/ipv4/ip_local_port_range";
    var range = Files.readAllLines(Path.of(ports)).getFirst().split("\\s+");
    int count = Integer.parseInt(range[1]) - Integer.parseInt(range[0]) + 1;
    require(count >= needed, "local ports", Integer.toString(count), needed, ports);
  }

  private static void require(boolean enough, String what, String have, int needed, String where) {
    if (!enough) {
      throw new IllegalArgumentException(
          "too few " + what + ": " + have + ", and " + needed + " are needed; raise " + where);
    }
  }
}
