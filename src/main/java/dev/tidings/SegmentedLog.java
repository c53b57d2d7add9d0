package dev.tidings;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * A log in files. The files are {@link Segments}, their visible events {@link HeldEvents}; ids are explained in
 * {@link LogEpochs}. An append passes {@link AppendQueue}, and the thread that has the turn writes it. Readers take no
 * lock of the log. They read recent events from memory, and others from the files.
 *
 * <p>No method uses a {@code FileChannel} that another thread uses, since an interrupt of one would close it for both.
 */
final class SegmentedLog implements FileEventLog, BoundedLog {
  private static final int LONGEST_ID = 19 + 1 + LogEpochs.WORD_LENGTH; // a number of 63 bits and the word
  private static final int FILES = 8; // that a full log has, of each limit
  private static final long LEAST_FILE = 64 * 1024; // bytes
  private static final long LARGEST_FILE = 256 * 1024 * 1024; // bytes
  private static final int LEAST_EVENTS = 1024; // in a file

  private final Path directory;
  private final FileLogSettings settings;
  private final LongSupplier time; // nanoseconds, monotonic
  private final DirectoryLock lock;
  private final Segments segments;
  private final HeldEvents held;
  private final Threads threads = new Threads();
  private final AppendQueue queue = new AppendQueue(this::write);
  private final WaitingReaders readers = new WaitingReaders();
  private Thread forcer; // set by the thread that has the turn of the queue; null if none is running
  private volatile boolean closed; // set by the thread that has the turn of the queue

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
    this.time = time;
    this.lock = lock;
    this.segments = Segments.open(directory, opener, limits(settings.bounds()), clock);
    this.held = new HeldEvents(segments, settings.bounds(), clock, time, EventLog::isCompletion);
  }

  private static Segments.Limits limits(LogBounds bounds) {
    return new Segments.Limits(
        Math.clamp(bounds.bytes() / FILES, LEAST_FILE, LARGEST_FILE),
        Math.max(bounds.events() / FILES, LEAST_EVENTS),
        bounds.age() / FILES);
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
    return held.isTenth(skipped, nanos);
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
      boolean last = appends.size() == events.size() - 1;
      appends.add(new Append(event, key, EventLog.isCompletion(event), previous, last));
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

  /** Called by the thread that has the turn of the queue. */
  private void write(List<Append> appends) {
    var batch = new AppendBatch(held, appends);
    try {
      if (closed) {
        throw new IOException("it is closed");
      }
      held.forget();
      batch.decide();
      if (!batch.isEmpty()) {
        batch.publish(store(batch.entries()));
        readers.wake();
      }
      batch.succeed();
    } catch (Segments.UnknownOutcomeException e) {
      batch.fail(unknown(e));
    } catch (IOException e) {
      batch.fail(notAppended(e));
    } catch (RuntimeException | Error e) { // such as a lack of memory
      batch.fail(unknown(e));
      held.forgetInvisible();
    }
  }

  private UncheckedIOException unknown(Throwable cause) {
    String message = "the log in " + directory + " may not have appended the event";
    return new UncheckedIOException(message, cause instanceof IOException io ? io : new IOException(cause));
  }

  private NotAppendedException notAppended(IOException e) {
    if (closed) {
      return new NotAppendedException(closedMessage());
    }
    return new NotAppendedException(
        "the event was not appended to the log in " + directory + ": " + e.getMessage()
            + " (if the disk is full, free space, or lower the limits in FileLogSettings)",
        e);
  }

  /** Writes entries, and forces them if that is the setting. */
  private Segment store(byte[] entries) throws IOException {
    var segment = segments.write(entries, time.getAsLong());
    if (settings.forcesEachBatch()) {
      segments.force();
    } else if (settings.forcesLater() && forcer == null) {
      var started = threads.virtual("tidings-force").newThread(this::forceLater);
      started.start();
      forcer = started; // only now: if it cannot start, the next append tries again
    }
    return segment;
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
      var from = held.base();
      var ends = held.ends();
      long newest = ends.latest();
      var found = segments.epochs().find(after, newest).map(its -> its.lostAtMost(ends.place().number()));
      boolean covered = found.isPresent() && found.get().number() >= from.number();
      var place = covered ? held.place(found.get().number()) : from;
      var events = events(place.number(), newest, most);
      if (events.isEmpty()) {
        continue; // they have been dropped since
      }
      if (covered && found.get().match() == LogEpochs.Match.HELD) {
        return Reading.covered(after, events.get());
      }
      var missed = OptionalLong.empty();
      if (found.isPresent() && found.get().match() != LogEpochs.Match.FORGOTTEN) {
        missed = OptionalLong.of(place.number() - found.get().number());
      }
      return Reading.gap(place.id(), events.get(), missed);
    }
  }

  /** Returns the events after this place; empty if any of them has been dropped since. */
  private Optional<List<Event>> events(long after, long newest, int most) {
    long last = Math.min(newest, after + most);
    if (last == after) {
      return Optional.of(List.of());
    }
    try {
      return held.read(after, last);
    } catch (Segment.DamagedException e) {
      forgetDamaged(e.number());
      return Optional.empty();
    } catch (IOException e) {
      requireOpen();
      if (held.base().number() > after) {
        return Optional.empty();
      }
      throw new UncheckedIOException("the log in " + directory + " could not be read", e);
    }
  }

  /** Drops events that are too old, unless the thread that has the turn of the queue does so. */
  private void forgetTheOld() {
    if (held.isOld()) {
      queue.exclusivelyOrNot(() -> {
        if (!closed) { // another process may use the files
          held.forget();
        }
      });
    }
  }

  /** Drops the events up to an event that can no longer be read. */
  private void forgetDamaged(long number) {
    queue.exclusively(() -> {
      if (!closed) {
        held.forgetThrough(number);
      }
    });
    Log.warning("the log in " + directory + " is damaged: the events up to number " + number + " were dropped");
  }

  private void requireOpen() {
    if (closed) {
      throw new UncheckedIOException(new IOException(closedMessage()));
    }
  }

  private String closedMessage() {
    return "the log in " + directory + " is closed";
  }

  @Override
  public String latest() {
    requireOpen();
    return held.ends().place().id();
  }

  @Override
  public String beforeLast(int events) {
    Checks.requireAtLeast("events", events, 0);
    requireOpen();
    forgetTheOld();
    var from = held.base();
    return held.place(Math.max(from.number(), held.ends().place().number() - events)).id();
  }

  @Override
  public String since(Instant time) {
    long millis = Checks.millis(time);
    requireOpen();
    forgetTheOld();
    return held.since(millis).id();
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
