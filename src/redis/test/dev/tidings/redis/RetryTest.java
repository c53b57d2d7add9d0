package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.NotAppendedException;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import redis.clients.jedis.DefaultJedisClientConfig;

/** Appends whose request or reply is lost, or that Redis does not answer in time. */
final class RetryTest {

  private static List<Event> all(EventLog log) throws InterruptedException {
    var all = new ArrayList<Event>();
    for (String at = log.beforeLast(Integer.MAX_VALUE); ; at = all.getLast().id().orElseThrow()) {
      var reading = log.read(at, 500, Duration.ZERO);
      all.addAll(reading.events());
      if (reading.events().isEmpty()) {
        return all;
      }
    }
  }

  private static List<String> data(List<Event> events) {
    return events.stream().map(event -> event.data().orElse("")).toList();
  }

  @Test
  void aReplyThatIsLostAtAnyByteDoublesNothing() throws Exception {
    try (var server = RedisServer.start();
        var proxy = new TcpProxy(server);
        var redis = RedisLogs.connect(proxy.url());
        var direct = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var expected = new ArrayList<Event>();
      log.append(Event.of("loads the script"));
      expected.addAll(all(log));
      int cut = 0;
      do {
        proxy.cutReply(cut);
        var events = List.of(Event.of("a" + cut), Event.of("b" + cut), Event.of("c" + cut));
        var ids = log.appendAll(events);
        for (int i = 0; i < 3; i++) {
          expected.add(events.get(i).withId(ids.get(i)));
        }
        assertTrue(proxy.isCut());
      } while (++cut < proxy.lengthOfReply());
      assertTrue(cut > 20, cut + " cuts");
      assertEquals(expected, all(direct.log("news")));
    }
  }

  @Test
  void aRequestThatIsLostAtAnyByteLosesAndDoublesNothing() throws Exception {
    try (var server = RedisServer.start();
        var proxy = new TcpProxy(server);
        var redis = RedisLogs.connect(proxy.url());
        var direct = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var expected = new ArrayList<Event>();
      log.append(Event.of("loads the script"));
      expected.addAll(all(log));
      int cut = 0;
      do {
        proxy.cutRequest(cut);
        String id = cut % 2 == 0 ? log.append(Event.of("a" + cut)) : log.append(Event.of("a" + cut), "key " + cut);
        expected.add(Event.of("a" + cut).withId(id));
        assertTrue(proxy.isCut());
      } while (++cut < proxy.lengthOfRequest());
      assertTrue(cut > 100, cut + " cuts");
      assertEquals(expected, all(direct.log("news")));
    }
  }

  /** Two round trips are lost in a row, and keys, several channels and a completion are among the events. */
  @Test
  void aBatchOfAllKindsIsRepeatedWithTheSameIds() throws Exception {
    try (var server = RedisServer.start();
        var proxy = new TcpProxy(server);
        var redis = RedisLogs.connect(proxy.url())) {
      var log = redis.log("news");
      String first = log.append(Event.of("a"), "key a");
      for (int round = 0; round < 20; round++) {
        proxy.cutReply(round * 4);
        int number = round;
        var ids = new LinkedBlockingQueue<String>();
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < 6; i++) {
          int kind = i;
          threads.add(Thread.ofVirtual().start(() -> {
            switch (kind) {
              case 0 -> ids.add(log.append(Event.of("a again"), "key a"));
              case 1 -> log.append(Event.of("b" + number), "key b" + number);
              case 2 -> redis.log("other").append(Event.of("c" + number));
              default -> log.append(Event.of("plain" + number + "." + kind));
            }
          }));
        }
        for (var thread : threads) {
          assertTrue(thread.join(Duration.ofSeconds(20)));
        }
        assertEquals(first, ids.take());
      }
      var data = data(all(log));
      assertEquals(1 + 20 * 4, data.size());
      assertEquals(data.size(), new HashSet<>(data).size());
      assertEquals(20, all(redis.log("other")).size());
      proxy.cutReply(10);
      var completion = Event.of("tidings:completed", "");
      String id = log.append(completion);
      assertEquals(id, log.append(completion));
      assertThrows(NotAppendedException.class, () -> log.append(Event.of("late")));
      assertEquals(first, log.append(Event.of("a again"), "key a"));
    }
  }

  @Test
  void whileRedisIsFrozenForThreeSecondsPublishWaits() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      String start = log.latest();
      log.append(Event.of("before"));
      server.freeze();
      long begin = System.nanoTime();
      var id = new LinkedBlockingQueue<String>();
      Thread.ofVirtual().start(() -> id.add(log.append(Event.of("meanwhile"))));
      assertThrows(UncheckedIOException.class, log::latest);
      assertTrue(System.nanoTime() - begin < 2_000_000_000L, "latest took long");
      Thread.sleep(Duration.ofNanos(3_000_000_000L - (System.nanoTime() - begin))); // the fault, not a wait
      server.thaw();
      String appended = id.poll(20, TimeUnit.SECONDS);
      assertTrue(appended != null, "not appended");
      assertTrue(System.nanoTime() - begin >= 3_000_000_000L);
      assertEquals(List.of("before", "meanwhile"), data(log.read(start, 10, Duration.ofSeconds(5)).events()));
    }
  }

  @Test
  void whileRedisIsFrozenForLongPublishDoesNotKnow() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url(), RedisOptions.defaults().withPublishTime(Duration.ofMillis(1500)))) {
      var log = redis.log("news");
      log.append(Event.of("before"));
      server.freeze();
      long begin = System.nanoTime();
      var unknown = assertThrows(UncheckedIOException.class, () -> log.append(Event.of("unknown")));
      long millis = (System.nanoTime() - begin) / 1_000_000;
      assertTrue(unknown.getMessage().contains("not known whether"), unknown.getMessage());
      assertTrue(millis >= 1_450 && millis < 3_000, millis + " ms");
      Program.await(() -> !redis.state().ready(), () -> redis.state().toString());
      var unsent = assertThrows(UncheckedIOException.class, () -> log.append(Event.of("unsent")));
      assertTrue(unsent.getMessage().startsWith("not appended"), unsent.getMessage());
      server.thaw();
      Program.await(() -> redis.state().ready(), () -> redis.state().toString());
      String after = log.append(Event.of("after"));
      var data = data(all(log));
      assertTrue(
          data.equals(List.of("before", "after")) || data.equals(List.of("before", "unknown", "after")), data::toString);
      assertEquals(after, log.latest());
    }
  }

  /** As if a request had lain in a buffer of the server, which executes it when later events have been appended. */
  @Test
  void anEventThatWasGivenUpNeverComesAfterALaterOne() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url());
        var link = new Link(server.address(), DefaultJedisClientConfig.builder().build(), 0)) {
      var log = redis.log("news");
      log.append(Event.of("first"));
      String producer;
      long batch;
      try (var jedis = server.jedis()) {
        String meta = "tidings:{news}:meta";
        producer = jedis.hkeys(meta).stream().filter(field -> field.startsWith("p:")).findFirst().orElseThrow();
        batch = Long.parseLong(jedis.hget(meta, producer).split(" ")[0]);
      }
      log.append(Event.of("second"));
      var item = new Append.Item(Fields.of(Event.of("zombie")), Optional.empty(), false);
      var append = new Append(List.of(item), new Append.Limits(100, Duration.ofHours(1)), System.nanoTime());
      var zombie = new Batch(Keys.of("tidings:", "news"), List.of(append), producer.substring(2), batch - 1);
      zombie.settle((List<?>) link.ask(List.of(zombie.command())).getFirst());
      var thrown = assertThrows(ExecutionException.class, () -> append.ids().get());
      assertTrue(thrown.getCause().getMessage().contains("not known whether"), thrown.getCause().getMessage());
      assertEquals(List.of("first", "second"), data(all(log)));
    }
  }

  /** An epoch that a lost batch began, and one that its retry begins, must not have the same word. */
  @Test
  void aRetryHasAnotherWordForANewEpoch() {
    var item = new Append.Item(Fields.of(Event.of("x")), Optional.empty(), false);
    var append = new Append(List.of(item), new Append.Limits(100, Duration.ofHours(1)), System.nanoTime());
    var batch = new Batch(Keys.of("tidings:", "news"), List.of(append), "producer", 7);
    var calls = new ArrayList<List<String>>();
    for (int i = 0; i < 2; i++) {
      batch.sending();
      var call = new ArrayList<String>();
      batch.command().forEach(argument -> call.add(new String(argument.getRaw(), java.nio.charset.StandardCharsets.UTF_8)));
      calls.add(call);
    }
    int word = 3 + 2 + 4; // after the command, the keys, and the first arguments
    assertTrue(calls.get(0).get(word).matches("[0-9a-z]{5}"), calls::toString);
    assertFalse(calls.get(0).get(word).equals(calls.get(1).get(word)), calls::toString);
    calls.forEach(call -> call.set(word, ""));
    assertEquals(calls.get(0), calls.get(1));
  }

  /** A batch may begin with events, and end with an append that only begins an epoch, on behalf of a reader. */
  @Test
  void aBatchHasTheLimitsOfItsEvents() {
    var item = new Append.Item(Fields.of(Event.of("x")), Optional.empty(), false);
    var event = new Append(List.of(item), new Append.Limits(50_000, Duration.ofDays(30)), System.nanoTime());
    var begin = new Append(List.of(), new Append.Limits(100, Duration.ofHours(1)), System.nanoTime());
    for (var appends : List.of(List.of(event, begin), List.of(begin, event))) {
      var call = new ArrayList<String>();
      new Batch(Keys.of("tidings:", "news"), appends, "producer", 7)
          .command()
          .forEach(argument -> call.add(new String(argument.getRaw(), java.nio.charset.StandardCharsets.UTF_8)));
      assertEquals(List.of("50000", Long.toString(Duration.ofDays(30).toMillis())), call.subList(3 + 2 + 2, 3 + 2 + 4));
    }
  }

  @Test
  void scriptFlushCostsNothing() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      for (int i = 0; i < 10; i++) {
        log.append(Event.of("event " + i));
        server.run("SCRIPT", "FLUSH");
      }
      assertEquals(10, all(log).size());
    }
  }

  @Test
  @Timeout(3_600)
  void killsWhilePublishingLoseNothingThatWasAcknowledged() throws Exception {
    int rounds = Integer.getInteger("redis.rounds", 1) * 2;
    try (var server = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
        var redis = RedisLogs.connect(server.url());
        var other = RedisLogs.connect(server.url())) {
      Map<String, String> acked = new ConcurrentHashMap<>();
      var unknown = new ConcurrentLinkedQueue<String>();
      var stop = new AtomicBoolean();
      var threads = new ArrayList<Thread>();
      for (int t = 0; t < 8; t++) {
        String name = "t" + t;
        var log = (t % 2 == 0 ? redis : other).log("news");
        threads.add(Thread.ofVirtual().start(() -> {
          for (int i = 0; !stop.get(); i++) {
            String data = name + "-" + i;
            try {
              acked.put(data, log.append(Event.of(data)));
            } catch (UncheckedIOException e) {
              unknown.add(data);
            }
          }
        }));
      }
      for (int round = 0; round < rounds; round++) {
        int before = acked.size();
        Program.await(() -> acked.size() > before + 200, () -> acked.size() + " acked");
        server.kill();
        server.restart();
      }
      int before = acked.size();
      Program.await(() -> acked.size() > before + 100, () -> acked.size() + " acked");
      stop.set(true);
      for (var thread : threads) {
        assertTrue(thread.join(Duration.ofSeconds(20)));
      }
      var held = new HashMap<String, Long>();
      try (var jedis = server.jedis()) { // the log answers for the last 16 epochs only, of which each kill begins one
        for (var entry : jedis.xrange("tidings:{news}:log", "-", "+")) {
          assertNull(held.put(entry.getFields().get("d"), entry.getID().getTime()), () -> "doubled: " + entry);
        }
      }
      long last = Collections.max(held.values());
      long oldest = last - held.size() + 1; // those before have been dropped
      acked.forEach((data, id) -> {
        long number = Place.parse(id).orElseThrow().number();
        assertTrue(number < oldest || number == held.get(data), () -> data + " " + id + ", held as " + held.get(data));
      });
      var log = redis.log("news");
      var read = all(log);
      assertEquals(last - Place.parse(log.beforeLast(Integer.MAX_VALUE)).orElseThrow().number(), read.size());
      read.forEach(event -> assertEquals(held.get(event.data().orElseThrow()), Place.parse(event.id().orElseThrow()).orElseThrow().number()));
      assertTrue(read.size() > 100, () -> read.size() + " events");
    }
  }
}
