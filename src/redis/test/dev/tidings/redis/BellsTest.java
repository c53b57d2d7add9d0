package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Bells that Redis refuses to send. */
@Timeout(60)
final class BellsTest {

  @Test
  void whileSubscribeIsForbiddenTheStateSaysSoAndEventsArriveLate() throws Exception {
    try (var server = RedisServer.start();
        var recorder = new Recorder();
        var redis = RedisLogs.connect(ConnectTest.user(server, "app"));
        var other = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      String latest = log.latest();
      var reading = new FutureTask<>(() -> log.read(latest, 1, Duration.ofSeconds(30)));
      Thread.ofVirtual().start(reading);
      Program.await(() -> redis.state().followed() == 1, () -> redis.state().toString());
      assertFalse(redis.state().subscribeForbidden());
      server.run("ACL", "SETUSER", "app", "-subscribe");
      server.run("CLIENT", "KILL", "TYPE", "PUBSUB");
      Program.await(() -> redis.state().subscribeForbidden(), () -> redis.state().toString());
      assertTrue(redis.state().ready());
      other.log("news").append(Event.of("late"));
      assertEquals("late", reading.get(20, TimeUnit.SECONDS).events().getFirst().data().orElseThrow());
      assertTrue(redis.state().subscribeForbidden());
      server.run("ACL", "SETUSER", "app", "+subscribe");
      Program.await(() -> !redis.state().subscribeForbidden(), () -> redis.state().toString());
      assertEquals(1, recorder.messages(Level.WARNING).size(), () -> recorder.messages(Level.WARNING).toString());
      assertEquals(1, recorder.messages(Level.INFO).size(), () -> recorder.messages(Level.INFO).toString());
    }
  }
}
