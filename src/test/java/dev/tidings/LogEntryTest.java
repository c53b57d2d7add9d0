package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Objects that many streams of a channel share. */
class LogEntryTest {

  private static Event event(String id) {
    return Event.of("data of " + id).withId(id);
  }

  private static String text(Frame frame) {
    return new String(frame.bytes(), UTF_8);
  }

  @Test
  void streamsAtOnePlaceShareTheirNextPlaceAndTheFrame() {
    for (boolean several : new boolean[] {false, true}) {
      var entry = new LogEntry(event("2"));
      var nowhere = several ? PositionsTest.ofSeveral(Set.of("a")) : Positions.ofOne();
      var one = nowhere.with("a", "1");
      var other = nowhere.with("a", "1");
      var step = entry.step(one, "a");
      assertSame(step, entry.step(one, "a"));
      assertTrue(((Frame.Message) step.frame()).kept(), "no overflow policy drops it");
      assertSame(step.frame(), entry.step(other, "a").frame());
      assertSame(step.to(), entry.step(other, "a").to(), "from now on they share one position");
      assertEquals("id: " + (several ? one.with("a", "2").id() : "2") + "\ndata: data of 2\n\n", text(step.frame()));
    }
  }

  @Test
  void inSeveralChannelsAnotherPlaceIsAnotherId() {
    var entry = new LogEntry(event("2"));
    var one = PositionsTest.ofSeveral(Set.of("a", "b")).with("a", "1").with("b", "1");
    var other = one.with("b", "0");
    assertEquals("id: " + one.with("a", "2").id() + "\ndata: data of 2\n\n", text(entry.step(one, "a").frame()));
    assertEquals("id: " + other.with("a", "2").id() + "\ndata: data of 2\n\n", text(entry.step(other, "a").frame()));
    assertNotEquals(one.with("a", "2").id(), other.with("a", "2").id());
  }

  @Test
  void aStreamOfThisChannelAloneAndOneOfSeveralGetEachItsKindOfId() {
    var entry = new LogEntry(event("2"));
    for (boolean several : new boolean[] {false, true, false}) {
      var at = (several ? PositionsTest.ofSeveral(Set.of("a")) : Positions.ofOne()).with("a", "1");
      var step = entry.step(at, "a");
      assertEquals("id: " + at.with("a", "2").id() + "\ndata: data of 2\n\n", text(step.frame()));
    }
  }

  @Test
  void aStreamIsNotIdleForAGapAndIsForAPosition() {
    assertTrue(new LogEntry.Gaps("gap", "").entry("1", EventLog.Reading.covered("2", List.of())).isMessage());
    assertFalse(LogEntry.position("2").isMessage());
  }

  @Test
  void aStreamOfSeveralChannelsGetsAllOfTheEvent() {
    var event =
        Event.of("name", "data").withId("2").withRetry(Duration.ofSeconds(3)).withComment("comment").withField("field", "x");
    var at = PositionsTest.ofSeveral(Set.of("a")).with("a", "1");
    var step = new LogEntry(event).step(at, "a");
    assertEquals(
        text(Frame.of(event)).replace("id: 2\n", "id: " + at.with("a", "2").id() + "\n").lines().sorted().toList(),
        text(step.frame()).lines().sorted().toList());
  }

  /** The data of a gap event contains the client's id, and a page parses the data. */
  @Test
  void aTextIsAStringOfJson() {
    assertEquals("\"\"", Quoted.json(""));
    assertEquals("\"a \\\"b\\\\c\"", Quoted.json("a \"b\\c"));
    assertEquals("\"\\u0000\\u000a\\u000d\\u001f\u007f\u2028\"", Quoted.json("\0\n\r\u001f\u007f\u2028"));
    assertEquals("\"\uD83C\uDF88\uD835\uDC00\"", Quoted.json("\uD83C\uDF88\uD835\uDC00"));
    assertEquals("\"\uDA36\uDC00\"", Quoted.json("\uDA36\uDC00")); // U+9D800
    assertEquals("\"\\udf88\\ud83c\"", Quoted.json("\uDF88\uD83C"));
  }

  @Test
  void replaysThatReadTheSameShareTheirEntriesWhileThereAreReplays() {
    var cache = new EntryCache();
    cache.enter();
    cache.enter();
    var entry = cache.entries(List.of(event("1"))).getFirst();
    cache.leave();
    assertSame(entry, cache.entries(List.of(event("1"))).getFirst());
    assertSame(entry.frame(), entry.frame());
    cache.leave();
    cache.enter();
    assertNotSame(entry, cache.entries(List.of(event("1"))).getFirst(), "nothing is kept without replays");
  }

  @Test
  void whatReplaysShareIsBounded() {
    var cache = new EntryCache();
    cache.enter();
    var first = cache.entries(List.of(event("first"))).getFirst();
    cache.entries(IntStream.range(0, 4095).mapToObj(i -> event("n" + i)).toList());
    assertSame(first, cache.entries(List.of(event("first"))).getFirst());
    cache.entries(List.of(event("one more")));
    assertNotSame(first, cache.entries(List.of(event("first"))).getFirst());
    var large = Event.of("x".repeat(3_000_000));
    var kept = cache.entries(List.of(large.withId("large"))).getFirst();
    cache.entries(List.of(large.withId("larger")));
    assertNotSame(kept, cache.entries(List.of(large.withId("large"))).getFirst());
    cache.leave();
    cache.enter();
    var again = cache.entries(List.of(large.withId("large"))).getFirst();
    assertSame(again, cache.entries(List.of(large.withId("large"))).getFirst(), "forgotten entries no longer count");
  }
}
