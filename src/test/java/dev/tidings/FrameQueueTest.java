package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The bounds, and the four overflow policies at their edges. */
class FrameQueueTest {

  private static FrameQueue queue(Overflow overflow, int events, long bytes) {
    return new FrameQueue(new FrameQueue.Bounds(events, bytes, overflow));
  }

  /** One whose head has gone out, with these that waited for it. */
  private static FrameQueue afterTheHead(Overflow overflow, int events, long bytes, String... waited) {
    var queue = queue(overflow, events, bytes);
    for (String text : waited) {
      queue.add(frame(text));
    }
    queue.free();
    return queue;
  }

  private static Frame frame(String text) {
    return new Frame.Message(text.getBytes(UTF_8), text.charAt(0) == '-' ? null : text.charAt(0), Frame.Kind.EVENT);
  }

  private static Frame kept(String text) {
    return new Frame.Message(text.getBytes(UTF_8), null, Frame.Kind.KEPT);
  }

  private static Object key(Frame frame) {
    return ((Frame.Message) frame).key();
  }

  private static List<String> taken(FrameQueue queue) {
    var batch = new ArrayList<Frame>();
    queue.take(batch, Integer.MAX_VALUE);
    return batch.stream().map(frame -> new String(frame.bytes(), UTF_8)).toList();
  }

  @Test
  void whatWaitsIsBoundedAndABatchBeingWrittenIsNot() {
    var queue = queue(Overflow.disconnect(), 1, 1000);
    assertTrue(queue.isIdle());
    assertEquals(Answer.TAKEN, queue.add(frame("a1")));
    assertEquals(Answer.TAKEN, queue.add(frame("a2")));
    assertEquals(Answer.OVERFLOW, queue.add(frame("a3")));
    var batch = new ArrayList<Frame>();
    queue.take(batch, Integer.MAX_VALUE);
    assertFalse(queue.isIdle());
    assertEquals(Answer.TAKEN, queue.add(frame("a3")));
    assertEquals(3, queue.unwritten());
    queue.release();
    assertEquals(1, queue.unwritten());
  }

  @Test
  void bytesAreBoundedBehindTheFirstEventWhateverItsSize() {
    for (String first : List.of("a2", "a23456789")) {
      var queue = queue(Overflow.disconnect(), 100, 4);
      assertEquals(Answer.TAKEN, queue.add(frame(first)));
      assertEquals(Answer.TAKEN, queue.add(frame("b2")));
      assertEquals(Answer.TAKEN, queue.add(frame("c2")));
      assertEquals(Answer.OVERFLOW, queue.add(frame("d")));
      assertEquals(List.of(first, "b2", "c2"), taken(queue));
    }
  }

  @Test
  void whenTheFirstEventLeavesTheNextOneCountsForNothing() {
    var queue = queue(Overflow.disconnect(), 100, 4);
    queue.addUncounted(new Frame.Mark(new CompletableFuture<>()));
    queue.add(frame("a23456789"));
    queue.addUncounted(new Frame.Mark(new CompletableFuture<>()));
    queue.add(frame("b234"));
    assertEquals(Answer.OVERFLOW, queue.add(frame("c234")));
    queue.take(new ArrayList<>(), 9);
    assertEquals(Answer.TAKEN, queue.add(frame("c234")));
    assertEquals(Answer.OVERFLOW, queue.add(frame("d")));
  }

  @Test
  void whatWaitedForTheHeadCountsForNothingUntilItLeaves() {
    var queue = afterTheHead(Overflow.disconnect(), 100, 6, "a2", "b2", "c2");
    assertEquals(Answer.TAKEN, queue.add(frame("d23")));
    queue.take(new ArrayList<>(), 2);
    assertEquals(Answer.OVERFLOW, queue.add(frame("e234")));
    assertEquals(Answer.TAKEN, queue.add(frame("e23")));
  }

  @Test
  void theFirstEventBehindWhatWaitedForTheHeadIsTakenWhateverItsSize() {
    var queue = afterTheHead(Overflow.disconnect(), 1, 6, "a2", "b2");
    assertEquals(Answer.TAKEN, queue.add(frame("c23456789")));
    assertEquals(Answer.OVERFLOW, queue.add(frame("d")));
  }

  @Test
  void whereEventsGiveWayTheBoundHoldsForWhatWaitedForTheHeadToo() {
    var queue = afterTheHead(Overflow.dropOldest(), 1, 1000, "a1", "b2");
    assertEquals(Answer.TAKEN, queue.add(frame("c3")));
    assertEquals(1, queue.dropped());
    assertEquals(List.of("b2", "c3"), taken(queue));
  }

  @Test
  void eventsAndPartingWordsAreCountedWhenTheyAreTakenAndMarksAreNot() {
    var queue = queue(Overflow.disconnect(), 10, 1000);
    queue.addUncounted(new Frame.Parting("p23".getBytes(UTF_8)));
    assertFalse(queue.isIdle());
    assertEquals(0, queue.unwritten());
    queue.addUncounted(new Frame.Mark(new CompletableFuture<>()));
    queue.add(frame("a1"));
    assertEquals(List.of("p23", "", "a1"), taken(queue));
    assertEquals(2, queue.taken());
    assertEquals(5, queue.takenBytes());
    queue.release();
    assertEquals(0, queue.taken());
    assertEquals(0, queue.takenBytes());
    assertTrue(queue.isIdle());
  }

  @Test
  void partingWordsNeverCountAgainstTheBounds() {
    for (Frame words : List.of(Frame.COMPLETION, Frame.parting(Event.of("x")), Frame.parting(frame("x")))) {
      var queue = queue(Overflow.disconnect(), 1, 1000);
      queue.addUncounted(words);
      assertEquals(1, taken(queue).size());
      queue.release();
      assertEquals(0, queue.unwritten());
    }
  }

  @Test
  void anEventOfAChannelIsKept() {
    var rest = Frame.of(Event.of("x"));
    for (Frame event : List.of(Frame.kept(Event.of("x")), Frame.kept("7", rest))) {
      var queue = queue(Overflow.dropOldest(), 1, 1000);
      queue.add(event);
      queue.add(event);
      assertEquals(Answer.DROPPED, queue.add(rest));
    }
  }

  @Test
  void whatIsForgottenWaitsNoMore() {
    var queue = queue(Overflow.disconnect(), 1, 1000);
    queue.add(frame("a1"));
    queue.add(frame("b2"));
    assertEquals(2, queue.clear().size());
    assertEquals(0, queue.unwritten());
    assertTrue(queue.isIdle());
  }

  /** The equals method of a key is application code. */
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
    var queue = queue(Overflow.keepLatest(event -> "unused here"), 1, 1000);
    for (String key : List.of("a", "b")) {
      queue.add(new Frame.Message(key.getBytes(UTF_8), new Key(key), Frame.Kind.EVENT));
    }
    var bad = new Frame.Message("bad".getBytes(UTF_8), new Key("bad"), Frame.Kind.EVENT);
    assertThrows(IllegalStateException.class, () -> queue.add(bad));
    assertEquals(2, queue.unwritten());
    assertEquals(Answer.TAKEN, queue.add(new Frame.Message("a2".getBytes(UTF_8), new Key("a"), Frame.Kind.EVENT)));
    assertEquals(1, queue.dropped());
    assertEquals(List.of("b", "a2"), taken(queue));
    assertTrue(queue.isEmpty());
  }

  @Test
  void dropNewestKeepsWhatWaits() {
    var queue = queue(Overflow.dropNewest(), 1, 1000);
    queue.add(frame("a1"));
    queue.add(frame("b2"));
    assertEquals(Answer.DROPPED, queue.add(frame("c3")));
    assertEquals(1, queue.dropped());
    assertEquals(List.of("a1", "b2"), taken(queue));
  }

  @Test
  void dropOldestMakesRoomForAsManyBytesAsNeeded() {
    var queue = queue(Overflow.dropOldest(), 10, 6);
    queue.add(frame("a1"));
    queue.add(frame("b2"));
    queue.add(frame("c3"));
    queue.add(frame("d4"));
    assertEquals(Answer.TAKEN, queue.add(frame("e234")));
    assertEquals(2, queue.dropped());
    assertEquals(List.of("c3", "d4", "e234"), taken(queue));
  }

  @Test
  void theLatestIsKeptWhileAnotherIsBeingWritten() {
    for (var overflow : List.of(Overflow.dropOldest(), Overflow.keepLatest(event -> "unused here"))) {
      var queue = queue(overflow, 1, 1000);
      queue.add(frame("a1"));
      taken(queue);
      assertEquals(Answer.TAKEN, queue.add(frame("a2")));
      assertEquals(Answer.TAKEN, queue.add(frame("a3")));
      assertEquals(Answer.TAKEN, queue.add(frame("a4")));
      assertEquals(overflow.choice() == Overflow.Choice.DROP_OLDEST ? List.of("a3", "a4") : List.of("a4"), taken(queue));
      assertEquals(overflow.choice() == Overflow.Choice.DROP_OLDEST ? 1 : 2, queue.dropped());
    }
  }

  @Test
  void keepLatestDropsTheSameKeyFirstThenTheOldest() {
    var queue = queue(Overflow.keepLatest(event -> "unused here"), 2, 1000);
    queue.add(frame("a1"));
    queue.add(frame("b1"));
    queue.add(frame("-x"));
    assertEquals(Answer.TAKEN, queue.add(frame("b2")));
    assertEquals(Answer.TAKEN, queue.add(frame("c1")));
    assertEquals(Answer.TAKEN, queue.add(frame("-y")));
    assertEquals(List.of("b2", "c1", "-y"), taken(queue));
    assertEquals(3, queue.dropped());
  }

  @Test
  void keepLatestTakesTheKeyFromTheEvent() {
    var overflow = Overflow.keepLatest(event -> event.name().orElse(null));
    assertEquals("tick", key(Frame.of(Event.of("tick", "1"), 100, overflow)));
    assertEquals(null, key(Frame.of(Event.of("1"), 100, overflow)));
    assertThrows(NullPointerException.class, () -> Overflow.keepLatest(null));
  }

  @Test
  void marksHaveNoSizeAndNeverGiveWay() {
    var queue = queue(Overflow.dropOldest(), 1, 1000);
    queue.add(frame("a1"));
    var mark = new Frame.Mark(new CompletableFuture<>());
    queue.addUncounted(mark);
    queue.add(frame("b2"));
    queue.add(frame("c3"));
    assertEquals(2, queue.unwritten());
    assertEquals(List.of("", "b2", "c3"), taken(queue));
  }

  @Test
  void batchesHaveASizeButTakeAtLeastOne() {
    var queue = queue(Overflow.disconnect(), 100, 1000);
    for (String text : List.of("aaa", "bbb", "cccccccc", "d")) {
      queue.add(frame(text));
    }
    var batch = new ArrayList<Frame>();
    queue.take(batch, 6);
    assertEquals(2, batch.size());
    batch.clear();
    queue.take(batch, 6);
    assertEquals(1, batch.size());
    assertFalse(queue.isEmpty());
    batch.clear();
    queue.take(batch, 6);
    assertTrue(queue.isEmpty());
  }

  @Test
  void boundsOfZeroAreRefused() {
    for (var settings : List.<Runnable>of(
        () -> Settings.defaults().withQueueEvents(0), () -> Settings.defaults().withQueueBytes(0),
        () -> Settings.defaults().withBodyLimit(-1), () -> Settings.defaults().withHeartbeat(java.time.Duration.ZERO),
        () -> Settings.defaults().withRecheckDeadline(java.time.Duration.ZERO),
        () -> Settings.defaults().withWriteDeadline(java.time.Duration.ofSeconds(-1)))) {
      var e = assertThrows(IllegalArgumentException.class, settings::run);
      assertTrue(e.getMessage().matches(".+ must be .+: .+"), e.getMessage());
    }
  }

  @Test
  void whatIsKeptGivesWayToNothingAndTheBoundHolds() {
    for (var overflow : List.of(Overflow.dropOldest(), Overflow.keepLatest(event -> 'a'))) {
      var queue = queue(overflow, 2, 1000);
      assertEquals(Answer.TAKEN, queue.add(kept("a1")));
      assertEquals(Answer.TAKEN, queue.add(frame("a2")));
      assertEquals(Answer.TAKEN, queue.add(kept("a3")));
      assertEquals(Answer.TAKEN, queue.add(frame("a4")));
      queue.add(frame("a5"));
      assertEquals(2, queue.dropped());
      assertEquals(List.of("a1", "a3", "a5"), taken(queue));
      for (int i = 0; i < 3; i++) {
        assertEquals(Answer.TAKEN, queue.add(kept("k")));
      }
      assertEquals(Answer.DROPPED, queue.add(frame("a6")));
      assertEquals(3, queue.dropped());
      assertEquals(List.of("k", "k", "k"), taken(queue));
    }
  }

  @Test
  void aPingIsNoEvent() {
    var queue = new FrameQueue(Settings.defaults().values().queue());
    assertFalse(queue.hasEvents());
    queue.add(Frame.COMMENT);
    queue.addUncounted(Frame.COMPLETION);
    assertFalse(queue.hasEvents());
    queue.add(Frame.of(Event.of("x")));
    assertTrue(queue.hasEvents());
  }
}
