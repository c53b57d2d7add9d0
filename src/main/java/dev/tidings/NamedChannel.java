package dev.tidings;

import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

/**
 * A channel of a family, which exists while it is needed. It is not dropped while a call uses it, and a call never uses
 * one that is being dropped.
 */
final class NamedChannel {
  private final FutureTask<Channel> opening;
  private final AtomicBoolean started = new AtomicBoolean(); // whether a call opens it, or none will
  private final CountDownLatch dropped = new CountDownLatch(1);
  private volatile Thread opener; // the thread that opens it, or has; null before
  // The fields below are guarded by the monitor of this.
  private int uses; // calls in progress
  private boolean idle; // whether it was not needed at the last sweep, and has not been used since
  private boolean dropping; // never again false

  /** Creates a channel, which is opened when it is first needed. The function is the application's. */
  NamedChannel(
      String name, Function<? super String, ? extends EventLog> logs, Outages outages, ChannelThreads threads) {
    this.opening =
        new FutureTask<>(
            () -> {
              var log = Objects.requireNonNull(logs.apply(name), "the function has returned no log");
              return Channel.of(name, log, outages, threads);
            });
  }

  /** Begins a call, unless the channel is being dropped. Returns whether it did. */
  synchronized boolean enter() {
    if (!dropping) {
      uses++;
      idle = false;
    }
    return !dropping;
  }

  /** Ends a call. Returns whether the channel could not be opened and can be dropped. */
  synchronized boolean leave() {
    uses--;
    return uses == 0 && isBroken() && !dropping; // the call that drops it also forgets it
  }

  /** Returns whether the channel is to be dropped, because it is not needed, and was not at the last sweep, either. */
  synchronized boolean expire(boolean now) {
    boolean needed = dropping || uses > 0 || !isOpened() || !opened().isDisposable();
    dropping |= !needed && (idle || now);
    idle = !needed;
    return !needed && dropping;
  }

  /** Begins to drop the channel, even if it is used. */
  synchronized boolean drop() {
    boolean first = !dropping;
    dropping = true;
    return first;
  }

  /** Returns the channel, opened by the first call. Other calls wait for that one. */
  Channel channel() {
    if (started.compareAndSet(false, true)) {
      opener = Thread.currentThread();
      opening.run();
    } else if (opener == Thread.currentThread() && !opening.isDone()) { // it would wait for itself without limit
      throw new IllegalStateException("the function that creates the log of a channel must not use this channel");
    }
    return opened();
  }

  /** Returns the channel, which has been opened or is being opened. */
  private Channel opened() {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return opening.get();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      throw unchecked(e.getCause());
    } catch (CancellationException e) {
      throw new IllegalStateException("the channels are closed", e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static RuntimeException unchecked(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    return thrown instanceof RuntimeException exception
        ? exception
        : new IllegalStateException("the log of a channel could not be created", thrown);
  }

  /** Returns whether the channel could not be opened. */
  boolean isBroken() {
    return opening.state() == FutureTask.State.FAILED;
  }

  private boolean isOpened() {
    return opening.state() == FutureTask.State.SUCCESS;
  }

  /** Returns the number of streams, zero while the channel is being opened. */
  int count() {
    return isOpened() ? opening.resultNow().count() : 0;
  }

  /** Closes the channel and its log. Called once, after {@link #drop} or {@link #expire} has returned true. */
  void close() {
    if (started.compareAndSet(false, true)) {
      opening.cancel(false); // no call has opened it, and none will
    } else if (!isBroken()) {
      opened().dispose();
    }
  }

  /** Reports that the channel is closed and dropped. */
  void closed() {
    dropped.countDown();
  }

  /** Waits until the channel is closed and dropped. */
  void awaitDropped() throws InterruptedException {
    dropped.await();
  }
}
