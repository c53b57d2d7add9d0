package dev.tidings;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.SyncFailedException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The files of a log. All entries are appended to the newest file. When it is full or old, the next one is begun, so
 * that the oldest events can be dropped by deleting whole files. When the log is opened again, the newest file is
 * continued in a new epoch, so that the number of files depends only on the limits, not on the number of restarts.
 *
 * <p>Damage is never an error when the log is opened. In the newest file, the events from the first damaged entry on are
 * dropped: that is where the last write may be incomplete, and entries behind it may belong to the same write, which
 * was never acknowledged. Older files were forced before the next one was begun, so a damaged entry there is a failure
 * of the storage device. Then the events up to the end of that file are dropped, not those after it, because only the
 * oldest events of a log are ever dropped.
 *
 * <p>After a write that could not be undone, or a failed force, the state of the file on the storage device is unknown,
 * and a second force may succeed without having written anything. So no more events are appended to that file. The next
 * append creates a new file, in a new epoch. Its header contains the number after which it continues; later entries of
 * the abandoned file are ignored when the log is opened. An empty file with the next number remains, so that a restart
 * does not continue the abandoned file. The same applies to a file whose successor was damaged.
 *
 * <p>Bytes that are truncated from the newest file cannot reappear behind events that are appended later, even after a
 * power failure: the truncation is forced, and so is the entry of the epoch in which the file is continued, before any
 * event follows it.
 *
 * <p>One thread at a time changes this; any threads read.
 */
final class Segments {
  private static final int MOST_EPOCHS = 1_000; // in a header, if no more are needed
  private static final Pattern NAME = Pattern.compile("(\\d{10})\\.events");

  /** Thrown if it is unknown whether the written bytes will be found when the log is opened again. */
  static final class UnknownOutcomeException extends IOException {
    private static final long serialVersionUID = 1;

    UnknownOutcomeException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * When a new file is begun: the size of the current one in bytes and events, and the age of its first event in
   * nanoseconds.
   */
  record Limits(long bytes, int events, long age) {

    /** Returns the number of epochs in the header of a file, which takes at most a sixteenth of it. */
    int epochs() {
      return (int) Math.min(MOST_EPOCHS, bytes / 16 / Segment.EPOCH_SIZE);
    }
  }

  private final Path directory;
  private final LogFile.Opener opener;
  private final Limits limits;
  private final InstantSource clock;

  private volatile List<Segment> all = List.of(); // the oldest first; not empty once the log is open
  private volatile LogEpochs epochs;
  private LogFile file; // to append to the newest segment; null if it is not open
  private boolean continuable; // whether the newest file may be continued
  private boolean forced = true; // whether all written bytes have been forced
  private long ordinal; // of the newest file

  private Segments(Path directory, LogFile.Opener opener, Limits limits, InstantSource clock) {
    this.directory = directory;
    this.opener = opener;
    this.limits = limits;
    this.clock = clock;
  }

  // Opening.

  static Segments open(Path directory, LogFile.Opener opener, Limits limits, InstantSource clock) throws IOException {
    var segments = new Segments(directory, opener, limits, clock);
    segments.recover();
    return segments;
  }

  private void recover() throws IOException {
    var held = new ArrayList<Segment>(); // the newest first
    boolean broken = false;
    var paths = paths();
    var newest = paths.isEmpty() ? null : paths.getLast();
    if (newest != null && Files.size(newest) == 0) { // see markAbandoned; it also exists while a file is begun
      paths = paths.subList(0, paths.size() - 1);
      ordinal--;
    }
    for (Path path : paths.reversed()) {
      var scanned = broken ? Optional.<Segment>empty() : Segment.scan(path);
      broken |= !held.isEmpty() && (scanned.isEmpty() || !continues(scanned.get(), held.getLast()));
      if (scanned.isEmpty() || broken) {
        drop(path, held);
      } else {
        held.add(scanned.get());
      }
    }
    if (held.isEmpty()) {
      epochs = LogEpochs.first(clock);
      begin(epochs, 0);
    } else {
      continuable = cutTail(held.getFirst()) && held.getFirst().path().equals(newest);
      epochs = held.getFirst().epochs();
      held.forEach(older -> epochs = epochs.following(older.epochs()));
      all = List.copyOf(held.reversed());
      if (!continuable) {
        markAbandoned();
      }
    }
  }

  private Path path(long ordinal) {
    return directory.resolve(String.format(Locale.ROOT, "%010d.events", ordinal));
  }

  private List<Path> paths() throws IOException {
    try (var files = Files.list(directory)) {
      var paths = files.filter(path -> NAME.matcher(path.getFileName().toString()).matches()).sorted().toList();
      ordinal = paths.isEmpty() ? 0 : Long.parseLong(paths.getLast().getFileName().toString().substring(0, 10));
      return paths;
    }
  }

  /** Returns whether the newer segment continues the older one, after dropping events that the newer one replaces. */
  private static boolean continues(Segment older, Segment newer) {
    older.clip(newer.before());
    return older.last() == newer.before();
  }

  /** Deletes a file that no newer one continues. */
  private void drop(Path path, List<Segment> newer) throws IOException {
    long bytes = Files.size(path);
    Files.delete(path);
    Log.warning(
        "the log in " + directory + " was damaged: " + path.getFileName() + " (" + bytes + " bytes) was dropped, "
            + (newer.isEmpty() ? "the newest file" : "all events up to number " + newer.getLast().before()));
  }

  /**
   * Removes the bytes after the last good entry of the newest file. Returns whether they cannot reappear after a power
   * failure. If they can, they are ignored later, because a newer file continues after the last good entry.
   */
  private boolean cutTail(Segment newest) throws IOException {
    long bytes = Files.size(newest.path()) - newest.end();
    if (bytes == 0) {
      return true;
    }
    boolean forced = false;
    try (var tail = new RandomAccessFile(newest.path().toFile(), "rw")) {
      tail.setLength(newest.end());
      tail.getFD().sync();
      forced = true;
    } catch (SyncFailedException e) {
      // A newer file is begun.
    }
    Log.warning(
        "the log in " + directory + " ended with " + bytes
            + " bytes that were incomplete or damaged; they were cut after event number " + newest.last() + " in " + newest.path().getFileName());
    return forced;
  }

  // Contents.

  List<Segment> all() {
    return all;
  }

  LogEpochs epochs() {
    return epochs;
  }

  /** Returns the number of the newest event. */
  long last() {
    return all.getLast().last();
  }

  /** Returns the segment that holds this event; empty if it has been deleted. */
  Optional<Segment> of(long number) {
    var segments = all;
    int index = Bisection.first(segments.size(), i -> segments.get(i).before() >= number) - 1;
    var segment = segments.get(Math.max(0, index));
    return segment.before() < number && number <= segment.last() ? Optional.of(segment) : Optional.empty();
  }

  // Writing.

  /**
   * Writes events to the newest file, but does not add them to its segment.
   *
   * @param nanos the time of the monotonic clock
   * @return the segment
   * @throws UnknownOutcomeException if the entries may be found when the log is opened again
   * @throws IOException if they have not been written
   */
  Segment write(byte[] entries, long nanos) throws IOException {
    if (continuable && file == null) {
      file = opener.open(all.getLast().path());
      forced = false; // an earlier process may not have done so
    }
    if (!continuable || isFull(all.getLast(), nanos)) {
      try {
        seal();
      } catch (UnknownOutcomeException e) {
        throw new IOException("earlier events: " + e.getMessage(), e); // that of these entries is known
      }
      begin(epochs.isOpen() ? epochs : next(), last());
    } else if (!epochs.isOpen()) {
      beginEpoch();
    }
    var segment = all.getLast();
    forced = false;
    try {
      file.write(entries, entries.length);
    } catch (IOException | RuntimeException | Error e) {
      undo(segment, e);
      throw e;
    }
    return segment;
  }

  private LogEpochs next() {
    return epochs.next(last(), all.getFirst().before(), clock);
  }

  /** Begins an epoch in the newest file. If that fails, the written part of it has no events. */
  private void beginEpoch() throws IOException {
    var next = next();
    var epoch = next.all().getLast();
    byte[] entry = StoredEvent.epoch(epoch, clock.millis());
    try {
      file.write(entry, entry.length);
      file.force();
      forced = true;
      all.getLast().add(epoch);
    } catch (IOException | RuntimeException | Error e) {
      abandon();
      throw e;
    }
    epochs = next;
  }

  private boolean isFull(Segment segment, long nanos) {
    return segment.end() >= limits.bytes()
        || segment.count() >= limits.events()
        || segment.count() > 0 && nanos - segment.appended(segment.before() + 1) > limits.age();
  }

  /** Removes the bytes of a failed write, also from the storage device. */
  private void undo(Segment segment, Throwable why) throws UnknownOutcomeException {
    try {
      file.truncate(segment.end());
      file.force();
      forced = true;
    } catch (IOException | RuntimeException | Error e) {
      why.addSuppressed(e);
      abandon();
      throw new UnknownOutcomeException("an incomplete write to " + segment.path() + " could not be undone", why);
    }
  }

  /** Forces all that has been written. */
  void force() throws IOException {
    if (forced) {
      return;
    }
    try {
      file.force();
      forced = true;
    } catch (IOException | RuntimeException | Error e) {
      var path = all.getLast().path();
      abandon();
      throw new UnknownOutcomeException(path + " could not be forced to the storage device", e);
    }
  }

  /** Stops appending to the newest file, whose state on the storage device is unknown. */
  void abandon() {
    epochs = epochs.ended();
    forced = true; // as far as that is possible
    continuable = false;
    if (file != null) {
      var abandoned = file;
      file = null;
      closeQuietly(abandoned);
      markAbandoned();
    }
  }

  /** Creates an empty file, so that the newest one is not continued if the log is opened before the next append. */
  private void markAbandoned() {
    try {
      LogFile.unforced(path(ordinal + 1)).close();
    } catch (IOException e) {
      Log.debug(() -> "the log in " + directory + ": " + e);
    }
  }

  /** Forces and closes the newest file, before the next one is begun. */
  private void seal() throws IOException {
    if (file != null) {
      force();
      var sealed = file;
      file = null;
      closeQuietly(sealed);
    }
  }

  private void begin(LogEpochs next, long before) throws IOException {
    Path path = path(ordinal + 1);
    var named = next.newest(limits.epochs(), before);
    LogFile begun = null;
    try {
      Files.deleteIfExists(path); // see markAbandoned
      begun = opener.open(path);
      byte[] header = Segment.header(named, before);
      begun.write(header, header.length);
      begun.force();
    } catch (IOException | RuntimeException | Error e) {
      if (begun != null) {
        closeQuietly(begun);
      }
      delete(path);
      if (!continuable) {
        markAbandoned();
      }
      throw e;
    }
    ordinal++;
    file = begun;
    continuable = true;
    var more = new ArrayList<>(all);
    more.add(Segment.created(path, named, before));
    all = List.copyOf(more);
    epochs = next;
  }

  // Dropping.

  /** Deletes files whose events are all at or before this number, except the newest file. */
  void dropThrough(long number) {
    while (all.size() > 1 && all.getFirst().last() <= number) {
      var oldest = all.getFirst();
      all = all.subList(1, all.size()).stream().toList();
      oldest.close();
      delete(oldest.path());
    }
  }

  /** Deletes a file. If that fails, its events are dropped again when the log is opened. */
  private void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // It is tried again when the log is opened.
    }
  }

  private static void closeQuietly(LogFile file) {
    try {
      file.close();
    } catch (IOException e) {
      // Everything that was to be kept has been forced.
    }
  }

  /** Forces and closes all files. */
  void close() {
    try {
      seal();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      all.forEach(Segment::close);
    }
  }
}
