package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.EventLog.Reading;
import dev.tidings.contract.EventLogContract;
import dev.tidings.contract.SharedLogContract;
import java.io.UncheckedIOException;
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
    return opened(SegmentedLog.open(directory, settings, clock, () -> elapsed, LogFile::create));
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
    String start = log.latest();
    var kept = append(log, 5);
    log.close();
    var backup = Files.createDirectory(directory.resolve("backup"));
    copy(directory, backup);
    log = log(DEFAULTS);
    var lost = append(log, 3);
    log = log(backup, DEFAULTS);
    var restored = append(log, 3);
    assertEquals(List.of(), restored.stream().filter(lost::contains).toList());
    assertEquals(restored, ids(read(log, kept.getLast())));
    var reading = read(log, lost.getLast());
    assertFalse(reading.covered());
    assertEquals(start, reading.from(), "the epoch of the lost events is unknown to the backup");
    assertEquals(8, reading.events().size());
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
}
