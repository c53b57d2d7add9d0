package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.EventLog.Reading;
import dev.tidings.contract.EventLogContract;
import dev.tidings.contract.SharedLogContract;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log in files: restarts, bounds, one writer, closing; on a clock that the tests set. */
class FileEventLogTest implements EventLogContract, SharedLogContract {
  private static final FileLogSettings DEFAULTS = FileLogSettings.defaults();

  @TempDir Path directory;
  private final List<FileEventLog> open = new ArrayList<>();
  private long now = Duration.ofDays(20_000).toMillis(); // of the wall clock
  private long elapsed = Long.MAX_VALUE - 1_000_000; // nanoseconds, which may wrap
  private final InstantSource clock = () -> Instant.ofEpochMilli(now);

  @AfterEach
  void closeAll() {
    open.forEach(FileEventLog::close);
  }

  @Override
  public EventLog emptyLog() throws Exception {
    return opened(EventLog.inFile(Files.createTempDirectory(directory, "log")));
  }

  @Override
  public List<EventLog> twoOfOneStore() throws Exception {
    var log = emptyLog();
    return List.of(log, log);
  }

  private FileEventLog opened(FileEventLog log) {
    open.add(log);
    return log;
  }

  private FileEventLog log(FileLogSettings settings) {
    return log(directory, settings);
  }

  private FileEventLog log(Path directory, FileLogSettings settings) {
    return opened(SegmentedLog.open(directory, settings, clock, () -> elapsed, LogFile::open));
  }

  private FileEventLog reopen(FileEventLog log, FileLogSettings settings) {
    log.close();
    return log(settings);
  }

  private static List<String> append(EventLog log, int count) {
    var ids = new ArrayList<String>();
    for (int i = 0; i < count; i++) {
      ids.add(log.append(Event.of("event " + i)));
    }
    return ids;
  }

  private static Reading read(EventLog log, String after) throws InterruptedException {
    return log.read(after, 1000, Duration.ZERO);
  }

  private static List<String> ids(Reading reading) {
    return reading.events().stream().map(event -> event.id().orElseThrow()).toList();
  }

  // Restarts.

  @Test
  void afterARestartEverythingIsThereUnderTheSameIds() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    var ids = append(log, 300);
    var before = read(log, start);
    log = reopen(log, DEFAULTS);
    assertEquals(before, read(log, start));
    assertEquals(ids.getLast(), log.latest());
    assertEquals(start, read(log, "").from());
    assertEquals(start, log.beforeLast(300));
    assertEquals(ids.get(289), log.beforeLast(10));
    assertEquals(start, log.since(Instant.ofEpochMilli(now)));
    assertEquals(Reading.covered(ids.getLast(), List.of()), read(log, ids.getLast()));
    for (int i = 0; i < 300; i++) {
      assertEquals(before.events().subList(i + 1, 300), read(log, ids.get(i)).events());
    }
    var more = append(log, 5);
    assertEquals(more, ids(read(log, ids.getLast())));
    assertEquals(ids.getLast(), log.beforeLast(5));
    assertEquals(305, new HashSet<>(ids(read(log, start))).size());
    log = reopen(log, DEFAULTS);
    assertEquals(more.getLast(), log.latest());
    assertEquals(more.get(1), log.beforeLast(3));
    assertEquals(305, read(log, start).events().size());
  }

  @Test
  void anEmptyLogIsTheSameAfterARestart() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    for (int i = 0; i < 3; i++) {
      log = reopen(log, DEFAULTS);
      assertEquals(start, log.latest());
      assertEquals(Reading.covered(start, List.of()), read(log, start));
    }
    var ids = append(log, 2);
    log = reopen(log, DEFAULTS);
    assertEquals(ids, ids(read(log, start)));
  }

  @Test
  void everyTextComesBackFromAFileAsItWasAppended() throws Exception {
    var hostile = new HostileEvents(7);
    var events = new ArrayList<Event>();
    for (int i = 0; i < 3_000; i++) {
      events.add(hostile.next());
    }
    events.add(Event.empty());
    events.add(Event.of("\uD83D \uDE00\uD83D lone \uD83D\uDE00").withRetry(Duration.ofSeconds(1, 999_999_999)));
    var log = log(DEFAULTS);
    String start = log.latest();
    var ids = log.appendAll(events);
    log = reopen(log, DEFAULTS);
    String at = start;
    for (int i = 0; i < events.size(); ) {
      for (Event event : read(log, at).events()) {
        assertEquals(events.get(i).withId(ids.get(i)), event);
        at = ids.get(i);
        i++;
      }
    }
  }

  @Test
  void aCompletionSurvivesARestart() throws Exception {
    var log = log(DEFAULTS);
    String start = log.latest();
    String last = log.append(Event.of("last"));
    Channel.create(log).complete();
    for (int i = 0; i < 2; i++) {
      log = reopen(log, DEFAULTS);
      var closed = log;
      assertEquals(last, log.latest());
      assertThrows(NotAppendedException.class, () -> closed.append(Event.of("late")));
      Channel.create(log).complete();
      assertEquals(2, read(log, start).events().size());
    }
  }

  /** The clock with which the id was made was ahead. */
  @Test
  void aCompletionReachesAClientWithAnIdThatIsNotKnown() throws Exception {
    var log = log(DEFAULTS);
    append(log, 3);
    Channel.create(log).complete();
    for (int i = 0; i < 2; i++) {
      String word = log.latest().substring(log.latest().indexOf('.'));
      for (String id : List.of("999.zzzzzzzzz0000", "999" + word)) {
        assertTrue(read(log, id).events().stream().anyMatch(EventLog::isCompletion), id + " " + read(log, id));
      }
      log = reopen(log, DEFAULTS);
    }
  }

  @Test
  void aFileCanBeCreatedInTheWorkingDirectory() throws Exception {
    var file = Path.of("FileEventLogTest.events");
    try {
      LogFile.open(file).close();
      assertTrue(Files.exists(file));
    } finally {
      Files.deleteIfExists(file);
    }
  }

  @Test
  void keysSurviveARestartAsLongAsTheirEvents() throws Exception {
    var settings = DEFAULTS.withEvents(3);
    var log = log(settings);
    String first = log.append(Event.of("paid"), "order 17 \u20ac");
    log = reopen(log, settings);
    assertEquals(first, log.append(Event.of("paid"), "order 17 \u20ac"));
    String second = log.append(Event.of("paid"), "order 18");
    assertEquals(first, log.append(Event.of("paid"), "order 17 \u20ac"));
    append(log, 2);
    assertEquals(second, log.append(Event.of("paid"), "order 18"));
    String again = log.append(Event.of("paid"), "order 17 \u20ac");
    assertFalse(first.equals(again));
    log = reopen(log, settings);
    assertEquals(again, log.append(Event.of("paid"), "order 17 \u20ac"));
    assertEquals(again, log.latest());
  }

  /** An older copy of the directory knows neither the events nor the epochs after it. */
  @Test
  void aRestoredBackupRepeatsNoIdAndTellsReadersOfLostEvents() throws Exception {
    var log = log(DEFAULTS);
    var kept = append(log, 5);
    log.close();
    var backup = Files.createDirectory(directory.resolve("backup"));
    copy(directory, backup);
    log = log(DEFAULTS);
    var lost = append(log, 3);
    log = log(backup, DEFAULTS);
    var before = read(log, lost.getLast());
    assertFalse(before.covered());
    assertEquals(kept.getLast(), before.from());
    assertEquals(List.of(), before.events());
    var restored = append(log, 3);
    assertEquals(List.of(), restored.stream().filter(lost::contains).toList());
    assertEquals(restored, ids(read(log, kept.getLast())));
    var reading = read(log, lost.getLast());
    assertFalse(reading.covered());
    assertEquals(kept.getLast(), reading.from(), "where the epoch ended of which the lost one was the next");
    assertEquals(restored, ids(reading));
    assertEquals(OptionalLong.empty(), reading.missed());
    append(log, 3);
    assertEquals(kept.getLast(), read(log, lost.getLast()).from());
  }

  static void copy(Path from, Path to) throws Exception {
    try (var files = Files.list(from)) {
      for (Path file : files.filter(file -> file.toString().endsWith(".events")).toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void idsOfThePresentEpochThatWereNeverAssignedAreNotCovered() throws Exception {
    var log = log(DEFAULTS.withEvents(5));
    String start = log.latest();
    String word = start.substring(1);
    append(log, 10);
    for (String id : List.of("11" + word, "9223372036854775807" + word, "9223372036854775808" + word, "-1" + word, "05" + word,
        "+5" + word, "5" + word + "x", "5" + word.toUpperCase(), word, "5" + word.substring(0, 8), "5.abcdefgh", "\u0665" + word)) {
      var reading = read(log, id);
      assertFalse(reading.covered(), id);
      assertEquals(OptionalLong.empty(), reading.missed(), id);
      assertEquals("5" + word, reading.from());
    }
    assertEquals(OptionalLong.of(2), read(log, "3" + word).missed());
    log = reopen(log, DEFAULTS.withEvents(5));
    String other = log.append(Event.of("x")).replaceAll("^11", "");
    for (String id : List.of("10" + other, "5" + other, "0" + other, "12" + other)) {
      assertFalse(EventLogContract.covers(log, id), id);
      assertEquals(OptionalLong.empty(), read(log, id).missed(), id);
    }
    assertEquals(Reading.gap("10" + word, read(log, "10" + word).events(), OptionalLong.of(0)), read(log, "11" + word), "as if it had been lost");
    assertEquals(OptionalLong.of(3), read(log, "3" + word).missed());
  }

  // Bounds.

  @Test
  void countIsExactWithinAndOverRestarts() throws Exception {
    var settings = DEFAULTS.withEvents(5);
    var log = log(settings);
    String start = log.latest();
    var ids = append(log, 5);
    assertEquals(ids, ids(read(log, start)));
    ids.addAll(append(log, 1));
    for (int i = 0; i < 2; i++) {
      assertEquals(Reading.gap(ids.getFirst(), read(log, ids.getFirst()).events(), OptionalLong.of(1)), read(log, start));
      assertTrue(EventLogContract.covers(log, ids.getFirst()));
      assertEquals(ids.subList(1, 6), ids(read(log, start)));
      assertEquals(ids.getFirst(), log.beforeLast(100));
      log = reopen(log, settings);
    }
    ids.addAll(append(log, 3_000));
    assertEquals(OptionalLong.of(3_001), read(log, start).missed());
    assertEquals(OptionalLong.of(2), read(log, ids.get(2_998)).missed());
    assertEquals(ids.subList(3_001, 3_006), ids(read(log, start)));
    assertTrue(files() <= 3, files() + " files: the others were deleted");
    log = reopen(log, DEFAULTS.withEvents(2));
    assertEquals(ids.subList(3_004, 3_006), ids(read(log, start)));
    assertEquals(OptionalLong.of(3_004), read(log, start).missed());
  }

  private long files() throws Exception {
    try (var files = Files.list(directory)) {
      return files.filter(file -> file.toString().endsWith(".events")).count();
    }
  }

  private long size() throws Exception {
    try (var files = Files.list(directory)) {
      return files.mapToLong(file -> file.toFile().length()).sum();
    }
  }

  @Test
  void bytesAreExactAsTheyAreStored() throws Exception {
    long size = 24 + 1 + 4 + "event 0".length();
    var settings = DEFAULTS.withBytes(3 * size);
    var log = log(settings);
    String start = log.latest();
    append(log, 3);
    assertEquals(3, read(log, start).events().size());
    append(log, 1);
    assertEquals(3, read(log, start).events().size());
    log = reopen(log, settings);
    assertEquals(3, read(log, start).events().size());
    settings = settings.withBytes(3 * size + StoredEvent.EPOCH_SIZE);
    log = reopen(log, settings);
    append(log, 1); // with the entry of its epoch
    assertEquals(3, read(log, start).events().size());
    log.append(Event.of("event 01")); // one byte more
    assertEquals(2, read(log, start).events().size());
    log = reopen(log, settings);
    assertEquals(2, read(log, start).events().size());
    String before = log.latest();
    log.append(Event.of("x".repeat(1000)));
    assertEquals(1, read(log, start).events().size(), "the newest event is held whatever its size");
    log = reopen(log, settings);
    assertTrue(EventLogContract.covers(log, before));
  }

  @Test
  void filesTakeAtMostAQuarterMoreThanTheLimit() throws Exception {
    var settings = DEFAULTS.withBytes(1024 * 1024).withForceWithin(ChronoUnit.FOREVER.getDuration());
    var log = log(settings);
    String start = log.latest();
    var event = Event.of("x".repeat(1000));
    for (int i = 0; i < 5_000; i++) {
      log.append(event);
      assertTrue(i % 100 > 0 || size() <= 1024 * 1024 * 5 / 4 + 100, size() + " bytes");
    }
    assertEquals(5_000 - 1024 * 1024 / (24 + 1 + 4 + 1000), read(log, start).missed().getAsLong());
  }

  @Test
  void ageIsExactAndContinuesOverARestart() throws Exception {
    var settings = DEFAULTS.withAge(Duration.ofSeconds(10));
    var log = log(settings);
    String start = log.latest();
    String first = log.append(Event.of("a"));
    pass(4000);
    String second = log.append(Event.of("b"));
    pass(3000);
    log.close();
    now += 3000;
    log = log(settings);
    assertTrue(EventLogContract.covers(log, start), "exactly at the age limit");
    pass(1);
    assertFalse(EventLogContract.covers(log, start));
    assertEquals(OptionalLong.of(1), read(log, start).missed());
    assertTrue(EventLogContract.covers(log, first));
    pass(4000);
    assertEquals(Reading.gap(second, List.of(), OptionalLong.of(2)), read(log, start));
    assertEquals(second, log.latest());
    for (int i = 0; i < 2; i++) {
      log = reopen(log, settings);
      assertEquals(second, log.latest(), "also if nothing is held");
      assertEquals(Reading.covered(second, List.of()), read(log, second));
      assertEquals(OptionalLong.of(2), read(log, start).missed());
    }
    String third = log.append(Event.of("c"));
    assertEquals(List.of(third), ids(read(log, second)));
    assertEquals(1, files(), "a file without events that are held is deleted");
  }

  @Test
  void aCompletionAndAKeyThatAreTooOldAreForgottenByTheNextAppend() {
    var log = log(DEFAULTS.withAge(Duration.ofSeconds(10)));
    String id = log.append(Event.of("paid"), "order 17");
    pass(10_001);
    assertFalse(id.equals(log.append(Event.of("paid"), "order 17")));
    Channel.create(log).complete();
    assertThrows(NotAppendedException.class, () -> log.append(Event.of("late")));
    pass(10_001);
    log.append(Event.of("no longer late"));
  }

  private void pass(long millis) {
    now += millis;
    elapsed += millis * 1_000_000;
  }

  @Test
  void aClockThatIsSetDropsNothingAndKeepsNothingWithoutLimit() throws Exception {
    var settings = DEFAULTS.withAge(Duration.ofSeconds(10));
    for (long jump : new long[] {Duration.ofDays(400).toMillis(), -Duration.ofDays(400).toMillis()}) {
      var log = log(Files.createTempDirectory(directory, "jump"), settings);
      String start = log.latest();
      log.append(Event.of("before"));
      now += jump;
      assertTrue(EventLogContract.covers(log, start));
      log.append(Event.of("after"));
      assertEquals(2, read(log, start).events().size());
      pass(10_001);
      assertEquals(0, read(log, start).events().size());
    }
    var log = log(settings);
    String start = log.latest();
    log.append(Event.of("before"));
    log.close();
    now -= Duration.ofDays(400).toMillis();
    log = log(settings);
    assertTrue(EventLogContract.covers(log, start));
    pass(10_001);
    assertFalse(EventLogContract.covers(log, start), "also if the clock was set back while the log was closed");
  }

  @Test
  void eventsArePlacedByTheTimesOfTheWallClock() throws Exception {
    var log = log(DEFAULTS);
    var start = log.latest();
    var ids = new ArrayList<String>();
    var times = new ArrayList<Instant>();
    for (int i = 0; i < 20; i++) {
      times.add(clock.instant());
      ids.add(log.append(Event.of("x")));
      pass(1000);
    }
    for (int round = 0; round < 2; round++) {
      assertEquals(start, log.since(times.get(0)));
      for (int i = 1; i < 20; i++) {
        assertEquals(ids.get(i - 1), log.since(times.get(i)));
        assertEquals(ids.get(i), log.since(times.get(i).plusMillis(1)));
      }
      log = reopen(log, DEFAULTS);
    }
  }

  @Test
  void aTenthIsOfTheLimits() {
    var log = (BoundedLog) log(DEFAULTS.withEvents(1000).withAge(Duration.ofSeconds(10)));
    assertFalse(log.isTenth(99, 999_999_999));
    assertTrue(log.isTenth(100, 0));
    assertTrue(log.isTenth(0, 1_000_000_000));
  }

  @Test
  void settingsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> DEFAULTS.withEvents(0));
    assertThrows(IllegalArgumentException.class, () -> DEFAULTS.withBytes(0));
    assertThrows(IllegalArgumentException.class, () -> DEFAULTS.withAge(Duration.ZERO));
    assertThrows(IllegalArgumentException.class, () -> DEFAULTS.withForceWithin(Duration.ofNanos(-1)));
    var most = DEFAULTS.withEvents(Integer.MAX_VALUE).withBytes(Long.MAX_VALUE).withAge(ChronoUnit.FOREVER.getDuration());
    String id = log(most).append(Event.of("x"));
    closeAll();
    assertEquals(id, log(most).latest());
  }

  /** Old events are read from several files, recent ones from memory; neither leaves a hole. */
  @Test
  void aReaderThatIsOvertakenWhileItReadsIsToldOfIt() throws Exception {
    var log = log(DEFAULTS.withEvents(3_000).withForceWithin(ChronoUnit.FOREVER.getDuration()));
    var at = log.latest();
    var data = "x".repeat(1000);
    var writer = Thread.ofPlatform().start(() -> {
      for (int i = 0; i < 30_000; i++) {
        log.append(Event.of(data));
      }
    });
    int gaps = 0;
    long seen = 0;
    while (writer.isAlive() || !at.equals(log.latest())) {
      var reading = log.read(at, 100, Duration.ZERO);
      gaps += reading.covered() ? 0 : 1;
      long missed = number(reading.from()) - number(at);
      assertEquals(reading.covered() ? 0 : missed, reading.missed().orElse(0));
      at = reading.from();
      for (Event event : reading.events()) {
        String id = event.id().orElseThrow();
        assertEquals(number(at) + 1, number(id), reading::toString);
        at = id;
        seen++;
      }
      if (seen % 2_000 < 100 && writer.isAlive()) {
        var late = log.beforeLast(3_000); // as a client that returns late
        at = late;
        if (gaps == 0) { // too late
          Await.until("an event to be dropped", () -> number(log.beforeLast(3_000)) > number(late) || !writer.isAlive());
        }
      }
    }
    Await.end(writer);
    assertTrue(gaps > 0 && seen > 0, gaps + " gaps");
  }

  private static long number(String id) {
    return Long.parseLong(id.substring(0, id.indexOf('.')));
  }

  // One writer, closing.

  @Test
  void aSecondLogOfADirectoryIsAnErrorThatSaysSo() throws Exception {
    var log = log(DEFAULTS);
    for (int i = 0; i < 2; i++) {
      var error = assertThrows(IllegalStateException.class, () -> EventLog.inFile(directory.resolve("..").resolve(directory.getFileName())));
      assertTrue(error.getMessage().contains(directory.getFileName() + " is open in this process; only one can write to a directory"), error.getMessage());
    }
    String id = log.append(Event.of("x"));
    log = reopen(log, DEFAULTS);
    assertEquals(id, log.latest());
    var file = Files.createFile(directory.resolve("file"));
    assertThrows(UncheckedIOException.class, () -> EventLog.inFile(file));
    assertThrows(UncheckedIOException.class, () -> EventLog.inFile(file.resolve("below")));
  }

  /** Such as two web applications. The failed attempt must not release the lock, as POSIX does with any descriptor. */
  @Test
  void soIsOneOfAnotherCopyOfTheLibraryInThisProcess() throws Exception {
    opened(EventLog.inFile(directory));
    try (var copy = new URLClassLoader(new URL[] {Path.of("target", "classes").toUri().toURL()}, null)) {
      var open = copy.loadClass(EventLog.class.getName()).getMethod("inFile", Path.class);
      for (int i = 0; i < 3; i++) { // with one file descriptor
        var error = assertThrows(InvocationTargetException.class, () -> open.invoke(null, directory)).getCause();
        assertTrue(String.valueOf(error.getMessage()).contains("is open in this process"), error.toString());
      }
      assertTrue(descriptors(directory.toRealPath().resolve("lock")) <= 2);
      try (var other = OwnJvm.start(
          """
          import java.nio.file.Path;

          class Program {
            public static void main(String[] args) {
              dev.tidings.EventLog.inFile(Path.of(args[0]));
            }
          }
          """,
          List.of(), directory.toString())) {
        other.lines().next(line -> line.contains("is open in process " + ProcessHandle.current().pid()));
      }
      closeAll();
      ((AutoCloseable) open.invoke(null, directory)).close();
    }
  }

  /** Returns how often this process has opened a file; zero on systems other than Linux. */
  private static long descriptors(Path file) throws Exception {
    var all = Path.of("/proc/self/fd");
    long count = 0;
    if (Files.isDirectory(all)) {
      try (var links = Files.list(all)) {
        for (Path link : links.toList()) {
          count += Files.exists(link) && Files.isSameFile(link, file) ? 1 : 0;
        }
      }
    }
    return count;
  }

  @Test
  void aLogInAnotherProcessIsAnErrorThatNamesTheProcess() throws Exception {
    try (var other = OwnJvm.start(
        """
        import dev.tidings.*;
        import java.nio.file.Path;

        class Program {
          public static void main(String[] args) throws Exception {
            try (var log = EventLog.inFile(Path.of(args[0]))) {
              System.out.println("id " + log.append(Event.of("x")));
              System.in.read();
            }
          }
        }
        """,
        List.of(), directory.toString())) {
      String id = other.lines().next(line -> line.startsWith("id ")).substring(3);
      for (int i = 0; i < 2; i++) {
        var error = assertThrows(IllegalStateException.class, () -> EventLog.inFile(directory));
        assertTrue(error.getMessage().contains("in process " + other.process().pid() + ";"), error.getMessage());
      }
      other.end();
      other.toEnd();
      assertEquals(id, opened(EventLog.inFile(directory)).latest());
    }
  }

  @Test
  void afterCloseReadersEndAndNothingIsAppended() throws Exception {
    var log = log(DEFAULTS);
    String id = log.append(Event.of("x"));
    var thrown = new LinkedBlockingQueue<Optional<String>>();
    var reader = Thread.ofVirtual().start(() -> {
      try {
        log.read(id, 1, Duration.ofDays(1));
        thrown.add(Optional.empty());
      } catch (UncheckedIOException e) {
        thrown.add(Optional.of(e.getCause().getMessage()));
      } catch (InterruptedException e) {
        thrown.add(Optional.empty());
      }
    });
    Await.until("it waits", () -> reader.getState() == Thread.State.TIMED_WAITING);
    log.close();
    log.close();
    String message = "the log in " + directory + " is closed";
    assertEquals(Optional.of(message), Await.next("the end of the read", thrown));
    assertEquals(message, assertThrows(NotAppendedException.class, () -> log.append(Event.of("y"))).getMessage());
    assertThrows(NotAppendedException.class, () -> log.append(Event.of("y"), "key"));
    assertThrows(NotAppendedException.class, () -> log.appendAll(List.of(Event.of("y"))));
    assertThrows(UncheckedIOException.class, () -> read(log, id));
    assertThrows(UncheckedIOException.class, log::latest);
    assertThrows(UncheckedIOException.class, () -> log.beforeLast(1));
    assertThrows(UncheckedIOException.class, () -> log.since(Instant.now()));
    assertEquals(id, log(DEFAULTS).latest());
  }

  /** Each append either returns an id, and its event is found later, or says that it was not appended. */
  @Test
  void aCloseWhileManyAppendLosesNothingThatWasAcknowledged() throws Exception {
    for (var time : List.of(Duration.ZERO, Duration.ofMillis(2), ChronoUnit.FOREVER.getDuration())) {
      var settings = DEFAULTS.withForceWithin(time);
      var folder = Files.createTempDirectory(directory, "many");
      var log = log(folder, settings);
      String start = log.latest();
      var ids = new LinkedBlockingQueue<String>();
      var threads = new ArrayList<Thread>();
      for (int i = 0; i < 16; i++) {
        threads.add(Thread.ofVirtual().start(() -> {
          try {
            while (true) {
              ids.add(log.append(Event.of("x")));
            }
          } catch (NotAppendedException e) {
            // it is closed
          }
        }));
      }
      Await.until("some are appended", () -> ids.size() > 200);
      log.close();
      for (var thread : threads) {
        Await.end(thread);
      }
      var again = log(folder, settings);
      var found = new HashSet<String>();
      for (String at = start; !at.equals(again.latest()); at = ids(read(again, at)).getLast()) {
        found.addAll(ids(read(again, at)));
      }
      assertEquals(found, new HashSet<>(ids));
    }
  }
}
