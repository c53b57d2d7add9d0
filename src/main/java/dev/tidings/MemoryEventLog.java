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
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * A log in memory. An id consists of the time of the append in milliseconds and the number of the event: {@code
 * 1795342825000-90417}. Within this log, the number alone identifies the event. The time distinguishes the id
 * from those of a log before a restart. Even if the clock was set back, the numbers most likely differ, since
 * the first one is random.
 */
final class MemoryEventLog implements BoundedLog {
  private static final int LONGEST_ID = 2 * 19 + 1; // two numbers of 63 bits

  /** A place in the log, right after the event with this number. */
  private record Place(long number, long time, String id) {
    Place(long number, long time) {
      this(number, time, time + "-" + number);
    }
  }

  /**
   * An event with its id, its place, its encoded size before it got this id, the time of its append, and its key, which
   * is null if it has none.
   */
  private record Held(Event event, Place place, long size, long appended, String key) {}

  private final LogBounds bounds;
  private final InstantSource clock; // only for ids; jumps of the clock have no effect
  private final LongSupplier time; // nanoseconds, monotonic: for the age of events
  private final Place start;

  private final ReentrantLock lock = new ReentrantLock(); // for all changes of the held events
  private final ConcurrentSkipListMap<Long, Held> held = new ConcurrentSkipListMap<>(); // by number
  private volatile int events; // number of held events; set under lock
  private volatile long bytes; // of the held events; set under lock
  private final Map<String, String> byKey = new HashMap<>(0); // ids; guarded by lock
  private volatile Place end; // the newest place, but before a completion; set under lock once its event is held
  private volatile Place latest; // of the newest event; set under lock after end, so that latest() is not behind a read
  private volatile Place base; // the oldest place that is covered; set under lock before its event is forgotten
  private final WaitingReaders readers = new WaitingReaders();

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
    long size = Frame.of(event).bytes().length + key.map(String::length).orElse(0); // not under the lock
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
      // The time never goes back, whatever the clock does.
      place = new Place(latest.number() + 1, Math.max(latest.time(), clock.millis()));
      held.put(
          place.number(), new Held(event.withId(place.id()), place, size, time.getAsLong(), key.orElse(null)));
      key.ifPresent(its -> byKey.put(its, place.id()));
      events++;
      bytes += size;
      end = completes ? end : place;
      latest = place;
      forget();
    } finally {
      lock.unlock();
    }
    readers.wake();
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
    for (var first = held.firstEntry(); first != null; first = held.firstEntry()) {
      var event = first.getValue();
      if (!bounds.isExceeded(events, bytes) && !isTooOld(event)) {
        return;
      }
      base = event.place(); // before the removal, so that a reader without the event finds the gap
      held.remove(first.getKey());
      if (event.key() != null) {
        byKey.remove(event.key());
      }
      events--;
      bytes -= event.size();
      if (events == 0) {
        end = latest; // a completion is forgotten, too
      }
    }
  }

  private boolean isTooOld(Held event) {
    return bounds.isTooOld(time.getAsLong() - event.appended());
  }

  @Override
  public boolean isDisposable() {
    forgetTheOld();
    return events == 0;
  }

  @Override
  public boolean isTenth(long skipped, long nanos) {
    return bounds.isTenth(skipped, nanos, events, bytes);
  }

  /**
   * Forgets events that are too old. Does not wait for the lock, because a thread that holds it forgets them,
   * too.
   */
  private void forgetTheOld() {
    var first = held.firstEntry();
    if (first != null && isTooOld(first.getValue()) && lock.tryLock()) {
      try {
        forget();
      } finally {
        lock.unlock();
      }
    }
  }

  // Reading.

  @Override
  public Reading read(String after, int most, Duration wait) throws InterruptedException {
    Objects.requireNonNull(after, "after");
    Checks.requireAtLeast("most", most, 1);
    return readers.read(wait, () -> read(after, most), Reading::isAnswer);
  }

  private Reading read(String after, int most) {
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
    var event = held.get(numberOf(id));
    return event != null && event.place().id().equals(id)
        ? Optional.of(event.place())
        : Optional.empty();
  }

  /** Returns the events after this place; empty if any of them was forgotten meanwhile. */
  private Optional<List<Event>> after(Place place, int most) {
    long newest = latest.number(); // read first, so that no event is returned before latest() includes it
    if (newest <= place.number()) {
      return Optional.of(List.of());
    }
    var events = new ArrayList<Event>();
    long next = place.number() + 1;
    for (Held event : held.tailMap(place.number(), false).values()) {
      if (event.place().number() > newest || events.size() == most) {
        break;
      }
      if (event.place().number() != next) {
        return Optional.empty();
      }
      events.add(event.event());
      next++;
    }
    return events.isEmpty() ? Optional.empty() : Optional.of(events);
  }

  /**
   * Returns the number of forgotten events after this id; empty if it cannot be an id of this log. The exact times of
   * forgotten events are unknown, so any time between the start and the base is accepted.
   */
  private OptionalLong missed(String id, Place base) {
    long number = numberOf(id);
    if (number < start.number() || number >= base.number()) {
      return OptionalLong.empty();
    }
    long time = parse(id.substring(0, id.lastIndexOf('-')));
    boolean ours =
        time >= start.time() && time <= base.time() && id.equals(new Place(number, time).id());
    return ours ? OptionalLong.of(base.number() - number) : OptionalLong.empty();
  }

  /** Returns the number in this text, which need not be a real id; -1 if it has none. */
  private static long numberOf(String id) {
    int dash = id.length() > LONGEST_ID ? -1 : id.lastIndexOf('-');
    return dash < 0 ? -1 : parse(id.substring(dash + 1));
  }

  private static long parse(String digits) {
    try {
      return Long.parseLong(digits);
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
    var event = held.get(number);
    return event == null ? OptionalLong.empty() : OptionalLong.of(event.place().time());
  }

  /** Returns the place with this number, but not one before the base; empty if its event was forgotten meanwhile. */
  private Optional<Place> placeOf(long number, Place base) {
    return number <= base.number() ? Optional.of(base) : Optional.ofNullable(held.get(number)).map(Held::place);
  }
}
