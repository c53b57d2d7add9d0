package dev.tidings;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The places of a registry, in all and for each client. A stream has its place from its opening to its
 * ending, and is there until its exchange is closed. Whether there is room and the taking of it are one
 * step, so that no limit is passed however many come at once.
 */
final class Crowd {
  private final int most;
  private final int mostPerClient;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition emptied = lock.newCondition();
  // What follows is guarded by lock.
  private int placed; // streams that have their place
  private final Map<Object, Integer> byClient = new HashMap<>();
  private int present; // had a place, and the exchange is not closed
  private boolean shut;
  private Runnable whenEmpty = () -> {};

  Crowd(Settings settings) {
    this.most = settings.maxStreams();
    this.mostPerClient = settings.maxStreamsPerClient();
  }

  /**
   * Admits the newcomer if there is room for it once those are gone that it replaces, whose places are
   * then free.
   */
  boolean enter(EventSource newcomer, List<EventSource> replaced) {
    lock.lock();
    try {
      var freed = replaced.stream().filter(EventSource::hasPlace).toList();
      if (shut || !hasRoom(newcomer.client(), freed)) {
        return false;
      }
      if (newcomer.client() != null) { // first, since its equals is the user's: it may throw
        byClient.merge(newcomer.client(), 1, Integer::sum);
      }
      replaced.forEach(this::release);
      placed++;
      newcomer.place(true);
      present++;
      newcomer.admit();
      return true;
    } finally {
      lock.unlock();
    }
  }

  private boolean hasRoom(Object client, List<EventSource> freed) {
    if (placed - freed.size() >= most) {
      return false;
    }
    if (client == null) {
      return true;
    }
    long own = freed.stream().filter(older -> client.equals(older.client())).count();
    return byClient.getOrDefault(client, 0) - own < mostPerClient;
  }

  /** How many streams have their place. */
  int count() {
    lock.lock();
    try {
      return placed;
    } finally {
      lock.unlock();
    }
  }

  /** The stream has ended; gives its place back, unless a newcomer took it. */
  void leave(EventSource stream) {
    lock.lock();
    try {
      release(stream);
    } finally {
      lock.unlock();
    }
  }

  private void release(EventSource stream) {
    if (!stream.hasPlace()) {
      return;
    }
    placed--;
    stream.place(false);
    if (stream.client() != null) {
      try {
        byClient.computeIfPresent(stream.client(), (client, count) -> count == 1 ? null : count - 1);
      } catch (Throwable e) {
        Log.failure("comparing the clients of streams", e); // what ends must come to its end
      }
    }
  }

  /** The exchange of a stream that was admitted is closed; called once for each. */
  void gone() {
    lock.lock();
    try {
      present--;
      tellIfEmpty();
    } finally {
      lock.unlock();
    }
  }

  private void tellIfEmpty() {
    if (shut && present == 0) {
      emptied.signalAll();
      whenEmpty.run();
    }
  }

  /** From now on nobody enters; who entered has been admitted. */
  void shut() {
    lock.lock();
    try {
      shut = true;
    } finally {
      lock.unlock();
    }
  }

  /** Runs the action, which is short, once it is shut and nobody is there. */
  void whenEmpty(Runnable action) {
    lock.lock();
    try {
      whenEmpty = action;
      tellIfEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until it is shut and nobody is there, at most for so long. An interrupt ends the wait. */
  void awaitEmpty(long time, TimeUnit unit) throws InterruptedException {
    lock.lock();
    try {
      for (long left = unit.toNanos(time); left > 0 && !(shut && present == 0); ) {
        left = emptied.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }
}
