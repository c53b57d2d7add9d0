package dev.tidings;

import static dev.tidings.LogEpochs.Match.FORGOTTEN;
import static dev.tidings.LogEpochs.Match.HELD;
import static dev.tidings.LogEpochs.Match.LOST;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.LogEpochs.Epoch;
import dev.tidings.LogEpochs.Position;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

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
    var births = epochs(5, 5, 7).next(9, 0, later(-3600)).next(9, 0, later(60)).all().stream().map(Epoch::birth).toList();
    long first = TIME.getEpochSecond();
    assertEquals(List.of(first, first + 1, first + 2, first + 3, first + 4, first + 60), births);
  }

  /** A reader of another copy of the log may have received all that is older than its epoch, and nothing that is younger. */
  @Test
  void anIdOfAnEpochThatIsNotKnownIsWhereTheFirstYoungerOneBegins() {
    var copy = epochs(10);
    var lost = copy.next(20, 0, later(60));
    var log = copy.next(20, 0, later(120)).next(40, 0, later(180));
    assertEquals(Optional.of(new Position(20, FORGOTTEN)), log.find(lost.id(35), 50));
    assertEquals(Optional.of(new Position(20, FORGOTTEN)), log.ended().find(lost.id(35), 50));
    assertEquals(Optional.of(new Position(20, FORGOTTEN)), copy.ended().find(lost.id(35), 20), "its end, if there is none");
    assertEquals(
        Optional.of(new Position(50, FORGOTTEN)), log.find(copy.next(20, 0, later(3600)).id(35), 50), "after a wrong clock");
    var sameSecond = copy.next(20, 0, later(120));
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
  void thoseThatAreNeededAreKeptAndAThousandInAnyCase() {
    var all = new ArrayList<>(List.of(LogEpochs.first(CLOCK)));
    for (int i = 1; i < 1_500; i++) {
      all.add(all.getLast().next(10L * i, 10L * i - 5, CLOCK));
    }
    var epochs = all.getLast();
    assertEquals(1_000, epochs.all().size());
    assertEquals(5_001, epochs.oldest(), "the place before it belongs to an epoch that is forgotten");
    assertEquals(all.get(500).id(5_001), epochs.id(5_001));
    assertEquals(Optional.of(new Position(5_000, FORGOTTEN)), epochs.find(all.get(499).id(5_000), 20_000));
    assertEquals(Optional.of(new Position(5_010, HELD)), epochs.find(all.get(500).id(5_010), 20_000));
    var more = epochs.next(15_000, 5_005, CLOCK);
    assertEquals(1_001, more.all().size(), "events of the first one are held");
    assertEquals(more, more.newest(10, 5_010));
    assertEquals(more.all().subList(1, 1_001), more.newest(10, 5_011).all());
    assertEquals(more.all().subList(991, 1_001), more.newest(10, 15_000).all());
  }

  @Test
  void ofMoreThanAHundredThousandTheOldestAreForgotten() {
    var all = new ArrayList<Epoch>();
    for (int i = 0; i < LogEpochs.MOST; i++) {
      all.add(new Epoch("%7s".formatted(Integer.toString(i, 36)).replace(' ', '0') + "abcde", i));
    }
    var full = new LogEpochs(all, false);
    var next = full.next(LogEpochs.MOST, 0, CLOCK);
    assertEquals(LogEpochs.MOST, next.all().size());
    assertEquals(all.subList(1, LogEpochs.MOST), next.all().subList(0, LogEpochs.MOST - 1));
    assertEquals(0, full.oldest());
    assertEquals(2, next.oldest());
  }

  @Test
  void anOlderFileAddsTheEpochsBeforeThoseOfTheNewerOne() {
    var whole = epochs(5, 5, 7, 9);
    var newer = whole.newest(2, 9);
    assertEquals(2, newer.all().size());
    assertEquals(whole.all(), newer.following(whole.ended()).all());
    assertEquals(newer, newer.following(newer));
    var abandoned = whole.newest(4, 0).next(7, 0, later(60));
    assertEquals(whole, whole.following(abandoned), "an epoch after which the newer file does not continue");
  }

  /** Epochs, of which the first begins with the log, and the others after these events. */
  private static LogEpochs epochs(long... after) {
    var epochs = LogEpochs.first(CLOCK);
    for (long number : after) {
      epochs = epochs.next(number, 0, CLOCK);
    }
    return epochs;
  }

  private static InstantSource later(long seconds) {
    return InstantSource.fixed(TIME.plusSeconds(seconds));
  }
}
