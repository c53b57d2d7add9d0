package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.EventLog.Reading;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Logs in files that are opened many times: the newest file is continued in a new epoch. */
class FileRestartTest {
  private static final FileLogSettings DEFAULTS = FileLogSettings.defaults();

  @TempDir Path directory;
  private int keys;

  private static FileEventLog open(Path folder, FileLogSettings settings, LogFile.Opener opener) {
    return SegmentedLog.open(folder, settings, InstantSource.system(), System::nanoTime, opener);
  }

  private static FileEventLog open(Path folder) {
    return open(folder, DEFAULTS, FaultyFiles.UNFORCED);
  }

  private static FileEventLog open(Path folder, InstantSource clock) {
    return SegmentedLog.open(folder, DEFAULTS, clock, System::nanoTime, FaultyFiles.UNFORCED);
  }

  /** Opens the log for each of its events, which have keys, and returns their ids. */
  private List<String> restart(int times, FileLogSettings settings, String data) {
    var ids = new ArrayList<String>();
    for (int i = 0; i < times; i++) {
      try (var log = open(directory, settings, FaultyFiles.UNFORCED)) {
        ids.add(log.append(Event.of(data), "key " + keys++));
      }
    }
    assertEquals(times, words(ids));
    return ids;
  }

  private static int words(List<String> ids) {
    return new HashSet<>(ids.stream().map(id -> id.substring(id.indexOf('.'))).toList()).size();
  }

  private static Reading read(EventLog log, String after) throws InterruptedException {
    return log.read(after, 100_000, Duration.ZERO);
  }

  private static List<String> ids(Reading reading) {
    return reading.events().stream().map(event -> event.id().orElseThrow()).toList();
  }

  private static List<Path> files(Path folder) throws Exception {
    try (var files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".events")).sorted().toList();
    }
  }

  private long size() throws Exception {
    return files(directory).stream().mapToLong(file -> file.toFile().length()).sum();
  }

  /** Returns the ids of a log from which its first event is not dropped. */
  private static List<String> all(EventLog log) throws InterruptedException {
    var all = new ArrayList<String>();
    String at = log.beforeLast(Integer.MAX_VALUE);
    for (var part = ids(read(log, at)); !part.isEmpty(); part = ids(read(log, at))) {
      all.addAll(part);
      at = all.getLast();
    }
    return all;
  }

  // Many.

  @Test
  void aThousandRestartsWithAnEventEachDropNothingAndBeginNoFile() throws Exception {
    int times = 1_100;
    var ids = restart(times, DEFAULTS, "event");
    assertEquals(1, files(directory).size());
    long entry = StoredEvent.HEAD + 1 + 4 + "key 1000".length() + 4 + "event".length();
    assertTrue(size() <= times * (entry + StoredEvent.EPOCH_SIZE) + 100, size() + " bytes");
    try (var log = open(directory)) {
      assertEquals(ids, all(log));
      for (int i = 0; i < times; i += 7) {
        assertTrue(read(log, ids.get(i)).covered());
        assertEquals(ids.get(i), log.append(Event.of("event"), "key " + i));
      }
    }
  }

  /** The header of the second file does not name all epochs of the first. */
  @Test
  void epochsOfOlderFilesAreKnown() throws Exception {
    var settings = DEFAULTS.withBytes(512 * 1024);
    var ids = restart(1_200, settings, "event");
    assertEquals(2, files(directory).size());
    assertTrue(Segment.scan(files(directory).getLast()).orElseThrow().epochs().all().size() < 700);
    try (var log = open(directory, settings, FaultyFiles.UNFORCED)) {
      assertEquals(ids, all(log));
      assertTrue(ids.stream().allMatch(id -> covers(log, id)));
      ids.add(log.append(Event.of("event")));
      assertEquals(ids, all(log));
    }
  }

  private static boolean covers(EventLog log, String id) {
    try {
      return log.read(id, 1, Duration.ZERO).covered();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void filesTakeAtMostAQuarterMoreThanTheLimitWhateverTheRestarts() throws Exception {
    int limit = 512 * 1024;
    var data = "x".repeat(500);
    for (int i = 0; i < 3; i++) {
      var ids = restart(400, DEFAULTS.withBytes(limit), data);
      assertTrue(size() <= limit * 5 / 4, size() + " bytes");
      assertTrue(files(directory).size() <= 11, files(directory)::toString);
      try (var log = open(directory, DEFAULTS.withBytes(limit), FaultyFiles.UNFORCED)) {
        assertEquals(ids, ids(read(log, log.beforeLast(400))));
        assertEquals(i < 2, log.beforeLast(Integer.MAX_VALUE).startsWith("0."), "1200 exceed the limit");
      }
    }
  }

  /** A family of channels closes the log of a channel that is not used. */
  @Test
  void theLogOfAChannelThatComesAndGoesHasOneFile() throws Exception {
    var ticker = new ManualTicker();
    var folder = directory.resolve("hall");
    try (var rooms = new Channels(name -> open(directory.resolve(name)), 10, ticker)) {
      for (int i = 0; i < 20; i++) {
        rooms.publish("hall", Event.of("event " + i));
        for (int minute = 0; minute < 3; minute++) {
          ticker.advance(Duration.ofSeconds(61));
          Await.until("unneeded channels are dropped", () -> VirtualThreads.named("tidings-channels").isEmpty());
        }
        assertEquals(0, rooms.count());
      }
    }
    assertEquals(1, files(folder).size());
    try (var log = open(folder)) {
      assertEquals(20, all(log).size());
    }
  }

  // Epochs in a file.

  @Test
  void eventsOfSeveralEpochsInAFileHaveTheirWordsEverywhere() throws Exception {
    var ids = new ArrayList<String>();
    var times = new ArrayList<Instant>();
    var now = new Instant[] {Instant.now().minusSeconds(60)};
    String start = null;
    for (int round = 0; round < 5; round++) {
      try (var log = open(directory, () -> now[0])) {
        start = round == 0 ? log.latest() : start;
        for (int again = 0; again < 2; again++) { // as it was left, and in the new epoch
          assertEquals(ids.isEmpty() ? start : ids.getLast(), log.latest());
          assertEquals(Reading.covered(start, read(log, start).events()), read(log, start));
          assertEquals(ids, ids(read(log, start)));
          for (int i = 0; i < ids.size(); i++) {
            assertEquals(ids.subList(i + 1, ids.size()), ids(read(log, ids.get(i))));
            assertEquals(i == 0 ? start : ids.get(i - 1), log.beforeLast(ids.size() - i));
            assertEquals(i == 0 ? start : ids.get(i - 1), log.since(times.get(i)));
            String next = i + 2 + ids.get(i).substring(ids.get(i).indexOf('.'));
            boolean assigned = ids.contains(next);
            boolean present = again == 1 && i >= ids.size() - 3;
            var reading = read(log, next);
            assertEquals(assigned, reading.covered(), next);
            if (!assigned && !present) {
              assertEquals(Reading.gap(ids.get(i), reading.events(), OptionalLong.of(0)), reading, "as if it had been lost");
              assertEquals(ids.subList(i + 1, ids.size()), ids(reading));
            }
          }
          for (int i = 0; i < 3 && again == 0; i++) {
            now[0] = now[0].plusSeconds(1);
            times.add(now[0]);
            ids.add(log.append(Event.of("event " + ids.size())));
          }
        }
      }
    }
    assertEquals(5, words(ids));
    assertEquals(1, files(directory).size());
    try (var log = open(directory, DEFAULTS.withEvents(4), FaultyFiles.UNFORCED)) {
      for (int i = 0; i < 10; i++) {
        assertEquals(Reading.gap(ids.get(10), read(log, ids.get(10)).events(), OptionalLong.of(10 - i)), read(log, ids.get(i)));
      }
    }
  }

  /** Returns the ids of three epochs of three events each, which began in this order by the clock, too. */
  private List<String> epochs() {
    var ids = new ArrayList<String>();
    for (int i = 0; i < 3; i++) {
      var age = Duration.ofMinutes(3 - i);
      try (var log = open(directory, () -> Instant.now().minus(age))) {
        for (int j = 0; j < 3; j++) {
          ids.add(log.append(Event.of("event " + ids.size()), "key " + ids.size()));
        }
      }
    }
    return ids;
  }

  private static int entry(Path file, int event) throws Exception {
    var segment = Segment.scan(file).orElseThrow();
    long place = segment.start();
    for (long number = 1; number < event; number++) {
      place += segment.size(number);
    }
    return (int) place;
  }

  private Path changed(UnaryOperator<byte[]> change) throws Exception {
    var copy = Files.createTempDirectory(directory, "copy");
    Files.write(copy.resolve("0000000001.events"), change.apply(Files.readAllBytes(files(directory).getFirst())));
    return copy;
  }

  /** Opens a log of which the epochs after this number of events are lost, at first without an append. */
  private void assertLost(Path folder, List<String> ids, int kept) throws Exception {
    for (int i = 0; i < 2; i++) {
      try (var log = open(folder)) {
        assertEquals(ids.subList(0, kept), all(log));
        assertEquals(ids.get(kept - 1), log.latest());
      }
    }
    var more = new ArrayList<String>();
    for (int i = 0; i < 2; i++) {
      try (var log = open(folder)) {
        more.add(log.append(Event.of("new")));
        assertEquals(ids.get(kept - 1), log.append(Event.of("new"), "key " + (kept - 1)));
        assertEquals(more, ids(read(log, ids.get(kept - 1))));
        for (String lost : ids.subList(kept, ids.size())) {
          assertEquals(Reading.gap(ids.get(kept - 1), read(log, ids.get(kept - 1)).events(), OptionalLong.empty()), read(log, lost));
        }
      }
    }
    var held = new ArrayList<>(ids.subList(0, kept));
    held.addAll(more);
    try (var log = open(folder)) {
      assertEquals(held, all(log));
      assertEquals(held.size(), new HashSet<>(held).size());
    }
    assertEquals(1, files(folder).size());
  }

  @Test
  void anEntryOfAnEpochThatIsIncompleteIsCut() throws Exception {
    var ids = epochs();
    int entry = entry(files(directory).getFirst(), 7);
    try (var records = new LogRecords()) {
      for (int length = 0; length < StoredEvent.EPOCH_SIZE; length++) {
        int end = entry + length;
        assertLost(changed(bytes -> Arrays.copyOf(bytes, end)), ids, 6);
        assertEquals(length, records.messages(Level.WARNING).size(), "once for each");
      }
    }
  }

  @Test
  void anEntryOfAnEpochThatIsDamagedIsCutWithAllThatFollows() throws Exception {
    var ids = epochs();
    int entry = entry(files(directory).getFirst(), 4);
    try (var records = new LogRecords()) {
      for (int i = 0; i < 3 * StoredEvent.EPOCH_SIZE; i++) {
        int index = entry + i / 3;
        int bits = List.of(1, 0x80, 0xff).get(i % 3);
        assertLost(changed(bytes -> {
          bytes[index] ^= (byte) bits;
          return bytes;
        }), ids, 3);
        assertEquals(i + 1, records.messages(Level.WARNING).size(), "once for each");
      }
    }
  }

  /** Such as after a crash between the two writes. */
  @Test
  void anEpochWithoutEventsIsFollowedByTheNextOne() throws Exception {
    var ids = epochs();
    int end = entry(files(directory).getFirst(), 7) + StoredEvent.EPOCH_SIZE;
    var folder = changed(bytes -> Arrays.copyOf(bytes, end));
    var more = new ArrayList<>(ids.subList(0, 6));
    for (int i = 0; i < 3; i++) {
      try (var log = open(folder)) {
        assertEquals(more, all(log));
        for (String lost : ids.subList(6, 9)) {
          assertEquals(Reading.gap(ids.get(5), read(log, ids.get(5)).events(), OptionalLong.of(0)), read(log, lost), "its epoch is known");
        }
        more.add(log.append(Event.of("new"), "new key " + i));
        assertEquals(more, all(log));
      }
    }
    assertEquals(9, new HashSet<>(more).size());
    assertEquals(6, words(more) + 1);
  }

  @Test
  void anEntryOfAnEpochIsNoEventAndTheOtherWayRound() {
    var epoch = LogEpochs.first(InstantSource.system()).all().getFirst();
    byte[] entry = StoredEvent.epoch(new LogEpochs.Epoch(epoch.word(), 7), 1);
    assertEquals(7, StoredEvent.epoch(ByteBuffer.wrap(entry), 7).orElseThrow().after());
    assertTrue(StoredEvent.epoch(ByteBuffer.wrap(entry), 6).isEmpty());
    assertFalse(StoredEvent.isEntry(ByteBuffer.wrap(entry), 7));
    byte[] body = new StoredEvent(Event.of("12345678"), Optional.empty()).encode();
    var event = ByteBuffer.allocate(StoredEvent.EPOCH_SIZE);
    StoredEvent.put(event, 7, 1, body);
    assertFalse(event.hasRemaining(), "it has the size of an entry of an epoch");
    assertTrue(StoredEvent.isEntry(event.flip(), 7));
    assertTrue(StoredEvent.epoch(event, 7).isEmpty());
  }

  // Forcing.

  @Test
  void aFileOfAnEarlierProcessIsForcedBeforeAnythingFollows() {
    var files = new FaultyFiles();
    var never = DEFAULTS.withForceWithin(ChronoUnit.FOREVER.getDuration());
    open(directory, never, files).close();
    try (var log = open(directory, never, files)) {
      int before = files.forces();
      log.append(Event.of("a"));
      assertEquals(before + 1, files.forces(), "the epoch is known whatever happens");
      log.append(Event.of("b"));
      assertEquals(before + 1, files.forces());
    }
  }

  /** A later force may succeed without having written what the failed one has not. */
  @Test
  void aFileOfWhichAForceHasFailedIsNotContinuedAfterARestart() throws Exception {
    var files = new FaultyFiles();
    String first;
    try (var log = open(directory, DEFAULTS, files)) {
      first = log.append(Event.of("a"));
      files.failForce = true;
      assertThrows(UncheckedIOException.class, () -> log.append(Event.of("unknown")));
      assertThrows(NotAppendedException.class, () -> log.append(Event.of("no file can be begun")));
    }
    files.failForce = false;
    for (int i = 0; i < 2; i++) {
      open(directory, DEFAULTS, files).close();
    }
    byte[] abandoned = Files.readAllBytes(files(directory).getFirst());
    try (var log = open(directory, DEFAULTS, files)) {
      String next = log.append(Event.of("b"));
      assertTrue(read(log, first).covered());
      assertEquals(next, log.latest());
      assertTrue(Arrays.equals(abandoned, Files.readAllBytes(files(directory).getFirst())));
      assertEquals(2, files(directory).size());
    }
    var copy = Files.createDirectory(directory.resolve("copy"));
    FileEventLogTest.copy(directory, copy);
    Files.write(files(copy).getLast(), new byte[10]); // its header is damaged
    for (int i = 0; i < 3; i++) {
      try (var log = open(copy)) {
        if (i == 2) {
          log.append(Event.of("c"));
        }
      }
    }
    assertTrue(Arrays.equals(abandoned, Files.readAllBytes(files(copy).getFirst())));
    assertEquals(2, files(copy).size());
    try (var log = open(directory, DEFAULTS, files)) {
      log.append(Event.of("c"));
      assertEquals(2, files(directory).size());
      assertEquals(4, all(log).size(), "with the one that is found in the abandoned file");
    }
  }
}
