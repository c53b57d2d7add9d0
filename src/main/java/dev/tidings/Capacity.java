package dev.tidings;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The places of a registry, in all and for each client. A stream has its place from its opening to its
 * ending, and is inside the gate until its exchange is closed. Whether there is room and the taking of it
 * are one step, so that no limit is passed however many come at once.
 */
final class Capacity {
  private final int most;
  private final int mostPerClient;
  private final Gate gate = new Gate(); // entered and shut under lock
  private final ReentrantLock lock = new ReentrantLock();
  // What follows is guarded by lock.
  private int placed; // streams that have their place
  private final Map<Object, Integer> byClient = new HashMap<>();

  Capacity(int most, int mostPerClient) {
    this.most = most;
    this.mostPerClient = mostPerClient;
  }

  /**
   * Admits the newcomer if there is room for it once those are gone that it replaces, whose places are
   * then free.
   */
  boolean enter(Member newcomer, List<Member> replaced) {
    lock.lock();
    try {
      var freed = replaced.stream().filter(Member::isPlaced).toList();
      if (!hasRoom(newcomer.client(), freed) || !gate.enter()) {
        return false;
      }
      boolean admitted = false;
      try {
        if (newcomer.client() != null) { // its equals is the application's: it may throw
          byClient.merge(newcomer.client(), 1, Integer::sum);
        }
        replaced.forEach(this::release);
        placed++;
        newcomer.place(true);
        newcomer.stream().life().admit();
        admitted = true;
      } finally {
        if (!admitted) {
          gate.leave();
        }
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  private boolean hasRoom(Object client, List<Member> freed) {
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
  void leave(Member member) {
    lock.lock();
    try {
      release(member);
    } finally {
      lock.unlock();
    }
  }

  private void release(Member member) {
    if (!member.isPlaced()) {
      return;
    }
    placed--;
    member.place(false);
    if (member.client() != null) {
      try {
        byClient.computeIfPresent(member.client(), (client, count) -> count == 1 ? null : count - 1);
      } catch (Throwable e) {
        Log.failure("comparing the clients of streams", e); // the stream must come to its end
      }
    }
  }

  /** From now on nobody enters; those that entered have been admitted. */
  void shut() {
    lock.lock();
    try {
      gate.shut();
    } finally {
      lock.unlock();
    }
  }

  /** Those that were admitted and whose exchange is not closed. */
  Gate gate() {
    return gate;
  }
}
