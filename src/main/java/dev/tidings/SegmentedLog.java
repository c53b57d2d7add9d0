package dev.tidings;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * A log in files. The files are {@link Segments}; ids are explained in {@link LogEpochs}. This class decides which
 * appends are written, which events are visible, and which are too old.
 *
 * <p>An append passes {@link AppendQueue}, and the thread that has the turn writes it. An event becomes visible when
 * {@code ends} is set, after it has been written and, if each batch is forced, forced. Readers take no lock of the
 * log. They read recent events from memory, and others from the files.
 *
 * <p>No method uses a {@code FileChannel} that another thread uses, since an interrupt of one would close it for both.
 *
 * <p>The class is long because the order in which the places change is what makes reading without locks correct.
 */
final class SegmentedLog implements FileEventLog, BoundedLog {
  private static final int LONGEST_ID = 19 + 1 + 8; // a number of 63 bits and the word of an epoch
  private static final int MOST_BYTES = 256 * 1024 * 1024; // of an event
  private static final int FILES = 8; // that a full log has, if there are no restarts
  private static final long LEAST_FILE = 64 * 1024; // bytes
  private static final long LARGEST_FILE = 256 * 1024 * 1024; // bytes
  private static final int LEAST_EVENTS = 1024; // in a file
  private static final long OLDEST = Long.MAX_VALUE / 4; // nanoseconds; ages of older events are taken for this one

  /** A place in the log, right after the event with this number. */
  private record Place(long number, String id) {}

  /**
   * The end of the log. It is one object, so that no reader sees an event that {@link #latest()} does not include.
   *
   * @param latest the number of the newest visible event
   * @param place the newest place, but before a completion
   */
  private record Ends(long latest, Place place) {
    boolean isCompleted() {
      return place.number() != latest;
    }
  }

  private record Keyed(long number, String key) {}

  private final Path directory;
  private final LogBounds bounds;
  private final FileLogSettings settings;
  private final InstantSource clock; // for the times of events, which survive a restart
  private final LongSupplier time; // nanoseconds, monotonic: for the age of events
  private final DirectoryLock lock;
  private final Threads threads = new Threads();
  private final AppendQueue queue = new AppendQueue(this::write);
  private final WaitingReaders readers = new WaitingReaders();
  private final RecentEvents recent = new RecentEvents();

  // All fields below are set by the thread that has the turn of the queue.
  private final Segments segments;
  private final Map<String, Long> byKey = new HashMap<>(0); // numbers
  private final Deque<Keyed> keyed = new ArrayDeque<>(0); // the oldest first
  private long lastTime; // milliseconds, of the newest event
  private Thread forcer; // null if none is running
  private volatile long bytes; // of the held events
  private volatile Ends ends;
  private volatile Place base; // the oldest place that is covered; set before its event is deleted
  private volatile boolean closed;

  // Opening.

  /** Opens the log in this directory, which is created if it does not exist. */
  static SegmentedLog open(
      Path directory, FileLogSettings settings, InstantSource clock, LongSupplier time, LogFile.Opener opener) {
    try {
      LogFile.createDirectories(directory.toAbsolutePath());
      var lock = DirectoryLock.lock(directory);
      SegmentedLog log = null;
      try {
        log = new SegmentedLog(directory, settings, clock, time, opener, lock);
        return log;
      } finally {
        if (log == null) {
          lock.close();
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the log in " + directory + " could not be opened", e);
    }
  }

  private SegmentedLog(
      Path directory,
      FileLogSettings settings,
      InstantSource clock,
      LongSupplier time,
      LogFile.Opener opener,
      DirectoryLock lock)
      throws IOException {
    this.directory = directory;
    this.settings = settings;
    this.bounds = settings.bounds();
    this.clock = clock;
    this.time = time;
    this.lock = lock;
    this.segments =
        Segments.open(
            directory,
            opener,
            new Segments.Limits(
                Math.clamp(bounds.bytes() / FILES, LEAST_FILE, LARGEST_FILE),
                Math.max(bounds.events() / FILES, LEAST_EVENTS),
                bounds.age() / FILES));
    recover();
  }

  private void recover() throws IOException {
    long now = clock.millis();
    long nanos = time.getAsLong();
    for (var segment : segments.all()) {
      segment.setAppended(millis -> nanos - Math.min(OLDEST, Checks.nanos(Duration.ofMillis(Math.max(0, now - millis)))));
      segment.takeKeys().forEach(this::remember);
      bytes += segment.count() == 0 ? 0 : segment.end() - segment.start();
      lastTime = segment.count() == 0 ? lastTime : segment.time(segment.last());
    }
    long latest = segments.last();
    base = place(segments.all().getFirst().before());
    ends = new Ends(latest, place(isCompletion(latest) ? latest - 1 : latest));
    forget();
  }

  private boolean isCompletion(long number) throws IOException {
    var segment = segments.of(number);
    try {
      return segment.isPresent() && EventLog.isCompletion(segment.get().read(number, 1).getFirst());
    } catch (Segment.DamagedException e) {
      throw new IOException(e);
    }
  }

  private void remember(long number, String key) {
    byKey.put(key, number);
    keyed.add(new Keyed(number, key));
  }

  private Place place(long number) {
    return new Place(number, segments.epochs().id(number));
  }

  @Override
  public int maxIdLength() {
    return LONGEST_ID;
  }

  @Override
  public boolean isDisposable() {
    return true; // the events are in files
  }

  @Override
  public boolean isTenth(long skipped, long nanos) {
    return bounds.isTenth(skipped, nanos, ends.latest() - base.number(), bytes);
  }

  // Appending.

  @Override
  public String append(Event event) {
    return append(List.of(event), null).getFirst();
  }

  @Override
  public String append(Event event, String key) {
    return append(List.of(event), Checks.requireKey(key)).getFirst();
  }

  @Override
  public List<String> appendAll(List<Event> events) {
    return append(events, null);
  }

  private List<String> append(List<Event> events, String key) {
    if (events.isEmpty()) {
      return List.of();
    }
    var appends = new ArrayList<Append>(events.size());
    for (Event event : events) {
      var previous = appends.isEmpty() ? null : appends.getLast();
      appends.add(new Append(event, key, previous, appends.size() == events.size() - 1));
    }
    queue.append(appends);
    for (int i = 0; i < appends.size(); i++) {
      var failure = appends.get(i).failure();
      if (failure != null) {
        throw failure instanceof NotAppendedException refused ? refused.at(i) : unknown(failure.getCause());
      }
    }
    return appends.stream().map(Append::id).toList();
  }

  /** Called by the thread that has the turn. */
  private void write(List<Append> appends) {
    var batch = new Batch();
    try {
      if (!closed) {
        forget();
      }
      appends.forEach(batch::add);
      if (!batch.written.isEmpty()) {
        publish(batch, store(batch));
      }
    } catch (Segments.UnknownOutcomeException e) {
      batch.fail(unknown(e));
    } catch (IOException e) {
      batch.fail(notAppended(e));
    } catch (RuntimeException | Error e) { // such as a lack of memory
      batch.fail(unknown(e));
      segments.abandonAfter(ends.latest());
      keyed.removeIf(key -> key.number() > ends.latest() && byKey.remove(key.key(), key.number()));
    } finally {
      batch.finish();
    }
  }

  private UncheckedIOException unknown(Throwable cause) {
    String message = "the log in " + directory + " may not have appended the event";
    return new UncheckedIOException(message, cause instanceof IOException io ? io : new IOException(cause));
  }

  private NotAppendedException notAppended(IOException e) {
    return new NotAppendedException(
        "the event was not appended to the log in " + directory + ": " + e.getMessage()
            + " (if the disk is full, free space, or lower the limits in FileLogSettings)",
        e);
  }

  /** The appends of a batch, and what becomes of them. */
  private final class Batch {
    final List<Append> all = new ArrayList<>();
    final List<Append> written = new ArrayList<>();
    private final Map<Append, Append> same = new HashMap<>(0); // appends that have the result of another one
    private final Map<String, Append> keys = new HashMap<>(0);
    private Append completion; // null if this batch has none
    private int size;

    void add(Append append) {
      all.add(append);
      var earlier = append.key() == null ? null : byKey.get(append.key());
      var sibling = append.key() == null ? null : keys.get(append.key());
      boolean completes = EventLog.isCompletion(append.event());
      if (closed) {
        append.failed(new NotAppendedException("the log in " + directory + " is closed"));
      } else if (append.previous() != null && append.previous().failure() != null) {
        append.failed(append.previous().failure());
      } else if (earlier != null) {
        append.appended(segments.epochs().id(earlier));
      } else if (sibling != null) {
        same.put(append, sibling);
      } else if (ends.isCompleted() || completion != null) {
        addAfterCompletion(append, completes);
      } else if (append.size() > MOST_BYTES) {
        append.failed(new NotAppendedException("an event must be at most " + MOST_BYTES + " bytes: " + append.size()));
      } else {
        written.add(append);
        size = Math.addExact(size, append.size());
        if (append.key() != null) {
          keys.put(append.key(), append);
        }
        completion = completes ? append : completion;
      }
    }

    private void addAfterCompletion(Append append, boolean completes) {
      if (!completes) {
        append.failed(NotAppendedException.completed());
      } else if (completion != null) {
        same.put(append, completion);
      } else {
        append.appended(segments.epochs().id(ends.latest()));
      }
    }

    /** Fails all that is not done. */
    void fail(RuntimeException failure) {
      written.stream().filter(append -> !append.isDone()).forEach(append -> append.failed(failure));
    }

    /** Completes the appends that have the result of another one, and any that was forgotten by an error. */
    void finish() {
      for (Append append : all) {
        var other = same.get(append);
        if (other != null && other.failure() == null) {
          append.appended(other.id());
        } else if (!append.isDone()) {
          append.failed(other != null ? other.failure() : unknown(new IllegalStateException("it was forgotten")));
        }
      }
    }
  }

  /** Writes a batch, and forces it if that is the setting. */
  private Segment store(Batch batch) throws IOException {
    lastTime = Math.max(lastTime, clock.millis()); // never goes back
    var entries = ByteBuffer.allocate(batch.size);
    long number = ends.latest();
    for (Append append : batch.written) {
      number++;
      StoredEvent.put(entries, number, lastTime, append.body());
    }
    var segment = segments.write(entries.array(), entries.position(), time.getAsLong());
    if (settings.forcesEachBatch()) {
      segments.force();
    } else if (settings.forcesLater() && forcer == null) {
      forcer = threads.virtual("tidings-force").newThread(this::forceLater);
      forcer.start();
    }
    return segment;
  }

  /** Makes a batch visible. */
  private void publish(Batch batch, Segment segment) {
    long nanos = time.getAsLong();
    for (Append append : batch.written) {
      segment.add(append.size(), lastTime, nanos);
      long number = segment.last();
      String id = segments.epochs().id(number);
      recent.add(number, append.event().withId(id), append.size());
      if (append.key() != null) {
        remember(number, append.key());
      }
      bytes += append.size();
    }
    long number = ends.latest();
    long latest = segment.last();
    ends = new Ends(latest, place(batch.completion == null ? latest : latest - 1));
    forget();
    readers.wake();
    for (Append append : batch.written) {
      number++;
      append.appended(segments.epochs().id(number));
    }
  }

  /** The task of a thread that forces once. */
  private void forceLater() {
    try {
      Thread.sleep(settings.forceWithin());
    } catch (InterruptedException e) {
      return; // the log is closed, which forces
    }
    try {
      queue.exclusively(this::force);
    } catch (RuntimeException | Error e) {
      Log.failure("forcing the log in " + directory, e); // the next append begins a new file
    }
  }

  private void force() {
    forcer = null;
    try {
      segments.force();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Dropping.

  /** Drops the oldest events while a limit is exceeded. Called by the thread that has the turn. */
  private void forget() {
    long nanos = time.getAsLong();
    long oldest = Math.max(segments.epochs().oldest(), segments.all().getFirst().before());
    long number = base.number();
    long latest = ends.latest();
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
    segments.dropThrough(number);
  }

  /** Drops events that are too old, unless the thread that has the turn does so. */
  private void forgetTheOld() {
    long first = base.number() + 1;
    var segment = segments.of(first);
    if (first <= ends.latest() && segment.isPresent() && bounds.isTooOld(time.getAsLong() - segment.get().appended(first))) {
      queue.exclusivelyOrNot(() -> {
        if (!closed) {
          forget();
        }
      });
    }
  }

  /** Drops the events up to one that cannot be read any more. */
  private void forgetDamaged(long number) {
    queue.exclusively(
        () -> {
          if (number > base.number() && !closed) {
            long held = bytes;
            for (long lost = base.number() + 1; lost <= number; lost++) {
              held -= segments.of(lost).orElseThrow().size(lost);
            }
            forgetThrough(number, held);
          }
        });
    Log.warning("the log in " + directory + " is damaged: the events up to " + number + " were dropped");
  }

  // Reading.

  @Override
  public Reading read(String after, int most, Duration wait) throws InterruptedException {
    Objects.requireNonNull(after, "after");
    Checks.requireAtLeast("most", most, 1);
    return readers.read(wait, () -> read(after, most), Reading::isAnswer);
  }

  private Reading read(String after, int most) {
    requireOpen();
    forgetTheOld();
    while (true) {
      var from = base;
      long newest = ends.latest();
      var found = segments.epochs().find(after, newest);
      boolean covered = found.isPresent() && found.get().number() >= from.number();
      var place = covered ? place(found.get().number()) : from;
      var events = events(place.number(), newest, most);
      if (events.isEmpty()) {
        continue; // they were dropped meanwhile
      }
      if (covered && !found.get().isLost()) {
        return Reading.covered(after, events.get());
      }
      var missed = found.isPresent() ? OptionalLong.of(place.number() - found.get().number()) : OptionalLong.empty();
      return Reading.gap(place.id(), events.get(), missed);
    }
  }

  /** Returns the events after this place; empty if any of them was dropped meanwhile. */
  private Optional<List<Event>> events(long after, long newest, int most) {
    long last = Math.min(newest, after + most);
    if (last == after) {
      return Optional.of(List.of());
    }
    var events = recent.get(after + 1, last);
    return events.isPresent() ? events : stored(after, (int) (last - after));
  }

  private Optional<List<Event>> stored(long after, int most) {
    try {
      var events = new ArrayList<Event>();
      var segment = segments.of(after + 1);
      while (segment.isPresent() && events.size() < most) {
        events.addAll(segment.get().read(after + events.size() + 1, most - events.size()));
        long last = after + events.size();
        segment = last == segment.get().last() ? segments.of(last + 1) : Optional.empty(); // or a reading was full
      }
      return events.isEmpty() ? Optional.empty() : Optional.of(events);
    } catch (Segment.DamagedException e) {
      forgetDamaged(e.number());
      return Optional.empty();
    } catch (IOException e) {
      requireOpen();
      if (base.number() > after) {
        return Optional.empty();
      }
      throw new UncheckedIOException("the log in " + directory + " could not be read", e);
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new UncheckedIOException(new IOException("the log in " + directory + " is closed"));
    }
  }

  @Override
  public String latest() {
    requireOpen();
    return ends.place().id();
  }

  @Override
  public String beforeLast(int events) {
    Checks.requireAtLeast("events", events, 0);
    requireOpen();
    forgetTheOld();
    var from = base;
    return place(Math.max(from.number(), ends.place().number() - events)).id();
  }

  @Override
  public String since(Instant time) {
    long millis = Checks.millis(time);
    requireOpen();
    forgetTheOld();
    while (true) {
      long low = base.number(); // at or before the place
      long high = ends.place().number();
      boolean lost = false; // whether an event was dropped meanwhile
      while (low < high && !lost) {
        long middle = low + (high - low) / 2 + 1;
        var segment = segments.of(middle);
        lost = segment.isEmpty();
        if (!lost && segment.get().time(middle) < millis) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      if (!lost) {
        return place(low).id();
      }
    }
  }

  // Closing.

  @Override
  public void close() {
    try {
      queue.drain(this::closeFiles);
    } finally {
      readers.wake();
    }
  }

  private void closeFiles() {
    if (closed) {
      return;
    }
    closed = true;
    if (forcer != null) {
      forcer.interrupt();
    }
    try (lock) {
      segments.close();
    } catch (IOException e) {
      throw new UncheckedIOException("the log in " + directory + " could not be released", e);
    }
  }
}
