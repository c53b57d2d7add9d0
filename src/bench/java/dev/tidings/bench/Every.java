package dev.tidings.bench;

import java.time.Duration;

/** Runs a task again and again, for servers that leave pinging to their users. */
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
    try {
      while (true) {
        Thread.sleep(interval);
        task.run();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
