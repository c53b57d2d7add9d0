package dev.tidings;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.HotSpotDiagnosticMXBean.ThreadDumpFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The threads of this JVM, including virtual ones, which only a thread dump lists. */
final class VirtualThreads {
  private VirtualThreads() {}

  /** Returns the names with this prefix, of virtual and platform threads. */
  static List<String> named(String prefix) {
    return List.copyOf(byId(prefix).values());
  }

  /** Returns the threads whose names have this prefix: names by thread id. */
  static Map<Long, String> byId(String prefix) {
    try {
      Path folder = Files.createTempDirectory("tidings-threads-");
      Path dump = folder.resolve("dump.txt");
      ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
          .dumpThreads(dump.toString(), ThreadDumpFormat.TEXT_PLAIN);
      String text = Files.readString(dump);
      Files.delete(dump);
      Files.delete(folder);
      return Pattern.compile("^#(\\d+) \"(" + Pattern.quote(prefix) + "[^\"]*)\"", Pattern.MULTILINE)
          .matcher(text)
          .results()
          .collect(Collectors.toMap(result -> Long.parseLong(result.group(1)), result -> result.group(2), (one, same) -> one));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
