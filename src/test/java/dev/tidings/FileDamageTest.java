package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.EventLog.Reading;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import java.util.logging.Level;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that are incomplete or damaged: opening them is never an error, and readers are told of lost events. */
class FileDamageTest {
  @TempDir Path directory;
  private LogRecords records;
  private int copies;

  @BeforeEach
  void record() {
    records = new LogRecords();
  }

  @AfterEach
  void close() {
    records.close();
  }

  private static FileEventLog open(Path folder) {
    return open(folder, InstantSource.system());
  }

  private static FileEventLog open(Path folder, InstantSource clock) {
    return SegmentedLog.open(folder, FileLogSettings.defaults(), clock, System::nanoTime, FaultyFiles.UNFORCED);
  }

  private static Reading read(EventLog log, String after) throws InterruptedException {
    return log.read(after, 1000, Duration.ZERO);
  }

  private static List<String> ids(Reading reading) {
    return reading.events().stream().map(event -> event.id().orElseThrow()).toList();
  }

  private static Path file(Path folder, int number) {
    return folder.resolve("%010d.events".formatted(number));
  }

  /** Returns a copy of the files in which one is changed; null deletes it. */
  private Path changed(int number, UnaryOperator<byte[]> change) throws Exception {
    var copy = Files.createDirectory(directory.resolve("copy " + copies++));
    FileEventLogTest.copy(directory, copy);
    var file = file(copy, number);
    byte[] changed = change.apply(Files.readAllBytes(file));
    if (changed == null) {
      Files.delete(file);
    } else {
      Files.write(file, changed);
    }
    return copy;
  }

  private static UnaryOperator<byte[]> flipped(long index, int bits) {
    return bytes -> {
      bytes[(int) index] ^= (byte) bits;
      return bytes;
    };
  }

  /** Returns the ids of all events of several files, of five events each. They are so old that each begins a new file. */
  private List<String> files(int count) {
    var ids = new ArrayList<String>();
    for (int i = count - 1; i >= 0; i--) {
      append(Duration.ofHours(4 * i), ids);
    }
    return ids;
  }

  /** Opens the log, and appends five events of this age. */
  private void append(Duration age, List<String> ids) {
    try (var log = open(directory, () -> Instant.now().minus(age))) {
      for (int i = 0; i < 5; i++) {
        ids.add(log.append(Event.of("event " + ids.size())));
      }
    }
  }

  /** Returns the place in the file after each of its entries, with that of the header first. */
  private List<Long> ends(Path file) throws Exception {
    var segment = Segment.scan(file).orElseThrow();
    var ends = new ArrayList<>(List.of(segment.start()));
    for (long number = segment.before() + 1; number <= segment.last(); number++) {
      ends.add(ends.getLast() + segment.size(number));
    }
    return ends;
  }

  /** Opens a log that has lost all but its first events, and checks what holds then. */
  private void assertCut(Path folder, List<String> ids, int kept) throws Exception {
    String last = kept == 0 ? "0" + ids.getFirst().substring(1) : ids.get(kept - 1);
    var lost = ids.subList(kept, ids.size());
    List<String> more;
    try (var log = open(folder)) {
      assertEquals(last, log.latest());
      for (String id : lost) {
        assertEquals(Reading.gap(last, List.of(), OptionalLong.of(0)), read(log, id), "nothing twice");
      }
      assertEquals(kept, read(log, "").events().size());
      more = log.appendAll(List.of(Event.of("new"), Event.of("newer")));
    }
    try (var log = open(folder)) {
      var all = new ArrayList<>(ids.subList(0, kept));
      all.addAll(more);
      assertEquals(all, ids(read(log, "")));
      assertEquals(List.of(), more.stream().filter(ids::contains).toList(), "ids are new");
      for (String id : lost) {
        assertEquals(Reading.gap(last, read(log, last).events(), OptionalLong.of(0)), read(log, id));
        assertEquals(more, ids(read(log, id)));
      }
      assertTrue(read(log, last).covered());
    }
  }

  @Test
  void aTailIsCutAtTheLastGoodEventWhereverTheFileEnds() throws Exception {
    var ids = files(1);
    var ends = ends(file(directory, 1));
    for (long length = ends.getFirst(); length < ends.getLast(); length++) {
      long end = length;
      var folder = changed(1, bytes -> Arrays.copyOf(bytes, (int) end));
      assertCut(folder, ids, (int) ends.stream().filter(e -> e <= end).count() - 1);
    }
    var warnings = records.messages(Level.WARNING);
    assertEquals(ends.getLast() - ends.getFirst() - 5, warnings.size(), "none if it ends after an entry");
    assertTrue(warnings.getLast().matches(
        "the log in .*copy \\d+ ended with \\d+ bytes that were incomplete or damaged; they were cut after event number 4 in 0000000001.events"),
        warnings.getLast());
  }

  @Test
  void aTailIsCutAtTheLastGoodEventWhateverByteIsDamaged() throws Exception {
    var ids = files(1);
    var ends = ends(file(directory, 1));
    for (long index = ends.get(3); index < ends.getLast(); index++) {
      long damaged = index;
      for (int bits : new int[] {1, 0x80, 0xff}) {
        assertCut(changed(1, flipped(index, bits)), ids, (int) ends.stream().filter(e -> e <= damaged).count() - 1);
      }
    }
    assertCut(changed(1, bytes -> Arrays.copyOf(bytes, bytes.length + 4096)), ids, 5); // zeros, as after a power failure
    assertCut(changed(1, bytes -> {
      Arrays.fill(bytes, ends.get(4).intValue(), bytes.length, (byte) 0);
      return bytes;
    }), ids, 4);
  }

  @Test
  void aTailIsCutOnceAndReportedOnce() throws Exception {
    var ids = files(1);
    var folder = changed(1, bytes -> Arrays.copyOf(bytes, bytes.length - 1));
    for (int i = 0; i < 3; i++) {
      try (var log = open(folder)) {
        assertEquals(ids.get(3), log.latest());
      }
    }
    assertEquals(1, records.messages(Level.WARNING).size());
  }

  /** Such as a block that the storage device wrote to the wrong place. */
  @Test
  void anEntryOfAnotherPlaceIsDamaged() throws Exception {
    var ids = files(1);
    var ends = ends(file(directory, 1));
    int from = ends.get(1).intValue();
    int length = (int) (ends.get(2) - ends.get(1));
    assertEquals(length, ends.get(4) - ends.get(3));
    assertCut(changed(1, bytes -> {
      System.arraycopy(bytes, from, bytes, ends.get(3).intValue(), length);
      return bytes;
    }), ids, 3);
  }

  @Test
  void aDamagedHeaderOfTheNewestFileDropsThatFile() throws Exception {
    var ids = files(2);
    int header = ends(file(directory, 2)).getFirst().intValue();
    for (int index = 0; index < header; index++) {
      int end = index;
      for (var folder : List.of(changed(2, flipped(index, 0x10)), changed(2, bytes -> Arrays.copyOf(bytes, end)))) {
        try (var log = open(folder)) {
          assertEquals(ids.subList(0, 5), ids(read(log, "")));
          assertEquals(ids.get(4), log.latest());
          String id = log.append(Event.of("new"));
          assertFalse(ids.contains(id));
          var reading = read(log, ids.get(7));
          assertFalse(reading.covered());
          assertEquals(OptionalLong.empty(), reading.missed(), "its epoch is unknown");
          assertEquals(List.of(id), ids(reading), "the others were delivered before, so none of them again");
        }
      }
    }
  }

  @Test
  void aDamagedHeaderOfTheOnlyFileLeavesAnEmptyLog() throws Exception {
    var ids = files(1);
    try (var log = open(changed(1, flipped(10, 1)))) {
      assertEquals(List.of(), read(log, "").events());
      assertFalse(read(log, ids.getLast()).covered());
      String id = log.append(Event.of("x"));
      assertFalse(ids.contains(id));
      assertEquals(List.of(id), ids(read(log, ids.getFirst())));
    }
  }

  /** Only the oldest events are ever dropped, so those after the damage are kept. */
  @Test
  void damageInAnOlderFileDropsItAndTheOnesBefore() throws Exception {
    var ids = files(4);
    var ends = ends(file(directory, 2));
    var folders = new ArrayList<Path>();
    for (int index = 0; index < ends.getLast(); index += 3) {
      int end = index;
      folders.add(changed(2, flipped(index, 4)));
      folders.add(changed(2, bytes -> Arrays.copyOf(bytes, end)));
    }
    folders.add(changed(2, bytes -> null));
    for (var folder : folders) {
      for (int i = 0; i < 2; i++) {
        try (var log = open(folder)) {
          assertEquals(ids.subList(10, 20), ids(read(log, "")));
          assertTrue(read(log, ids.get(9)).covered(), "nothing is missing after it");
          for (int lost = 0; lost < 9; lost++) {
            assertEquals(Reading.gap(ids.get(9), read(log, "").events(), OptionalLong.of(9 - lost)), read(log, ids.get(lost)));
          }
          assertEquals(ids.getLast(), log.latest());
        }
      }
    }
    var warnings = records.messages(Level.WARNING);
    assertTrue(warnings.getFirst().matches(
        "the log in .* was damaged: 0000000002.events \\(\\d+ bytes\\) was dropped, all events up to number 10"), warnings.getFirst());
  }

  @Test
  void filesOfALaterVersionAreAnErrorAndStayAsTheyAre() throws Exception {
    files(2);
    var folder = changed(2, bytes -> {
      bytes[7]++;
      return bytes;
    });
    byte[] before = Files.readAllBytes(file(folder, 2));
    var error = assertThrows(UncheckedIOException.class, () -> open(folder));
    assertTrue(error.getCause().getMessage().endsWith("was written by a later version of the library: TIDINGS2"), error.getCause().getMessage());
    assertTrue(Arrays.equals(before, Files.readAllBytes(file(folder, 2))));
  }

  /** Such as after a backup has been restored over newer files. */
  @Test
  void filesOfTwoLogsAreNoError() throws Exception {
    files(2);
    var other = Files.createDirectory(directory.resolve("other"));
    String id;
    try (var log = open(other)) {
      id = log.append(Event.of("other"));
    }
    Files.move(file(other, 1), file(directory, 3));
    try (var log = open(directory)) {
      assertEquals(List.of(id), ids(read(log, "")));
    }
  }

  @Test
  void otherFilesInTheDirectoryAreLeftAlone() throws Exception {
    var ids = files(1);
    for (String name : List.of("notes.txt", "1.events", "0000000002.events.old", "x0000000003.events")) {
      Files.writeString(directory.resolve(name), "mine");
    }
    try (var log = open(directory)) {
      assertEquals(ids, ids(read(log, "")));
    }
    assertEquals("mine", Files.readString(directory.resolve("1.events")));
    assertEquals(List.of(), records.messages(Level.WARNING));
  }

  @Test
  void damageThatAReaderFindsDropsTheEventsUpToIt() throws Exception {
    try (var log = open(directory)) {
      String start = log.latest();
      var events = new ArrayList<Event>();
      for (int i = 0; i < 2_000; i++) {
        events.add(Event.of("x".repeat(1_000))); // more than is in memory
      }
      var ids = log.appendAll(events);
      assertTrue(log.read(start, 255, Duration.ZERO).events().size() > 100);
      byte[] bytes = Files.readAllBytes(file(directory, 1));
      Files.write(file(directory, 1), flipped(50_000, 1).apply(bytes));
      var reading = log.read(start, 100, Duration.ZERO);
      assertFalse(reading.covered());
      int missed = (int) reading.missed().getAsLong();
      assertEquals(49, missed);
      assertEquals(ids.get(missed - 1), reading.from());
      assertEquals(ids.subList(missed, missed + 100), ids(reading));
      assertEquals(
          List.of("the log in " + directory + " is damaged: the events up to number 49 were dropped"),
          records.messages(Level.WARNING));
      assertEquals(reading.from(), log.beforeLast(Integer.MAX_VALUE));
    }
  }
}
