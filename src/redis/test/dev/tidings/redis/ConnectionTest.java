package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Connections and threads. */
final class ConnectionTest {

  private static List<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("tidings-redis-")).toList();
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
}
