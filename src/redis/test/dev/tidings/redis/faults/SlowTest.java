package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Redis is far, slow or silent. */
@Timeout(600)
final class SlowTest {
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final int SILENCE = Integer.getInteger("redis.silence", 5); // seconds

  @Test
  void aNodeIsCutOffWithoutAWord() throws Exception {
    try (var network = Network.create();
        var redis = RedisServer.startAt(network.rightHost(), network.onRight());
        var site = new Site(Plan.of(2).withoutFronts())) {
      var left = site.launch(redis.url(), network.leftHost(), network.onLeft());
      var right = site.launch(redis.url(), network.rightHost(), network.onRight());
      site.open();
      site.publishers(2, 20, List.of(left)).publishers(2, 20, List.of(right));
      site.clients(8, 0, List.of(left.address())).clients(8, 0, List.of(right.address()));
      site.flow(Duration.ofSeconds(1));
      var cutOff = site.clients().subList(0, 8);
      int pings = cutOff.stream().mapToInt(Client::comments).sum();
      site.publishers().forEach(Publisher::resetLongest);
      network.cut();
      Thread.sleep(Duration.ofSeconds(SILENCE));
      int heard = cutOff.stream().mapToInt(Client::comments).sum() - pings;
      long healed = System.nanoTime();
      network.heal();
      var resumed = site.awaitResumedOf(cutOff, healed, BOUND);
      Thread.sleep(500);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      assertEquals(0, site.clients().stream().mapToInt(Client::broken).sum(), "streams that ended");
      assertTrue(heard >= 8 * SILENCE / 2, heard + " pings");
      double longest = site.publishers().stream().mapToLong(Publisher::longest).max().orElseThrow() / 1e9;
      assertTrue(longest < 9, "publishing took " + longest + " s");
      assertTrue(resumed.longest() < 12, resumed.toString());
      Results.passed(
          Fault.SILENCE, verdict, resumed, String.format(Locale.ROOT, "%d pings, publishing took at most %.1f s", heard, longest));
    }
  }

  @Test
  void laggardsCatchUpWithRedisFarAway() throws Exception {
    int events = 20_000;
    try (var redis = RedisServer.start();
        var proxy = new TcpProxy(redis);
        var site = new Site(proxy.url(), Plan.of(1).withoutFronts())) {
      proxy.delay(25);
      site.clients(4, 0).publish(10, "");
      Program.await(() -> site.clients().stream().noneMatch(client -> client.id().isEmpty()), "positions");
      site.clients().forEach(Client::leave);
      site.publish(events, "");
      String end;
      try (var jedis = redis.jedis()) {
        end = HeldLog.read(jedis, "news").lastId();
      }
      long begin = System.nanoTime();
      site.clients().forEach(Client::resume);
      Program.await(() -> site.clients().stream().allMatch(client -> client.id().equals(end)), "all have all", BOUND);
      double rate = events / ((System.nanoTime() - begin) / 1e9);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      assertTrue(rate > 1_500, rate + " events/s"); // 5,000 on a machine that does nothing else
      Results.passed(Fault.SLOW_50, verdict, Site.Resumed.NONE, String.format(Locale.ROOT, "4 laggards at %.0f events/s each", rate));
    }
  }

  @Test
  void redisIsVeryFarAway() throws Exception {
    try (var redis = RedisServer.start();
        var proxy = new TcpProxy(redis);
        var site = new Site(proxy.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_500).flow(Duration.ofMillis(500));
      long accepted = redis.accepted();
      proxy.delay(250);
      Thread.sleep(4_000);
      long opened = redis.accepted() - accepted;
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      assertEquals(0, verdict.unknown, verdict::toString);
      assertTrue(opened < 30, opened + " connections");
      Results.passed(Fault.SLOW_500, verdict, resumed, opened + " new connections");
    }
  }

  @Test
  void redisIsStopped() throws Exception {
    pause(Fault.FROZEN, redis -> {
      redis.freeze();
      Thread.sleep(3_000);
      redis.thaw();
    });
  }

  @Test
  void redisSleeps() throws Exception {
    pause(Fault.DEBUG_SLEEP, redis -> {
      try (var jedis = new redis.clients.jedis.Jedis(redis.host(), redis.port(), 10_000)) {
        jedis.sendCommand(() -> "DEBUG".getBytes(java.nio.charset.StandardCharsets.UTF_8), "SLEEP", "2");
      }
    });
  }

  /** Makes Redis pause. */
  private interface Pause {
    void of(RedisServer redis) throws Exception;
  }

  private static void pause(Fault fault, Pause pause) throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(Duration.ofMillis(500));
      long accepted = redis.accepted();
      pause.of(redis);
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(500);
      long opened = redis.accepted() - accepted;
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      assertTrue(opened < 80, opened + " connections");
      assertTrue(resumed.longest() < 9, resumed.toString());
      Results.passed(fault, verdict, resumed, opened + " new connections of 2 nodes");
    }
  }
}
