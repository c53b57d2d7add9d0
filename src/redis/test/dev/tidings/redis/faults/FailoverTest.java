package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A replica becomes the master. */
@Timeout(180)
final class FailoverTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  @Test
  void whatTheReplicaLackedIsTold() throws Exception {
    byHand(Fault.FAILOVER, Map.of());
  }

  @Test
  void aReplicaWhoseClockIsBehind() throws Exception {
    byHand(Fault.FAILOVER_BEHIND, RedisServer.clock("-3s"));
  }

  @Test
  void aReplicaWhoseClockIsAhead() throws Exception {
    byHand(Fault.FAILOVER_AHEAD, RedisServer.clock("+1h"));
  }

  private static void byHand(Fault fault, Map<String, String> clock) throws Exception {
    try (var master = RedisServer.start();
        var replica = RedisServer.replicaOf(master, "127.0.0.1", List.of(), clock);
        var address = new TcpProxy(master);
        var site = new Site(address.url(), Plan.of(2))) {
      site.publishers(4).clients(12, 800).flow(Duration.ofSeconds(1));
      replica.freeze();
      master.run("CLIENT", "KILL", "TYPE", "REPLICA");
      int replicated = site.publications().size();
      Program.await(() -> site.publications().size() > replicated + 60, "a tail");
      master.kill();
      address.reset();
      replica.thaw();
      replica.run("REPLICAOF", "NO", "ONE");
      address.moveTo(replica);
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(700);
      var verdict = site.judge(replica);
      site.requireClean(verdict);
      assertTrue(verdict.lostByEngine > 30 && verdict.told >= 12 && verdict.phantoms > 0, verdict::toString);
      assertTrue(resumed.longest() < 6, resumed.toString());
      Results.passed(fault, verdict, resumed, "");
    }
  }

  @Test
  void sentinelsPromoteAReplica() throws Exception {
    try (var master = RedisServer.start();
        var replica = RedisServer.replicaOf(master, "127.0.0.1", List.of(), Map.of())) {
      var sentinels = new ArrayList<RedisServer>();
      try {
        for (int i = 0; i < 3; i++) {
          sentinels.add(RedisServer.sentinel(master, "127.0.0.1", List.of(), 2, 1_000));
        }
        awaitSentinels(sentinels);
        try (var site = new Site(url(sentinels), Plan.of(2))) {
          site.publishers(4).clients(12, 800).flow(Duration.ofSeconds(1));
          long killed = System.nanoTime();
          master.kill();
          String port = Integer.toString(replica.port());
          Program.await(
              () -> replica.says("role:master")
                  && sentinels.stream().anyMatch(one -> one.run("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster").contains(port)),
              "a new master");
          long promoted = System.nanoTime();
          var resumed = site.awaitResumed(promoted, BOUND);
          Thread.sleep(500);
          var verdict = site.judge(replica);
          site.requireClean(verdict);
          assertTrue(resumed.longest() < 8, resumed.toString());
          Results.passed(
              Fault.SENTINEL, verdict, resumed, String.format(java.util.Locale.ROOT, "promoted after %.1f s", (promoted - killed) / 1e9));
        }
      } finally {
        sentinels.forEach(RedisServer::close);
      }
    }
  }

  private static void awaitSentinels(List<RedisServer> sentinels) throws InterruptedException {
    Program.await(
        () -> sentinels.stream().allMatch(
            one -> {
              String info = one.run("INFO", "sentinel");
              return info.contains("status=ok") && info.contains("slaves=1") && info.contains("sentinels=3");
            }),
        "sentinels that know each other");
  }

  private static String url(List<RedisServer> sentinels) {
    return "redis-sentinel://"
        + sentinels.stream().map(one -> one.host() + ":" + one.port()).collect(Collectors.joining(","))
        + "/mymaster";
  }

  @Test
  void bothSidesOfASplitBrainAgreeInTheEnd() throws Exception {
    splitBrain(Fault.SPLIT_BRAIN, false);
  }

  @Test
  void clientsMayReachBothSidesOfASplitBrain() throws Exception {
    splitBrain(Fault.SPLIT_CLIENTS, true);
  }

  private static void splitBrain(Fault fault, boolean hopping) throws Exception {
    try (var network = Network.create();
        var master = RedisServer.startAt(network.leftHost(), network.onLeft());
        var replica = RedisServer.replicaOf(master, network.rightHost(), network.onRight(), Map.of())) {
      var sentinels = new ArrayList<RedisServer>();
      try {
        sentinels.add(RedisServer.sentinel(master, network.leftHost(), network.onLeft(), 2, 1_000));
        sentinels.add(RedisServer.sentinel(master, network.rightHost(), network.onRight(), 2, 1_000));
        sentinels.add(RedisServer.sentinel(master, network.rightHost(), network.onRight(), 2, 1_000));
        awaitSentinels(sentinels);
        try (var site = new Site(Plan.of(2).withoutFronts())) {
          var left = site.launch(url(sentinels), network.leftHost(), network.onLeft());
          var right = site.launch(url(sentinels), network.rightHost(), network.onRight());
          site.open();
          site.publishers(2, 20, List.of(left)).publishers(2, 20, List.of(right));
          if (hopping) {
            site.clients(12, 1_000);
          } else {
            site.clients(6, 1_000, List.of(left.address())).clients(6, 1_000, List.of(right.address()));
          }
          site.flow(Duration.ofSeconds(1));
          network.cut();
          String port = Integer.toString(replica.port());
          Program.await(
              () -> replica.says("role:master")
                  && sentinels.get(1).run("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster").contains(port),
              "a new master");
          long promoted = System.nanoTime();
          Program.await(() -> HeldLog.epochs(replica, "news").size() > 1, "the node on the right has its master");
          double late = (System.nanoTime() - promoted) / 1e9;
          site.awaitResumed(System.nanoTime(), BOUND); // on both sides
          Thread.sleep(1_500);
          long healed = System.nanoTime();
          network.heal();
          Program.await(() -> master.says("role:slave"), "the old master gives up", Duration.ofSeconds(60));
          long demoted = System.nanoTime();
          if (!hopping) {
            var onLeft = site.clients().subList(0, 6);
            Program.await(() -> onLeft.stream().allMatch(client -> client.gapAfter(healed) > 0), "the loss is told", BOUND);
          }
          site.awaitResumed(System.nanoTime(), BOUND);
          double told = site.clients().stream().mapToLong(client -> client.gapAfter(healed)).max().orElseThrow();
          Thread.sleep(500);
          var verdict = site.judge(replica);
          String figures =
              String.format(
                  java.util.Locale.ROOT,
                  "the other side had its master %.1f s after its promotion; the old one was demoted %.1f s after healing",
                  late, (demoted - healed) / 1e9);
          if (!hopping) {
            figures += String.format(java.util.Locale.ROOT, "; told within %.1f s of that", Math.max(0, (told - demoted) / 1e9));
          }
          site.requireClean(verdict);
          assertTrue(verdict.lostByEngine > 0 && verdict.told >= 6, verdict::toString);
          Results.passed(fault, verdict, Site.Resumed.NONE, figures);
        }
      } finally {
        sentinels.forEach(RedisServer::close);
      }
    }
  }
}
