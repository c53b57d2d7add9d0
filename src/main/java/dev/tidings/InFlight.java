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
 * The requests that a server is processing, each on a virtual thread of its own. The JDK's dispatcher submits
 * a request at its first byte, or at the first byte of a TLS handshake. A request whose head is not complete
 * is not counted, and delays no stop.
 */
final class InFlight implements Executor {
  private static final AtomicInteger SERVERS = new AtomicInteger();
  private static final ScopedValue<InFlight> INSIDE = ScopedValue.newInstance(); // bound on each handler thread
  /** The class through which the JDK calls filters, authenticators and handlers, once it has read a head. */
  private static final String CHAIN = "com.sun.net.httpserver.Filter$Chain";

  private final ExecutorService threads;
  private final Gate gate = new Gate(); // counts requests whose head was complete before the stop
  private volatile boolean abandoned; // whether a thread that processes a request will never return
  private final ReentrantLock lock = new ReentrantLock();
  // The fields below are guarded by lock.
  private final Set<Thread> arriving = new HashSet<>(); // threads whose requests are not counted
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
   * Called when the head of this thread's request is complete. From now on the request is counted, but its thread
   * is not kept, since there may be many streams. Requests that come after a stop began are refused and not counted.
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

  /** Calls the callback once all requests whose head is complete by now are done. */
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

  /** Makes {@link #begin} count no more requests. Returns the threads that have not called it. */
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

  /**
   * Returns whether the head of the thread's request is complete. Needed for the application's own contexts, which do
   * not call {@link #begin}.
   */
  private static boolean hasCompleteHead(Thread thread) {
    return Arrays.stream(thread.getStackTrace()).anyMatch(frame -> frame.getClassName().equals(CHAIN));
  }

  /** Called on a thread that ends the JVM, and that will never return: no thread waits for it. */
  void abandon() {
    if (isInside() && !abandoned) {
      abandoned = true;
      leave();
    }
  }

  /** Returns whether this thread processes a request of this server. */
  boolean isInside() {
    return INSIDE.isBound() && INSIDE.get() == this;
  }

  /** Refuses new requests. */
  void shutDown() {
    threads.shutdown();
  }

  /** Refuses new requests, and interrupts the remaining ones. */
  void interrupt() {
    threads.shutdownNow();
  }

  /** Waits until all requests are done, at most this long. Called when no further requests are accepted. */
  void await(Duration limit) {
    try {
      if (abandoned) {
        gate.awaitEmpty(limit.toNanos()); // all requests but that one and the ones that are being refused
      } else {
        threads.awaitTermination(limit.toNanos(), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // not expected: nothing interrupts the thread of a stop
    }
  }
}
