package dev.tidings;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Values with consecutive numbers, of which the oldest are removed: an array that is used as a ring, and has one to
 * eight places for each value. One thread at a time changes it; any threads read it without a lock.
 */
final class NumberedRing<T extends NumberedRing.Numbered> {
  private static final int FEWEST = 4; // places

  /** A value that knows its number. */
  interface Numbered {
    long number();
  }

  private volatile AtomicReferenceArray<T> places = new AtomicReferenceArray<>(FEWEST); // by the last bits of numbers
  private long first; // number of the oldest value; only for the thread that changes it
  private volatile int size;

  int size() {
    return size;
  }

  /** Returns the value with this number; empty if there is none. */
  Optional<T> get(long number) {
    var found = at(places, number);
    return found != null && found.number() == number ? Optional.of(found) : Optional.empty();
  }

  private static <T> T at(AtomicReferenceArray<T> places, long number) {
    return places.get((int) number & places.length() - 1);
  }

  private static <T extends Numbered> void put(AtomicReferenceArray<T> places, T value) {
    places.set((int) value.number() & places.length() - 1, value);
  }

  /** Adds a value, whose number must follow that of the newest one. */
  void add(T value) {
    if (size == 0) {
      first = value.number();
    }
    if (size == places.length()) {
      resize(2 * size);
    }
    put(places, value);
    size++;
  }

  /** Removes the oldest value; there must be one. */
  void removeFirst() {
    places.set((int) first & places.length() - 1, null);
    first++;
    size--;
    if (size <= places.length() / 8 && places.length() > FEWEST) {
      resize(places.length() / 2);
    }
  }

  private void resize(int length) {
    var others = new AtomicReferenceArray<T>(length);
    for (long number = first; number < first + size; number++) {
      put(others, at(places, number));
    }
    places = others;
  }
}
