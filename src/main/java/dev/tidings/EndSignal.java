package dev.tidings;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Wakes waiting threads once something has ended. */
final class EndSignal {
  private final CountDownLatch ended = new CountDownLatch(1);
  private List<Breakable> waits = List.of(); // guarded by this; immutable, and empty for most streams

  /** Waits for the end. */
  void await() throws InterruptedException {
    ended.await();
  }

  /** Ends these waits at the end, or now if that has come. */
  void add(Breakable wait) {
    synchronized (this) {
      if (ended.getCount() > 0) {
        var more = new ArrayList<>(waits);
        more.add(wait);
        waits = List.copyOf(more);
        return;
      }
    }
    wait.end();
  }

  synchronized void remove(Breakable wait) {
    waits = waits.stream().filter(other -> other != wait).toList();
  }

  /** Returns the number of waits. */
  synchronized int waits() {
    return waits.size();
  }

  /** Ends all waits. Idempotent; does not block. */
  void end() {
    List<Breakable> told;
    synchronized (this) {
      ended.countDown();
      told = waits;
      waits = List.of();
    }
    told.forEach(Breakable::end);
  }
}
