package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Which thread delivers. */
class FollowingTest {
  /** A log of which only the number of events matters, and the deliveries of its events. */
  private final class Counting implements Following.Work {
    final AtomicInteger appended = new AtomicInteger();
    final AtomicBoolean inside = new AtomicBoolean();
    final AtomicBoolean overlapped = new AtomicBoolean();
    final AtomicInteger failures = new AtomicInteger();
    final Map<Thread, Integer> deliverers = new ConcurrentHashMap<>(); // with the numbers of events
    final LinkedBlockingQueue<Integer> batches = new LinkedBlockingQueue<>();
    volatile int delivered;
    volatile Runnable during = () -> {};
    volatile boolean waits; // whether a thread of the channel has to wait for events
    volatile boolean over;
    volatile boolean quiet = true;

    @Override
    public boolean isQuiet() {
      return quiet;
    }

    @Override
    public Following.Result deliver(int most) {
      if (waits || over) {
        return over ? Following.Result.OVER : Following.Result.WAIT;
      }
      overlapped.compareAndSet(false, !inside.compareAndSet(false, true));
      try {
        int batch = Math.min(most, appended.get() - delivered);
        deliverers.merge(Thread.currentThread(), batch, Integer::sum);
        delivered += batch;
        batches.add(batch);
        during.run();
        return batch < most ? Following.Result.END : Following.Result.MORE;
      } finally {
        inside.set(false);
      }
    }

    @Override
    public Following.Result await() throws InterruptedException {
      waiting.add(Thread.currentThread());
      new CountDownLatch(1).await();
      return Following.Result.OVER;
    }

    @Override
    public void failed() {
      failures.incrementAndGet();
    }

    void append() {
      appended.incrementAndGet();
      following.appended();
    }
  }

  private final LinkedBlockingQueue<Thread> waiting = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<Thread> started = new LinkedBlockingQueue<>();
  private final Counting work = new Counting();
  private final Following following = new Following(work, this::thread);
  private volatile boolean lacksMemory;

  private Thread thread(Runnable task) {
    if (lacksMemory) {
      throw new OutOfMemoryError("not really");
    }
    var thread = Thread.ofVirtual().unstarted(task);
    started.add(thread);
    return thread;
  }

  /** Starts to follow, and waits until no thread is needed. */
  private void rest() throws InterruptedException {
    following.start();
    Await.end(started.take());
    work.batches.clear();
    work.deliverers.clear();
  }

  @Test
  void theThreadThatAppendsDeliversAndNoOtherIsStarted() throws Exception {
    rest();
    for (int i = 1; i <= 1000; i++) {
      work.append();
      assertEquals(i, work.delivered);
    }
    assertEquals(Set.of(Thread.currentThread()), work.deliverers.keySet());
    assertTrue(started.isEmpty());
  }

  @Test
  void eachEventIsDeliveredOnceWhateverThreadsAppend() throws Exception {
    rest();
    var publishers = new ArrayList<Thread>();
    for (int i = 0; i < 8; i++) {
      var builder = i % 2 == 0 ? Thread.ofVirtual() : Thread.ofPlatform();
      publishers.add(builder.start(() -> {
        for (int k = 0; k < 20_000; k++) {
          work.append();
        }
      }));
    }
    for (Thread publisher : publishers) {
      Await.end(publisher);
    }
    Await.until("all is delivered", () -> work.delivered == 160_000);
    assertFalse(work.overlapped.get(), "two threads delivered at a time");
    assertEquals(0, work.failures.get());
  }

  /** It would otherwise deliver the events of all others, for as long as they append. */
  @Test
  void aThreadThatAppendsDeliversFewEventsOfOthers() throws Exception {
    rest();
    var here = Thread.currentThread();
    work.during = () -> {
      if (Thread.currentThread() == here) { // others append while this thread delivers
        work.appended.addAndGet(100);
        following.appended();
      }
    };
    work.append();
    assertEquals(1 + 3 * 16, work.deliverers.get(here));
    Await.until("the rest is delivered", () -> work.delivered == work.appended.get());
    assertEquals(1, started.size());
    Await.end(started.take());
  }

  @Test
  void ifThereAreManyStreamsAThreadOfTheChannelWaits() throws Exception {
    rest();
    work.waits = true;
    work.append();
    var thread = Await.next("the thread of the channel", waiting);
    assertEquals(thread, started.take());
    for (int i = 0; i < 10; i++) {
      work.append();
    }
    assertTrue(started.isEmpty());
    assertEquals(Map.of(), work.deliverers);
    following.interrupt();
    Await.end(thread);
  }

  /** The thread of the channel ends when it has delivered. */
  @Test
  void whileThereAreReplaysAThreadOfTheChannelDelivers() throws Exception {
    rest();
    work.quiet = false;
    for (int i = 1; i <= 3; i++) {
      work.append();
      Await.end(started.take());
      assertEquals(i, work.delivered);
    }
    assertFalse(work.deliverers.containsKey(Thread.currentThread()));
  }

  /** An interrupt of a publisher is not that of the channel, and the other way round. */
  @Test
  void aThreadThatAppendsIsNeverInterrupted() throws Exception {
    rest();
    work.during = () -> following.interrupt();
    work.append();
    assertFalse(Thread.interrupted());
  }

  @Test
  void afterTheEndNothingIsDelivered() throws Exception {
    rest();
    work.over = true;
    work.append();
    work.append();
    assertEquals(Map.of(), work.deliverers);
    assertTrue(started.isEmpty());
  }

  @Test
  void aFailureIsNotThatOfTheThreadThatAppends() throws Exception {
    rest();
    work.during = () -> {
      throw new IllegalStateException("not really");
    };
    try (var _ = new LogRecords()) {
      work.append();
    }
    assertEquals(1, work.failures.get());
  }

  @Test
  void soIsAFailureToStartAThread() throws Exception {
    rest();
    lacksMemory = true;
    work.waits = true;
    try (var _ = new LogRecords()) {
      work.append();
    }
    assertEquals(1, work.failures.get());
  }
}
