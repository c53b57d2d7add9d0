package dev.tidings;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.HotSpotDiagnosticMXBean.ThreadDumpFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** The threads of this JVM, including virtual ones, which only a thread dump lists. */
final class VirtualThreads {
  private VirtualThreads() {}

  /** Returns the names with this prefix, of virtual and platform threads. */
  static List<String> named(String prefix) {
    try {
      Path folder = Files.createTempDirectory("tidings-threads-");
      Path dump = folder.resolve("dump.txt");
      ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
          .dumpThreads(dump.toString(), ThreadDumpFormat.TEXT_PLAIN);
      String text = Files.readString(dump);
      Files.delete(dump);
      Files.delete(folder);
      return Pattern.compile("^#\\d+ \"(" + Pattern.quote(prefix) + "[^\"]*)\"", Pattern.MULTILINE)
          .matcher(text)
          .results()
          .map((MatchResult result) -> result.group(1))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
