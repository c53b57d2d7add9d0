package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Redis has no memory left, and evicts keys or refuses commands. */
@Timeout(180)
final class MemoryTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  @Test
  void refusedEventsAreNotInTheLog() throws Exception {
    try (var redis = RedisServer.start("--maxmemory-policy", "noeviction");
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(Duration.ofMillis(500));
      redis.run("CONFIG", "SET", "maxmemory", Long.toString(redis.number("memory", "used_memory") - 100_000));
      Program.await(
          () -> site.publications().stream().filter(one -> one.outcome() == Publication.Outcome.REFUSED).count() > 40, "refusals");
      redis.run("CONFIG", "SET", "maxmemory", "0");
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(300);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      Results.passed(Fault.NOEVICTION, verdict, resumed, "");
    }
  }

  @Test
  void theStreamIsEvicted() throws Exception {
    evicted(Fault.LOG_EVICTED, "tidings:{news}:log");
  }

  @Test
  void theMetaIsEvicted() throws Exception {
    evicted(Fault.META_EVICTED, "tidings:{news}:meta");
  }

  private static void evicted(Fault fault, String key) throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(10, 800).clients(4, 0).flow(Duration.ofMillis(500));
      var away = site.clients().subList(10, 14);
      away.forEach(Client::leave);
      Thread.sleep(500);
      redis.run("DEL", key); // as an eviction does
      site.awaitResumedOf(site.clients().subList(0, 10), System.nanoTime(), BOUND);
      site.onNodes(0); // which remembers the events
      away.forEach(Client::resume);
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(500);
      var verdict = site.judge(redis);
      site.requireClean(verdict);
      assertTrue(verdict.told > 0, verdict::toString);
      Results.passed(fault, verdict, resumed, "");
    }
  }

  @Test
  void anyKeyMayBeEvicted() throws Exception {
    try (var redis = RedisServer.start("--maxmemory-samples", "2");
        var site = new Site(redis.url(), Plan.of(2).withChannels("a", "b", "c", "d", "e", "f"))) {
      site.publish(200, "#" + "x".repeat(500));
      site.publishers(1, 20, site.nodes(), "#" + "x".repeat(500)).clients(4, 800).flow(Duration.ofMillis(500));
      redis.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
      for (int i = 0; i < 6; i++) {
        redis.run("CONFIG", "SET", "maxmemory", Long.toString(redis.number("memory", "used_memory") - 20_000));
        Thread.sleep(100);
        redis.run("CONFIG", "SET", "maxmemory", "0");
        Thread.sleep(300);
      }
      long evicted = redis.number("stats", "evicted_keys");
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      var verdict = site.judge(redis);
      site.requireClean(verdict);
      assertTrue(evicted > 0, "nothing was evicted");
      Results.passed(Fault.ALLKEYS_LRU, verdict, resumed, evicted + " keys evicted");
    }
  }
}
