package dev.tidings.client;

import dev.tidings.Await;
import java.time.Duration;
import java.time.Instant;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** Time that passes only when a test advances it. */
final class ManualTime implements Time {
  private final Map<Object, Long> waiting = new IdentityHashMap<>(); // the deadline of each monitor
  private long now = 1_000_000_000L;

  @Override
  public synchronized long now() {
    return now;
  }

  @Override
  public synchronized Instant instant() {
    return Instant.parse("2026-11-28T12:00:00Z").plusNanos(now - 1_000_000_000L);
  }

  @Override
  public void await(Object monitor, long deadline) throws InterruptedException {
    synchronized (this) {
      if (now >= deadline) {
        return;
      }
      waiting.put(monitor, deadline);
    }
    try {
      monitor.wait();
    } finally {
      synchronized (this) {
        waiting.remove(monitor);
      }
    }
  }

  /** Waits until a thread waits exactly this long. */
  void awaitWait(Duration left) {
    awaitWait(left, left);
  }

  /** Waits until a thread waits for at least and at most these times. */
  void awaitWait(Duration least, Duration most) {
    Await.until(
        "the client waits for " + least + " to " + most,
        () -> {
          synchronized (this) {
            return waiting.values().stream().anyMatch(at -> at - now >= least.toNanos() && at - now <= most.toNanos());
          }
        });
  }

  void advance(Duration duration) {
    List<Object> woken;
    synchronized (this) {
      now += duration.toNanos();
      woken = waiting.entrySet().stream().filter(wait -> wait.getValue() <= now).map(Map.Entry::getKey).toList();
    }
    for (Object monitor : woken) {
      synchronized (monitor) {
        monitor.notifyAll();
      }
    }
  }
}
