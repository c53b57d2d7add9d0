package dev.tidings.bench;

import java.time.Duration;

/** Runs a task at a fixed rate, for servers that leave pings to their users. */
final class Every {
  interface Task {
    void run() throws Exception;
  }

  private Every() {}

  /** Does nothing if the interval is zero. */
  static void start(Duration interval, Task task) {
    if (interval.isPositive()) {
      Thread.ofPlatform().daemon().name("ping").start(() -> loop(interval, task));
    }
  }

  private static void loop(Duration interval, Task task) {
    long next = System.nanoTime();
    try {
      while (true) {
        next += interval.toNanos();
        Thread.sleep(Duration.ofNanos(Math.max(0, next - System.nanoTime())));
        task.run();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
