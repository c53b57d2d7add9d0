package dev.tidings;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Counts the open streams of a registry, in total and per client, and enforces the limits. A stream has a place
 * from its admission until it leaves the registry, and is inside the gate until its exchange is closed.
 * Checking for a free place and taking it is one atomic step, so that no limit is exceeded however many streams
 * open at once.
 */
final class Capacity {
  private final int most;
  private final int mostPerClient;
  private final Gate gate = new Gate(); // entered and shut under lock
  private final ReentrantLock lock = new ReentrantLock();
  // The fields below are guarded by lock.
  private int placed; // streams that have a place
  private final Map<Object, Integer> byClient = new HashMap<>();

  Capacity(int most, int mostPerClient) {
    this.most = most;
    this.mostPerClient = mostPerClient;
  }

  /**
   * Admits the newcomer if the gate is open and there is room without the streams that it replaces, and frees
   * their places. Returns whether the newcomer was admitted.
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
        if (newcomer.client() != null) { // its equals is application code, which may throw
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

  /** Returns whether the newcomer would be admitted now, in place of the streams that it replaces. */
  boolean hasRoom(Member newcomer, List<Member> replaced) {
    lock.lock();
    try {
      return !gate.isShut()
          && hasRoom(newcomer.client(), replaced.stream().filter(Member::isPlaced).toList());
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

  /** Returns the number of streams that have a place. */
  int count() {
    lock.lock();
    try {
      return placed;
    } finally {
      lock.unlock();
    }
  }

  /** Frees the place of a stream that leaves the registry, unless a newcomer took it. */
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
        Log.failure("comparing the clients of streams", e); // the stream must still end
      }
    }
  }

  /** Refuses streams from now on. All streams that have entered the gate are admitted. */
  void shut() {
    lock.lock();
    try {
      gate.shut();
    } finally {
      lock.unlock();
    }
  }

  /** Returns the gate, which counts the admitted streams whose exchange is not closed. */
  Gate gate() {
    return gate;
  }
}
