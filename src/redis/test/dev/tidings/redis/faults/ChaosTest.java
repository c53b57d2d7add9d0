package dev.tidings.redis.faults;

import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Faults at random, in a random order. {@code -Dredis.seconds=600} for a long run, {@code -Dseed} for the same order. */
@Timeout(3_600)
final class ChaosTest {
  private static final int SECONDS = Integer.getInteger("redis.seconds", 10);
  private static final Duration BOUND = Duration.ofSeconds(40);

  @Test
  void faultsInAnyOrderLoseNothing() throws Exception {
    long seed = Long.getLong("seed", ThreadLocalRandom.current().nextLong(1_000_000));
    var random = new Random(seed);
    Map<String, Integer> counts = new TreeMap<>();
    Map<String, List<HeldLog.Epoch>> epochs = Map.of("a", new ArrayList<>(), "b", new ArrayList<>());
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
        var proxy = new TcpProxy(redis);
        var site = new Site(proxy.url(), Plan.of(3).withChannels("a", "b"))) {
      site.publishers(3).clients(8, 700).flow(Duration.ofMillis(500));
      long end = System.nanoTime() + Duration.ofSeconds(SECONDS).toNanos();
      while (System.nanoTime() < end) {
        for (String channel : List.of("a", "b")) { // the log remembers 16
          var known = epochs.get(channel);
          known.addAll(0, HeldLog.epochs(redis, channel).stream().filter(epoch -> !known.contains(epoch)).toList());
        }
        String fault = fault(random, redis, proxy, site);
        counts.merge(fault, 1, Integer::sum);
        Thread.sleep(random.nextInt(600));
        if (random.nextInt(4) == 0) {
          site.awaitResumed(System.nanoTime(), BOUND);
        }
      }
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Verdict verdict;
      try (var jedis = redis.jedis()) {
        verdict = site.judge(channel -> HeldLog.read(jedis, channel).withOlder(epochs.get(channel)), site.clients());
      }
      site.requireWhole(verdict);
      Results.passed(Fault.CHAOS, verdict, resumed, counts.toString());
    } catch (AssertionError e) {
      throw new AssertionError("seed " + seed + ", " + counts + ": " + e.getMessage(), e);
    }
  }

  /** Makes a fault, and returns its name. */
  private static String fault(Random random, RedisServer redis, TcpProxy proxy, Site site) throws Exception {
    switch (random.nextInt(9)) {
      case 0 -> {
        redis.kill();
        Thread.sleep(random.nextInt(500));
        redis.restart();
        return "kills of Redis";
      }
      case 1 -> {
        redis.freeze();
        Thread.sleep(random.nextInt(3_000));
        redis.thaw();
        return "stops of Redis";
      }
      case 2 -> {
        site.onNodes(random.nextInt(3));
        return "kills of nodes";
      }
      case 3 -> {
        proxy.delay(random.nextInt(100));
        Thread.sleep(500);
        proxy.delay(0);
        return "delays";
      }
      case 4 -> {
        proxy.swallow();
        Thread.sleep(random.nextInt(3_000));
        proxy.heal();
        return "silences";
      }
      case 5 -> {
        proxy.reset();
        return "resets";
      }
      case 6 -> {
        proxy.cutReply(random.nextInt(60));
        return "lost replies";
      }
      case 7 -> {
        proxy.cutRequest(random.nextInt(800));
        return "lost requests";
      }
      default -> {
        redis.run("CLIENT", "KILL", "TYPE", random.nextBoolean() ? "PUBSUB" : "NORMAL");
        return "CLIENT KILL";
      }
    }
  }

  /** Each failover loses the tail, or does not; the old master becomes the replica of the next. */
  @Test
  void failoversInARowAreTold() throws Exception {
    var random = new Random();
    try (var one = RedisServer.start();
        var two = RedisServer.start();
        var address = new TcpProxy(one);
        var site = new Site(address.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 800).flow(Duration.ofMillis(500));
      var master = one;
      var replica = two;
      int failovers = 0;
      var resumed = Site.Resumed.NONE;
      long end = System.nanoTime() + Duration.ofSeconds(SECONDS).toNanos();
      do {
        replica.run("REPLICAOF", master.host(), Integer.toString(master.port()));
        Thread.sleep(50);
        replica.awaitInStep();
        site.awaitResumed(System.nanoTime(), BOUND);
        if (random.nextInt(3) > 0) {
          replica.freeze();
          master.run("CLIENT", "KILL", "TYPE", "REPLICA");
          int replicated = site.publications().size();
          Program.await(() -> site.publications().size() > replicated + 20, "a tail");
        }
        master.kill();
        address.reset();
        replica.thaw();
        replica.run("REPLICAOF", "NO", "ONE");
        address.moveTo(replica);
        resumed = site.awaitResumed(System.nanoTime(), BOUND);
        failovers++;
        var old = master;
        master = replica;
        replica = old;
        replica.restart();
      } while (System.nanoTime() < end && failovers < 14); // the log knows 16 epochs
      var verdict = site.judge(master);
      site.requireClean(verdict);
      Results.passed(Fault.FAILOVERS, verdict, resumed, failovers + " failovers");
    }
  }
}
