package dev.tidings.bench;

/** Counts the connections of a node to Redis again and again, if the logs include one in Redis. */
final class Connections implements AutoCloseable {
  static final String MOST = "connections of a node to Redis, at most";

  private final LogBench bench;
  private final Thread thread;
  private int most; // of the thread, until it has ended
  private volatile boolean stopped;

  Connections(LogBench bench) {
    this.bench = bench;
    thread = Thread.ofPlatform().daemon().name("connections").start(this::run);
  }

  private void run() {
    while (!stopped && bench.has(LogBench.REDIS)) {
      most = Math.max(most, bench.redis().connections());
      java.util.concurrent.locks.LockSupport.parkNanos(50_000_000);
    }
  }

  @Override
  public void close() {
    stopped = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    if (most > 0) {
      bench.add(MOST, most);
    }
  }
}
