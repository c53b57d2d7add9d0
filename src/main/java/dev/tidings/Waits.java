package dev.tidings;

import java.util.Arrays;

/**
 * The times at which the frames of one queue were added, and the longest wait of a frame that was taken. Exists only
 * for streams that are recorded. Not thread-safe.
 */
final class Waits {
  private long[] times = new long[8]; // a ring
  private int first;
  private int size;
  private long largest; // nanoseconds

  void added(long now) {
    if (size == times.length) {
      times = Arrays.copyOf(inOrder(), 2 * size);
      first = 0;
    }
    times[at(size++)] = now;
  }

  private int at(int index) {
    return (first + index) & (times.length - 1); // the length is a power of two
  }

  private long[] inOrder() {
    var ordered = new long[times.length];
    for (int i = 0; i < size; i++) {
      ordered[i] = times[at(i)];
    }
    return ordered;
  }

  /** Called when the oldest frame was taken. */
  void taken(long now) {
    largest = Math.max(largest, now - times[first]);
    first = at(1);
    size--;
  }

  /** Called when the frame at this index of the queue was dropped. */
  void dropped(int index) {
    for (int i = index; i < size - 1; i++) {
      times[at(i)] = times[at(i + 1)];
    }
    size--;
  }

  void cleared() {
    size = 0;
  }

  /** Returns the longest wait in nanoseconds. */
  long largest() {
    return largest;
  }
}
