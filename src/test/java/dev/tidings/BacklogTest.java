package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Outbox.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The bounds, and the four choices at their edges. */
class BacklogTest {

  private static Backlog backlog(Overflow overflow, int events, long bytes) {
    return new Backlog(Settings.defaults().overflow(overflow).queueEvents(events).queueBytes(bytes));
  }

  private static Frame frame(String text) {
    return new Frame(text.getBytes(UTF_8), text.charAt(0) == '-' ? null : text.charAt(0), null);
  }

  private static List<String> taken(Backlog backlog) {
    var batch = new ArrayList<Frame>();
    backlog.take(batch, Integer.MAX_VALUE);
    return batch.stream().map(frame -> new String(frame.bytes(), UTF_8)).toList();
  }

  @Test
  void whatWaitsIsBoundedAndABatchBeingWrittenIsNot() {
    var backlog = backlog(Overflow.disconnect(), 1, 1000);
    assertTrue(backlog.isIdle());
    assertEquals(Answer.TAKEN, backlog.add(frame("a1")));
    assertEquals(Answer.TAKEN, backlog.add(frame("a2")));
    assertEquals(Answer.OVERFLOW, backlog.add(frame("a3")));
    var batch = new ArrayList<Frame>();
    backlog.take(batch, Integer.MAX_VALUE);
    assertFalse(backlog.isIdle());
    assertEquals(Answer.TAKEN, backlog.add(frame("a3")));
    assertEquals(3, backlog.unwritten());
    backlog.release();
    assertEquals(1, backlog.unwritten());
  }

  @Test
  void bytesAreBoundedBehindTheFirstEventWhateverItsSize() {
    for (String first : List.of("a2", "a23456789")) {
      var backlog = backlog(Overflow.disconnect(), 100, 4);
      assertEquals(Answer.TAKEN, backlog.add(frame(first)));
      assertEquals(Answer.TAKEN, backlog.add(frame("b2")));
      assertEquals(Answer.TAKEN, backlog.add(frame("c2")));
      assertEquals(Answer.OVERFLOW, backlog.add(frame("d")));
      assertEquals(List.of(first, "b2", "c2"), taken(backlog));
    }
  }

  @Test
  void whenTheFirstEventLeavesTheNextOneCountsForNothing() {
    var backlog = backlog(Overflow.disconnect(), 100, 4);
    backlog.addMark(Frame.mark(new CompletableFuture<>()));
    backlog.add(frame("a23456789"));
    backlog.addMark(Frame.mark(new CompletableFuture<>()));
    backlog.add(frame("b234"));
    assertEquals(Answer.OVERFLOW, backlog.add(frame("c234")));
    backlog.take(new ArrayList<>(), 9);
    assertEquals(Answer.TAKEN, backlog.add(frame("c234")));
    assertEquals(Answer.OVERFLOW, backlog.add(frame("d")));
  }

  /** The equals of a key is the application's. */
  @Test
  void aKeyThatThrowsChangesNothing() {
    record Key(String text) {
      @Override
      public boolean equals(Object other) {
        if (text.equals("bad")) {
          throw new IllegalStateException("equals");
        }
        return other instanceof Key key && key.text.equals(text);
      }

      @Override
      public int hashCode() {
        return text.hashCode();
      }
    }
    var backlog = backlog(Overflow.keepLatest(event -> "unused here"), 1, 1000);
    for (String key : List.of("a", "b")) {
      backlog.add(new Frame(key.getBytes(UTF_8), new Key(key), null));
    }
    var bad = new Frame("bad".getBytes(UTF_8), new Key("bad"), null);
    assertThrows(IllegalStateException.class, () -> backlog.add(bad));
    assertEquals(2, backlog.unwritten());
    assertEquals(Answer.TAKEN, backlog.add(new Frame("a2".getBytes(UTF_8), new Key("a"), null)));
    assertEquals(1, backlog.dropped());
    assertEquals(List.of("b", "a2"), taken(backlog));
    assertTrue(backlog.isEmpty());
  }

  @Test
  void dropNewestKeepsWhatWaits() {
    var backlog = backlog(Overflow.dropNewest(), 1, 1000);
    backlog.add(frame("a1"));
    backlog.add(frame("b2"));
    assertEquals(Answer.DROPPED, backlog.add(frame("c3")));
    assertEquals(1, backlog.dropped());
    assertEquals(List.of("a1", "b2"), taken(backlog));
  }

  @Test
  void dropOldestMakesRoomForAsManyBytesAsNeeded() {
    var backlog = backlog(Overflow.dropOldest(), 10, 6);
    backlog.add(frame("a1"));
    backlog.add(frame("b2"));
    backlog.add(frame("c3"));
    backlog.add(frame("d4"));
    assertEquals(Answer.TAKEN, backlog.add(frame("e234")));
    assertEquals(2, backlog.dropped());
    assertEquals(List.of("c3", "d4", "e234"), taken(backlog));
  }

  @Test
  void theLatestIsKeptWhileAnotherIsBeingWritten() {
    for (var overflow : List.of(Overflow.dropOldest(), Overflow.keepLatest(event -> "unused here"))) {
      var backlog = backlog(overflow, 1, 1000);
      backlog.add(frame("a1"));
      taken(backlog);
      assertEquals(Answer.TAKEN, backlog.add(frame("a2")));
      assertEquals(Answer.TAKEN, backlog.add(frame("a3")));
      assertEquals(Answer.TAKEN, backlog.add(frame("a4")));
      assertEquals(overflow instanceof Overflow.DropOldest ? List.of("a3", "a4") : List.of("a4"), taken(backlog));
      assertEquals(overflow instanceof Overflow.DropOldest ? 1 : 2, backlog.dropped());
    }
  }

  @Test
  void keepLatestDropsTheSameKeyFirstThenTheOldest() {
    var backlog = backlog(Overflow.keepLatest(event -> "unused here"), 2, 1000);
    backlog.add(frame("a1"));
    backlog.add(frame("b1"));
    backlog.add(frame("-x"));
    assertEquals(Answer.TAKEN, backlog.add(frame("b2")));
    assertEquals(Answer.TAKEN, backlog.add(frame("c1")));
    assertEquals(Answer.TAKEN, backlog.add(frame("-y")));
    assertEquals(List.of("b2", "c1", "-y"), taken(backlog));
    assertEquals(3, backlog.dropped());
  }

  @Test
  void keepLatestTakesTheKeyFromTheEvent() {
    var overflow = Overflow.keepLatest(event -> event.name().orElse(null));
    var settings = Settings.defaults().overflow(overflow);
    assertEquals("tick", Frame.of(Event.of("tick", "1"), settings).key());
    assertEquals(null, Frame.of(Event.of("1"), settings).key());
    assertThrows(NullPointerException.class, () -> Overflow.keepLatest(null));
  }

  @Test
  void marksHaveNoSizeAndNeverGiveWay() {
    var backlog = backlog(Overflow.dropOldest(), 1, 1000);
    backlog.add(frame("a1"));
    var mark = Frame.mark(new CompletableFuture<>());
    backlog.addMark(mark);
    backlog.add(frame("b2"));
    backlog.add(frame("c3"));
    assertEquals(2, backlog.unwritten());
    assertEquals(List.of("", "b2", "c3"), taken(backlog));
  }

  @Test
  void batchesHaveASizeButTakeAtLeastOne() {
    var backlog = backlog(Overflow.disconnect(), 100, 1000);
    for (String text : List.of("aaa", "bbb", "cccccccc", "d")) {
      backlog.add(frame(text));
    }
    var batch = new ArrayList<Frame>();
    backlog.take(batch, 6);
    assertEquals(2, batch.size());
    batch.clear();
    backlog.take(batch, 6);
    assertEquals(1, batch.size());
    assertFalse(backlog.isEmpty());
    batch.clear();
    backlog.take(batch, 6);
    assertTrue(backlog.isEmpty());
  }

  @Test
  void boundsOfZeroAreRefused() {
    for (var settings : List.<Runnable>of(
        () -> Settings.defaults().queueEvents(0), () -> Settings.defaults().queueBytes(0),
        () -> Settings.defaults().bodyLimit(-1), () -> Settings.defaults().heartbeat(java.time.Duration.ZERO),
        () -> Settings.defaults().writeDeadline(java.time.Duration.ofSeconds(-1)))) {
      var e = assertThrows(IllegalArgumentException.class, settings::run);
      assertTrue(e.getMessage().matches(".+ must be .+: .+"), e.getMessage());
    }
  }

  @Test
  void whatIsKeptGivesWayToNothingAndTheBoundHolds() {
    for (var overflow : List.of(Overflow.dropOldest(), Overflow.keepLatest(event -> 'a'))) {
      var backlog = backlog(overflow, 2, 1000);
      assertEquals(Answer.TAKEN, backlog.add(Frame.kept("a1".getBytes(UTF_8))));
      assertEquals(Answer.TAKEN, backlog.add(frame("a2")));
      assertEquals(Answer.TAKEN, backlog.add(Frame.kept("a3".getBytes(UTF_8))));
      assertEquals(Answer.TAKEN, backlog.add(frame("a4")));
      backlog.add(frame("a5"));
      assertEquals(2, backlog.dropped());
      assertEquals(List.of("a1", "a3", "a5"), taken(backlog));
      for (int i = 0; i < 3; i++) {
        assertEquals(Answer.TAKEN, backlog.add(Frame.kept("k".getBytes(UTF_8))));
      }
      assertEquals(Answer.DROPPED, backlog.add(frame("a6")));
      assertEquals(List.of("k", "k", "k"), taken(backlog));
    }
  }
}
