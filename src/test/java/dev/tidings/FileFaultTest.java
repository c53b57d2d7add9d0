package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.EventLog.Reading;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log in files while writing fails, waits, or is interrupted. */
class FileFaultTest {
  private static final FileLogSettings DEFAULTS = FileLogSettings.defaults();
  private static final FileLogSettings NEVER = DEFAULTS.withForceWithin(ChronoUnit.FOREVER.getDuration());

  @TempDir Path directory;
  private final FaultyFiles files = new FaultyFiles();
  private final List<FileEventLog> open = new ArrayList<>();

  @AfterEach
  void closeAll() {
    open.forEach(FileEventLog::close);
  }

  private FileEventLog log(FileLogSettings settings) {
    var log = SegmentedLog.open(directory, settings, InstantSource.system(), System::nanoTime, files);
    open.add(log);
    return log;
  }

  private static Reading read(EventLog log, String after) throws InterruptedException {
    return log.read(after, 1000, Duration.ZERO);
  }

  private static List<String> ids(Reading reading) {
    return reading.events().stream().map(event -> event.id().orElseThrow()).toList();
  }

  private static String word(String id) {
    return id.substring(id.indexOf('.'));
  }

  private void assertHeld(EventLog log, String start, List<String> ids) throws InterruptedException {
    var reading = read(log, start);
    assertTrue(reading.covered());
    assertEquals(ids, ids(reading));
    assertEquals(ids.getLast(), log.latest());
  }

  // Failures.

  @Test
  void ifTheDiskIsFullNothingIsAppendedAndTheLogGoesOnWhenThereIsRoom() throws Exception {
    for (var settings : List.of(DEFAULTS, NEVER)) {
      var log = log(settings);
      String start = log.latest();
      var ids = new ArrayList<String>();
      for (int written = 0; written < 40; written++) {
        ids.add(log.append(Event.of("event " + written)));
        files.failWriteAfter = written;
        var error = assertThrows(NotAppendedException.class, () -> log.append(Event.of("refused"), "key"));
        assertEquals(
            "the event was not appended to the log in " + directory
                + ": No space left on device (if the disk is full, free space, or lower the limits in FileLogSettings)",
            error.getMessage());
        files.failWriteAfter = written;
        var failed = assertThrows(NotAppendedException.class, () -> log.appendAll(List.of(Event.of("refused"), Event.of("refused"))));
        assertEquals(0, failed.index());
        assertHeld(log, start, ids);
      }
      ids.add(log.append(Event.of("in the end"), "key"));
      assertEquals(word(ids.getFirst()), word(ids.getLast()));
      log.close();
      var again = log(settings);
      assertHeld(again, start, ids);
      again.close();
      try (var held = Files.list(directory)) {
        for (Path file : held.toList()) {
          Files.delete(file);
        }
      }
    }
  }

  /** The events of a call may be written in several batches. */
  @Test
  void ifAnEventOfACallIsRefusedThoseAfterItAreRefusedToo() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    var events = Collections.nCopies(4, Event.of("x".repeat(600_000)));
    files.failWriteAfter = 10;
    assertEquals(0, assertThrows(NotAppendedException.class, () -> log.appendAll(events)).index());
    assertEquals(start, log.latest());
    files.beforeForce = () -> {
      files.beforeForce = () -> {};
      files.failWriteAfter = 10;
    };
    assertEquals(1, assertThrows(NotAppendedException.class, () -> log.appendAll(events)).index());
    assertHeld(log, start, List.of(log.beforeLast(0)));
  }

  /** If a failed write cannot be undone, its events may be complete in the file; then they must not appear later. */
  @Test
  void ifAWriteCannotBeUndoneItsOutcomeIsUnknownAndANewFileIsBegun() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    var ids = new ArrayList<String>();
    for (int written = 0; written < 40; written += 13) { // 39: the entire entry
      ids.add(log.append(Event.of("event " + written)));
      files.failWriteAfter = written;
      files.failTruncate = true;
      assertThrows(UncheckedIOException.class, () -> log.append(Event.of("unknown"), "key"));
      assertHeld(log, start, ids);
      assertFalse(read(log, next(ids.getLast())).covered());
      ids.add(log.append(Event.of("after")));
      assertNotEquals(word(ids.get(ids.size() - 2)), word(ids.getLast()));
      assertHeld(log, start, ids);
    }
    ids.add(log.append(Event.of("repeated"), "key"));
    log.close();
    assertHeld(log(DEFAULTS), start, ids);
  }

  /** Returns the id after this one, which the failed event would have had. */
  private static String next(String id) {
    return Long.parseLong(id.substring(0, id.indexOf('.'))) + 1 + word(id);
  }

  @Test
  void ifAForceFailsNobodyHasSeenTheEventAndANewFileIsBegun() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    var ids = new ArrayList<>(List.of(log.append(Event.of("a"))));
    var readings = new LinkedBlockingQueue<Reading>();
    var waiting = Thread.ofVirtual().start(() -> {
      Await.uninterrupted(() -> readings.add(log.read(ids.getFirst(), 10, Duration.ofDays(1))));
    });
    Await.until("it waits", () -> waiting.getState() == Thread.State.TIMED_WAITING);
    files.failForce = true;
    var error = assertThrows(UncheckedIOException.class, () -> log.append(Event.of("unknown"), "key"));
    assertEquals("the log in " + directory + " may not have appended the event", error.getMessage());
    assertHeld(log, start, ids);
    assertThrows(NotAppendedException.class, () -> log.append(Event.of("no file can be begun")));
    files.failForce = false;
    ids.add(log.append(Event.of("b"), "key"));
    assertNotEquals(word(ids.getFirst()), word(ids.getLast()));
    assertEquals(List.of(ids.getLast()), ids(Await.next("the reading", readings)));
    assertHeld(log, start, ids);
    log.close();
    assertHeld(log(DEFAULTS), start, ids);
  }

  @Test
  void ifNoFileCanBeBegunNothingIsAppended() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    String first = log.append(Event.of("a"));
    log.close();
    var again = log(DEFAULTS);
    files.failOpen = true;
    assertThrows(NotAppendedException.class, () -> again.append(Event.of("b")));
    files.failOpen = false;
    files.failWriteAfter = 20; // of the header
    assertThrows(NotAppendedException.class, () -> again.append(Event.of("b")));
    files.failForce = true;
    assertThrows(NotAppendedException.class, () -> again.append(Event.of("b")));
    files.failForce = false;
    assertHeld(again, start, List.of(first, again.append(Event.of("c"))));
  }

  @Test
  void ifALaterForceFailsThatIsLoggedAndANewFileIsBegun() throws Exception {
    try (var records = new LogRecords()) {
      var log = log(DEFAULTS.withForceWithin(Duration.ofMillis(1)));
      String start = log.latest();
      files.failForce = true;
      var ids = new ArrayList<>(List.of(log.append(Event.of("a"))));
      Await.until("it is logged", () -> records.messages(Level.SEVERE).size() == 1);
      files.failForce = false;
      ids.add(log.append(Event.of("b")));
      assertNotEquals(word(ids.getFirst()), word(ids.getLast()));
      assertHeld(log, start, ids);
      log.close();
      assertHeld(log(DEFAULTS), start, ids);
    }
  }

  @Test
  void anIntervalForcesWithoutAFurtherAppend() {
    var log = log(DEFAULTS.withForceWithin(Duration.ofMillis(1)));
    int before = files.forces();
    log.append(Event.of("a"));
    Await.until("it is forced", () -> files.forces() == before + 1);
    log.append(Event.of("b"));
    Await.until("it is forced again", () -> files.forces() == before + 2);
    var never = SegmentedLog.open(directory.resolve("never"), NEVER, InstantSource.system(), System::nanoTime, files);
    int begun = files.forces();
    assertEquals(before + 3, begun, "the header of a file is always forced, so that its epoch is known");
    never.append(Event.of("a"));
    assertEquals(begun, files.forces());
    never.close();
    assertEquals(begun + 1, files.forces(), "the close forces");
  }

  @Test
  void aFileIsForcedBeforeTheNextIsBegun() throws Exception {
    var log = log(NEVER);
    String start = log.latest();
    int begun = files.forces();
    var ids = new ArrayList<>(log.appendAll(Collections.nCopies(10, Event.of("x".repeat(900_000))))); // a full file
    assertEquals(begun, files.forces());
    ids.add(log.append(Event.of("in the next file")));
    assertEquals(begun + 2, files.forces());
    ids.addAll(log.appendAll(Collections.nCopies(10, Event.of("x".repeat(900_000)))));
    files.failForce = true;
    var error = assertThrows(NotAppendedException.class, () -> log.append(Event.of("refused")));
    assertTrue(error.getMessage().contains(": earlier events: "), error.getMessage());
    files.failForce = false;
    ids.add(log.append(Event.of("in another file")));
    assertNotEquals(word(ids.getFirst()), word(ids.getLast()), "earlier events may be lost");
    for (String at = start; !at.equals(log.latest()); at = ids.removeFirst()) {
      assertEquals(ids.getFirst(), log.read(at, 1, Duration.ZERO).events().getFirst().id().orElseThrow());
    }
    assertEquals(List.of(), ids);
  }

  /** A limit on the size of files makes a real write fail after a part, without a special file system. */
  @Test
  void aWriteThatTheOperatingSystemRefusesIsUndone() throws Exception {
    String program =
        """
        import dev.tidings.*;
        import java.nio.file.Path;
        import java.time.Duration;

        class Program {
          public static void main(String[] args) throws Exception {
            try (var log = EventLog.inFile(Path.of(args[0]))) {
              String start = log.latest();
              int appended = 0;
              try {
                while (true) {
                  log.append(Event.of("x".repeat(7_000)));
                  appended++;
                }
              } catch (NotAppendedException e) {
                System.out.println("refused " + e.getMessage());
              }
              String last = log.append(Event.of("small"));
              int read = 0;
              for (String at = start; !at.equals(last); read++) {
                at = log.read(at, 1, Duration.ZERO).events().getFirst().id().orElseThrow();
              }
              System.out.println("appended " + appended + " read " + read);
            }
          }
        }
        """;
    var options = List.of("-XX:-UsePerfData", "-Xshare:auto");
    try (var limited = OwnJvm.startLimited(200, program, options, directory.toString())) {
      String output = limited.toEnd();
      assertTrue(output.contains("refused the event was not appended to the log in " + directory + ": File too large (if the disk"), output);
      int count = Integer.parseInt(output.replaceAll("(?s).*appended (\\d+) read.*", "$1"));
      assertTrue(output.contains("appended " + count + " read " + (count + 1)), output);
      try (var log = EventLog.inFile(directory)) {
        assertEquals(count + 1, read(log, "").events().size());
      }
    }
  }

  // Batches.

  /** Holds each force until it is released. */
  private final class HeldForce {
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch may = new CountDownLatch(1);

    HeldForce() {
      files.beforeForce = () -> {
        begun.countDown();
        may.await();
      };
    }

    void await() throws InterruptedException {
      Await.latch("the force", begun);
    }

    void release() {
      may.countDown();
    }
  }

  @Test
  void noReaderSeesAnEventBeforeItIsForced() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    var force = new HeldForce();
    var ids = new LinkedBlockingQueue<String>();
    Thread.ofVirtual().start(() -> ids.add(log.append(Event.of("a"))));
    force.await();
    assertEquals(Reading.covered(start, List.of()), read(log, start));
    assertEquals(start, log.latest());
    assertEquals(start, log.beforeLast(0));
    assertTrue(ids.isEmpty());
    force.release();
    String id = Await.next("the append", ids);
    assertEquals(List.of(id), ids(read(log, start)));
  }

  @Test
  void appendsThatComeDuringAForceAreForcedTogether() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    int before = files.forces();
    var force = new HeldForce();
    var threads = new ArrayList<Thread>();
    threads.add(Thread.ofVirtual().start(() -> log.append(Event.of("first"))));
    force.await();
    for (int i = 0; i < 100; i++) {
      threads.add(Thread.ofVirtual().start(() -> log.append(Event.of("other"))));
    }
    Await.until("all wait", () -> threads.stream().skip(1).allMatch(thread -> thread.getState() == Thread.State.WAITING));
    force.release();
    for (var thread : threads) {
      Await.end(thread);
    }
    assertEquals(101, read(log, start).events().size());
    assertEquals(before + 2, files.forces());
  }

  /** The second batch has a key twice, and a completion before other events. */
  @Test
  void keysAndACompletionHoldWithinABatch() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    var force = new HeldForce();
    var threads = new ArrayList<Thread>();
    threads.add(Thread.ofVirtual().start(() -> log.append(Event.of("first"))));
    force.await();
    var ids = new ConcurrentLinkedQueue<String>();
    for (int i = 0; i < 5; i++) {
      threads.add(Thread.ofVirtual().start(() -> ids.add(log.append(Event.of("paid"), "order 17"))));
    }
    Await.until("all wait", () -> threads.stream().skip(1).allMatch(thread -> thread.getState() == Thread.State.WAITING));
    for (int i = 0; i < 3; i++) {
      threads.add(Thread.ofVirtual().start(() -> ids.add(log.append(LogEntry.COMPLETION))));
    }
    Await.until("all wait", () -> threads.stream().skip(1).allMatch(thread -> thread.getState() == Thread.State.WAITING));
    var late = Thread.ofVirtual().start(() -> assertThrows(NotAppendedException.class, () -> log.append(Event.of("late"))));
    Await.until("it waits", () -> late.getState() == Thread.State.WAITING);
    threads.add(late);
    force.release();
    for (var thread : threads) {
      Await.end(thread);
    }
    var held = ids(read(log, start));
    assertEquals(3, held.size());
    assertEquals(new HashSet<>(held.subList(1, 3)), new HashSet<>(ids));
    assertEquals(held.get(1), log.latest());
  }

  // Interrupts.

  /** An interrupt would close a FileChannel for all threads. */
  @Test
  void interruptsOfAppendersAndReadersHarmNobody() throws Exception {
    var log = log(DEFAULTS.withEvents(3_000));
    String start = log.latest();
    var data = "x".repeat(500);
    var acknowledged = new ConcurrentLinkedQueue<String>();
    var threads = new ArrayList<Thread>();
    var end = new CountDownLatch(1);
    for (int i = 0; i < 6; i++) {
      threads.add(Thread.ofVirtual().start(() -> {
        while (end.getCount() > 0) {
          acknowledged.add(log.append(Event.of(data)));
        }
      }));
    }
    for (int i = 0; i < 4; i++) {
      threads.add(Thread.ofVirtual().start(() -> {
        while (end.getCount() > 0) {
          try {
            log.read(log.beforeLast(2_900), 500, Duration.ZERO); // from files
            log.read(log.latest(), 10, Duration.ofMillis(1));
          } catch (InterruptedException e) {
            // expected
          }
        }
      }));
    }
    var random = new Random(3);
    for (int i = 0; i < 5_000 || acknowledged.size() < 3_500; i++) {
      threads.get(random.nextInt(threads.size())).interrupt();
      Thread.yield();
    }
    end.countDown();
    for (var thread : threads) {
      Await.end(thread);
    }
    assertEquals(acknowledged.size(), new HashSet<>(acknowledged).size());
    assertEquals(acknowledged.size() - 3_000, read(log, start).missed().getAsLong());
    var all = new HashSet<String>();
    for (String at = log.beforeLast(3_000); !at.equals(log.latest()); at = ids(read(log, at)).getLast()) {
      all.addAll(ids(read(log, at)));
    }
    assertEquals(3_000, all.size());
    assertTrue(acknowledged.containsAll(all));
    assertEquals(1, all.stream().map(FileFaultTest::word).distinct().count(), "no file was abandoned");
  }

  @Test
  void anInterruptedThreadCanAppendAndBeginAFile() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    String first = log.append(Event.of("a"));
    log.close();
    var again = log(DEFAULTS);
    Thread.currentThread().interrupt();
    String second = again.append(Event.of("b"));
    assertTrue(Thread.interrupted());
    assertHeld(again, start, List.of(first, second));
  }
}
