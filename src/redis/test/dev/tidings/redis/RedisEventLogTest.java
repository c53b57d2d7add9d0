package dev.tidings.redis;

import dev.tidings.EventLog;
import dev.tidings.contract.EventLogContract;
import dev.tidings.contract.SharedLogContract;
import dev.tidings.redis.fixture.RedisServer;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract, with a real Redis. */
final class RedisEventLogTest implements EventLogContract, SharedLogContract {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static RedisServer server;
  private static RedisLogs one;
  private static RedisLogs other;

  @BeforeAll
  static void start() throws Exception {
    server = RedisServer.start();
    one = RedisLogs.connect(server.url());
    other = RedisLogs.connect(server.url());
  }

  @AfterAll
  static void stop() throws Exception {
    one.close();
    other.close();
    server.close();
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
}
