package dev.tidings;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The newest events of a log in files, so that live readers, and clients that return soon, do not read files. One
 * thread at a time adds events; any thread can read them.
 */
final class RecentEvents {
  private static final int MOST_EVENTS = 4096;
  private static final long MOST_BYTES = 1024 * 1024;

  private record Sized(Event event, int bytes) {}

  private final ConcurrentSkipListMap<Long, Sized> events = new ConcurrentSkipListMap<>(); // by number
  private int count; // only for the thread that adds events
  private long bytes; // only for the thread that adds events

  /** Adds an event with its id, and its size in its file. */
  void add(long number, Event event, int size) {
    var earlier = events.put(number, new Sized(event, size)); // one that was never visible
    count += earlier == null ? 1 : 0;
    bytes += size - (earlier == null ? 0 : earlier.bytes());
    while (count > MOST_EVENTS || bytes > MOST_BYTES && count > 1) {
      bytes -= events.pollFirstEntry().getValue().bytes();
      count--;
    }
  }

  /** Returns the events with these consecutive numbers; empty if one of them is not there. */
  Optional<List<Event>> get(long first, long last) {
    var found = new ArrayList<Event>();
    long next = first;
    for (var entry : events.subMap(first, true, last, true).entrySet()) {
      if (entry.getKey() != next) {
        return Optional.empty();
      }
      found.add(entry.getValue().event());
      next++;
    }
    return next > last ? Optional.of(found) : Optional.empty();
  }
}
