package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.redis.RedisLogs;
import dev.tidings.redis.RedisOptions;
import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Somebody gives Redis commands that hurt. */
@Timeout(3_600)
final class CommandsTest {
  private static final Duration BOUND = Duration.ofSeconds(20);
  private static final int SECONDS = Integer.getInteger("redis.seconds", 4);

  @Test
  void flushall() throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(Duration.ofMillis(500));
      Site.Resumed resumed = null;
      for (int i = 0; i < 2; i++) {
        redis.run("FLUSHALL");
        resumed = site.awaitResumed(System.nanoTime(), BOUND);
        Thread.sleep(500);
      }
      var verdict = site.judge(redis);
      site.requireClean(verdict);
      assertTrue(verdict.lostByEngine > 0 && verdict.told == 24, () -> verdict + site.gaps());
      Results.passed(Fault.FLUSHALL, verdict, resumed, "");
    }
  }

  @Test
  void scriptFlush() throws Exception {
    again(Fault.SCRIPT_FLUSH, 100, "SCRIPT", "FLUSH");
  }

  @Test
  void bellsAreKilled() throws Exception {
    again(Fault.KILL_PUBSUB, 1_000, "CLIENT", "KILL", "TYPE", "PUBSUB");
  }

  @Test
  void connectionsAreKilled() throws Exception {
    again(Fault.KILL_NORMAL, 300, "CLIENT", "KILL", "TYPE", "NORMAL");
  }

  private static void again(Fault fault, int pause, String... command) throws Exception {
    try (var redis = RedisServer.start();
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(Duration.ofMillis(300));
      long end = System.nanoTime() + Duration.ofSeconds(SECONDS).toNanos();
      int times = 0;
      while (System.nanoTime() < end) {
        redis.run(command);
        times++;
        Thread.sleep(pause);
      }
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      assertTrue(resumed.longest() < 6, resumed.toString());
      Results.passed(fault, verdict, resumed, times + " times");
    }
  }

  @Test
  void bellsOverflow() throws Exception {
    try (var network = Network.create(); // whose buffers are small, unlike those of loopback
        var redis = RedisServer.startAt(network.rightHost(), network.onRight(), "--client-output-buffer-limit", "pubsub 64kb 64kb 1");
        var site = new Site(Plan.of(2).withoutFronts().withChannels("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"))) {
      var left = site.launch(redis.url(), network.leftHost(), network.onLeft());
      var right = site.launch(redis.url(), network.rightHost(), network.onRight());
      site.open();
      // One publisher each: a bell carries the events of a batch only if they have 8 KiB or less.
      site.publishers(1, 2, List.of(right), "#" + "x".repeat(7_500)).clients(2, 1_500).flow(Duration.ofMillis(500));
      left.freeze(); // until the kernel takes no more for it
      Program.await(() -> overflows(redis) > 0, "an output buffer is full", Duration.ofSeconds(13));
      left.thaw();
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      Results.passed(Fault.OUTPUT_BUFFER, verdict, resumed, overflows(redis) + " connections ended");
    }
  }

  private static long overflows(RedisServer redis) {
    return redis.output().lines().filter(line -> line.contains("overcoming of output buffer limits")).count();
  }

  @Test
  void theClockGoesBack() throws Exception {
    clock(Fault.CLOCK_BACK, "-1h");
  }

  @Test
  void theClockGoesAheadAndBack() throws Exception {
    clock(Fault.CLOCK_AHEAD, "+1h", "");
  }

  private static void clock(Fault fault, String... offsets) throws Exception {
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
        var site = new Site(redis.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 1_000).flow(Duration.ofMillis(500));
      Site.Resumed resumed = null;
      for (String offset : offsets) {
        redis.kill();
        redis.shiftClock(offset);
        redis.restart();
        resumed = site.awaitResumed(System.nanoTime(), BOUND);
        Thread.sleep(500);
      }
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      Results.passed(fault, verdict, resumed, "");
    }
  }

  /** The record of a batch must outlive the retries, whatever the clock says meanwhile. */
  @Test
  void aBatchIsNotForgottenWhenTheClockJumps() throws Exception {
    var patient = RedisOptions.defaults().withPublishTime(Duration.ofSeconds(20));
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
        var proxy = new TcpProxy(redis);
        var one = RedisLogs.connect(proxy.url(), patient);
        var other = RedisLogs.connect(redis.url(), patient)) {
      one.log("news").append(Event.of("first"));
      proxy.cutReplyForLong();
      var appended = new CompletableFuture<String>();
      Thread.ofVirtual().start(() -> appended.complete(one.log("news").append(Event.of("once"))));
      Program.await(() -> redis.run("XLEN", "tidings:{news}:log").equals("2"), "the event");
      redis.kill();
      redis.shiftClock("+1h");
      redis.restart();
      for (int i = 0; i < 3; i++) {
        other.log("news").append(Event.of("another"));
      }
      proxy.heal();
      assertTrue(appended.get(20, TimeUnit.SECONDS).startsWith("2."), "the id of the first attempt");
      assertEquals("5", redis.run("XLEN", "tidings:{news}:log"));
    }
  }

  @Test
  void clientsJoinWhileRedisIsAway() throws Exception {
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
        var site = new Site(redis.url(), Plan.of(2).withoutFronts())) {
      var knows = site.nodes().subList(0, 1);
      site.publishers(2, 20, knows);
      site.clients(4, 0, knows.stream().map(SiteNode::address).toList());
      site.flow(Duration.ofMillis(500));
      redis.kill();
      Thread.sleep(200);
      site.clients(4, 0, knows.stream().map(SiteNode::address).toList());
      site.clients(4, 0, List.of(site.nodes().get(1).address()));
      Thread.sleep(1_500);
      redis.restart();
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(300);
      var verdict = site.judge(redis);
      site.requireWhole(verdict);
      var clients = site.clients();
      assertTrue(
          clients.subList(4, 8).stream().allMatch(client -> client.items().getFirst() instanceof Item.Position),
          "the node knows the last place");
      assertTrue(
          clients.subList(8, 12).stream().allMatch(client -> client.items().getFirst() instanceof Item.Gap),
          "the node knows nothing");
      Results.passed(Fault.JOIN_AWAY, verdict, resumed, "");
    }
  }
}
