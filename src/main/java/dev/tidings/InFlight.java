package dev.tidings;

import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The requests that a server is at work on, each on a virtual thread of its own. The JDK's dispatcher hands
 * one over at its first byte, or at the first of a TLS handshake; one of which the head is not complete is
 * no work of ours, and holds nothing up.
 */
final class InFlight implements Executor {
  private static final AtomicInteger SERVERS = new AtomicInteger();
  private static final ScopedValue<InFlight> INSIDE = ScopedValue.newInstance(); // on the threads of each
  /** Through which the JDK calls every filter, authenticator and handler, once it has read a head. */
  private static final String CHAIN = "com.sun.net.httpserver.Filter$Chain";

  private final ExecutorService threads;
  private final Gate gate = new Gate(); // inside: those that came before the stop and have a complete head
  private final ReentrantLock lock = new ReentrantLock();
  // What follows is guarded by lock.
  private final Set<Thread> arriving = new HashSet<>(); // those that are not counted
  private boolean stopping;

  InFlight(Threads threads) {
    this.threads = Executors.newThreadPerTaskExecutor(
            threads.virtual("tidings-handler-" + SERVERS.incrementAndGet()));
  }

  @Override
  public void execute(Runnable request) {
    threads.execute(
        () -> {
          arrive();
          try {
            ScopedValue.where(INSIDE, this).run(request);
          } finally {
            leave();
          }
        });
  }

  private void arrive() {
    lock.lock();
    try {
      arriving.add(Thread.currentThread());
    } finally {
      lock.unlock();
    }
  }

  /**
   * The head of this thread's request is complete. From now on it is only counted, since streams are many;
   * those that come after a stop began only learn that.
   */
  void begin() {
    lock.lock();
    try {
      if (!stopping && arriving.remove(Thread.currentThread())) {
        gate.enter();
      }
    } finally {
      lock.unlock();
    }
  }

  private void leave() {
    lock.lock();
    try {
      if (arriving.remove(Thread.currentThread())) {
        return;
      }
    } finally {
      lock.unlock();
    }
    gate.leave();
  }

  /** Has this told once all that came until now is done. */
  void whenEmpty(Gate.Emptied emptied) {
    var working = stop().stream().filter(InFlight::hasCompleteHead).toList();
    lock.lock();
    try {
      for (Thread thread : working) {
        if (arriving.remove(thread)) {
          gate.recognize();
        }
      }
    } finally {
      lock.unlock();
    }
    gate.whenEmpty(emptied);
  }

  /** From now on nobody is counted who comes by itself; returns those of whom it is not known. */
  private List<Thread> stop() {
    lock.lock();
    try {
      stopping = true;
      gate.shut();
      return List.copyOf(arriving);
    } finally {
      lock.unlock();
    }
  }

  /** Contexts that are the application's own do not say that they begin. */
  private static boolean hasCompleteHead(Thread thread) {
    return Arrays.stream(thread.getStackTrace()).anyMatch(frame -> frame.getClassName().equals(CHAIN));
  }

  /** Whether this thread is one of them. */
  boolean isInside() {
    return INSIDE.isBound() && INSIDE.get() == this;
  }

  /** Takes no more. */
  void shutDown() {
    threads.shutdown();
  }

  /** Takes no more, and interrupts those that are left. */
  void interrupt() {
    threads.shutdownNow();
  }

  /** Once it takes no more: waits until all are done, at most for so long. */
  void await(Duration limit) {
    try {
      threads.awaitTermination(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody interrupts a stop
    }
  }
}
