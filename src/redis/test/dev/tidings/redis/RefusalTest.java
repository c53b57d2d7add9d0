package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.NotAppendedException;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What is certainly not appended, and the message that says why and what to do. */
final class RefusalTest {
  private static RedisServer server;
  private static RedisLogs redis;

  @BeforeAll
  static void start() throws Exception {
    server = RedisServer.start();
    redis = RedisLogs.connect(server.url());
  }

  @AfterAll
  static void stop() throws Exception {
    redis.close();
    server.close();
  }

  private static void assertRefused(EventLog log, String... words) {
    var thrown = assertThrows(NotAppendedException.class, () -> log.append(Event.of("x".repeat(1000))));
    for (String word : words) {
      assertTrue(thrown.getMessage().contains(word), thrown.getMessage());
    }
  }

  @Test
  void aFullRedis() throws Exception {
    try (var full = RedisServer.start("--maxmemory-policy", "noeviction");
        var logs = RedisLogs.connect(full.url())) {
      var log = logs.log("full");
      log.append(Event.of("before"));
      full.run("CONFIG", "SET", "maxmemory", "1mb");
      assertRefused(log, "maxmemory", "raise it");
      assertThrows(NotAppendedException.class, () -> log.append(Event.of("x"), "key"));
      full.run("CONFIG", "SET", "maxmemory", "0");
      assertEquals(2, Place.parse(log.append(Event.of("after"))).orElseThrow().number());
    }
  }

  /** Redis does not undo what a script has done before it fails. */
  @Test
  void aRightThatIsMissingOnlyAfterTheEventWasAppended() throws Exception {
    try (var limited = RedisServer.start();
        var logs = RedisLogs.connect(ConnectTest.user(limited, "app"))) {
      var log = logs.log("news");
      log.append(Event.of("before"));
      int appended = 1;
      for (String right : List.of("publish", "hset")) {
        limited.run("ACL", "SETUSER", "app", "-" + right);
        var unknown = assertThrows(UncheckedIOException.class, () -> log.append(Event.of(right)));
        assertTrue(unknown.getMessage().contains("grant the rights"), unknown.getMessage());
        assertEquals(Integer.toString(++appended), limited.run("XLEN", "tidings:{news}:log"));
        limited.run("ACL", "SETUSER", "app", "+" + right);
      }
      limited.run("ACL", "SETUSER", "app", "-xadd");
      assertRefused(log, "grant the rights");
    }
  }

  @Test
  void aStreamOfAnotherType() throws Exception {
    server.run("SET", "tidings:{typed}:log", "text");
    var log = redis.log("typed");
    assertRefused(log, "tidings:{typed}:log", "delete that key");
    var thrown = assertThrows(UncheckedIOException.class, () -> log.read("", 1, Duration.ZERO));
    assertTrue(thrown.getMessage().contains("another type"), thrown.getMessage());
  }

  @Test
  void aMetaOfAnotherType() throws Exception {
    server.run("SET", "tidings:{typed2}:meta", "text");
    var log = redis.log("typed2");
    assertRefused(log, "tidings:{typed2}:", "delete that key");
    assertThrows(UncheckedIOException.class, log::latest);
  }

  @Test
  void aStreamOfAnotherProgram() throws Exception {
    var log = redis.log("foreign");
    log.append(Event.of("x"));
    server.run("XADD", "tidings:{foreign}:log", "*", "d", "foreign");
    assertRefused(log, "another program");
  }

  @Test
  void anEventThatIsTooLarge() {
    try (var small = RedisLogs.connect(server.url(), RedisOptions.defaults().withLargestEvent(500))) {
      var log = small.log("small");
      assertRefused(log, "1001 bytes", "500", "withLargestEvent");
      var events = List.of(Event.of("a"), Event.of("b"), Event.of("x".repeat(600)), Event.of("c"));
      var thrown = assertThrows(NotAppendedException.class, () -> log.appendAll(events));
      assertEquals(2, thrown.index());
      assertEquals(2, Place.parse(log.latest()).orElseThrow().number());
    }
  }

  @Test
  void anEventWithTooManyFields() {
    var event = Event.of("x");
    for (int i = 0; i < 1000; i++) {
      event = event.withField("field" + i, "");
    }
    var many = event;
    assertThrows(NotAppendedException.class, () -> redis.log("fields").append(many));
    var fields = Event.empty();
    for (int i = 0; i < 1000; i++) {
      fields = fields.withField("field" + i, "v" + i);
    }
    redis.log("fields").append(fields);
  }

  @Test
  void aLogOfANewerVersion() throws Exception {
    server.run("HSET", "tidings:{newer}:meta", "format", "2", "n", "5", "epochs", "abc:0");
    var log = redis.log("newer");
    assertRefused(log, "newer version", "update this server");
    var thrown = assertThrows(UncheckedIOException.class, () -> log.read("5.abc", 1, Duration.ZERO));
    assertTrue(thrown.getMessage().contains("update this server"), thrown.getMessage());
    assertEquals("5", server.run("HGET", "tidings:{newer}:meta", "n"));
  }

  @Test
  void aFullQueue() throws Exception {
    try (var slow = RedisServer.start();
        var logs =
            RedisLogs.connect(
                slow.url(), RedisOptions.defaults().withQueue(10, 10_000).withPublishTime(Duration.ofMillis(1500)))) {
      var log = logs.log("queue");
      log.append(Event.of("before"));
      slow.freeze();
      var threads = new ArrayList<Thread>();
      for (int i = 0; i < 10; i++) {
        threads.add(Thread.ofVirtual().start(() -> assertThrows(UncheckedIOException.class, () -> log.append(Event.of("x")))));
      }
      Program.await(() -> logs.state().queueEvents() == 10, () -> logs.state().toString());
      long begin = System.nanoTime();
      assertRefused(log, "10 events", "withQueue");
      assertTrue(System.nanoTime() - begin < 500_000_000L);
      for (var thread : threads) {
        thread.join();
      }
      slow.thaw();
      Program.await(() -> logs.state().ready() && logs.state().queueEvents() == 0, () -> logs.state().toString());
      log.append(Event.of("after"));
    }
  }

  @Test
  void anythingAfterAClose() {
    var closed = RedisLogs.connect(server.url());
    var log = closed.log("closed");
    log.append(Event.of("x"));
    closed.close();
    assertRefused(log, "closed");
    assertThrows(UncheckedIOException.class, log::latest);
    assertTrue(!closed.state().alive() && !closed.state().ready());
  }

  @Test
  void tooFewReplicas() throws Exception {
    try (var lonely = RedisServer.start("--min-replicas-to-write", "1");
        var logs = RedisLogs.connect(lonely.url(), RedisOptions.defaults().withPublishTime(Duration.ofSeconds(1)))) {
      assertRefused(logs.log("news"), "min-replicas-to-write");
    }
  }

  @Test
  void aCompletedLogOfEventsThatComeTogether() {
    var log = redis.log("completed");
    var completion = Event.of("tidings:completed", "");
    var events = List.of(Event.of("a"), completion, Event.of("late"));
    var thrown = assertThrows(NotAppendedException.class, () -> log.appendAll(events));
    assertEquals(2, thrown.index());
    assertEquals(1, Place.parse(log.latest()).orElseThrow().number());
    assertEquals(0, assertThrows(NotAppendedException.class, () -> log.appendAll(events)).index());
  }

  /** Keys are remembered for at least as many events as the log holds, with bounded memory. */
  @Test
  void keysAreForgottenInTheEnd() {
    var log = redis.log("keys", 100, Duration.ofMinutes(1));
    String first = log.append(Event.of("x"), "first");
    for (int i = 0; i < 1000; i++) {
      assertEquals(i + 2, Place.parse(log.append(Event.of("x"), "key " + i)).orElseThrow().number());
    }
    assertEquals(first, log.append(Event.of("x"), "first"));
    for (int i = 1000; i < 2300; i++) {
      log.append(Event.of("x"), "key " + i);
    }
    long held = Long.parseLong(server.run("HLEN", "tidings:{keys}:keys1")) + Long.parseLong(server.run("HLEN", "tidings:{keys}:keys2"));
    assertTrue(held <= 2200, () -> held + " keys");
    assertTrue(Long.parseLong(server.run("PTTL", "tidings:{keys}:keys1")) > 0);
  }

  @Test
  void namesOfLogs() {
    assertThrows(IllegalArgumentException.class, () -> redis.log(""));
    assertThrows(IllegalArgumentException.class, () -> redis.log("x".repeat(257)));
    assertThrows(IllegalArgumentException.class, () -> redis.log("é".repeat(129)));
    assertThrows(IllegalArgumentException.class, () -> redis.log("\uD83D"));
    assertThrows(IllegalArgumentException.class, () -> redis.log("x", 0, Duration.ofHours(1)));
    assertThrows(IllegalArgumentException.class, () -> redis.log("x", 1, Duration.ZERO));
    for (String name : List.of("}{", "a{b}c", "user:42", "é €\uD83D\uDE00", "%", "a b\n*?[x]", "x".repeat(256))) {
      var log = redis.log(name);
      String id = log.append(Event.of(name));
      assertEquals(id, log.latest());
      assertEquals("1", Long.toString(Place.parse(id).orElseThrow().number()), name);
    }
    assertEquals("1", server.run("XLEN", "tidings:{a%7Bb%7Dc}:log"));
    assertEquals("1", server.run("XLEN", "tidings:{user:42}:log"));
  }
}
