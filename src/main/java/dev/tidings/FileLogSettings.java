package dev.tidings;

import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;

/**
 * Limits of a log in files, and when it forces events to the storage device; see
 * {@link EventLog#inFile(Path, FileLogSettings)}. Immutable: each {@code with} method returns a changed copy. When a
 * limit is exceeded, the oldest events are dropped. Limits may differ from those with which the files were written.
 */
public final class FileLogSettings {
  private static final FileLogSettings DEFAULTS =
      new FileLogSettings(100_000, 64 * 1024 * 1024, Duration.ofHours(24), Duration.ZERO);

  private final int events;
  private final long bytes;
  private final Duration age;
  private final Duration forceWithin;

  private FileLogSettings(int events, long bytes, Duration age, Duration forceWithin) {
    this.events = events;
    this.bytes = bytes;
    this.age = age;
    this.forceWithin = forceWithin;
  }

  /**
   * Returns the default settings.
   *
   * @return the settings whose values the {@code with} methods document as defaults
   */
  public static FileLogSettings defaults() {
    return DEFAULTS;
  }

  /**
   * Sets the largest number of events (default: 100,000). Each takes about 24 bytes of memory, and more if it has a
   * key.
   *
   * @param events 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the number is too small
   */
  public FileLogSettings withEvents(int events) {
    Checks.requireAtLeast("events", events, 1);
    return new FileLogSettings(events, bytes, age, forceWithin);
  }

  /**
   * Sets the largest total size of the events as they are stored (default: 64 MiB); each takes 25 bytes in addition to
   * its texts and their lengths, and the first one after the log was opened 37 more. The newest event may be larger. The
   * files are up to a quarter larger than this, because whole files are deleted.
   *
   * @param bytes 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the size is too small
   */
  public FileLogSettings withBytes(long bytes) {
    Checks.requireAtLeast("bytes", bytes, 1);
    return new FileLogSettings(events, bytes, age, forceWithin);
  }

  /**
   * Sets the largest age of an event (default: 24 h). Over a restart, ages are measured by the clock of the system.
   *
   * @param age longer than zero
   * @return a changed copy
   * @throws IllegalArgumentException if the age is zero or negative
   */
  public FileLogSettings withAge(Duration age) {
    return new FileLogSettings(events, bytes, Checks.requirePositive("age", age), forceWithin);
  }

  /**
   * Sets the time within which an event is forced to the storage device (default: zero). Only a failure of the operating
   * system or of the power can lose an event that was not forced; the end of the process, even by a signal, cannot.
   *
   * <p>If the time is zero, each batch is forced before {@code append} returns and before any reader sees its events.
   * Events that are appended at the same time are one batch, so many threads together reach a far higher rate than one
   * thread. If the time is longer, {@code append} does not wait for the storage device, and a failure of the power
   * loses up to this time of events. If it is {@code ChronoUnit.FOREVER.getDuration()}, the operating system decides,
   * and only complete files are forced.
   *
   * @param time zero or longer
   * @return a changed copy
   * @throws IllegalArgumentException if the time is negative
   */
  public FileLogSettings withForceWithin(Duration time) {
    return new FileLogSettings(events, bytes, age, Checks.requireNotNegative("forceWithin", time));
  }

  LogBounds bounds() {
    return LogBounds.of(events, bytes, age);
  }

  boolean forcesEachBatch() {
    return forceWithin.isZero();
  }

  /** Returns whether events are forced within some time, but not with each batch. */
  boolean forcesLater() {
    return !forceWithin.isZero() && forceWithin.compareTo(ChronoUnit.FOREVER.getDuration()) < 0;
  }

  Duration forceWithin() {
    return forceWithin;
  }
}
