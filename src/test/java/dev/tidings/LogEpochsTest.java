package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.EventLog.Reading;
import dev.tidings.LogEpochs.Position;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogEpochsTest {

  @Test
  void aPlaceHasTheWordOfTheEpochInWhichItsEventWasAppended() {
    var epochs = LogEpochs.first().next(5).next(5).next(7);
    var words = epochs.all().stream().map(LogEpochs.Epoch::word).toList();
    assertEquals(4, new HashSet<>(words).size());
    assertTrue(words.stream().allMatch(word -> word.matches("[a-z0-9]{8}")), words::toString);
    var expected = List.of(0, 0, 0, 0, 0, 0, 2, 2, 3, 3); // by number
    for (int number = 0; number < 10; number++) {
      String id = epochs.id(number);
      assertEquals(number + "." + words.get(expected.get(number)), id);
      assertEquals(Optional.of(new Position(number, false)), epochs.find(id, 9));
    }
    assertEquals(0, epochs.oldest());
  }

  @Test
  void anIdAfterTheEndOfItsEpochIsLostExceptInTheOneThatIsOpen() {
    var epochs = LogEpochs.first().next(5).next(5).next(7);
    var words = epochs.all().stream().map(LogEpochs.Epoch::word).toList();
    assertEquals(Optional.of(new Position(5, true)), epochs.find("6." + words.get(0), 9));
    assertEquals(Optional.of(new Position(5, true)), epochs.find("6." + words.get(1), 9));
    assertEquals(Optional.empty(), epochs.find("5." + words.get(1), 9), "never assigned");
    assertEquals(Optional.of(new Position(7, true)), epochs.find("99." + words.get(2), 9));
    assertEquals(Optional.empty(), epochs.find("10." + words.get(3), 9));
    assertEquals(Optional.of(new Position(9, true)), epochs.ended().find("10." + words.get(3), 9));
  }

  @Test
  void onlyTheLastThousandAreKept() {
    var all = new ArrayList<>(List.of(LogEpochs.first()));
    for (int i = 1; i < 1_500; i++) {
      all.add(all.getLast().next(10L * i));
    }
    var epochs = all.getLast();
    assertEquals(1_000, epochs.all().size());
    assertEquals(5_001, epochs.oldest(), "the place before it belongs to an epoch that is forgotten");
    assertEquals(all.get(500).id(5_001), epochs.id(5_001));
    assertEquals(Optional.empty(), epochs.find(all.get(499).id(5_000), 20_000));
    assertEquals(Optional.of(new Position(5_010, false)), epochs.find(all.get(500).id(5_010), 20_000));
  }

  /** Otherwise the log could not say their ids. */
  @Test
  void eventsOfEpochsThatAreForgottenAreDropped(@TempDir Path directory) throws Exception {
    var first = LogEpochs.first();
    var second = first.next(2);
    var last = second;
    while (last.all().getFirst().equals(first.all().getFirst())) {
      last = last.next(5);
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

  private static void write(Path file, LogEpochs epochs, long from, long to) throws Exception {
    var out = ByteBuffer.allocate(100_000).put(Segment.header(epochs, from - 1));
    for (long number = from; number <= to; number++) {
      var event = new StoredEvent(Event.of("event " + number), Optional.empty());
      StoredEvent.put(out, number, System.currentTimeMillis(), event.encode());
    }
    Files.write(file, Arrays.copyOf(out.array(), out.position()));
  }
}
