package dev.tidings;

import java.util.Optional;

/**
 * Blocking calls that another thread can end. The thread is interrupted only while it is inside such a call, and that
 * interrupt is cleared afterwards. A call that ends the calls itself, on its own thread, is not interrupted; only later
 * calls do not begin. Used by one thread at a time.
 */
final class Breakable {

  /** A call that may block, and ends early if its thread is interrupted. */
  interface Call<T> {
    T call() throws InterruptedException;
  }

  /** An action that may block, and ends early if its thread is interrupted. */
  interface Action {
    void run() throws InterruptedException;
  }

  private Thread inside; // guarded by this; null for none
  private boolean interrupted; // guarded by this: whether the thread inside was interrupted here
  private boolean ended; // guarded by this

  /**
   * Returns the result of the call; empty if {@link #end} was called before or during the call, unless the call
   * returned a result. Throws an InterruptedException if other code has interrupted the thread.
   */
  <T> Optional<T> run(Call<T> call) throws InterruptedException {
    if (!enter()) {
      return Optional.empty();
    }
    try {
      return Optional.of(call.call());
    } catch (InterruptedException | RuntimeException e) {
      if (!isInterrupted()) {
        throw e;
      }
      Log.debug(() -> "a wait was ended: " + Quoted.java(e));
      return Optional.empty();
    } finally {
      leave();
    }
  }

  /** Runs the action like {@link #run(Call)}. Returns false if that is empty. */
  boolean passes(Action action) throws InterruptedException {
    return run(() -> {
      action.run();
      return true;
    }).isPresent();
  }

  private synchronized boolean enter() {
    inside = ended ? null : Thread.currentThread();
    return !ended;
  }

  private synchronized boolean isInterrupted() {
    return interrupted;
  }

  private synchronized void leave() {
    inside = null;
    if (interrupted) {
      interrupted = false;
      Thread.interrupted();
    }
  }

  /** Ends the current call, if there is one, and all later ones. Does not block. */
  synchronized void end() {
    ended = true;
    if (inside != null && inside != Thread.currentThread() && !interrupted) {
      interrupted = true;
      inside.interrupt();
    }
  }
}
