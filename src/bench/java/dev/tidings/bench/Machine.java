package dev.tidings.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;

/** Describes the machine, on which the figures depend. */
final class Machine {
  private static final String OPEN_FILES = "Max open files";

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

  /** Returns the hard limit of open files of a process. */
  static long descriptors() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/limits")).stream()
        .filter(line -> line.startsWith(OPEN_FILES))
        .map(line -> line.substring(OPEN_FILES.length()).strip().split("\\s+")[1])
        .mapToLong(hard -> hard.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(hard))
        .findFirst()
        .orElseThrow(() -> new IOException("no limit of open files"));
  }

  /** Returns the memory that is available, in KiB. */
  static long memory() throws IOException {
    return Files.readAllLines(Path.of("/proc/meminfo")).stream()
        .filter(line -> line.startsWith("MemAvailable:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow(() -> new IOException("no MemAvailable"));
  }

  /** Checks the limits: a stream needs a file descriptor in each process, and a local port. */
  static void require(int needed) throws IOException {
    var limits = Path.of("/proc/self/limits");
    if (!Files.exists(limits)) {
      throw new IllegalArgumentException("this benchmark reads /proc and runs on Linux only");
    }
    long limit = descriptors();
    require(limit >= needed, "file descriptors", Long.toString(limit), needed, "ulimit -Hn");
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
