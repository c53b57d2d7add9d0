package dev.tidings;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * The events that the channels of one stream had published at a certain time, and whether they have been delivered.
 * Only a log knows the order of its ids, and the stream advances while the log is asked for its latest id. So the ids
 * that the stream passes are kept until the log has answered.
 *
 * <p>The type parameter is that of a subscriber. Guarded by the cursor, except for {@link #reached} and {@link #fail}.
 */
final class Goal<S> {
  private static final int MOST_PASSED = 4096; // ids

  /** The progress of one subscriber towards its place. */
  private static final class Way {
    final Set<String> passed = new HashSet<>();
    boolean lost; // whether it has passed events that are not recorded
    String place; // null until the log has answered
  }

  private final boolean last;
  private final Map<S, Way> ways = new HashMap<>(); // of subscribers that have not arrived
  private final CompletableFuture<Boolean> reached = new CompletableFuture<>();

  /** Creates a goal. If it is the last goal, nothing is delivered after it. */
  Goal(boolean last) {
    this.last = last;
  }

  /** Returns a future that completes with true once all subscribers have arrived, or with false if the goal fails. */
  CompletableFuture<Boolean> reached() {
    return reached;
  }

  /** Adds a subscriber that is at this position, or restarts it from there. */
  void add(S subscriber, String position) {
    var way = new Way();
    way.passed.add(position);
    ways.put(subscriber, way);
  }

  /**
   * Sets the place of the subscriber, the latest id of its log. Returns false if it is unknown whether the
   * subscriber has passed that id.
   */
  boolean place(S subscriber, String id) {
    var way = ways.get(subscriber);
    if (way != null) {
      boolean there = way.passed.contains(id);
      if (!there && way.lost) {
        return false;
      }
      way.place = id;
      way.passed.clear();
      arriveIf(there, subscriber);
    }
    return true;
  }

  /** Called when the subscriber has passed a gap, which may contain its place. */
  void passGap(S subscriber) {
    var way = ways.get(subscriber);
    if (way != null) {
      way.lost = true;
    }
  }

  /** Called when the subscriber has passed this event. */
  void pass(S subscriber, String id) {
    var way = ways.get(subscriber);
    if (way == null) {
      return;
    }
    if (way.place == null && way.passed.size() < MOST_PASSED) {
      way.passed.add(id);
    } else {
      way.lost = true;
    }
    arriveIf(id.equals(way.place), subscriber);
  }

  /** Returns the id that the subscriber has to reach; empty if it has arrived or the id is not known. */
  Optional<String> place(S subscriber) {
    return Optional.ofNullable(ways.get(subscriber)).map(way -> way.place);
  }

  /** Completes the goal if all subscribers have arrived. Called once all have been added. */
  void begin() {
    if (ways.isEmpty()) {
      reached.complete(true);
    }
  }

  private void arriveIf(boolean there, S subscriber) {
    if (there) {
      arrive(subscriber);
    }
  }

  /** Called when the subscriber leaves its channel. The goal fails unless the subscriber has arrived. */
  void leave(S subscriber) {
    if (ways.remove(subscriber) != null) {
      fail();
    }
  }

  /** Marks the subscriber as arrived: nothing more has to be delivered to it. */
  void arrive(S subscriber) {
    ways.remove(subscriber);
    begin();
  }

  void fail() {
    reached.complete(false);
  }

  boolean isLast() {
    return last;
  }

  /** Returns whether nothing more is delivered to the subscriber. */
  boolean isEndOf(S subscriber) {
    return last && !ways.containsKey(subscriber);
  }
}
