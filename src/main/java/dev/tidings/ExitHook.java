package dev.tidings;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Stops a server when the JVM exits. The JVM waits for the hook, so the hook waits for the stop at most for the grace
 * period plus almost one second, even if handlers do not return. Then it waits briefly for the threads in {@code join},
 * because they may close a log.
 */
final class ExitHook {
  private static final long MORE = Duration.ofMillis(950).toNanos(); // after the grace period
  private static final long JOINERS = Duration.ofSeconds(1).toNanos();

  /** The server. */
  interface Server {
    /** Begins a stop, or shortens the grace period of a stop in progress. Does not block. */
    void beginStop(Duration grace);

    /** Waits until the stop is done, at most this many nanoseconds. Returns whether it is done. */
    boolean awaitStop(long nanos) throws InterruptedException;

    /** Called on the thread that ends the JVM, and that will never return. Must neither block nor throw. */
    void exiting();
  }

  private final Server server;
  private final ReentrantLock lock = new ReentrantLock();
  // The fields below are guarded by lock.
  private final Set<Thread> joiners = new HashSet<>();
  private Duration grace = Duration.ZERO;
  private Thread hook; // null if none is registered
  private boolean stopped;
  private boolean running; // whether the JVM exits

  ExitHook(Server server) {
    this.server = server;
  }

  /** Sets the grace period. Does nothing if the server has stopped or the JVM is exiting. */
  void set(Duration grace) {
    lock.lock();
    try {
      this.grace = grace;
      if (hook == null && !stopped) {
        var thread = new Hook();
        Runtime.getRuntime().addShutdownHook(thread);
        hook = thread;
      }
    } catch (IllegalStateException e) {
      Log.debug(() -> "the JVM is exiting; no hook can be added");
    } finally {
      lock.unlock();
    }
  }

  /** Called when the server has stopped. */
  void withdraw() {
    lock.lock();
    try {
      stopped = true;
      if (hook != null && !running) {
        Runtime.getRuntime().removeShutdownHook(hook);
      }
      hook = null;
    } catch (IllegalStateException e) {
      Log.debug(() -> "the JVM is exiting; its hook is about to run");
    } finally {
      lock.unlock();
    }
  }

  /** Waits for the stop. If the JVM exits, the thread has some time to finish after the wait. */
  void join(Breakable.Action wait) throws InterruptedException {
    add(Thread.currentThread());
    boolean stopped = false;
    try {
      wait.run();
      stopped = true;
    } finally {
      remove(Thread.currentThread(), stopped);
    }
  }

  private void add(Thread joiner) {
    lock.lock();
    try {
      joiners.add(joiner);
    } finally {
      lock.unlock();
    }
  }

  private void remove(Thread joiner, boolean stopped) {
    lock.lock();
    try {
      if (!stopped || !running) {
        joiners.remove(joiner);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * The JVM starts its hooks on the thread that ends it. That may be the thread of a handler: the stop must not wait
   * for it.
   */
  private final class Hook extends Thread {
    Hook() {
      super(null, null, "tidings-exit", 0, false);
    }

    @Override
    public void start() {
      server.exiting();
      super.start();
    }

    @Override
    public void run() {
      try {
        exit();
      } catch (InterruptedException e) {
        Log.debug(() -> "the hook was interrupted");
      }
    }
  }

  /** Stops the server. Called on the thread of the hook. */
  void exit() throws InterruptedException {
    long start = System.nanoTime();
    long grace = Math.min(Checks.nanos(begin()), Long.MAX_VALUE / 2);
    server.beginStop(Duration.ofNanos(grace));
    if (!server.awaitStop(grace)) {
      server.beginStop(Duration.ZERO); // even if the ticker's thread is the one that ends the JVM
    }
    if (server.awaitStop(grace + MORE - (System.nanoTime() - start))) {
      awaitJoiners(Math.min(grace + MORE - (System.nanoTime() - start), JOINERS));
    }
  }

  private Duration begin() {
    lock.lock();
    try {
      running = true;
      return grace;
    } finally {
      lock.unlock();
    }
  }

  private void awaitJoiners(long nanos) throws InterruptedException {
    long end = System.nanoTime() + nanos;
    for (Thread joiner : joiners()) {
      joiner.join(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
    }
  }

  private List<Thread> joiners() {
    lock.lock();
    try {
      return List.copyOf(joiners);
    } finally {
      lock.unlock();
    }
  }
}
