package dev.tidings.redis;

import dev.tidings.NotAppendedException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Appends that wait for a writer. Each channel has at most one batch under way, so that its events keep the order of
 * their calls.
 */
final class AppendQueue {

  /** A channel with appends that wait or are under way. */
  static final class Lane {
    final Keys keys;
    private final ArrayDeque<Append> waiting = new ArrayDeque<>(); // guarded by the lock of the queue
    private Batch batch; // under way, or null; guarded by the lock of the queue
    private boolean scheduled; // whether a writer has the lane; guarded by the lock of the queue

    Lane(Keys keys) {
      this.keys = keys;
    }
  }

  private final int mostEvents;
  private final long mostBytes;
  private final Duration patience;
  private final Consumer<Lane> ready; // called under the lock; does not block
  private final String producer = Batch.random(8);
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Keys, Lane> lanes = new HashMap<>(); // guarded by lock
  private long number; // of the last batch; guarded by lock
  private int events; // waiting and under way; guarded by lock
  private long bytes; // of them; guarded by lock
  private boolean closed; // guarded by lock

  AppendQueue(int mostEvents, long mostBytes, Duration patience, Consumer<Lane> ready) {
    this.mostEvents = mostEvents;
    this.mostBytes = mostBytes;
    this.patience = patience;
    this.ready = ready;
  }

  /** The events that wait or are under way, and their bytes. */
  record Load(int events, long bytes) {}

  Load load() {
    lock.lock();
    try {
      return new Load(events, bytes);
    } finally {
      lock.unlock();
    }
  }

  // For callers.

  /**
   * Appends events in one batch and waits for their ids.
   *
   * @throws NotAppendedException if no event was appended for certain
   * @throws RedisFailure if that is not known, or if Redis cannot be reached
   */
  List<String> append(Keys keys, List<Append.Item> items, Append.Limits limits) {
    if (Thread.currentThread().isInterrupted()) {
      throw interrupted("not appended to " + keys + ": the thread is interrupted");
    }
    var append = new Append(items, limits, System.nanoTime() + patience.toNanos());
    submit(keys, append);
    try {
      return append.ids().get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      boolean kept = !withdraw(keys, append);
      Thread.currentThread().interrupt();
      throw interrupted((kept ? Batch.unknown(keys) : "not appended to " + keys) + ": the thread was interrupted");
    } catch (TimeoutException e) {
      throw late(keys, append);
    } catch (ExecutionException e) {
      throw again(e.getCause());
    }
  }

  private RedisFailure late(Keys keys, Append append) {
    String rest = " within " + patience.toMillis() + " ms";
    return new RedisFailure(
        withdraw(keys, append)
            ? "not appended to " + keys + ": Redis could not be reached" + rest
            : Batch.unknown(keys) + ": Redis did not answer" + rest);
  }

  /** Returns an exception of this thread with the same meaning. */
  private static RuntimeException again(Throwable e) {
    return switch (e) {
      case NotAppendedException refused -> new NotAppendedException(refused.getMessage(), refused).at(refused.index());
      default -> new RedisFailure(e.getMessage(), e);
    };
  }

  private static RedisFailure interrupted(String message) {
    return new RedisFailure(message, new InterruptedIOException(message));
  }

  /** Makes the epoch of a log that has none. Does not wait. */
  CompletableFuture<List<String>> begin(Keys keys, Append.Limits limits) {
    var append = new Append(List.of(), limits, System.nanoTime() + patience.toNanos());
    try {
      submit(keys, append);
    } catch (RuntimeException e) {
      append.ids().completeExceptionally(e);
    }
    return append.ids();
  }

  private void submit(Keys keys, Append append) {
    lock.lock();
    try {
      if (closed) {
        throw new NotAppendedException("not appended to " + keys + ": the connection to Redis has been closed");
      }
      if (!append.items().isEmpty() && events > 0 && (events + append.items().size() > mostEvents || bytes + append.bytes() > mostBytes)) {
        throw new NotAppendedException(
            "not appended to " + keys + ": " + events + " events of " + bytes + " bytes wait for Redis, and at most "
                + mostEvents + " events of " + mostBytes + " bytes may: publish more slowly, or see withQueue");
      }
      events += append.items().size();
      bytes += append.bytes();
      var lane = lanes.computeIfAbsent(keys, Lane::new);
      lane.waiting.add(append);
      if (!lane.scheduled) {
        lane.scheduled = true;
        ready.accept(lane);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Removes an append that no batch contains yet. Returns whether it did. */
  private boolean withdraw(Keys keys, Append append) {
    lock.lock();
    try {
      var lane = lanes.get(keys);
      boolean withdrawn = lane != null && lane.waiting.remove(append);
      if (withdrawn) {
        release(append);
      }
      return withdrawn;
    } finally {
      lock.unlock();
    }
  }

  private void release(Append append) { // under the lock
    events -= append.items().size();
    bytes -= append.bytes();
  }

  // For writers. A lane belongs to one writer from the moment it is ready until settled, or routed again.

  /** Returns the batch of a lane, which has to be sent now; empty if there is nothing to send. */
  Optional<Batch> next(Lane lane) {
    lock.lock();
    try {
      if (lane.batch == null) {
        var appends = new ArrayList<Append>();
        int count = 0;
        long size = 0;
        while (!lane.waiting.isEmpty()) {
          var first = lane.waiting.peekFirst();
          boolean fits = count + first.items().size() <= Batch.MOST_EVENTS && size + first.bytes() <= Batch.MOST_BYTES;
          if (!appends.isEmpty() && !fits) {
            break;
          }
          appends.add(lane.waiting.removeFirst());
          count += first.items().size();
          size += first.bytes();
          if (first.completes()) {
            break; // what comes after a completion is refused
          }
        }
        if (appends.isEmpty()) {
          lanes.remove(lane.keys);
          return Optional.empty();
        }
        lane.batch = new Batch(lane.keys, appends, producer, ++number);
      }
      return Optional.of(lane.batch);
    } finally {
      lock.unlock();
    }
  }

  /** Gives up on the batch of a lane if nobody waits for it any longer. Returns whether it did. */
  boolean expire(Lane lane) {
    Batch late;
    lock.lock();
    try {
      late = lane.batch;
      if (late == null || System.nanoTime() - late.deadline() <= 0) {
        return false;
      }
    } finally {
      lock.unlock();
    }
    late.failed(new RedisFailure(Batch.unknown(lane.keys) + ": Redis did not answer in time"));
    settled(lane);
    return true;
  }

  /** Ends the batch of a lane, whose appends have their results. */
  void settled(Lane lane) {
    lock.lock();
    try {
      lane.batch.appends().forEach(this::release);
      lane.batch = null;
      if (lane.waiting.isEmpty()) {
        lanes.remove(lane.keys);
      } else {
        ready.accept(lane);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Refuses all further appends, and fails those that wait. */
  void close() {
    var left = new ArrayList<Append>();
    var sent = new ArrayList<Append>();
    lock.lock();
    try {
      closed = true;
      lanes.values().forEach(lane -> left.addAll(lane.waiting));
      lanes.values().forEach(lane -> {
        if (lane.batch != null) {
          sent.addAll(lane.batch.appends());
        }
      });
    } finally {
      lock.unlock();
    }
    String closing = ": the connection to Redis has been closed";
    left.forEach(append -> append.ids().completeExceptionally(new NotAppendedException("not appended" + closing)));
    sent.forEach(append -> append.ids().completeExceptionally(new RedisFailure("not known whether events were appended" + closing)));
  }
}
