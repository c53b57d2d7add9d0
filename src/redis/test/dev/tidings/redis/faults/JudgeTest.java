package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.HeldLog.Epoch;
import dev.tidings.redis.faults.Publication.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The judge finds each violation. The log has 1 to 5 of epoch {@code a} and 6 to 10 of epoch {@code b}. */
final class JudgeTest {
  private final List<Publication> publications = new ArrayList<>();
  private final TreeMap<Long, String> payloads = new TreeMap<>();

  JudgeTest() {
    for (int i = 1; i <= 10; i++) {
      payloads.put((long) i, Publication.payload(0, i));
      publications.add(acked(i, id(i)));
    }
  }

  private static String id(int number) {
    return number + (number <= 5 ? ".a" : ".b");
  }

  private static Publication acked(int number, String id) {
    return new Publication(0, number, Outcome.ACKED, id, 0, 0);
  }

  private static Publication other(int number, Outcome outcome) {
    return new Publication(0, number, outcome, "", 0, 0);
  }

  private static Item position(String id) {
    return new Item.Position(id, 0);
  }

  private static Item event(int number) {
    return event(id(number), number);
  }

  private static Item event(String id, int number) {
    return new Item.Received(id, Publication.payload(0, number), 0);
  }

  private static Item gap(String after, String from, long missed) {
    return new Item.Gap(from, after, from, missed < 0 ? OptionalLong.empty() : OptionalLong.of(missed), 0);
  }

  private static List<Item> events(int first, int last) {
    var items = new ArrayList<Item>(List.of(position(id(first - 1))));
    for (int i = first; i <= last; i++) {
      items.add(event(i));
    }
    return items;
  }

  private static List<Item> items(List<Item> first, Item... more) {
    var items = new ArrayList<>(first);
    items.addAll(List.of(more));
    return items;
  }

  private HeldLog log() {
    return new HeldLog(payloads, List.of(new Epoch("b", 5), new Epoch("a", 0)), 10);
  }

  private Verdict judge(List<Item> items) {
    return Judge.judge(log(), publications, List.of(items));
  }

  private void dirty(int expected, int figure, Verdict verdict) {
    assertEquals(expected, figure, verdict::toString);
    assertFalse(verdict.isClean());
    assertFalse(verdict.violations.isEmpty());
  }

  @Test
  void allIsWell() {
    for (int first = 1; first <= 10; first++) {
      var verdict = judge(events(first, 10));
      assertTrue(verdict.isClean(), verdict::toString);
      assertEquals(10, verdict.acked);
      assertEquals(11 - first, verdict.received);
    }
  }

  @Test
  void aMissingEventIsLost() {
    var items = events(3, 10);
    items.remove(3);
    var verdict = judge(items);
    dirty(1, verdict.lost, verdict);
  }

  @Test
  void aMissingEndIsLost() {
    var verdict = judge(events(3, 8));
    dirty(2, verdict.lost, verdict);
  }

  @Test
  void aClientWithoutAnythingHasLost() {
    var verdict = judge(List.of());
    dirty(1, verdict.lost, verdict);
  }

  @Test
  void anEventTwiceIsDoubled() {
    var items = events(3, 10);
    items.add(5, items.get(4));
    var verdict = judge(items);
    dirty(1, verdict.doubled, verdict);
  }

  @Test
  void aPayloadTwiceIsDoubled() {
    var items = events(3, 10);
    items.set(4, event(id(6), 5));
    var verdict = judge(items);
    dirty(1, verdict.doubled, verdict);
    assertEquals(1, verdict.disordered); // the payload of 6 is another one
  }

  @Test
  void aPayloadThatIsInTheLogTwiceIsDoubled() {
    payloads.put(7L, Publication.payload(0, 6));
    publications.remove(6);
    var items = events(3, 10);
    items.set(5, event(id(7), 6));
    var verdict = judge(items);
    assertTrue(verdict.doubled >= 1, verdict::toString);
    assertFalse(verdict.isClean());
  }

  @Test
  void twoEventsInAnotherOrderAreDisordered() {
    var items = events(3, 10);
    items.add(4, items.remove(3));
    var verdict = judge(items);
    dirty(1, verdict.disordered, verdict);
  }

  @Test
  void anotherPayloadIsDisordered() {
    var items = events(3, 10);
    items.set(3, event(id(5), 77));
    var verdict = judge(items);
    dirty(1, verdict.disordered, verdict);
  }

  @Test
  void aGapInPlaceOfEventsIsClean() {
    payloads.headMap(4L).clear();
    var verdict = judge(items(List.of(position(id(1)), gap("1.a", "3.a", 2)), events(4, 10).subList(1, 8).toArray(Item[]::new)));
    assertTrue(verdict.isClean(), verdict::toString);
    assertEquals(3, verdict.dropped);
    assertEquals(1, verdict.told);
  }

  @Test
  void aGapWithAWrongNumberIsUntold() {
    payloads.headMap(4L).clear();
    for (int missed : new int[] {-1, 0, 1, 3}) {
      var verdict =
          judge(items(List.of(position(id(1)), gap("1.a", "3.a", missed)), events(4, 10).subList(1, 8).toArray(Item[]::new)));
      dirty(1, verdict.untold, verdict);
    }
  }

  @Test
  void aGapAfterAnotherPlaceIsUntold() {
    payloads.headMap(4L).clear();
    var verdict = judge(items(List.of(position(id(1)), gap("0.a", "3.a", 2)), events(4, 10).subList(1, 8).toArray(Item[]::new)));
    dirty(1, verdict.untold, verdict);
  }

  @Test
  void aGapWhereNothingIsMissingIsNeedless() {
    var held = judge(items(List.of(position(id(1)), gap("1.a", "3.a", 2)), events(4, 10).subList(1, 8).toArray(Item[]::new)));
    dirty(1, held.needless, held);
    var none = judge(items(events(1, 5), items(List.of(gap("5.a", "5.a", 0)), events(6, 10).subList(1, 6).toArray(Item[]::new)).toArray(Item[]::new)));
    dirty(1, none.needless, none);
  }

  @Test
  void aGapThatGoesBackIsDisordered() {
    var verdict = judge(items(events(1, 10), gap("10.b", "8.b", 0), event(9), event(10)));
    assertTrue(verdict.disordered > 0 && verdict.doubled == 2, verdict::toString);
  }

  @Test
  void lostEventsThatAreToldAreClean() {
    publications.add(5, acked(16, "6.a"));
    var items = items(events(4, 5), event("6.a", 16), gap("6.a", "5.a", 0));
    items.addAll(events(6, 10).subList(1, 6));
    var verdict = judge(items);
    assertTrue(verdict.isClean(), verdict::toString);
    assertEquals(1, verdict.phantoms);
    assertEquals(1, verdict.lostByEngine);
  }

  @Test
  void lostEventsThatAreNotToldAreUntold() {
    publications.add(5, acked(16, "6.a"));
    var items = items(events(4, 5), event("6.a", 16));
    items.add(event(7));
    items.addAll(events(8, 10).subList(1, 4));
    var verdict = judge(items);
    dirty(1, verdict.untold, verdict);
  }

  @Test
  void lostEventsThatComeAgainAreCountedApartIfTheyWereTold() {
    publications.add(5, acked(16, "6.a"));
    var items = items(events(4, 5), event("6.a", 16), gap("6.a", "5.a", 0), event("6.a", 16), gap("6.a", "5.a", 0));
    items.addAll(events(6, 10).subList(1, 6));
    var verdict = judge(items);
    assertTrue(verdict.isClean(), verdict::toString);
    assertEquals(1, verdict.stale);
    items.remove(4);
    var untold = judge(items);
    dirty(1, untold.disordered, untold);
  }

  @Test
  void lostEventsAtTheEndAreUntold() {
    publications.add(acked(16, "11.a"));
    var verdict = judge(items(events(4, 10), event("11.a", 16)));
    dirty(1, verdict.untold, verdict);
  }

  @Test
  void aPayloadThatIsAppendedAnewAfterALossIsCountedApart() {
    var items = items(events(4, 5), event("6.a", 6), gap("6.a", "5.a", 0));
    items.addAll(events(6, 10).subList(1, 6));
    var verdict = judge(items);
    assertTrue(verdict.isClean(), verdict::toString);
    assertEquals(1, verdict.again);
  }

  @Test
  void anUnknownEpochIsToldWithoutANumber() {
    publications.add(0, acked(99, "7.z"));
    var items = items(List.of(position("6.z"), event("7.z", 99), gap("7.z", "0.a", -1)));
    items.addAll(events(1, 10).subList(1, 11));
    var verdict = judge(items);
    assertTrue(verdict.isClean(), verdict::toString);
  }

  @Test
  void aFirstPositionMayBeAGapWithoutANumber() {
    var items = items(List.of(gap("", "3.a", -1)));
    items.addAll(events(4, 10).subList(1, 8));
    assertTrue(judge(items).isClean());
    items.set(0, gap("", "3.a", 3));
    var verdict = judge(items);
    dirty(1, verdict.untold, verdict);
  }

  @Test
  void aRefusedEventInTheLogIsAContradiction() {
    publications.set(4, other(5, Outcome.REFUSED));
    var verdict = judge(List.of(position(id(10))));
    dirty(1, verdict.contradicted, verdict);
  }

  @Test
  void aRefusedEventThatAClientReceivedIsAContradiction() {
    publications.add(other(16, Outcome.REFUSED));
    var items = items(events(4, 5), event("6.a", 16), gap("6.a", "5.a", 0));
    items.addAll(events(6, 10).subList(1, 6));
    var verdict = judge(items);
    dirty(1, verdict.contradicted, verdict);
  }

  @Test
  void anAcknowledgedIdThatIsAnotherEventIsAContradiction() {
    publications.add(acked(16, "6.b"));
    var verdict = judge(List.of(position(id(10))));
    dirty(1, verdict.contradicted, verdict);
  }

  @Test
  void anAcknowledgedEventWithAnotherIdIsAContradiction() {
    publications.set(5, acked(6, "6.a"));
    var verdict = judge(List.of(position(id(10))));
    dirty(1, verdict.contradicted, verdict);
  }

  @Test
  void aPayloadThatNobodySentIsAContradiction() {
    publications.remove(5);
    var verdict = judge(List.of(position(id(10))));
    dirty(1, verdict.contradicted, verdict);
  }

  @Test
  void anUnknownEventMayBeThereOrNot() {
    publications.set(5, other(6, Outcome.UNKNOWN));
    publications.add(other(16, Outcome.UNKNOWN));
    var verdict = judge(List.of(position(id(10))));
    assertTrue(verdict.isClean(), verdict::toString);
    assertEquals(2, verdict.unknown);
    assertEquals(1, verdict.unknownAppended);
  }

  @Test
  void acknowledgedEventsOfAPublisherInAnotherOrderAreDisordered() {
    var sixth = publications.remove(5);
    publications.add(6, sixth);
    var verdict = judge(List.of(position(id(10))));
    dirty(1, verdict.disordered, verdict);
  }

  @Test
  void theParserReadsAllFormsOfLines() {
    var seen = new ArrayList<String>();
    var sink = new EventParser.Sink() {
      @Override
      public void event(String lastEventId, String name, String data) {
        seen.add(lastEventId + "|" + name + "|" + data);
      }

      @Override
      public void comment() {
        seen.add("comment");
      }
    };
    String text = "\uFEFFid: 1\ndata: a\r\ndata:b\r\n\r\n:x\rid:2\r\rdata\n\nid: 3\0\nevent: e\ndata:  c\nid\n\ndata: cut";
    byte[] bytes = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    var parser = new EventParser("0", sink);
    for (int i = 0; i < bytes.length; i++) {
      parser.feed(bytes, i, i + 1);
    }
    assertEquals(List.of("1|message|a\nb", "comment", "2|message|", "|e| c"), seen);
  }
}
