package dev.tidings;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The position of the live end of a channel, and the latest entries that were delivered. Not thread-safe. */
final class Remembered {
  static final int MOST = 2048; // entries; more than a subscriber reads at a time
  private static final long MOST_CHARS = 1024 * 1024; // of their data

  private final ArrayDeque<LogEntry> entries = new ArrayDeque<>(0);
  private final Map<String, Long> numbers = new HashMap<>(); // of these entries and of a position before them, by id
  private long last; // the number of the position
  private long chars; // of data, in the entries
  private String position; // null if there is none

  /** Begins at this position. */
  void begin(String at) {
    forget();
    position = at;
  }

  /** Moves to this entry, and remembers it. */
  void add(LogEntry entry) {
    if (numbers.isEmpty() && position != null) {
      numbers.put(position, last);
    }
    position = entry.id();
    last++;
    entries.add(entry);
    chars += entry.chars();
    numbers.put(position, last);
    while (entries.size() > MOST || chars > MOST_CHARS) {
      var oldest = entries.remove();
      chars -= oldest.chars();
      numbers.remove(oldest.id());
    }
  }

  /** Moves to this entry, and drops all entries. */
  void skip(LogEntry entry) {
    forget();
    position = entry.id();
  }

  /** Forgets all entries and positions, because the next entry is a gap, which differs for each earlier position. */
  void lose() {
    forget();
    position = null;
  }

  /** Forgets all entries, and all positions but the current one. */
  void forget() {
    if (!numbers.isEmpty()) {
      entries.clear();
      numbers.clear();
      chars = 0;
    }
  }

  boolean isAt(String id) {
    return id.equals(position);
  }

  /** Returns whether this is the current position, or a remembered one. */
  boolean knows(String id) {
    return isAt(id) || numbers.containsKey(id);
  }

  /** Returns the entries after this position; empty if they are not remembered. */
  Optional<List<LogEntry>> after(String id) {
    if (isAt(id)) {
      return Optional.of(List.of());
    }
    Long number = numbers.get(id);
    return number == null || last - number > entries.size()
        ? Optional.empty()
        : Optional.of(entries.stream().skip(entries.size() - (last - number)).toList());
  }
}
