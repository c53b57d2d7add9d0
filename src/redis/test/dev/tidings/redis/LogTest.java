package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Log handlers of the application that throw. */
@Timeout(60)
final class LogTest {
  private static final Logger LOGGER = Logger.getLogger("dev.tidings.redis"); // held, because loggers are collected

  /** A broken log handler. */
  private static final class Broken extends Handler implements AutoCloseable {
    final AtomicInteger warnings = new AtomicInteger();

    Broken() {
      LOGGER.setLevel(Level.ALL);
      LOGGER.setUseParentHandlers(false);
      LOGGER.addHandler(this);
    }

    @Override
    public void publish(LogRecord entry) {
      warnings.addAndGet(entry.getLevel() == Level.WARNING ? 1 : 0);
      throw new StackOverflowError();
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
      LOGGER.removeHandler(this);
      LOGGER.setUseParentHandlers(true);
      LOGGER.setLevel(null);
    }
  }

  @Test
  void anOutageEndsAsWithoutThem() throws Exception {
    try (var server = RedisServer.start();
        var broken = new Broken();
        var redis = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      String latest = log.latest();
      var reading = new FutureTask<>(() -> log.read(latest, 1, Duration.ofSeconds(30)));
      Thread.ofVirtual().start(reading);
      Program.await(() -> redis.state().followed() == 1, () -> redis.state().toString());
      server.kill();
      Program.await(() -> !redis.state().ready(), () -> redis.state().toString());
      server.restart();
      Program.await(() -> redis.state().ready(), () -> redis.state().toString());
      assertTrue(broken.warnings.get() > 0, "nothing was logged");
      assertEquals(log.append(Event.of("after")), log.latest());
      reading.get(30, TimeUnit.SECONDS); // the log has begun anew, of which a reader is told
    }
  }
}
