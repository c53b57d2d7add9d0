package dev.tidings;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The entries that were last read by subscribers that catch up with a channel, so that the history is usually
 * encoded only once for all of them. Empty while no subscriber catches up. Thread-safe.
 */
final class EntryCache {
  private static final int MOST_EVENTS = 4096;
  private static final long MOST_CHARS = 4 * 1024 * 1024; // of data

  private final Map<String, LogEntry> byId = new LinkedHashMap<>(); // guarded by this; the oldest first
  private long chars; // guarded by this: of all entries
  private volatile int replays; // in progress; set under the monitor of this

  /** Called when a replay begins. */
  synchronized void enter() {
    replays++;
  }

  /** Called when a replay has ended. */
  synchronized void leave() {
    replays--;
    if (replays == 0) {
      byId.clear();
      chars = 0;
    }
  }

  /** Returns whether a replay is in progress. */
  boolean isUsed() {
    return replays > 0;
  }

  /** Returns the entries of these events, which must have ids. */
  synchronized List<LogEntry> entries(List<Event> events) {
    var entries = new ArrayList<LogEntry>(events.size());
    for (Event event : events) {
      entries.add(byId.computeIfAbsent(event.id().orElseThrow(), id -> add(new LogEntry(event))));
    }
    shrink();
    return entries;
  }

  private LogEntry add(LogEntry entry) {
    chars += entry.chars();
    return entry;
  }

  private void shrink() {
    var oldest = byId.values().iterator();
    while (byId.size() > MOST_EVENTS || chars > MOST_CHARS) {
      chars -= oldest.next().chars();
      oldest.remove();
    }
  }
}
