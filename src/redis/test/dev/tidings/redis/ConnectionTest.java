package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.exceptions.JedisException;

/** Connections and threads, outages, and bells that are lost. */
final class ConnectionTest {

  private static List<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("tidings-redis-")).toList();
  }

  private static void awaitLive(RedisLogs redis, int channels) throws InterruptedException {
    Program.await(() -> redis.state().followed() == channels, () -> redis.state().toString());
  }

  /** Reads on for ever on a thread of its own. */
  private static Thread follow(EventLog log, String from, LinkedBlockingQueue<Event> events) {
    return Thread.ofVirtual().start(() -> {
      String at = from;
      while (true) {
        try {
          var reading = log.read(at, 100, Duration.ofSeconds(20));
          at = reading.events().isEmpty() ? reading.from() : reading.events().getLast().id().orElseThrow();
          events.addAll(reading.events());
        } catch (InterruptedException e) {
          return;
        } catch (UncheckedIOException e) {
          // away; that took up to a second
        }
      }
    });
  }

  private static Event next(LinkedBlockingQueue<Event> events) throws InterruptedException {
    var event = events.poll(20, TimeUnit.SECONDS);
    assertTrue(event != null, "timed out");
    return event;
  }

  @Test
  void everyThreadEndsWithClose() throws Exception {
    try (var server = RedisServer.start()) {
      var redis = RedisLogs.connect(server.url());
      var log = redis.log("news");
      log.append(Event.of("x"));
      log.latest();
      assertTrue(threads().size() >= 5, () -> threads().toString());
      assertTrue(redis.state().alive());
      long begin = System.nanoTime();
      redis.close();
      long millis = (System.nanoTime() - begin) / 1_000_000;
      assertEquals(List.of(), threads());
      assertTrue(millis < 1_000, () -> millis + " ms");
      redis.close();
      server.await(() -> server.clients() == 0);
    }
  }

  @Test
  void aThousandReadersOfAHundredChannelsShareElevenConnectionsAndAnInterruptClosesNone() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var logs = new ArrayList<EventLog>();
      var starts = new ArrayList<String>();
      for (int i = 0; i < 100; i++) {
        logs.add(redis.log("channel " + i));
        starts.add(logs.get(i).latest());
      }
      var woken = new LinkedBlockingQueue<String>();
      var failed = new ConcurrentLinkedQueue<Throwable>();
      var readers = new ArrayList<Thread>();
      for (int r = 0; r < 1000; r++) {
        int channel = r % 100;
        readers.add(Thread.ofVirtual().start(() -> {
          try {
            var reading = logs.get(channel).read(starts.get(channel), 10, Duration.ofSeconds(50));
            woken.add(reading.events().getFirst().data().orElseThrow());
          } catch (InterruptedException e) {
            // as expected
          } catch (RuntimeException e) {
            failed.add(e);
          }
        }));
      }
      awaitLive(redis, 100);
      for (var reader : readers) {
        Program.await(() -> reader.getState() == Thread.State.TIMED_WAITING, () -> failed + " " + reader.getState());
      }
      assertTrue(server.clients() <= 11, () -> server.clients() + " connections");
      int opened = redis.state().servers().getFirst().opened();
      for (int i = 0; i < 1000; i += 2) {
        readers.get(i).interrupt();
      }
      for (int i = 0; i < 1000; i += 2) {
        assertTrue(readers.get(i).join(Duration.ofSeconds(20)));
      }
      for (int i = 0; i < 100; i++) {
        logs.get(i).append(Event.of("event " + i));
      }
      for (var reader : readers) {
        assertTrue(reader.join(Duration.ofSeconds(20)), "timed out");
      }
      assertEquals(500, woken.size(), failed::toString);
      assertTrue(redis.state().servers().getFirst().opened() - opened <= 8, "connections were closed");
      assertTrue(server.clients() <= 11, () -> server.clients() + " connections");
    }
  }

  /** A caller that is interrupted while it waits for Redis, in an append or for a place, closes no connection. */
  @Test
  void interruptsOfWaitingCallsCloseNoConnection() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      log.append(Event.of("x"));
      log.latest();
      int opened = redis.state().servers().getFirst().opened();
      server.freeze();
      var wrong = new ConcurrentLinkedQueue<String>();
      var threads = new ArrayList<Thread>();
      for (int i = 0; i < 50; i++) {
        int kind = i % 3;
        threads.add(Thread.ofVirtual().start(() -> {
          try {
            switch (kind) {
              case 0 -> log.append(Event.of("y"));
              case 1 -> log.latest();
              default -> log.read("", 1, Duration.ZERO);
            }
            wrong.add("returned");
          } catch (UncheckedIOException e) {
            if (!Thread.currentThread().isInterrupted()) {
              wrong.add("status lost");
            }
          } catch (InterruptedException e) {
            // as expected of a read
          }
        }));
      }
      for (var thread : threads) {
        Program.await(() -> thread.getState() == Thread.State.TIMED_WAITING, () -> thread.getState().toString());
        thread.interrupt();
      }
      for (var thread : threads) {
        assertTrue(thread.join(Duration.ofSeconds(20)));
      }
      server.thaw();
      assertEquals(List.of(), List.copyOf(wrong));
      log.append(Event.of("z"));
      assertTrue(redis.state().servers().getFirst().opened() - opened <= 8);
      assertTrue(redis.state().ready());
    }
  }

  @Test
  void killedSubscriptionsCostOnlyTime() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var events = new LinkedBlockingQueue<Event>();
      var follower = follow(log, log.latest(), events);
      for (int i = 0; i < 8; i++) {
        String id = log.append(Event.of("event " + i));
        server.run("CLIENT", "KILL", "TYPE", "PUBSUB");
        assertEquals(Event.of("event " + i).withId(id), next(events));
      }
      follower.interrupt();
    }
  }

  @Test
  void killedConnectionsCostOnlyTime() throws Exception {
    try (var server = RedisServer.start();
        var recorder = new Recorder();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      String start = log.latest();
      for (int i = 0; i < 20; i++) {
        log.append(Event.of("event " + i));
        server.run("CLIENT", "KILL", "TYPE", "NORMAL");
        assertEquals(i + 1, log.read(start, 100, Duration.ZERO).events().size());
      }
      assertEquals(List.of(), recorder.messages(Level.WARNING));
    }
  }

  /** Verification finds what bells did not announce. */
  @Test
  void lostBellsAreNoticedWithinTwelveSeconds() throws Exception {
    try (var server = RedisServer.start();
        var proxy = new TcpProxy(server);
        var redis = RedisLogs.connect(proxy.url());
        var other = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var events = new LinkedBlockingQueue<Event>();
      var follower = follow(log, log.latest(), events);
      while (redis.state().bells() < 3) { // until events come by bells
        other.log("news").append(Event.of("first"));
        next(events);
      }
      proxy.swallowBells(true);
      long begin = System.nanoTime();
      other.log("news").append(Event.of("second"));
      assertEquals("second", next(events).data().orElseThrow());
      assertTrue(System.nanoTime() - begin < 13_000_000_000L);
      proxy.swallowBells(false); // it gets a new connection, or has one
      long rung = redis.state().bells();
      Program.await(
          () -> {
            other.log("news").append(Event.of("more"));
            return redis.state().bells() > rung;
          },
          () -> redis.state().toString());
      follower.interrupt();
    }
  }

  @Test
  void anOutageIsLoggedOnceAndReadersThrowWithinASecondAndGoOn() throws Exception {
    try (var server = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
        var recorder = new Recorder();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      var events = new LinkedBlockingQueue<Event>();
      String start = log.latest();
      var followers = new ArrayList<Thread>();
      for (int i = 0; i < 20; i++) {
        followers.add(follow(redis.log("channel " + i), redis.log("channel " + i).latest(), new LinkedBlockingQueue<>()));
      }
      followers.add(follow(log, start, events));
      log.append(Event.of("before"));
      next(events);
      server.kill();
      Program.await(() -> !redis.state().ready(), () -> "away");
      for (int i = 0; i < 3; i++) {
        long begin = System.nanoTime();
        var thrown = assertThrows(UncheckedIOException.class, log::latest);
        assertThrows(UncheckedIOException.class, () -> log.read(start + "x", 1, Duration.ZERO));
        assertTrue(System.nanoTime() - begin < 3_000_000_000L);
        assertTrue(thrown.getMessage().contains("away since"), thrown.getMessage());
      }
      var state = redis.state();
      assertTrue(state.alive());
      assertFalse(state.servers().getFirst().connected());
      assertTrue(state.servers().getFirst().reason().contains("refused"), state.toString());
      server.restart();
      Program.await(() -> redis.state().ready(), () -> redis.state().toString());
      log.append(Event.of("after"));
      assertEquals("after", next(events).data().orElseThrow());
      followers.forEach(Thread::interrupt);
      assertEquals(1, recorder.messages(Level.WARNING).size(), () -> recorder.messages(Level.WARNING).toString());
      assertEquals(1, recorder.messages(Level.INFO).size(), () -> recorder.messages(Level.INFO).toString());
    }
  }

  /** A master that has become a replica, and closes no connection, is left. */
  @Test
  void aDemotedMasterIsLeft() throws Exception {
    try (var old = RedisServer.start();
        var fresh = RedisServer.replicaOf(old);
        var proxy = new TcpProxy(old);
        var redis = RedisLogs.connect(proxy.url())) {
      var log = redis.log("news");
      log.append(Event.of("before"));
      old.await(() -> fresh.run("XLEN", "tidings:{news}:log").equals("1"));
      fresh.run("REPLICAOF", "NO", "ONE");
      proxy.leadTo(fresh);
      old.run("REPLICAOF", "127.0.0.1", Integer.toString(fresh.port()));
      String id = log.append(Event.of("after")); // READONLY: reconnects at once
      assertEquals(2, Place.parse(id).orElseThrow().number());
      assertEquals("2", fresh.run("XLEN", "tidings:{news}:log"));
    }
  }

  @Test
  void aDemotedMasterIsLeftByReadersToo() throws Exception {
    try (var old = RedisServer.start();
        var fresh = RedisServer.replicaOf(old);
        var proxy = new TcpProxy(old);
        var redis = RedisLogs.connect(proxy.url());
        var other = RedisLogs.connect(old.url())) {
      var log = redis.log("news");
      var events = new LinkedBlockingQueue<Event>();
      var follower = follow(log, log.latest(), events);
      other.log("news").append(Event.of("before"));
      next(events);
      old.await(() -> fresh.run("XLEN", "tidings:{news}:log").equals("1"));
      fresh.run("REPLICAOF", "NO", "ONE");
      proxy.leadTo(fresh);
      old.run("REPLICAOF", "127.0.0.1", "1"); // a master that is not there
      try (var third = RedisLogs.connect(fresh.url())) {
        long begin = System.nanoTime();
        third.log("news").append(Event.of("after"));
        assertEquals("after", next(events).data().orElseThrow());
        assertTrue(System.nanoTime() - begin < 15_000_000_000L);
      }
      follower.interrupt();
    }
  }

  @Test
  void manyReadersWhoComeAtOnceShareTheirQuestions() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      String start = log.latest();
      for (int i = 0; i < 50; i++) {
        log.append(Event.of("event " + i));
      }
      long before = redis.state().questions();
      var threads = new ArrayList<Thread>();
      var wrong = new ConcurrentLinkedQueue<Object>();
      for (int i = 0; i < 10_000; i++) {
        threads.add(Thread.ofVirtual().start(() -> {
          try {
            String at = start;
            int seen = 0;
            while (true) {
              var reading = log.read(at, 64, Duration.ZERO);
              seen += reading.events().size();
              if (reading.events().isEmpty()) {
                break;
              }
              at = reading.events().getLast().id().orElseThrow();
            }
            if (seen != 50) {
              wrong.add(seen);
            }
          } catch (InterruptedException | RuntimeException e) {
            wrong.add(e);
          }
        }));
      }
      for (var thread : threads) {
        thread.join();
      }
      assertEquals(List.of(), List.copyOf(wrong));
      long asked = redis.state().questions() - before;
      System.out.println("questions for 10,000 readers: " + asked);
      assertTrue(asked < 3_000, () -> asked + " questions"); // one at a time, so it depends on how fast Redis answers
    }
  }

  @Test
  void channelsThatNobodyReadsAreNotFollowedAnyLonger() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url(), RedisOptions.defaults(), Duration.ofMillis(100))) {
      var log = redis.log("news");
      for (int round = 0; round < 2; round++) {
        var events = new LinkedBlockingQueue<Event>();
        var follower = follow(log, log.latest(), events);
        awaitLive(redis, 1);
        log.append(Event.of("x"));
        next(events);
        follower.interrupt();
        awaitLive(redis, 0);
        server.await(() -> server.run("PUBSUB", "CHANNELS").equals("[]"));
      }
    }
  }

  @Test
  void aHundredThousandLogsAreCheap() throws Exception {
    try (var server = RedisServer.start();
        var redis = RedisLogs.connect(server.url())) {
      var logs = new ArrayList<EventLog>();
      long before = used();
      for (int i = 0; i < 100_000; i++) {
        logs.add(redis.log("user:" + i));
      }
      long bytes = (used() - before) / 100_000;
      System.out.println("bytes per log: " + bytes);
      assertTrue(bytes < 400, () -> bytes + " bytes");
      logs.get(77_777).append(Event.of("x"));
      assertEquals(0, redis.state().followed());
    }
  }

  private static long used() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(20);
    }
    var runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  /** Redis may have been restarted without a part of its data when a connection fails, however quickly another one succeeds. */
  @Test
  void aConnectionThatFailsBeginsAnotherPeriodAndOneThatIsClosedDoesNot() throws Exception {
    var config = DefaultJedisClientConfig.builder().build();
    try (var server = RedisServer.start();
        var master = new Server("master", server::address, config, config)) {
      assertTrue(master.contact().period().isEmpty());
      master.contact().found("master");
      var first = master.contact().period();
      assertTrue(first.isPresent());
      var failing = master.open();
      var other = master.open();
      master.close(other);
      assertEquals(first, master.contact().period());
      server.run("CLIENT", "KILL", "TYPE", "NORMAL");
      assertThrows(JedisException.class, () -> failing.ask(List.of(new CommandArguments(Protocol.Command.PING))));
      master.close(failing);
      var second = master.contact().period();
      assertTrue(second.isPresent() && !second.equals(first));
      assertTrue(second.get().hasBegunBy(System.nanoTime()));
      master.close(failing);
      assertEquals(second, master.contact().period());
      master.lost(master.contact().generation(), new JedisException("gone"));
      assertTrue(master.contact().period().isEmpty());
    }
  }
}
