package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.redis.RedisLogs;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What Redis forgets when its clock jumps. */
@Timeout(120)
final class ClockTest {
  private static final Duration AGE = Duration.ofSeconds(3);
  private static final String[] DURABLE = {"--appendonly", "yes", "--appendfsync", "always"};

  private static void jump(RedisServer redis, String offset) throws Exception {
    redis.kill();
    redis.shiftClock(offset);
    redis.restart();
  }

  @Test
  void keysAreRememberedWhenTheClockJumps() throws Exception {
    try (var redis = RedisServer.start(DURABLE);
        var logs = RedisLogs.connect(redis.url())) {
      var log = logs.log("news");
      String id = log.append(Event.of("once"), "key");
      for (String offset : List.of("+1h", "+6d", "-1h", "")) {
        jump(redis, offset);
        assertEquals(id, log.append(Event.of("once"), "key"), offset);
        log.append(Event.of("another"), "another key " + offset);
      }
      assertTrue(log.latest().startsWith("5."), log::latest);
    }
  }

  /** An event that has been appended, and when the call began. */
  private record Appended(String id, long at) {
    boolean isYoung() {
      return System.nanoTime() - at < AGE.toNanos();
    }

    boolean isHeld(RedisServer redis) {
      String number = id.substring(0, id.indexOf('.'));
      return !redis.run("XRANGE", "tidings:{news}:log", number, number).equals("[]");
    }
  }

  private static Appended append(EventLog log) {
    long at = System.nanoTime();
    return new Appended(log.append(Event.of("x")), at);
  }

  /** Appends for longer than the age, and checks that no event is dropped before it has this age. Returns how often. */
  private static int assertHeld(RedisServer redis, EventLog log, List<Appended> appended) throws Exception {
    int checks = 0;
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < AGE.plusSeconds(1).toNanos()) {
      appended.add(append(log));
      appended.removeIf(event -> !event.isYoung());
      if (!appended.isEmpty()) {
        var oldest = appended.getFirst();
        boolean isHeld = oldest.isHeld(redis);
        boolean isYoung = oldest.isYoung(); // asked after that
        assertTrue(isHeld || !isYoung, () -> "dropped early: " + oldest);
        checks += isYoung ? 1 : 0;
      }
    }
    assertTrue(checks > 20, checks + " checks");
    return checks;
  }

  private static RedisServer start() throws Exception {
    return RedisServer.start("--appendonly", "yes", "--appendfsync", "always", "--stream-node-max-entries", "1"); // exact trimming
  }

  @Test
  void afterTheClockWasSetBackEventsAreNotDroppedBeforeTheirAge() throws Exception {
    try (var redis = start();
        var logs = RedisLogs.connect(redis.url())) {
      var log = logs.log("news", 10_000, AGE);
      var first = append(log);
      var appended = new ArrayList<Appended>();
      assertHeld(redis, log, appended);
      Program.await(
          () -> {
            appended.add(append(log));
            return !first.isHeld(redis);
          },
          "the age is a limit");
      jump(redis, "-1h");
      int checks = assertHeld(redis, log, appended);
      Results.passed(Fault.AGE_BACK, checks + " checks, each of the oldest event within the age", "");
    }
  }

  @Test
  void afterTheClockWasAheadEventsAreNotDroppedBeforeTheirAge() throws Exception {
    try (var redis = start();
        var logs = RedisLogs.connect(redis.url())) {
      var log = logs.log("news", 10_000, AGE);
      String first = log.append(Event.of("first"));
      log.append(Event.of("second"));
      jump(redis, "+1h");
      var appended = new ArrayList<Appended>();
      int checks = assertHeld(redis, log, appended);
      jump(redis, "");
      checks += assertHeld(redis, log, appended);
      var reading = log.read(first, 1, Duration.ZERO); // for Redis an hour had passed
      assertFalse(reading.covered());
      Results.passed(Fault.AGE_AHEAD, checks + " checks, each of the oldest event within the age", "");
    }
  }
}
