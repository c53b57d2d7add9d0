package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.Site.Plan;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Redis is killed and restarted. */
final class RestartTest {
  private static final Duration BOUND = Duration.ofSeconds(20);
  private static final Duration BEFORE = Duration.ofMillis(1_500);
  private static final Duration AWAY = Duration.ofMillis(700);

  /** Kills and restarts Redis, and returns how long clients waited after that. */
  private static Site.Resumed restart(Site site, Redis redis) throws Exception {
    redis.kill();
    Thread.sleep(AWAY);
    redis.restart();
    return site.awaitResumed(System.nanoTime(), BOUND);
  }

  @Test
  void withAofAlwaysNothingIsLost() throws Exception {
    try (var redis = Redis.start("--appendonly", "yes", "--appendfsync", "always");
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(BEFORE);
      var resumed = restart(site, redis);
      Thread.sleep(500);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      assertTrue(resumed.longest() < 6, resumed.toString());
      Results.passed(Fault.AOF_ALWAYS, verdict, resumed, "");
    }
  }

  @Test
  void withAofEverysecTheLossIsTold() throws Exception {
    try (var redis = Redis.start("--appendonly", "yes", "--appendfsync", "everysec");
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(BEFORE);
      var resumed = restart(site, redis);
      Thread.sleep(500);
      var verdict = site.judge(redis);
      site.requireClean(verdict);
      assertTrue(resumed.longest() < 6, resumed.toString());
      Results.passed(Fault.AOF_EVERYSEC, verdict, resumed, "");
    }
  }

  @Test
  void withoutPersistenceEachClientIsToldOneGap() throws Exception {
    try (var redis = Redis.start();
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(BEFORE);
      var resumed = restart(site, redis);
      Thread.sleep(500);
      var verdict = site.judge(redis);
      site.requireClean(verdict);
      assertTrue(verdict.lostByEngine > 0 && verdict.told == 12, verdict::toString);
      assertTrue(resumed.longest() < 6, resumed.toString());
      Results.passed(Fault.NO_AOF, verdict, resumed, "");
    }
  }
}
