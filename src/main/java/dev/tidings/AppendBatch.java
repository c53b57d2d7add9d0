package dev.tidings;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The appends of a batch of a log in files: which of them are written, and the outcome of each. */
final class AppendBatch {
  private static final int MOST_BYTES = 256 * 1024 * 1024; // of an event

  private final HeldEvents held;
  private final List<Append> all;
  private final List<Append> written = new ArrayList<>();
  private final Map<Append, Append> same = new HashMap<>(0); // appends that have the outcome of another one
  private final Map<String, Append> byKey = new HashMap<>(0);
  private Append completion; // null if this batch has none
  private int size;

  AppendBatch(HeldEvents held, List<Append> all) {
    this.held = held;
    this.all = all;
  }

  /** Decides which events are written. */
  void decide() {
    for (Append append : all) {
      var earlier = append.key() == null ? null : held.idOf(append.key()).orElse(null);
      var sibling = append.key() == null ? null : byKey.get(append.key());
      if (append.previous() != null && append.previous().failure() != null) {
        append.failed(append.previous().failure());
      } else if (earlier != null) {
        append.appended(earlier);
      } else if (sibling != null) {
        same.put(append, sibling);
      } else if (held.ends().isCompleted() || completion != null) {
        decideAfterCompletion(append);
      } else if (append.size() > MOST_BYTES) {
        append.failed(new NotAppendedException("an event must be at most " + MOST_BYTES + " bytes: " + append.size()));
      } else {
        write(append);
      }
    }
  }

  private void decideAfterCompletion(Append append) {
    if (!append.isCompletion()) {
      append.failed(NotAppendedException.completed());
    } else if (completion != null) {
      same.put(append, completion);
    } else {
      append.appended(held.place(held.ends().latest()).id());
    }
  }

  private void write(Append append) {
    written.add(append);
    size = Math.addExact(size, append.size());
    if (append.key() != null) {
      byKey.put(append.key(), append);
    }
    if (append.isCompletion()) {
      completion = append;
    }
  }

  boolean isEmpty() {
    return written.isEmpty();
  }

  /** Returns the entries to write. */
  byte[] entries() {
    var entries = ByteBuffer.allocate(size);
    long number = held.ends().latest();
    long time = held.nextTime();
    for (Append append : written) {
      number++;
      StoredEvent.put(entries, number, time, append.body());
    }
    return entries.array();
  }

  /** Makes the events visible, which are now in this segment. */
  void publish(Segment segment) {
    held.add(written, segment, completion != null);
  }

  /** Completes the appends whose events have been made visible. */
  void succeed() {
    long number = held.ends().latest() - written.size();
    for (Append append : written) {
      number++;
      append.appended(held.place(number).id());
    }
    finish(null);
  }

  /** Fails all that is not done. */
  void fail(RuntimeException failure) {
    written.stream().filter(append -> !append.isDone()).forEach(append -> append.failed(failure));
    finish(failure);
  }

  private void finish(RuntimeException failure) {
    for (Append append : all) {
      var other = same.get(append);
      if (other != null && other.failure() == null && other.isDone()) {
        append.appended(other.id());
      } else if (!append.isDone()) {
        append.failed(failure);
      }
    }
  }
}
