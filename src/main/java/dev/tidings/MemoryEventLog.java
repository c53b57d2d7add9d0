package dev.tidings;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/**
 * A log in memory. An id consists of the time of the append in milliseconds and the number of the event: {@code
 * 1795342825000-90417}. Within this log, the number alone identifies the event. The time distinguishes the id
 * from those of a log before a restart. Even if the clock was set back, the numbers most likely differ, since
 * the first one is random.
 */
final class MemoryEventLog implements BoundedLog {
  private static final int LONGEST_ID = 2 * 19 + 1; // two numbers of 63 bits

  /** Is notified of appends. */
  interface Watcher {
    /**
     * Called after each append, on the thread that appends, which holds no lock of the log. May block no longer than a
     * publisher may, and must not throw.
     */
    void appended();
  }

  /** A place in the log, right after the event with this number. */
  private record Place(long number, long time, String id) {
    Place(long number, long time) {
      this(number, time, time + "-" + number);
    }
  }

  /**
   * An event with its id, the number and the time of its place, its encoded size before it got this id, the time of its
   * append, and its key, which is null if it has none. The place is not an object of its own, because thousands of logs
   * would keep one for each event.
   */
  private record Held(Event event, long number, long time, long size, long appended, String key)
      implements NumberedRing.Numbered {
    String id() {
      return event.id().orElseThrow();
    }

    Place place() {
      return new Place(number, time, id());
    }
  }

  private final LogBounds bounds;
  private final InstantSource clock; // only for ids; jumps of the clock have no effect
  private final LongSupplier time; // nanoseconds, monotonic: for the age of events
  private final Place start;

  private final ReentrantLock lock = new ReentrantLock(); // for all changes of the held events
  private final NumberedRing<Held> held = new NumberedRing<>(); // changed under lock
  private volatile long bytes; // of the held events; set under lock
  private final Map<String, String> byKey = new HashMap<>(0); // ids; guarded by lock
  private volatile Place end; // the newest place, but before a completion; set under lock once its event is held
  private volatile Place latest; // of the newest event; set under lock after end, so that latest() is not behind a read
  private volatile Place base; // the oldest place that is covered; set under lock before its event is forgotten
  private final WaitingReaders readers = new WaitingReaders();
  private volatile List<Watcher> watchers = List.of(); // replaced under lock

  MemoryEventLog(int events, long bytes, Duration age, InstantSource clock, LongSupplier time, long first) {
    this.bounds = LogBounds.of(events, bytes, age);
    this.clock = clock;
    this.time = time;
    this.start = new Place(first, clock.millis());
    this.base = start;
    this.latest = start;
    this.end = start;
  }

  static long anyNumber() {
    return ThreadLocalRandom.current().nextLong(1_000_000_000);
  }

  @Override
  public int maxIdLength() {
    return LONGEST_ID;
  }

  @Override
  public String append(Event event) {
    return append(event, Optional.empty());
  }

  @Override
  public String append(Event event, String key) {
    return append(event, Optional.of(Checks.requireKey(key)));
  }

  private String append(Event event, Optional<String> key) {
    boolean completes = EventLog.isCompletion(event);
    long size = WireFormat.size(event) + key.map(String::length).orElse(0); // not under the lock
    Place place;
    lock.lock();
    try {
      forget(); // such as a completion
      String earlier = key.map(byKey::get).orElse(null);
      if (earlier != null) {
        return earlier;
      }
      if (isCompleted()) {
        return appendedAgain(completes);
      }
      // The time never decreases, even if the clock is set back.
      place = new Place(latest.number() + 1, Math.max(latest.time(), clock.millis()));
      held.add(
          new Held(
              event.withId(place.id()), place.number(), place.time(), size, time.getAsLong(), key.orElse(null)));
      key.ifPresent(its -> byKey.put(its, place.id()));
      bytes += size;
      end = completes ? end : place;
      latest = place;
      forget();
    } finally {
      lock.unlock();
    }
    readers.wake();
    for (Watcher watcher : watchers) {
      watcher.appended();
    }
    return place.id();
  }

  private boolean isCompleted() {
    return end != latest;
  }

  private String appendedAgain(boolean completes) {
    if (!completes) {
      throw NotAppendedException.completed();
    }
    return latest.id();
  }

  /** Forgets the oldest events while a limit is exceeded. */
  private void forget() {
    for (var first = oldest(); first.isPresent(); first = oldest()) {
      var event = first.get();
      if (!bounds.isExceeded(held.size(), bytes) && !isTooOld(event)) {
        return;
      }
      base = event.place(); // before the removal, so that a reader without the event finds the gap
      held.removeFirst();
      if (event.key() != null) {
        byKey.remove(event.key());
      }
      bytes -= event.size();
      if (held.size() == 0) {
        end = latest; // a completion is forgotten, too
      }
    }
  }

  private Optional<Held> oldest() {
    return held.get(base.number() + 1);
  }

  private boolean isTooOld(Held event) {
    return bounds.isTooOld(time.getAsLong() - event.appended());
  }

  @Override
  public boolean isDisposable() {
    forgetTheOld();
    return held.size() == 0;
  }

  @Override
  public boolean isTenth(long skipped, long nanos) {
    return bounds.isTenth(skipped, nanos, held.size(), bytes);
  }

  /**
   * Drops events that are too old. Does not wait for the lock, because a thread that holds it drops them, too.
   */
  private void forgetTheOld() {
    var first = oldest();
    if (first.isPresent() && isTooOld(first.get()) && lock.tryLock()) {
      try {
        forget();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Adds a watcher, which is notified of each append that begins afterwards. */
  void watch(Watcher watcher) {
    lock.lock();
    try {
      watchers = Stream.concat(watchers.stream(), Stream.of(watcher)).toList();
    } finally {
      lock.unlock();
    }
  }

  /** Removes a watcher, which may still be notified of appends in progress. */
  void unwatch(Watcher watcher) {
    lock.lock();
    try {
      watchers = watchers.stream().filter(other -> other != watcher).toList();
    } finally {
      lock.unlock();
    }
  }

  // Reading.

  @Override
  public Reading read(String after, int most, Duration wait) throws InterruptedException {
    Objects.requireNonNull(after, "after");
    Checks.requireAtLeast("most", most, 1);
    return readers.read(wait, () -> readNow(after, most), Reading::isAnswer);
  }

  /** Reads like {@link #read}, but never waits, and does not react to interrupts. */
  Reading readNow(String after, int most) {
    forgetTheOld();
    while (true) {
      var from = base;
      var found = find(after, from);
      var events = after(found.orElse(from), most);
      if (events.isPresent()) {
        return found.isPresent()
            ? Reading.covered(after, events.get())
            : Reading.gap(from.id(), events.get(), missed(after, from));
      }
    }
  }

  private Optional<Place> find(String id, Place base) {
    var newest = latest; // the usual case; if it is forgotten meanwhile, the events after it show that
    var known = id.equals(newest.id()) ? newest : base;
    if (id.equals(known.id())) {
      return Optional.of(known);
    }
    return held.get(numberOf(id)).filter(event -> event.id().equals(id)).map(Held::place);
  }

  /** Returns the events after this place; empty if any of them has been dropped since. */
  private Optional<List<Event>> after(Place place, int most) {
    long newest = latest.number(); // read first, so that no event is returned before latest() includes it
    if (newest <= place.number()) {
      return Optional.of(List.of());
    }
    int count = (int) Math.min(most, newest - place.number());
    var events = new ArrayList<Event>(count);
    for (long number = place.number() + 1; events.size() < count; number++) {
      var event = held.get(number);
      if (event.isEmpty()) {
        return Optional.empty();
      }
      events.add(event.get().event());
    }
    return Optional.of(events);
  }

  /**
   * Returns the number of dropped events after this id; empty if it cannot be an id of this log. The exact times of
   * dropped events are unknown, so any time between the start and the base is accepted.
   */
  private OptionalLong missed(String id, Place base) {
    long number = numberOf(id);
    if (number < start.number() || number >= base.number()) {
      return OptionalLong.empty();
    }
    long time = parse(id, 0, id.lastIndexOf('-'));
    boolean ours =
        time >= start.time() && time <= base.time() && id.equals(new Place(number, time).id());
    return ours ? OptionalLong.of(base.number() - number) : OptionalLong.empty();
  }

  /** Returns the number in this text, which need not be a real id; -1 if it has none. */
  private static long numberOf(String id) {
    int dash = id.length() > LONGEST_ID ? -1 : id.lastIndexOf('-');
    return dash < 0 ? -1 : parse(id, dash + 1, id.length());
  }

  private static long parse(String id, int begin, int end) {
    try {
      return Long.parseLong(id, begin, end, 10);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  @Override
  public String latest() {
    return end.id();
  }

  @Override
  public String beforeLast(int events) {
    Checks.requireAtLeast("events", events, 0);
    forgetTheOld();
    while (true) {
      var from = base;
      var found = placeOf(end.number() - events, from);
      if (found.isPresent()) {
        return found.get().id();
      }
    }
  }

  @Override
  public String since(Instant time) {
    long millis = Checks.millis(time);
    forgetTheOld();
    while (true) {
      var from = base;
      var number = TimeSearch.before(from.number(), end.number(), millis, this::timeOf);
      var found = number.isPresent() ? placeOf(number.getAsLong(), from) : Optional.<Place>empty();
      if (found.isPresent()) {
        return found.get().id();
      }
    }
  }

  private OptionalLong timeOf(long number) {
    return held.get(number).map(event -> OptionalLong.of(event.time())).orElse(OptionalLong.empty());
  }

  /** Returns the place with this number, but not one before the base; empty if its event has been dropped since. */
  private Optional<Place> placeOf(long number, Place base) {
    return number <= base.number() ? Optional.of(base) : held.get(number).map(Held::place);
  }
}
