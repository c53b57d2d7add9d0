package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Processes that are killed while they append. {@code -Dkills=200} sets how often. */
class FileKillTest {
  private static final int KILLS = Integer.getInteger("kills", 6);

  /** What a round does: whether nothing is dropped, or the log is so small that files are begun and deleted. */
  private enum Kind {
    EACH_BATCH("PT0S", 1024 * 1024 * 1024),
    SMALL("PT0S", 4 * 1024 * 1024),
    LATER("PT0.005S", 1024 * 1024 * 1024),
    SMALL_AND_NEVER("PT100H", 4 * 1024 * 1024);

    private final String forceWithin;
    private final long bytes;

    Kind(String forceWithin, long bytes) {
      this.forceWithin = forceWithin;
      this.bytes = bytes;
    }

    FileLogSettings settings() {
      return FileLogSettings.defaults().withBytes(bytes);
    }
  }

  private static final String PROGRAM =
      """
      import dev.tidings.*;
      import java.nio.file.Path;
      import java.time.Duration;

      class Program {
        public static void main(String[] args) throws Exception {
          var settings = FileLogSettings.defaults().withBytes(Long.parseLong(args[3])).withForceWithin(Duration.parse(args[1]));
          var log = EventLog.inFile(Path.of(args[0]), settings);
          String start = log.latest();
          for (int t = 0; t < 6; t++) {
            String thread = args[2] + "-" + t;
            Thread.ofVirtual().start(() -> {
              for (int i = 0; ; i++) {
                String name = thread + "-" + i;
                int size = i % 20 == 7 ? 100_000 : 20; // large ones, so that a kill may come during a write
                say("appended", log.append(Event.of(name, "x".repeat(size))), name);
              }
            });
          }
          String at = start;
          while (true) {
            for (Event event : log.read(at, 100, Duration.ofDays(1)).events()) {
              at = event.id().orElseThrow();
              say("read", at, event.name().orElseThrow());
            }
          }
        }

        static void say(String what, String id, String name) {
          byte[] line = (what + " " + id + " " + name + " .\\n").getBytes();
          synchronized (System.out) {
            System.out.write(line, 0, line.length);
            System.out.flush();
          }
        }
      }
      """;

  @TempDir Path directory;
  private final List<Event> all = new ArrayList<>(); // that have been in the log at the end of a round
  private final Map<String, String> names = new HashMap<>(); // by id
  private final Random random = new Random();
  private int acknowledged;
  private int dropped;
  private int incomplete;

  /** Also without force, because the operating system has what was written. */
  @Test
  @Timeout(3600)
  void whateverAProcessHasAcknowledgedOrReadIsThereAfterItWasKilledAndIdsAreNotRepeated() throws Exception {
    for (int round = 0; round < KILLS; round++) {
      try (var records = new LogRecords()) {
        var kind = Kind.values()[round % 4];
        var said = runAndKill(round, kind);
        try (var log = EventLog.inFile(directory, kind.settings())) {
          check(log, said);
          if (round % 2 == 0) {
            String name = "parent-" + round;
            note(Event.of(name, "").withId(log.append(Event.of(name, ""))));
          }
        }
        incomplete += records.messages().size();
      }
    }
    System.out.println(
        KILLS + " kills: " + acknowledged + " events were acknowledged or read, of which the log had dropped " + dropped
            + " at its limit; " + all.size() + " were held after their round, " + incomplete + " times the last event was incomplete");
  }

  /** Returns the events that the process said it has appended or read. */
  private Set<Event> runAndKill(int round, Kind kind) throws Exception {
    var said = new HashSet<Event>();
    try (var process = OwnJvm.start(PROGRAM, List.of(), directory.toString(), kind.forceWithin, "" + round, "" + kind.bytes)) {
      String first = process.lines().next(line -> line.startsWith("appended "));
      LockSupport.parkNanos(random.nextLong(200_000_000));
      process.process().destroyForcibly().onExit().join();
      for (String line = first; !line.equals(Lines.END) && !line.equals(Lines.BROKEN); line = process.lines().next()) {
        var words = line.split(" ");
        if (line.endsWith(" .")) { // the last one may be incomplete
          assertEquals(4, words.length, line);
          said.add(Event.of(words[2], "").withId(words[1]));
        }
      }
    }
    acknowledged += said.size();
    return said;
  }

  private void check(EventLog log, Set<Event> said) throws InterruptedException {
    String last = all.isEmpty() ? "" : all.getLast().id().orElseThrow();
    var reading = log.read(last, 1000, Duration.ZERO);
    for (boolean first = true; !reading.events().isEmpty(); first = false) {
      assertTrue(reading.covered() || first && (all.isEmpty() || reading.missed().orElse(0) > 0), reading::toString);
      reading.events().forEach(this::note);
      reading = log.read(all.getLast().id().orElseThrow(), 1000, Duration.ZERO);
    }
    long oldest = number(log.beforeLast(Integer.MAX_VALUE));
    var held = new HashSet<>(all);
    for (Event event : said) {
      boolean old = number(event.id().orElseThrow()) <= oldest;
      assertTrue(held.contains(event) || old, () -> "lost: " + event);
      dropped += old ? 1 : 0;
    }
    checkOrder();
  }

  /** Adds an event of the log, whose id must be new. */
  private void note(Event event) {
    String id = event.id().orElseThrow();
    String name = event.name().orElseThrow();
    String earlier = names.put(id, name);
    assertEquals(null, earlier, () -> id + " was assigned to " + earlier + " and " + name);
    assertTrue(all.isEmpty() || number(all.getLast().id().orElseThrow()) < number(id), id);
    all.add(event.withData("")); // the size of the data is not compared
  }

  /** Each thread has appended its events in order. */
  private void checkOrder() {
    var next = new HashMap<String, Integer>();
    for (Event event : all) {
      String text = event.name().orElseThrow();
      if (text.startsWith("parent")) {
        continue;
      }
      String thread = text.substring(0, text.lastIndexOf('-'));
      int number = Integer.parseInt(text.substring(text.lastIndexOf('-') + 1));
      var expected = next.put(thread, number + 1);
      assertTrue(expected == null || expected == number, () -> text + " after " + expected);
    }
  }

  private static long number(String id) {
    return Long.parseLong(id.substring(0, id.indexOf('.')));
  }
}
