package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Appends that wait to be written together. */
class AppendQueueTest {
  private final AtomicReference<AppendQueue> queue = new AtomicReference<>();

  /** Starts a thread that appends an event, and returns once that is queued. */
  private void appendSoon() {
    var thread = Thread.ofVirtual().start(
        () -> queue.get().append(List.of(new Append(Event.of("x"), null, false, null, true))));
    Await.until("an append is queued", () -> thread.getState() == Thread.State.WAITING);
  }

  /** With 64 threads that published without a pause, closing a log took 8 s. */
  @Test
  void appendsThatAreQueuedMeanwhileDoNotDelayAClose() {
    var batches = new AtomicInteger();
    var closed = new AtomicBoolean();
    queue.set(new AppendQueue(batch -> {
      if (!closed.get() && batches.incrementAndGet() < 100) {
        appendSoon();
      }
      batch.forEach(append -> append.appended("1"));
    }));
    queue.get().exclusively(() -> {
      appendSoon();
      queue.get().drain(() -> closed.set(true));
    });
    assertEquals(1, batches.get());
  }
}
