package dev.tidings;

import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * The visible events of a log in files: the oldest and the newest one, the limits, and the keys of events. Only the
 * thread that has the turn of {@link AppendQueue} changes them; any thread can read them.
 *
 * <p>An event becomes visible when {@code ends} is set, which is after it has been written and, if each batch is
 * forced, forced. It is dropped when {@code base} is set, before its file is deleted. Readers take no lock.
 */
final class HeldEvents {
  private static final long OLDEST = Long.MAX_VALUE / 4; // nanoseconds; ages of older events are taken for this one

  /** A place in the log, right after the event with this number. */
  record Place(long number, String id) {}

  /**
   * The end of the log. It is one object, so that no reader sees an event that the latest id does not include.
   *
   * @param latest the number of the newest visible event
   * @param place the newest place, but before a completion
   */
  record Ends(long latest, Place place) {
    boolean isCompleted() {
      return place.number() != latest;
    }
  }

  private record Keyed(long number, String key) {}

  private final Segments segments;
  private final LogBounds bounds;
  private final InstantSource clock; // for the times of events, which survive a restart
  private final LongSupplier time; // nanoseconds, monotonic: for the age of events
  private final RecentEvents recent = new RecentEvents();
  private final Map<String, Long> byKey = new HashMap<>(0); // numbers
  private final Deque<Keyed> keyed = new ArrayDeque<>(0); // the oldest first
  private long lastTime; // milliseconds, of the newest event
  private volatile long bytes; // of the held events
  private volatile Ends ends;
  private volatile Place base; // the oldest place that is covered

  /**
   * Holds the events in these segments, except those that exceed the limits.
   *
   * @param isCompletion whether an event completes the log, if it is the newest one
   */
  HeldEvents(
      Segments segments, LogBounds bounds, InstantSource clock, LongSupplier time, Predicate<Event> isCompletion)
      throws IOException {
    this.segments = segments;
    this.bounds = bounds;
    this.clock = clock;
    this.time = time;
    long now = clock.millis();
    long nanos = time.getAsLong();
    for (var segment : segments.all()) {
      segment.setAppended(millis -> nanos - age(now - millis));
      segment.takeKeys().forEach(this::remember);
      bytes += segment.size();
      lastTime = segment.count() == 0 ? lastTime : segment.time(segment.last());
    }
    long latest = segments.last();
    boolean completed = newest(latest).filter(isCompletion).isPresent();
    base = place(segments.all().getFirst().before());
    ends = new Ends(latest, place(completed ? latest - 1 : latest));
    forget();
  }

  /** Returns the age in nanoseconds; zero if the clock was set back since. */
  private static long age(long millis) {
    return Math.min(OLDEST, Checks.nanos(Duration.ofMillis(Math.max(0, millis))));
  }

  private Optional<Event> newest(long latest) throws IOException {
    var segment = segments.of(latest);
    try {
      return segment.isPresent() ? Optional.of(segment.get().read(latest, 1).getFirst()) : Optional.empty();
    } catch (Segment.DamagedException e) {
      throw new IOException(e); // it was good just before
    }
  }

  private void remember(long number, String key) {
    byKey.put(key, number);
    keyed.add(new Keyed(number, key));
  }

  // Contents.

  /** Returns the oldest place that is covered. */
  Place base() {
    return base;
  }

  Ends ends() {
    return ends;
  }

  Place place(long number) {
    return new Place(number, segments.epochs().id(number));
  }

  /** Returns the id of the event with this key; empty if there is none. */
  Optional<String> idOf(String key) {
    return Optional.ofNullable(byKey.get(key)).map(segments.epochs()::id);
  }

  boolean isTenth(long skipped, long nanos) {
    return bounds.isTenth(skipped, nanos, ends.latest() - base.number(), bytes);
  }

  /** Returns whether the oldest event is too old. */
  boolean isOld() {
    long first = base.number() + 1;
    var segment = segments.of(first);
    return first <= ends.latest()
        && segment.isPresent()
        && bounds.isTooOld(time.getAsLong() - segment.get().appended(first));
  }

  // Reading.

  /**
   * Returns the events after this place, up to the one with the other number, or fewer, but at least one; empty if any
   * of them has been dropped since.
   */
  Optional<List<Event>> read(long after, long last) throws IOException, Segment.DamagedException {
    var events = recent.get(after + 1, last);
    return events.isPresent() ? events : stored(after, last);
  }

  private Optional<List<Event>> stored(long after, long last) throws IOException, Segment.DamagedException {
    var events = new ArrayList<Event>();
    long next = after + 1;
    var segment = segments.of(next);
    while (segment.isPresent() && next <= last) {
      var part = segment.get().read(next, (int) (last - next + 1));
      events.addAll(part);
      next += part.size();
      segment = next > segment.get().last() ? segments.of(next) : Optional.empty(); // or the reading was large
    }
    return events.isEmpty() ? Optional.empty() : Optional.of(events);
  }

  /**
   * Returns the place before the first event that was appended at this time or later.
   *
   * @param millis milliseconds since 1970
   */
  Place since(long millis) {
    while (true) {
      var number = TimeSearch.before(base.number(), ends.place().number(), millis, this::timeOf);
      if (number.isPresent()) {
        return place(number.getAsLong());
      }
    }
  }

  private OptionalLong timeOf(long number) {
    var segment = segments.of(number);
    return segment.isPresent() ? OptionalLong.of(segment.get().time(number)) : OptionalLong.empty();
  }

  // Changes.

  /** Returns the time of the next events, which never decreases, even if the clock is set back. */
  long nextTime() {
    lastTime = Math.max(lastTime, clock.millis());
    return lastTime;
  }

  /**
   * Makes events visible that have been written.
   *
   * @param completed whether the last of them completes the log
   */
  void add(List<Append> written, Segment segment, boolean completed) {
    long nanos = time.getAsLong();
    for (Append append : written) {
      segment.add(append.size(), lastTime, nanos);
      long number = segment.last();
      recent.add(number, append.event().withId(segments.epochs().id(number)), append.size());
      if (append.key() != null) {
        remember(number, append.key());
      }
      bytes += segment.size(number);
    }
    long latest = segment.last();
    ends = new Ends(latest, place(completed ? latest - 1 : latest));
    forget();
  }

  /** Forgets events that may have been added in part. They are not in the files when the log is opened again. */
  void forgetInvisible() {
    long latest = ends.latest();
    for (var segment = segments.all().getLast(); segment.last() > latest; ) {
      bytes -= segment.size(segment.last());
      segment.clip(segment.last() - 1);
    }
    segments.abandon();
    keyed.removeIf(key -> key.number() > latest && byKey.remove(key.key(), key.number()));
  }

  /** Drops the oldest events while a limit is exceeded. */
  void forget() {
    long nanos = time.getAsLong();
    long oldest = segments.epochs().oldest();
    long latest = ends.latest();
    long number = base.number();
    long held = bytes;
    while (number < latest) {
      var segment = segments.of(number + 1).orElseThrow();
      boolean old = bounds.isTooOld(nanos - segment.appended(number + 1));
      if (number >= oldest && !old && !bounds.isExceeded(latest - number, held)) {
        break;
      }
      number++;
      held -= segment.size(number);
    }
    forgetThrough(number, held);
  }

  /** Drops the events up to this one. */
  void forgetThrough(long number) {
    long held = bytes;
    for (long lost = base.number() + 1; lost <= number; lost++) {
      held -= segments.of(lost).orElseThrow().size(lost);
    }
    forgetThrough(number, held);
  }

  private void forgetThrough(long number, long held) {
    if (number > base.number()) {
      base = place(number); // before the deletion, so that a reader without the events finds the gap
      bytes = held;
      ends = number == ends.latest() ? new Ends(number, base) : ends; // a completion is forgotten, too
    }
    while (!keyed.isEmpty() && keyed.getFirst().number() <= number) {
      var first = keyed.removeFirst();
      byKey.remove(first.key(), first.number());
    }
    segments.dropThrough(base.number());
  }
}
