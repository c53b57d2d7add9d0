package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nodes die, and clients go on with others. */
@Timeout(3_600)
final class NodesTest {
  private static final int SECONDS = Integer.getInteger("redis.seconds", 5);
  private static final Duration BOUND = Duration.ofSeconds(30);

  @Test
  void nodesAreKilledInTheMiddleOfPublishing() throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(3))) {
      site.publishers(6).clients(18, 500).flow(Duration.ofMillis(500));
      int kills = kill(site);
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      Results.passed(Fault.NODE_KILLED, verdict, resumed, kills + " kills");
    }
  }

  @Test
  void eventsWithKeysAreAppendedExactlyOnce() throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishersWithKeys(6).clients(8, 500).flow(Duration.ofMillis(500));
      int kills = kill(site);
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      int repeats = site.publishers().stream().mapToInt(Publisher::repeats).sum();
      assertTrue(repeats > 0 && verdict.acked == verdict.events, verdict::toString);
      Results.passed(Fault.KEYS, verdict, resumed, kills + " kills, " + repeats + " repeats");
    }
  }

  /** Kills and restarts random nodes for some time, and returns how many. */
  private static int kill(Site site) throws Exception {
    var random = new Random();
    long begin = System.nanoTime();
    int kills = 0;
    while (System.nanoTime() - begin < Duration.ofSeconds(SECONDS).toNanos()) {
      site.onNodes(random.nextInt(site.nodes().size()));
      kills++;
      Thread.sleep(random.nextInt(500));
    }
    return kills;
  }

  @Test
  void rollingRestart() throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(3))) {
      site.publishers(4).clients(18, 0).flow(Duration.ofMillis(500));
      for (SiteNode node : site.nodes()) {
        node.stop();
        node.launch();
        node.awaitReady();
      }
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      Results.passed(Fault.ROLLING, verdict, resumed, "");
    }
  }

  @Test
  void historySurvivesTheSite() throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(Duration.ofMillis(500));
      site.onNodes(0, 1);
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(300);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      Results.passed(Fault.SITE_RESTARTED, verdict, resumed, "");
    }
  }

  @Test
  void clientsThatComeAtOnceCostFewCommands() throws Exception {
    int clients = Integer.getInteger("redis.herd", 10_000);
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(1).withoutFronts().withHeap("-Xmx1g"))) {
      site.clients(clients, 0);
      Program.await(() -> site.clients().stream().noneMatch(client -> client.id().isEmpty()), "positions", Duration.ofSeconds(60));
      site.clients().forEach(Client::leave);
      site.publish(20, "");
      redis.run("CONFIG", "RESETSTAT");
      long begin = System.nanoTime();
      site.clients().forEach(Client::resume);
      String end;
      try (var jedis = redis.jedis()) {
        end = HeldLog.read(jedis, "news").lastId();
      }
      Program.await(() -> site.clients().stream().allMatch(client -> client.id().equals(end)), "all have all", Duration.ofSeconds(60));
      double seconds = (System.nanoTime() - begin) / 1e9;
      long commands = 0;
      for (String command : new String[] {"xrange", "hmget", "xlen", "evalsha", "xadd"}) {
        var calls = java.util.regex.Pattern.compile("cmdstat_" + command + ":calls=(\\d+)").matcher(redis.run("INFO", "commandstats"));
        commands += calls.find() ? Long.parseLong(calls.group(1)) : 0;
      }
      commands--; // the one above
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      assertTrue(commands <= 200, commands + " commands");
      Results.passed(
          Fault.HERD, verdict, Site.Resumed.NONE,
          String.format(java.util.Locale.ROOT, "%d commands, all clients up to date after %.1f s", commands, seconds));
    }
  }
}
