package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.contract.EventLogContract;
import dev.tidings.contract.SharedLogContract;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The contract, with a cluster of three masters, and a slot that moves. */
final class ClusterTest implements EventLogContract, SharedLogContract {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final List<RedisServer> servers = new ArrayList<>();
  private static RedisLogs one;
  private static RedisLogs other;

  @BeforeAll
  static void start() throws Exception {
    for (int i = 0; i < 3; i++) {
      servers.add(RedisServer.start("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"));
    }
    for (int i = 0; i < 3; i++) {
      var server = servers.get(i);
      server.run("CLUSTER", "ADDSLOTSRANGE", Integer.toString(i * 5462), Integer.toString(Math.min(16383, i * 5462 + 5461)));
      server.run("CLUSTER", "SET-CONFIG-EPOCH", Integer.toString(i + 1));
      if (i > 0) {
        server.run("CLUSTER", "MEET", "127.0.0.1", Integer.toString(servers.getFirst().port()));
      }
    }
    for (var server : servers) {
      server.await(() -> server.run("CLUSTER", "INFO").contains("cluster_state:ok") && server.run("CLUSTER", "INFO").contains("cluster_known_nodes:3"));
    }
    String url = "redis-cluster://127.0.0.1:" + servers.get(1).port() + ",127.0.0.1:" + servers.get(2).port();
    one = RedisLogs.connect(url);
    other = RedisLogs.connect(url);
    Program.await(() -> one.state().ready() && other.state().ready(), () -> one.state().toString());
  }

  @AfterAll
  static void stop() throws Exception {
    one.close();
    other.close();
    for (var server : servers) {
      server.close();
    }
  }

  @Override
  public EventLog emptyLog() {
    return one.log("log " + NUMBER.incrementAndGet());
  }

  @Override
  public List<EventLog> twoOfOneStore() {
    String name = "log " + NUMBER.incrementAndGet();
    return List.of(one.log(name), other.log(name));
  }

  @Test
  void channelsAreOnAllMasters() {
    for (int i = 0; i < 50; i++) {
      one.log("spread " + i).append(Event.of("x"));
    }
    for (var server : servers) {
      assertTrue(Integer.parseInt(server.run("DBSIZE")) > 5);
    }
    assertEquals(3, one.state().servers().size());
    for (var server : one.state().servers()) {
      System.out.println(server);
      assertTrue(server.connections() <= 11, server::toString);
    }
  }

  /** A move of a slot may take long, or be left unfinished. */
  @Test
  void aSlotThatIsToMoveAcceptsEvents() throws Exception {
    var log = one.log("unfinished");
    log.append(Event.of("before"));
    int slot = Keys.of("tidings:", "unfinished").slot();
    var from = servers.get(slot / 5462);
    var to = servers.get((slot / 5462 + 1) % 3);
    to.run("CLUSTER", "SETSLOT", Integer.toString(slot), "IMPORTING", from.run("CLUSTER", "MYID"));
    from.run("CLUSTER", "SETSLOT", Integer.toString(slot), "MIGRATING", to.run("CLUSTER", "MYID"));
    try {
      log.append(Event.of("meanwhile"));
      assertEquals(2, log.read(log.beforeLast(2), 10, Duration.ZERO).events().size());
    } finally {
      from.run("CLUSTER", "SETSLOT", Integer.toString(slot), "STABLE");
      to.run("CLUSTER", "SETSLOT", Integer.toString(slot), "STABLE");
    }
  }

  /** The slot of a busy channel is moved to another master and back, key by key. */
  @Test
  void aSlotThatMovesLosesAndDoublesNothing() throws Exception {
    var log = one.log("moving");
    String start = log.latest();
    int slot = Keys.of("tidings:", "moving").slot();
    var stop = new AtomicBoolean();
    var acked = new ArrayList<String>();
    var publisher = Thread.ofVirtual().start(() -> {
      for (int i = 0; !stop.get(); i++) {
        acked.add(log.append(Event.of("event " + i)));
      }
    });
    var seen = new LinkedBlockingQueue<Event>();
    var follower = Thread.ofVirtual().start(() -> {
      String at = start;
      while (true) {
        try {
          var reading = other.log("moving").read(at, 100, Duration.ofSeconds(20));
          seen.addAll(reading.events());
          at = reading.events().isEmpty() ? reading.from() : reading.events().getLast().id().orElseThrow();
          if (!reading.covered()) {
            seen.add(Event.of("gap"));
          }
        } catch (InterruptedException e) {
          return;
        } catch (RuntimeException e) {
          // asked again
        }
      }
    });
    int home = slot / 5462;
    for (int round = 0; round < 2; round++) {
      var from = servers.get((home + round) % 3);
      var to = servers.get((home + round + 1) % 3);
      String fromId = from.run("CLUSTER", "MYID");
      String toId = to.run("CLUSTER", "MYID");
      int before = acked.size();
      Program.await(() -> acked.size() > before + 50, () -> acked.size() + " acked");
      to.run("CLUSTER", "SETSLOT", Integer.toString(slot), "IMPORTING", fromId);
      from.run("CLUSTER", "SETSLOT", Integer.toString(slot), "MIGRATING", toId);
      for (String key : List.of("tidings:{moving}:log", "tidings:{moving}:meta")) {
        from.run("MIGRATE", "127.0.0.1", Integer.toString(to.port()), key, "0", "5000");
        Thread.sleep(100); // while the keys are on both sides
      }
      Thread.sleep(100);
      to.run("CLUSTER", "SETSLOT", Integer.toString(slot), "NODE", toId);
      from.run("CLUSTER", "SETSLOT", Integer.toString(slot), "NODE", toId);
    }
    int before = acked.size();
    Program.await(() -> acked.size() > before + 50, () -> acked.size() + " acked");
    stop.set(true);
    assertTrue(publisher.join(Duration.ofSeconds(20)));
    for (int i = 0; i < acked.size(); i++) {
      var event = seen.poll(20, TimeUnit.SECONDS);
      assertTrue(event != null, "timed out after " + i + " of " + acked.size());
      assertEquals(Event.of("event " + i).withId(acked.get(i)), event);
    }
    follower.interrupt();
    var errors = new StringBuilder();
    servers.forEach(server -> errors.append(server.info("errorstats")));
    for (String error : List.of("MOVED", "ASK", "TRYAGAIN")) {
      assertTrue(errors.indexOf("errorstat_" + error + ":") >= 0, () -> error + " was not met: " + errors);
    }
  }
}
