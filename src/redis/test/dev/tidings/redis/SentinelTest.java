package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.redis.fixture.Ports;
import dev.tidings.redis.fixture.RedisServer;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A failover by sentinels. */
final class SentinelTest {

  @Test
  void afterAFailoverEverythingGoesOn() throws Exception {
    try (var master = RedisServer.start();
        var replica = RedisServer.replicaOf(master);
        var one = RedisServer.sentinel(master, 2, 1000);
        var two = RedisServer.sentinel(master, 2, 1000);
        var three = RedisServer.sentinel(master, 2, 1000)) {
      for (var sentinel : List.of(one, two, three)) {
        sentinel.await(() -> sentinel.info("sentinel").contains("status=ok,address=127.0.0.1:" + master.port() + ",slaves=1,sentinels=3"));
      }
      String url = "redis-sentinel://127.0.0.1:" + Ports.free() + ",127.0.0.1:" + one.port() + ",127.0.0.1:" + two.port();
      assertThrows(UncheckedIOException.class, () -> RedisLogs.connect(url + "/unknown").close());
      try (var redis = RedisLogs.connect(url + "/mymaster", RedisOptions.defaults().withPublishTime(Duration.ofSeconds(20)))) {
        var log = redis.log("news");
        String start = log.latest();
        var events = new LinkedBlockingQueue<Event>();
        var follower = Thread.ofVirtual().start(() -> follow(log, start, events));
        var expected = new ArrayList<String>();
        for (int i = 0; i < 10; i++) {
          expected.add(log.append(Event.of("before " + i)));
        }
        master.await(() -> replica.run("XLEN", "tidings:{news}:log").equals("10"));
        long begin = System.nanoTime();
        master.kill();
        for (int i = 0; i < 10; i++) {
          expected.add(log.append(Event.of("after " + i)));
        }
        System.out.println("published " + (System.nanoTime() - begin) / 1_000_000 + " ms after the master was killed");
        for (String id : expected) {
          var event = events.poll(20, TimeUnit.SECONDS);
          assertTrue(event != null, "timed out");
          assertEquals(id, event.id().orElseThrow());
        }
        assertEquals("20", replica.run("XLEN", "tidings:{news}:log"));
        assertTrue(redis.state().ready());
        follower.interrupt();
      }
    }
  }

  private static void follow(EventLog log, String from, LinkedBlockingQueue<Event> events) {
    String at = from;
    while (true) {
      try {
        var reading = log.read(at, 100, Duration.ofSeconds(20));
        assertTrue(reading.covered());
        events.addAll(reading.events());
        at = reading.events().isEmpty() ? at : reading.events().getLast().id().orElseThrow();
      } catch (InterruptedException e) {
        return;
      } catch (UncheckedIOException e) {
        // away; that took up to a second
      }
    }
  }
}
