package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import redis.clients.jedis.util.JedisClusterCRC16;

/** Redis Cluster: three masters, and a replica of the one that has the channel. */
@Timeout(180)
final class SlotsTest {
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final String CHANNEL = "news";
  private static final int SLOT = JedisClusterCRC16.getSlot("tidings:{" + CHANNEL + "}:");
  private static final int EACH = 5_462; // slots of a master
  private static final String[] OPTIONS = {"--cluster-enabled", "yes", "--cluster-node-timeout", "1500"};

  private final List<RedisServer> servers = new ArrayList<>(); // the last one is the replica

  @BeforeEach
  void start() throws Exception {
    for (int i = 0; i < 4; i++) {
      servers.add(RedisServer.start(OPTIONS));
    }
    for (int i = 0; i < 4; i++) {
      var server = servers.get(i);
      server.run("CLUSTER", "SET-CONFIG-EPOCH", Integer.toString(i + 1));
      if (i < 3) {
        server.run("CLUSTER", "ADDSLOTSRANGE", Integer.toString(i * EACH), Integer.toString(Math.min(16_383, i * EACH + EACH - 1)));
      }
      if (i > 0) {
        server.run("CLUSTER", "MEET", "127.0.0.1", Integer.toString(servers.getFirst().port()));
      }
    }
    awaitCluster(servers);
    servers.getLast().run("CLUSTER", "REPLICATE", home().run("CLUSTER", "MYID"));
    servers.getLast().awaitInStep();
    awaitCluster(servers);
  }

  private static void awaitCluster(List<RedisServer> servers) throws InterruptedException {
    for (RedisServer server : servers) {
      Program.await(
          () -> {
            String info = server.run("CLUSTER", "INFO");
            return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4");
          },
          "a cluster");
    }
  }

  private RedisServer home() {
    return servers.get(SLOT / EACH);
  }

  private String url() {
    return "redis-cluster://"
        + servers.stream().map(server -> "127.0.0.1:" + server.port()).collect(Collectors.joining(","));
  }

  @AfterEach
  void stop() {
    servers.forEach(RedisServer::close);
  }

  @Test
  void theSlotOfABusyChannelMoves() throws Exception {
    try (var site = new Site(url(), Plan.of(2).withChannels(CHANNEL))) {
      site.publishers(4).clients(12, 1_000).flow(Duration.ofMillis(500));
      var from = home();
      var to = servers.get((SLOT / EACH + 1) % 3);
      String slot = Integer.toString(SLOT);
      to.run("CLUSTER", "SETSLOT", slot, "IMPORTING", from.run("CLUSTER", "MYID"));
      from.run("CLUSTER", "SETSLOT", slot, "MIGRATING", to.run("CLUSTER", "MYID"));
      migrate("log", from, to);
      awaitError("TRYAGAIN"); // while the keys are on both sides
      migrate("meta", from, to);
      awaitError("ASK");
      String id = to.run("CLUSTER", "MYID");
      to.run("CLUSTER", "SETSLOT", slot, "NODE", id);
      from.run("CLUSTER", "SETSLOT", slot, "NODE", id);
      awaitError("MOVED");
      var resumed = site.awaitResumed(System.nanoTime(), BOUND);
      Thread.sleep(300);
      var verdict = site.judge(to);
      site.requireWhole(verdict);
      Results.passed(Fault.CLUSTER_MOVED, verdict, resumed, "MOVED, ASK and TRYAGAIN were met");
    }
  }

  private static void migrate(String key, RedisServer from, RedisServer to) {
    from.run("MIGRATE", "127.0.0.1", Integer.toString(to.port()), "tidings:{" + CHANNEL + "}:" + key, "0", "5000");
  }

  /** Waits until a server has answered with this error. */
  private void awaitError(String error) throws InterruptedException {
    Program.await(
        () -> servers.stream().anyMatch(server -> server.info("errorstats").contains("errorstat_" + error + ":")), error + " is met");
  }

  @Test
  void theMasterOfABusyChannelIsKilled() throws Exception {
    try (var site = new Site(url(), Plan.of(2).withChannels(CHANNEL))) {
      site.publishers(4).clients(12, 1_000).flow(Duration.ofMillis(500));
      long killed = System.nanoTime();
      home().kill();
      var replica = servers.getLast();
      Program.await(() -> replica.says("role:master"), "a new master");
      long promoted = System.nanoTime();
      var resumed = site.awaitResumed(promoted, BOUND);
      Thread.sleep(300);
      var verdict = site.judge(replica);
      site.requireClean(verdict);
      assertTrue(resumed.longest() < 4.5, resumed.toString());
      Results.passed(
          Fault.CLUSTER_KILLED, verdict, resumed, String.format(java.util.Locale.ROOT, "promoted after %.1f s", (promoted - killed) / 1e9));
    }
  }
}
