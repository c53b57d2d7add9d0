package dev.tidings.redis;

import dev.tidings.Event;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The newest events of a channel, without a hole. A ring does not change, so that readers need no lock. Rings share an
 * array: it is written only behind the last event of all of them.
 *
 * @param start the place before the first event
 * @param events the array
 * @param from the index of the first event
 * @param to the index after the last event
 * @param bytes about the memory of the events
 */
record Ring(Place start, Event[] events, int from, int to, long bytes) {
  static final int MOST_EVENTS = 1_000;
  static final long MOST_BYTES = 1024 * 1024;

  /** Returns a ring without events. */
  static Ring at(Place place) {
    return new Ring(place, new Event[4], 0, 0, 0);
  }

  int size() {
    return to - from;
  }

  long last() {
    return start.number() + size();
  }

  /** Returns the id of a number from the start to the last one. */
  private String id(long number) {
    return number == start.number() ? start.id() : events[index(number)].id().orElseThrow();
  }

  private int index(long number) {
    return (int) (from + number - start.number() - 1);
  }

  /** Returns the place after the last event. */
  Place end() {
    return size() == 0 ? start : Place.parse(id(last())).orElseThrow();
  }

  boolean isAt(Place place) {
    return place.number() == last() && id(last()).equals(place.id());
  }

  /** Returns the events after a place; empty if the place is not in the ring. */
  Optional<List<Event>> after(Place place, int most) {
    long number = place.number();
    if (number < start.number() || number > last() || !id(number).equals(place.id())) {
      return Optional.empty();
    }
    int first = index(number) + 1;
    return Optional.of(Arrays.asList(events).subList(first, (int) Math.min(first + (long) most, to)));
  }

  /** Returns the ring with more events at its end, without the oldest ones if there are too many. One thread at a time. */
  Ring with(List<Event> more) {
    var array = events;
    int first = from;
    int end = to;
    if (end + more.size() > array.length) {
      array = new Event[Math.max(4, Math.min(2 * (size() + more.size()), size() + more.size() + MOST_EVENTS))];
      System.arraycopy(events, from, array, 0, size());
      end = size();
      first = 0;
    }
    long total = bytes;
    for (Event event : more) {
      array[end++] = event;
      total += Fields.size(event);
    }
    return trimmed(start, array, first, end, total);
  }

  private static Ring trimmed(Place start, Event[] events, int from, int to, long bytes) {
    int first = from;
    long total = bytes;
    while (to - first > MOST_EVENTS || total > MOST_BYTES && to > first) {
      total -= Fields.size(events[first]);
      first++;
    }
    return new Ring(first == from ? start : placeOf(events[first - 1]), events, first, to, total);
  }

  private static Place placeOf(Event event) {
    return Place.parse(event.id().orElseThrow()).orElseThrow();
  }

  /** Returns the ring with older events before its first one, unless there are too many. */
  Ring withOlder(Place before, List<Event> older) {
    long total = bytes + older.stream().mapToLong(Fields::size).sum();
    int count = size() + older.size();
    if (count > MOST_EVENTS || total > MOST_BYTES) {
      return this;
    }
    var array = new Event[count + 4];
    for (int i = 0; i < older.size(); i++) {
      array[i] = older.get(i);
    }
    System.arraycopy(events, from, array, older.size(), size());
    return new Ring(before, array, 0, count, total);
  }

  /** Returns the ring without the events after this number, which is in the ring. */
  Ring until(long number) {
    var array = new Event[(int) (number - start.number()) + 4]; // the other array may have been written there
    int count = (int) (number - start.number());
    System.arraycopy(events, from, array, 0, count);
    long total = 0;
    for (int i = 0; i < count; i++) {
      total += Fields.size(array[i]);
    }
    return new Ring(start, array, 0, count, total);
  }

  /** Returns the ring without the events up to this number, which Redis has dropped. */
  Ring without(long base) {
    if (base <= start.number()) {
      return this;
    }
    if (base >= last()) {
      return at(end());
    }
    var array = new Event[(int) (last() - base) + 4];
    int first = index(base) + 1;
    System.arraycopy(events, first, array, 0, to - first);
    long total = 0;
    for (int i = 0; i < to - first; i++) {
      total += Fields.size(array[i]);
    }
    return new Ring(placeOf(events[first - 1]), array, 0, to - first, total);
  }
}
