package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.EventLog.Reading;
import dev.tidings.LogAwayException;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;

/** What ids mean after Redis lost events, all of its data, or a part of it. */
final class EpochTest {

  private static List<String> append(EventLog log, String word, int count) {
    var ids = new ArrayList<String>();
    for (int i = 0; i < count; i++) {
      ids.add(log.append(Event.of(word + i)));
    }
    return ids;
  }

  private static Reading read(EventLog log, String after) throws InterruptedException {
    return log.read(after, 1000, Duration.ZERO);
  }

  private static List<String> ids(Reading reading) {
    return reading.events().stream().map(event -> event.id().orElseThrow()).toList();
  }

  private static String word(String id) {
    return id.substring(id.indexOf('.') + 1);
  }

  /** Waits on a thread of its own, and reads on after gaps. */
  private static LinkedBlockingQueue<Reading> follow(EventLog log, String from) {
    var readings = new LinkedBlockingQueue<Reading>();
    Thread.ofVirtual().start(() -> {
      String at = from;
      while (true) {
        try {
          var reading = log.read(at, 1000, Duration.ofSeconds(20));
          at = reading.events().isEmpty() ? reading.from() : reading.events().getLast().id().orElseThrow();
          if (!reading.covered() || !reading.events().isEmpty()) {
            readings.add(reading);
          }
        } catch (InterruptedException e) {
          return;
        } catch (RuntimeException e) {
          try {
            Thread.sleep(50);
          } catch (InterruptedException stop) {
            return;
          }
        }
      }
    });
    return readings;
  }

  private static Reading next(LinkedBlockingQueue<Reading> readings) throws InterruptedException {
    var reading = readings.poll(20, TimeUnit.SECONDS);
    assertTrue(reading != null, "timed out");
    return reading;
  }

  /** The four rows of the table: covered, too old, lost, unknown. */
  @Test
  void anIdIsCoveredOrTooOldOrLostOrUnknown() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var old = append(log, "a", 5);
      server.run("DEBUG", "CHANGE-REPL-ID");
      var young = append(log, "b", 5);
      assertNotEquals(word(old.getLast()), word(young.getFirst()));
      var all = new ArrayList<>(old);
      all.addAll(young);
      for (int i = 0; i < all.size(); i++) { // covered, also over the end of the epoch
        var reading = read(log, all.get(i));
        assertTrue(reading.covered());
        assertEquals(all.subList(i + 1, all.size()), ids(reading));
      }
      var lost = read(log, "7." + word(old.getFirst())); // such as before a failover that lost 6 and 7
      assertFalse(lost.covered());
      assertEquals(old.getLast(), lost.from());
      assertEquals(OptionalLong.of(0), lost.missed());
      assertEquals(young, ids(lost));
      var ahead = read(log, "12." + word(young.getFirst())); // nothing has been appended since the loss
      assertEquals(Reading.gap(young.getLast(), List.of(), OptionalLong.of(0)), ahead);
      for (String unknown : List.of("3.000000000000", "3." + word(old.getFirst()).substring(1), "0." + word(young.getFirst()), "5." + word(young.getFirst()), "")) {
        var reading = read(log, unknown);
        assertFalse(reading.covered(), unknown);
        assertTrue(reading.missed().isEmpty());
        assertEquals(10, reading.events().size());
      }
      server.run("XTRIM", "tidings:{news}:log", "MINID", "8");
      try (var other = RedisLogs.connect(server.url())) { // which has nothing in memory
        tooOld(other.log("news"), old, young);
      }
    }
  }

  private static void tooOld(EventLog log, List<String> old, List<String> young) throws InterruptedException {
    var tooOld = read(log, old.get(1));
    assertFalse(tooOld.covered());
    assertEquals(OptionalLong.of(5), tooOld.missed());
    assertEquals(young.get(1), tooOld.from());
    assertEquals(young.subList(2, 5), ids(tooOld));
    var lostAndTooOld = read(log, "7." + word(old.getFirst()));
    assertEquals(OptionalLong.of(2), lostAndTooOld.missed()); // 6 and 7 of the new epoch
    assertEquals(young.get(1), lostAndTooOld.from());
  }

  /** As after a kill of a server that has not written any event since its start. */
  @Test
  void aClientOfAnEpochThatIsLostAsAWholeContinuesWhereTheNextOneBegan() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var kept = append(log, "a", 5);
      String epochs = server.run("HGET", "tidings:{news}:meta", "epochs");
      server.run("DEBUG", "CHANGE-REPL-ID");
      var lost = append(log, "b", 3);
      var readings = follow(log, lost.getFirst());
      assertEquals(lost.subList(1, 3), ids(next(readings)));
      server.run("EVAL", "for n = 6, 8 do redis.call('XDEL', KEYS[1], redis.call('XRANGE', KEYS[1], n, n)[1][1]) end"
          + " redis.call('HSET', KEYS[2], 'n', 5, 'epochs', ARGV[1])", "2", "tidings:{news}:log", "tidings:{news}:meta", epochs);
      server.run("XSETID", "tidings:{news}:log", "5-" + Long.MAX_VALUE); // numbers are assigned again
      server.run("DEBUG", "CHANGE-REPL-ID");
      var told = Reading.gap(kept.getLast(), List.of(), OptionalLong.empty());
      try (var other = RedisLogs.connect(server.url())) {
        assertEquals(told, read(other.log("news"), lost.getLast()));
        assertEquals(told, read(log, lost.getLast()));
        assertEquals(told, next(readings));
        var young = append(log, "c", 2);
        assertEquals("6." + word(young.getFirst()), young.getFirst());
        assertEquals(young.getFirst(), ids(next(readings)).getFirst());
        for (var client : List.of(log, other.log("news"))) {
          for (String id : lost) {
            assertEquals(told.from(), read(client, id).from());
            assertEquals(young, ids(read(client, id)));
          }
          var covered = read(client, kept.get(3));
          assertTrue(covered.covered());
          assertEquals(List.of(kept.get(4), young.get(0), young.get(1)), ids(covered));
        }
      }
    }
  }

  /** An old master, which clients reach that have been on the new one, sends them none of its events. */
  @Test
  void onTheOldSideOfASplitBrainAClientOfTheNewSideWaits() throws Exception {
    try (var old = RedisServer.start();
        var promoted = RedisServer.replicaOf(old);
        var proxy = new TcpProxy(old);
        var left = RedisLogs.connect(proxy.url())) {
      var log = left.log("news");
      var kept = append(log, "a", 5);
      var readings = follow(log, kept.getFirst());
      assertEquals(kept.subList(1, 5), ids(next(readings)));
      old.await(() -> promoted.run("XLEN", "tidings:{news}:log").equals("5"));
      promoted.run("REPLICAOF", "NO", "ONE");
      var doomed = append(log, "doomed", 3);
      try (var right = RedisLogs.connect(promoted.url()); var recorder = new Recorder()) {
        var young = append(right.log("news"), "b", 3);
        String epochs = old.run("HGET", "tidings:{news}:meta", "epochs");
        var waits = assertThrows(java.io.UncheckedIOException.class, () -> read(log, young.get(1)));
        assertTrue(waits.getMessage().contains("may be an old master"), waits.getMessage());
        assertThrows(LogAwayException.class, () -> read(log, young.get(2)));
        assertEquals(1, recorder.messages(Level.WARNING).size(), () -> recorder.messages(Level.WARNING).toString());
        assertEquals(epochs, old.run("HGET", "tidings:{news}:meta", "epochs"));
        assertEquals(doomed, ids(read(log, kept.getLast()))); // of clients that nobody has told of the new side
        var lost = read(right.log("news"), doomed.getLast());
        assertEquals(Reading.gap(kept.getLast(), lost.events(), OptionalLong.of(0)), lost);
        assertEquals(young, ids(lost));
        old.run("REPLICAOF", "127.0.0.1", Integer.toString(promoted.port()));
        proxy.moveTo(promoted);
        Program.await(() -> covers(log, young.get(1)), () -> left.state().toString());
        assertEquals(young.subList(2, 3), ids(read(log, young.get(1))));
      }
    }
  }

  private static boolean covers(EventLog log, String id) {
    try {
      return read(log, id).covered();
    } catch (java.io.UncheckedIOException | InterruptedException e) {
      return false;
    }
  }

  private static String born(long seconds) {
    String digits = Long.toString(seconds, 36);
    return "0".repeat(7 - digits.length()) + digits + "aaaaa";
  }

  /** Nobody can say what such a client has received. It is not waited for without limit. */
  @Test
  void anIdThatIsYoungerThanTheLogContinuesAfterItsNumberUnlessItIsLessThanAMinuteOld() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      append(log, "a", 5);
      server.run("HSET", "tidings:{news}:meta", "epochs", born(1) + ":0");
      long now = Instant.now().getEpochSecond();
      var end = Reading.gap("5." + born(1), List.of(), OptionalLong.empty());
      assertEquals(end, read(log, "70." + born(now - 100)));
      for (long birth : List.of(now - 100, now + 1_000)) {
        assertEquals(end, read(log, "3." + born(birth)));
      }
      assertThrows(java.io.UncheckedIOException.class, () -> read(log, "3." + born(now)));
      assertEquals(born(1) + ":0", server.run("HGET", "tidings:{news}:meta", "epochs"));
      assertEquals(List.of("6." + born(1)), append(log, "b", 1));
      assertEquals(5, read(log, "0." + born(0)).events().size() - 1); // older than the log: it has received nothing of it
    }
  }

  /** A reader has to begin an epoch, but does not know how long the log lives. */
  @Test
  void aReaderOfAnUnknownEpochDropsNothing() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("long", 50_000, Duration.ofDays(30));
      append(log, "a", 300);
      long now = Instant.now().getEpochSecond();
      server.run("HSET", "tidings:{long}:meta", "marks", (now - 7_200) * 1_000 + ":250", "epochs", born(1) + ":0");
      assertThrows(java.io.UncheckedIOException.class, () -> read(log, "3." + born(now)));
      assertEquals("300", server.run("XLEN", "tidings:{long}:log"));
      assertTrue(Long.parseLong(server.run("TTL", "tidings:{long}:log")) > 29 * 86_400, "it lives shorter");
      assertTrue(Long.parseLong(server.run("TTL", "tidings:{long}:meta")) > 299 * 86_400, "its meta lives shorter");
    }
  }

  @Test
  void aLogExpiresAlthoughAReaderHasJustBegunItsEpoch() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      log.latest();
      assertTrue(Long.parseLong(server.run("TTL", "tidings:{news}:meta")) > 6 * 86_400);
      append(log, "a", 1);
      assertTrue(Long.parseLong(server.run("TTL", "tidings:{news}:log")) > 0, "it never expires");
    }
  }

  /** The log of a server whose clock was an hour ahead, now on one whose clock is right. */
  @Test
  void anEpochIsBornAfterTheOneBeforeItAlthoughTheClockGoesBack() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var old = append(log, "a", 5);
      long hour = Instant.now().getEpochSecond() + 3_600;
      server.run("HSET", "tidings:{news}:meta", "epochs", born(hour) + ":5," + word(old.getFirst()) + ":0");
      server.run("DEBUG", "CHANGE-REPL-ID");
      for (int i = 1; i <= 3; i++) {
        assertEquals(hour + i, Place.birth(word(append(log, "b", 1).getFirst())));
        server.run("DEBUG", "CHANGE-REPL-ID");
      }
      assertEquals(3, ids(read(log, old.getLast())).size());
    }
  }

  @Test
  void aFailoverThatLosesAcknowledgedEventsIsToldAndDoublesNothing() throws Exception {
    try (var master = RedisServer.start();
        var replica = RedisServer.replicaOf(master);
        var proxy = new TcpProxy(master);
        var redis = RedisLogs.connect(proxy.url());
        var other = RedisLogs.connect(proxy.url())) {
      var log = redis.log("news");
      String start = log.latest();
      var kept = append(log, "kept", 100);
      var live = follow(log, start);
      var late = follow(other.log("news"), start); // on another node
      var seen = new ArrayList<String>();
      var seenLate = new ArrayList<String>();
      while (seen.size() < 100) {
        seen.addAll(ids(next(live)));
      }
      while (seenLate.size() < 100) {
        seenLate.addAll(ids(next(late)));
      }
      master.await(() -> replica.run("XLEN", "tidings:{news}:log").equals("100"));
      replica.freeze();
      master.run("CLIENT", "KILL", "TYPE", "REPLICA");
      var lost = append(log, "lost", 5);
      while (seen.size() < 105) {
        seen.addAll(ids(next(live)));
      }
      while (seenLate.size() < 105) {
        seenLate.addAll(ids(next(late)));
      }
      master.kill();
      replica.thaw();
      replica.run("REPLICAOF", "NO", "ONE");
      proxy.leadTo(replica);
      proxy.reset();
      var fresh = append(log, "new", 10);
      assertEquals("101." + word(fresh.getFirst()), fresh.getFirst());
      for (var client : List.of(log, other.log("news"), redis.log("news"))) {
        var reading = read(client, lost.getLast());
        assertFalse(reading.covered());
        assertEquals(kept.getLast(), reading.from());
        assertEquals(OptionalLong.of(0), reading.missed());
        assertEquals(fresh, ids(reading));
        assertTrue(read(client, kept.getLast()).covered());
      }
      for (var readings : List.of(live, late)) {
        var gap = next(readings);
        assertFalse(gap.covered());
        assertEquals(kept.getLast(), gap.from());
        assertEquals(OptionalLong.of(0), gap.missed());
        var after = new ArrayList<>(ids(gap));
        while (after.size() < 10) {
          after.addAll(ids(next(readings)));
        }
        assertEquals(fresh, after);
      }
    }
  }

  @Test
  void aLossIsToldBeforeAnythingIsAppendedAnew() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      String start = log.latest();
      var ids = append(log, "a", 7);
      var readings = follow(log, start);
      for (int seen = 0; seen < 7; ) {
        seen += next(readings).events().size();
      }
      // As if the last two had been lost in a failover.
      server.run("EVAL", "redis.call('XTRIM', KEYS[1], 'MINID', '1')"
          + " for n = 6, 7 do redis.call('XDEL', KEYS[1], redis.call('XRANGE', KEYS[1], n, n)[1][1]) end"
          + " redis.call('HSET', KEYS[2], 'n', 5)", "2", "tidings:{news}:log", "tidings:{news}:meta");
      var told = read(log, ids.getLast());
      assertEquals(Reading.gap(ids.get(4), List.of(), OptionalLong.of(0)), told);
      assertEquals(told, next(readings));
    }
  }

  @Test
  void aRestartWithItsDataCostsNothing() throws Exception {
    try (var server = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      String start = log.latest();
      var before = append(log, "a", 20);
      var readings = follow(log, start);
      server.kill();
      server.restart();
      var after = append(log, "b", 20);
      assertNotEquals(word(before.getLast()), word(after.getFirst()));
      var all = new ArrayList<>(before);
      all.addAll(after);
      var reading = read(log, start);
      assertTrue(reading.covered());
      assertEquals(all, ids(reading));
      var seen = new ArrayList<String>();
      while (seen.size() < 40) {
        var next = next(readings);
        assertTrue(next.covered());
        seen.addAll(ids(next));
      }
      assertEquals(all, seen);
    }
  }

  @Test
  void aRestartWithoutItsDataIsOneGap() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      String start = log.latest();
      var before = append(log, "a", 20);
      var readings = follow(log, start);
      for (int seen = 0; seen < 20; ) {
        seen += next(readings).events().size();
      }
      server.kill();
      server.restart();
      var gap = next(readings);
      assertFalse(gap.covered());
      assertTrue(gap.missed().isEmpty());
      assertEquals(List.of(), gap.events());
      assertEquals(log.latest(), gap.from());
      var after = append(log, "b", 3);
      assertEquals("1." + word(gap.from()), after.getFirst());
      assertEquals(after.getFirst(), ids(next(readings)).getFirst());
      for (String id : before) {
        assertFalse(read(log, id).covered());
      }
    }
  }

  @Test
  void flushallIsOneGap() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var before = append(log, "a", 5);
      server.run("FLUSHALL");
      assertFalse(read(log, before.getLast()).covered());
      var after = append(log, "b", 5);
      assertFalse(read(log, before.getLast()).covered());
      assertEquals(after, ids(read(log, before.getFirst())));
    }
  }

  /** As after an eviction of the meta: numbers continue, and no entry is deleted. */
  @Test
  void withoutItsMetaALogGoesOnInANewEpoch() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var before = append(log, "a", 5);
      server.run("DEL", "tidings:{news}:meta");
      String place = log.latest();
      assertEquals("5." + word(place), place);
      var after = append(log, "b", 2);
      assertEquals("6." + word(place), after.getFirst());
      var reading = read(log, before.get(2));
      assertFalse(reading.covered());
      assertEquals(place, reading.from());
      assertEquals(after, ids(reading));
      assertEquals("7", server.run("XLEN", "tidings:{news}:log"));
      server.run("DEL", "tidings:{news}:meta");
      assertEquals(8, Place.parse(log.append(Event.of("first command after it"))).orElseThrow().number());
      server.run("XTRIM", "tidings:{news}:log", "MAXLEN", "0"); // an empty stream knows its last number
      server.run("DEL", "tidings:{news}:meta");
      assertEquals(9, Place.parse(log.append(Event.of("x"))).orElseThrow().number());
    }
  }

  @Test
  void withoutItsStreamALogIsAGapOfKnownLength() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var before = append(log, "a", 5);
      server.run("DEL", "tidings:{news}:log");
      assertEquals(Reading.gap(before.getLast(), List.of(), OptionalLong.of(4)), read(log, before.getFirst()));
      assertTrue(read(log, before.getLast()).covered());
      assertEquals(before.getLast(), log.latest());
      var after = append(log, "b", 2);
      assertEquals(6, Place.parse(after.getFirst()).orElseThrow().number());
      assertEquals(word(before.getFirst()), word(after.getFirst()));
      assertEquals(after, ids(read(log, before.getLast())));
    }
  }

  @Test
  void onlySixteenEpochsAreKnownAndEachPlaceHasOneId() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var ids = new ArrayList<String>();
      for (int i = 0; i < 20; i++) {
        ids.addAll(append(log, "e" + i + "-", 2));
        assertEquals(ids.getLast(), log.latest());
        server.run("DEBUG", "CHANGE-REPL-ID");
        assertEquals(ids.getLast(), log.latest());
      }
      for (int i = 2; i < 40; i += 2) {
        assertTrue(Place.birth(word(ids.get(i))) > Place.birth(word(ids.get(i - 1))), ids::toString);
      }
      var first = read(log, "");
      assertEquals("8." + word(ids.get(8)), first.from()); // the start of the oldest epoch that is known
      assertEquals(ids.subList(8, 40), ids(first));
      assertTrue(read(log, first.from()).covered());
      assertEquals(first.from(), log.beforeLast(1000));
      assertEquals(ids.get(10), log.beforeLast(29));
      assertTrue(read(log, ids.get(3)).missed().isEmpty());
      for (int i = 8; i < 40; i++) {
        assertEquals(ids.subList(i + 1, 40), ids(read(log, ids.get(i))));
      }
    }
  }

  @Test
  void ofAFullLogTheOldestEventsAreDroppedAndCounted() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news", 50, Duration.ofMinutes(1));
      var ids = new ArrayList<String>();
      for (int i = 0; i < 40; i++) {
        var some = new ArrayList<Event>();
        for (int j = 0; j < 10; j++) {
          some.add(Event.of("event " + i + " " + j));
        }
        ids.addAll(log.appendAll(some));
      }
      int held = Integer.parseInt(server.run("XLEN", "tidings:{news}:log"));
      assertTrue(held >= 50 && held <= 200, "held " + held);
      var reading = read(log, ids.getFirst());
      assertFalse(reading.covered());
      assertEquals(OptionalLong.of(399 - held), reading.missed());
      assertEquals(ids.subList(400 - held, 400), ids(reading));
    }
  }

  @Test
  void eventsAreDroppedByAge() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news", 10_000, Duration.ofSeconds(1));
      long begin = System.nanoTime();
      var first = append(log, "a", 300);
      while (log.read(first.getFirst(), 1, Duration.ZERO).covered()) { // whole nodes of a hundred are dropped
        append(log, "b", 1);
        Thread.sleep(10);
        assertTrue(System.nanoTime() - begin < 20_000_000_000L, "timed out");
      }
      assertTrue(System.nanoTime() - begin > 900_000_000L, "early");
      server.await(() -> server.run("XLEN", "tidings:{news}:log").equals("0")); // it expires by itself
      var last = log.latest();
      var gap = read(log, first.get(100));
      assertEquals(last, gap.from());
      assertEquals(Place.parse(last).orElseThrow().number() - 101, gap.missed().orElseThrow());
      assertTrue(Long.parseLong(server.run("TTL", "tidings:{news}:meta")) > 6 * 86_400);
    }
  }
}
