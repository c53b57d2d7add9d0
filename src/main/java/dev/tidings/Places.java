package dev.tidings;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;

/**
 * The latest places of a log that a node has passed, numbered in their order. Only the log can compare ids, so a node
 * remembers the order of those that it has read. Not thread-safe.
 */
final class Places {
  /** The same on all nodes, so that they agree on which ids are too old to be compared. */
  static final int REMEMBERED = 4096;

  private final Map<String, Long> numbers = new HashMap<>();
  private final ArrayDeque<String> ids = new ArrayDeque<>(); // oldest first
  private long last;

  /** Forgets all places: events are missing before this one. */
  void reset(String id) {
    numbers.clear();
    ids.clear();
    pass(id);
  }

  void pass(String id) {
    last++;
    numbers.put(id, last);
    ids.add(id);
    if (ids.size() > REMEMBERED) {
      numbers.remove(ids.remove());
    }
  }

  /** Returns the number of the last place. */
  long last() {
    return last;
  }

  /** Returns the number of the place with this id; -1 if it has been dropped or was never passed. */
  long number(String id) {
    return numbers.getOrDefault(id, -1L);
  }
}
