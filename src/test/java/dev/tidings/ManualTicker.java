package dev.tidings;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Time that passes only when a test advances it. Tasks run on the thread that advances it. */
final class ManualTicker implements Ticker {
  private record Task(long at, Runnable run) {}

  private final List<Task> tasks = new ArrayList<>();
  private long now = 1_000_000_000_000L;
  private Duration set = Duration.ZERO; // how far the time of day has been set forward
  private int asked;
  private int scheduled;

  @Override
  public synchronized long now() {
    asked++;
    return now;
  }

  @Override
  public synchronized Timer schedule(long nanos, Runnable run) {
    var task = new Task(nanos > Long.MAX_VALUE - now ? Long.MAX_VALUE : now + nanos, run);
    tasks.add(task);
    scheduled++;
    return () -> remove(task);
  }

  @Override
  public synchronized Instant time() {
    return Instant.EPOCH.plusNanos(now).plus(set);
  }

  /** Sets the time of day forward, or back if the duration is negative. No time passes, as for a suspended machine. */
  synchronized void set(Duration forward) {
    set = set.plus(forward);
  }

  /** Returns how often the time was asked for. */
  synchronized int asked() {
    return asked;
  }

  /** Returns the number of tasks that were ever scheduled. */
  synchronized int scheduled() {
    return scheduled;
  }

  /** Returns the number of tasks that are pending. */
  synchronized int waiting() {
    return tasks.size();
  }

  private synchronized void remove(Task task) {
    tasks.removeIf(other -> other == task);
  }

  /**
   * Returns a registry on this clock, with a write deadline of a day. An advance could leap over a shorter one
   * while a writer, which runs in real time, is not done.
   */
  EventSources sources(Settings settings) {
    return new EventSources(settings.withWriteDeadline(Duration.ofDays(1)), this);
  }

  void advance(Duration duration) {
    long target = now() + duration.toNanos();
    for (Task task; (task = nextUntil(target)) != null; ) {
      task.run().run();
    }
  }

  private synchronized Task nextUntil(long target) {
    var next = tasks.stream().min(Comparator.comparingLong(Task::at)).orElse(null);
    if (next == null || next.at() > target) {
      now = target;
      return null;
    }
    now = Math.max(now, next.at());
    remove(next);
    return next;
  }

  @Override
  public synchronized void close() {
    tasks.clear();
  }
}
