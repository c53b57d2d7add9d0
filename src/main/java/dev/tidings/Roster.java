package dev.tidings;

import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Predicate;

/**
 * A set in insertion order that many threads iterate without a lock while others add and remove members: an array in
 * chunks, with holes where members were removed. The time to add or remove a member hardly depends on the size of the
 * set. An iteration mostly follows the order in memory, because memory access dominates the cost of a delivery to
 * thousands of streams.
 *
 * <p>An iteration visits exactly once each member that stays in the set for the whole iteration. A member that is
 * added or removed during the iteration may or may not be visited.
 */
final class Roster<T> implements Iterable<T> {
  private static final int CHUNK = 256; // the first chunks are smaller, since many sets are small
  private static final int SMALLEST_CHUNK = 4;

  /** Members with ascending numbers; a hole is null. */
  private static final class Chunk<T> {
    final long[] numbers;
    final AtomicReferenceArray<T> members;
    int used; // guarded by the roster: the places ever assigned
    int live; // guarded by the roster

    Chunk(int size) {
      numbers = new long[size];
      members = new AtomicReferenceArray<>(size);
    }

    void add(long number, T member) {
      numbers[used] = number;
      members.set(used, member); // after the number, so that a thread that sees the member sees its number
      used++;
      live++;
    }

    boolean isFull() {
      return used == numbers.length;
    }

    boolean isSparse() {
      return isFull() && live <= numbers.length / 4;
    }

    long last() {
      return numbers[used - 1];
    }
  }

  private volatile Chunk<T>[] chunks = chunks(0); // replaced under the monitor of this; each has a used place
  private long next; // guarded by this: the number of the next member
  private int size; // guarded by this

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static <T> Chunk<T>[] chunks(int length) {
    return new Chunk[length];
  }

  /** Adds a member at the end. Returns its number, which {@link #remove} takes. */
  synchronized long add(T member) {
    var present = chunks;
    if (present.length == 0 || present[present.length - 1].isFull()) {
      if (present.length > 0 && present[present.length - 1].isSparse()) { // otherwise this chunk may never shrink
        shrink(present.length - 1);
        present = chunks;
      }
      present = Arrays.copyOf(present, present.length + 1);
      present[present.length - 1] = new Chunk<>(Math.clamp(size, SMALLEST_CHUNK, CHUNK));
      chunks = present;
    }
    present[present.length - 1].add(next, member);
    size++;
    return next++;
  }

  /** Removes the member with this number. Returns whether it was present. */
  synchronized boolean remove(long number) {
    int index = chunkOf(number);
    if (index < 0) {
      return false;
    }
    var chunk = chunks[index];
    int place = Arrays.binarySearch(chunk.numbers, 0, chunk.used, number);
    if (place < 0 || chunk.members.getAndSet(place, null) == null) {
      return false;
    }
    chunk.live--;
    size--;
    if (chunk.isSparse()) {
      shrink(index);
    }
    return true;
  }

  /** Returns the index of the chunk in which the number would be, or -1. */
  private int chunkOf(long number) {
    int low = 0;
    int high = chunks.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      var chunk = chunks[middle];
      if (chunk.last() < number) {
        low = middle + 1;
      } else if (chunk.numbers[0] > number) {
        high = middle - 1;
      } else {
        return middle;
      }
    }
    return -1;
  }

  /** Removes the holes of a chunk, which cost memory and time. Merges it with the one before if both are small. */
  private void shrink(int index) {
    int first = index > 0 && chunks[index - 1].live + chunks[index].live <= CHUNK / 2 ? index - 1 : index;
    int live = 0;
    for (int i = first; i <= index; i++) {
      live += chunks[i].live;
    }
    Chunk<T> rest = new Chunk<>(live);
    for (int i = first; i <= index; i++) {
      var chunk = chunks[i];
      for (int place = 0; place < chunk.used; place++) {
        T member = chunk.members.get(place);
        if (member != null) {
          rest.add(chunk.numbers[place], member);
        }
      }
    }
    int kept = live > 0 ? 1 : 0;
    Chunk<T>[] others = chunks(chunks.length - (index - first + 1) + kept);
    System.arraycopy(chunks, 0, others, 0, first);
    if (kept > 0) {
      others[first] = rest;
    }
    System.arraycopy(chunks, index + 1, others, first + kept, chunks.length - index - 1);
    chunks = others;
  }

  synchronized int size() {
    return size;
  }

  /** Returns the number of places that an iteration visits, including holes. */
  synchronized int places() {
    return Arrays.stream(chunks).mapToInt(chunk -> chunk.used).sum();
  }

  /** Returns the newest member that matches. */
  Optional<T> last(Predicate<? super T> which) {
    var present = chunks;
    for (int index = present.length - 1; index >= 0; index--) {
      var members = present[index].members;
      for (int place = members.length() - 1; place >= 0; place--) {
        T member = members.get(place);
        if (member != null && which.test(member)) {
          return Optional.of(member);
        }
      }
    }
    return Optional.empty();
  }

  /** Returns a number above those of all members added so far. */
  synchronized long next() {
    return next;
  }

  @Override
  public Iterator<T> iterator() {
    return until(Long.MAX_VALUE).iterator();
  }

  /** Returns the members whose numbers are below this one. */
  Iterable<T> until(long number) {
    return () -> new Walk<>(chunks, number);
  }

  private static final class Walk<T> implements Iterator<T> {
    private final Chunk<T>[] chunks;
    private final long until;
    private int index; // of the chunk
    private int place; // the next one to visit
    private T next;

    Walk(Chunk<T>[] chunks, long until) {
      this.chunks = chunks;
      this.until = until;
      advance();
    }

    private void advance() {
      next = null;
      while (index < chunks.length) {
        var chunk = chunks[index];
        while (place < chunk.numbers.length) {
          next = chunk.members.get(place++);
          if (next != null) {
            next = chunk.numbers[place - 1] < until ? next : null;
            index = next == null ? chunks.length : index;
            return;
          }
        }
        index++;
        place = 0;
      }
    }

    @Override
    public boolean hasNext() {
      return next != null;
    }

    @Override
    public T next() {
      if (next == null) {
        throw new NoSuchElementException();
      }
      T member = next;
      advance();
      return member;
    }
  }
}
