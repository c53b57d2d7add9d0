package dev.tidings;

import static dev.tidings.LogEpochs.Match.FORGOTTEN;
import static dev.tidings.LogEpochs.Match.HELD;
import static dev.tidings.LogEpochs.Match.LOST;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.EventLog.Reading;
import dev.tidings.LogEpochs.Epoch;
import dev.tidings.LogEpochs.Position;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogEpochsTest {
  private static final Instant TIME = Instant.parse("2026-11-28T12:00:00Z");
  private static final InstantSource CLOCK = InstantSource.fixed(TIME);

  @Test
  void aPlaceHasTheWordOfTheEpochInWhichItsEventWasAppended() {
    var epochs = epochs(5, 5, 7);
    var words = epochs.all().stream().map(LogEpochs.Epoch::word).toList();
    assertEquals(4, new HashSet<>(words).size());
    assertTrue(words.stream().allMatch(word -> word.matches("[a-z0-9]{12}")), words::toString);
    var expected = List.of(0, 0, 0, 0, 0, 0, 2, 2, 3, 3); // by number
    for (int number = 0; number < 10; number++) {
      String id = epochs.id(number);
      assertEquals(number + "." + words.get(expected.get(number)), id);
      assertEquals(Optional.of(new Position(number, HELD)), epochs.find(id, 9));
    }
    assertEquals(0, epochs.oldest());
  }

  @Test
  void anIdAfterTheEndOfItsEpochIsLostExceptInTheOneThatIsOpen() {
    var epochs = epochs(5, 5, 7);
    var words = epochs.all().stream().map(LogEpochs.Epoch::word).toList();
    assertEquals(Optional.of(new Position(5, LOST)), epochs.find("6." + words.get(0), 9));
    assertEquals(Optional.of(new Position(5, LOST)), epochs.find("6." + words.get(1), 9));
    assertEquals(Optional.empty(), epochs.find("5." + words.get(1), 9), "never assigned");
    assertEquals(Optional.of(new Position(7, LOST)), epochs.find("99." + words.get(2), 9));
    assertEquals(Optional.empty(), epochs.find("10." + words.get(3), 9));
    assertEquals(Optional.of(new Position(9, LOST)), epochs.ended().find("10." + words.get(3), 9));
  }

  @Test
  void anEpochIsBornAfterTheOneBeforeItWhateverTheClockSays() {
    var births = epochs(5, 5, 7).next(9, later(-3600)).next(9, later(60)).all().stream().map(Epoch::birth).toList();
    long first = TIME.getEpochSecond();
    assertEquals(List.of(first, first + 1, first + 2, first + 3, first + 4, first + 60), births);
  }

  /** A reader of another copy of the log may have received all that is older than its epoch, and nothing that is younger. */
  @Test
  void anIdOfAnEpochThatIsNotKnownIsWhereTheFirstYoungerOneBegins() {
    var copy = epochs(10);
    var lost = copy.next(20, later(60));
    var log = copy.next(20, later(120)).next(40, later(180));
    assertEquals(Optional.of(new Position(20, FORGOTTEN)), log.find(lost.id(35), 50));
    assertEquals(Optional.of(new Position(20, FORGOTTEN)), log.ended().find(lost.id(35), 50));
    assertEquals(Optional.of(new Position(20, FORGOTTEN)), copy.ended().find(lost.id(35), 20), "its end, if there is none");
    assertEquals(Optional.of(new Position(50, FORGOTTEN)), log.find(copy.next(20, later(3600)).id(35), 50), "after a wrong clock");
    var sameSecond = copy.next(20, later(120));
    assertEquals(Optional.of(new Position(20, FORGOTTEN)), log.find(sameSecond.id(35), 50));
    var other = LogEpochs.first(later(-60));
    assertEquals(Optional.of(new Position(0, FORGOTTEN)), log.find(other.id(99), 50), "an older log");
    for (String id : List.of("0x." + "0".repeat(12), "7." + "0".repeat(11), "7." + "0".repeat(11) + "A", "07." + "0".repeat(12))) {
      assertEquals(Optional.empty(), log.find(id, 50), id);
    }
    assertEquals(Optional.of(new Position(0, FORGOTTEN)), log.find("7.000000000000", 50));
    assertEquals(Optional.of(new Position(50, FORGOTTEN)), log.find("7.zzzzzzzzzzzz", 50));
  }

  @Test
  void onlyTheLastThousandAreKept() {
    var all = new ArrayList<>(List.of(LogEpochs.first(CLOCK)));
    for (int i = 1; i < 1_500; i++) {
      all.add(all.getLast().next(10L * i, CLOCK));
    }
    var epochs = all.getLast();
    assertEquals(1_000, epochs.all().size());
    assertEquals(5_001, epochs.oldest(), "the place before it belongs to an epoch that is forgotten");
    assertEquals(all.get(500).id(5_001), epochs.id(5_001));
    assertEquals(Optional.of(new Position(5_000, FORGOTTEN)), epochs.find(all.get(499).id(5_000), 20_000));
    assertEquals(Optional.of(new Position(5_010, HELD)), epochs.find(all.get(500).id(5_010), 20_000));
  }

  /** Otherwise the log could not say their ids. */
  @Test
  void eventsOfEpochsThatAreForgottenAreDropped(@TempDir Path directory) throws Exception {
    var first = LogEpochs.first(CLOCK);
    var second = first.next(2, CLOCK);
    var last = second;
    while (last.all().getFirst().equals(first.all().getFirst())) {
      last = last.next(5, CLOCK);
    }
    write(directory.resolve("0000000001.events"), first, 1, 2);
    write(directory.resolve("0000000002.events"), second, 3, 5);
    write(directory.resolve("0000000003.events"), last, 6, 6);
    try (var log = EventLog.inFile(directory)) {
      assertEquals(second.id(3), log.beforeLast(Integer.MAX_VALUE));
      var reading = log.read(first.id(1), 10, Duration.ZERO);
      assertEquals(Reading.gap(second.id(3), reading.events(), OptionalLong.empty()), reading);
      assertEquals(
          List.of(second.id(4), second.id(5), last.id(6)), reading.events().stream().map(event -> event.id().orElseThrow()).toList());
    }
  }

  /** Epochs, of which the first begins with the log, and the others after these events. */
  private static LogEpochs epochs(long... after) {
    var epochs = LogEpochs.first(CLOCK);
    for (long number : after) {
      epochs = epochs.next(number, CLOCK);
    }
    return epochs;
  }

  private static InstantSource later(long seconds) {
    return InstantSource.fixed(TIME.plusSeconds(seconds));
  }

  private static void write(Path file, LogEpochs epochs, long from, long to) throws Exception {
    var out = ByteBuffer.allocate(100_000).put(Segment.header(epochs, from - 1));
    for (long number = from; number <= to; number++) {
      var event = new StoredEvent(Event.of("event " + number), Optional.empty());
      StoredEvent.put(out, number, System.currentTimeMillis(), event.encode());
    }
    Files.write(file, Arrays.copyOf(out.array(), out.position()));
  }
}
