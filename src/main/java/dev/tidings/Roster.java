package dev.tidings;

import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Predicate;

/**
 * A set in the order of joining, that many threads walk without a lock while others join and leave: an
 * array in chunks, with holes where members have left. To join and to leave costs the same however many
 * there are, and a walk visits the members in the order in which they mostly lie in memory, for which a
 * delivery to thousands waits more than for anything else.
 *
 * <p>A walk visits each member once that is in the set during all of it; one that joins or leaves meanwhile
 * may be visited or not.
 */
final class Roster<T> implements Iterable<T> {
  private static final int CHUNK = 256; // the first ones are smaller, since many sets are
  private static final int SMALLEST_CHUNK = 4;

  /** Members with ascending numbers; a hole is null. */
  private static final class Chunk<T> {
    final long[] numbers;
    final AtomicReferenceArray<T> members;
    int used; // guarded by the roster: the places that were ever given
    int live; // guarded by the roster

    Chunk(int size) {
      numbers = new long[size];
      members = new AtomicReferenceArray<>(size);
    }

    void add(long number, T member) {
      numbers[used] = number;
      members.set(used, member); // whoever sees the member sees its number
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

  private volatile Chunk<T>[] chunks = chunks(0); // replaced under the monitor of this; none is empty for long
  private long next; // guarded by this: the number of the next to join
  private int size; // guarded by this

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static <T> Chunk<T>[] chunks(int length) {
    return new Chunk[length];
  }

  /** Adds a member, behind all others; returns the number by which it leaves. */
  synchronized long add(T member) {
    var present = chunks;
    if (present.length == 0 || present[present.length - 1].isFull()) {
      if (present.length > 0 && present[present.length - 1].isSparse()) { // no more of it may ever leave
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

  /** Removes the member with this number, if it is there; whether it was. */
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

  /** The chunk in which the number would be; -1 if there is none. */
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

  /** Holes take memory and time: puts what is left of a chunk together with its sparse neighbour before it. */
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

  /** The places that a walk looks at, holes too. */
  synchronized int places() {
    return Arrays.stream(chunks).mapToInt(chunk -> chunk.used).sum();
  }

  /** The member that joined last of those that match. */
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

  /** Above the numbers of all that have joined so far. */
  synchronized long next() {
    return next;
  }

  @Override
  public Iterator<T> iterator() {
    return until(Long.MAX_VALUE).iterator();
  }

  /** The members whose numbers are below this one. */
  Iterable<T> until(long number) {
    return () -> new Walk<>(chunks, number);
  }

  private static final class Walk<T> implements Iterator<T> {
    private final Chunk<T>[] chunks;
    private final long until;
    private int index; // of the chunk
    private int place; // the next one to be looked at
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
