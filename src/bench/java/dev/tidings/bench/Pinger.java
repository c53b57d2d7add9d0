package dev.tidings.bench;

import redis.clients.jedis.Jedis;

/** Measures the round trip of PING on a plain connection, a thousand times per second at most. */
final class Pinger implements AutoCloseable {
  private final Histogram latency = new Histogram(); // owned by the thread until it has ended
  private final Thread thread;
  private volatile boolean stopped;

  Pinger(Jedis jedis) {
    thread = Thread.ofPlatform().daemon().name("ping").start(() -> run(jedis));
  }

  private void run(Jedis jedis) {
    try (jedis) {
      while (!stopped) {
        long begin = System.nanoTime();
        jedis.ping();
        latency.add(System.nanoTime() - begin);
        Thread.sleep(1);
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Stops, and returns the round trips. */
  Histogram stop() throws InterruptedException {
    stopped = true;
    thread.join();
    return latency;
  }

  @Override
  public void close() {
    stopped = true;
  }
}
