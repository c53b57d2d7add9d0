package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.redis.RedisLogs;
import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Redis is killed and restarted. */
@Timeout(180)
final class RestartTest {
  private static final Duration BOUND = Duration.ofSeconds(20);
  private static final Duration BEFORE = Duration.ofMillis(1_500);
  private static final Duration AWAY = Duration.ofMillis(700);

  /** Kills and restarts Redis, and returns how long clients waited after that. */
  private static Site.Resumed restart(Site site, RedisServer redis) throws Exception {
    redis.kill();
    Thread.sleep(AWAY);
    redis.restart();
    return site.awaitResumed(System.nanoTime(), BOUND);
  }

  @Test
  void withAofAlwaysNothingIsLost() throws Exception {
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
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
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "everysec");
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(BEFORE);
      long synced = redis.sizeOfAof();
      Thread.sleep(600);
      redis.kill();
      redis.truncateAof(synced); // as if the machine had failed: the kernel keeps what a killed process has written
      Thread.sleep(AWAY);
      redis.restart();
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(500);
      var verdict = site.judge(redis);
      site.requireClean(verdict);
      assertTrue(verdict.lostByEngine > 0 && verdict.told > 0, verdict::toString);
      assertTrue(resumed.longest() < 6, resumed.toString());
      Results.passed(Fault.AOF_EVERYSEC, verdict, resumed, "");
    }
  }

  @Test
  void anEpochThatIsLostAsAWholeIsTold() throws Exception {
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "everysec");
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(BEFORE);
      redis.kill();
      long synced = redis.sizeOfAof();
      redis.restart();
      site.flow(Duration.ofMillis(500));
      redis.kill();
      redis.truncateAof(synced);
      redis.restart();
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(500);
      var verdict = site.judge(redis);
      site.requireClean(verdict);
      assertTrue(verdict.lostByEngine > 0 && verdict.told > 0 && verdict.phantoms > 0, verdict::toString);
      Results.passed(Fault.TWICE, verdict, resumed, "");
    }
  }

  @Test
  void withoutPersistenceEachClientIsToldOneGap() throws Exception {
    try (var redis = RedisServer.start();
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

  @Test
  void clientsOfForgottenEpochsAreTold() throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(2).clients(6, 1_000).clients(2, 0).flow(Duration.ofMillis(300));
      var away = site.clients().subList(6, 8);
      away.forEach(Client::leave);
      var epochs = new ArrayList<>(HeldLog.epochs(redis, "news"));
      for (int i = 0; i < 20; i++) {
        String before = HeldLog.epochs(redis, "news").getFirst().word();
        redis.run("DEBUG", "CHANGE-REPL-ID");
        Program.await(() -> !HeldLog.epochs(redis, "news").getFirst().word().equals(before), "a new epoch");
        site.awaitResumedOf(site.clients().subList(0, 6), System.nanoTime(), BOUND);
        epochs.addAll(0, HeldLog.epochs(redis, "news").stream().filter(epoch -> !epochs.contains(epoch)).toList());
      }
      site.onNodes(0, 1); // which remember the way of the epochs otherwise
      away.forEach(Client::resume);
      site.awaitResumed(System.nanoTime(), BOUND);
      var followers = site.clients().subList(0, 6);
      try (var jedis = redis.jedis()) {
        var verdict = site.judge(jedis, epochs, followers);
        var returned = site.judge(jedis, List.of(), away);
        assertTrue(epochs.size() > 16 && returned.told == 2, () -> epochs + ", " + returned);
        site.requireWhole(verdict);
        site.requireClean(returned);
        Results.passed(Fault.MANY_EPOCHS, verdict.plus(returned), Site.Resumed.NONE, epochs.size() + " epochs");
      }
    }
  }

  /** A client that was told a loss by one node must not receive the lost events from another one. */
  @Test
  void lostEventsAreNotReadFromANodeThatHasNotNoticed() throws Exception {
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "everysec");
        var proxy = new TcpProxy(redis);
        var one = RedisLogs.connect(redis.url());
        var late = RedisLogs.connect(proxy.url())) {
      String kept = one.log("news").append(Event.of("kept"));
      late.log("news").read(kept, 10, Duration.ofMillis(200)); // follows
      Thread.sleep(200);
      long synced = redis.sizeOfAof();
      String lost = one.log("news").append(Event.of("lost"));
      assertTrue(late.log("news").read(kept, 10, Duration.ofSeconds(5)).events().size() == 1);
      proxy.refuse();
      redis.kill();
      redis.truncateAof(synced);
      redis.restart();
      Program.await(() -> one.state().ready(), "one has noticed");
      var told = one.log("news").read(lost, 10, Duration.ZERO);
      assertTrue(!told.covered() && told.from().equals(kept), told::toString);
      List<Event> again;
      try {
        again = late.log("news").read(told.from(), 10, Duration.ZERO).events();
      } catch (java.io.UncheckedIOException e) {
        again = List.of(); // also right
      }
      assertTrue(again.isEmpty(), again::toString);
    }
  }
}
