package dev.tidings;

import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * The history of a {@link Channel}: a sequence of events with ids, from which the oldest events may be dropped.
 * {@link #inMemory()} returns a log in memory, and {@link #inFile(Path)} one in files. Other implementations may store
 * events on another machine and share them between servers.
 *
 * <p>An implementation must guarantee the following:
 *
 * <ul>
 *   <li>All readers, on all machines, see the same order. Once {@link #append} has returned an event's id, or any
 *       {@link #read} has returned the event, every {@code read} and {@link #latest} that begins afterwards sees the
 *       event. An event comes after all events that were appended before it.
 *   <li>Ids have 1 to 64 characters of {@code A-Z a-z 0-9 - . _ ~}, so that any client returns them unchanged in
 *       {@code Last-Event-ID}. No id is assigned twice, even after a restart that lost the events. Only the log
 *       interprets ids.
 *   <li>A place in the log has one id. All methods return it in the same spelling, because a channel compares ids as
 *       strings.
 *   <li>The id that is passed to {@code read} may come from a client, and may then be any text; a channel truncates it
 *       to 100 bytes. An id that the log never returned is not covered, but does not cause an exception. The empty
 *       text is never an id.
 *   <li>Only the oldest events are dropped, never events between others. A log that loses its newest events, such as in
 *       a failover, assigns new ids from then on, so that the lost ids are not covered.
 *   <li>An event for which {@link #isCompletion} returns true completes the log. After it has been appended,
 *       {@code append} throws {@link NotAppendedException} for every other event, on all machines, and returns the id
 *       of the completion if it is appended again. {@link #latest} returns the id before the completion, so that
 *       streams that start there receive it. This holds for as long as the log keeps the completion.
 *   <li>All methods may be called concurrently from any thread, and may block while they access the log. A {@code read}
 *       that waits does not delay other calls. All methods except {@code append} return or throw within about one
 *       second, apart from the wait time of {@code read}.
 *   <li>Methods throw {@link UncheckedIOException} if the log cannot be reached. {@link Channel#publish(Event)} then
 *       throws the same exception. The streams of the channel stay open and continue at their positions later. The
 *       channel logs an outage once. If many logs share a connection whose loss has been logged, they throw
 *       {@link LogAwayException}, so that their channels do not log it again.
 *   <li>If a thread is interrupted while it waits for the log, {@code read} throws {@link InterruptedException}, and
 *       the other methods throw {@code UncheckedIOException} and leave the interrupt status set.
 * </ul>
 *
 * <p>The interfaces {@code EventLogContract} and {@code SharedLogContract} in the test jar of this library contain
 * tests for this contract. To run them for an implementation, write a test class that implements the interface.
 */
public interface EventLog {

  /**
   * Appends an event and assigns its id.
   *
   * @param event the event, which is stored unchanged except for its id
   * @return the id
   * @throws NotAppendedException if the event has certainly not been appended, because the log rejects it or is
   *     completed
   * @throws UncheckedIOException if the log cannot be reached; the event may have been appended, or may still
   *     be appended later
   * @throws UnsupportedOperationException if the log is read-only
   */
  String append(Event event);

  /**
   * Appends an event, unless an event has been appended with the same key. So a caller can repeat an append that has
   * thrown an {@code UncheckedIOException}. The log remembers keys at least as long as it holds their events, or for ten
   * minutes, whichever is shorter.
   *
   * @param event the event
   * @param key any text of 1 to 256 characters
   * @return the id of the event that was appended with this key
   * @throws IllegalArgumentException if the key is empty or too long
   * @throws NotAppendedException if the event has certainly not been appended
   * @throws UncheckedIOException if the log cannot be reached; the event may have been appended
   * @throws UnsupportedOperationException if the log does not support keys, as by default, or is read-only
   */
  default String append(Event event, String key) {
    throw new UnsupportedOperationException("this log does not support keys");
  }

  /**
   * Appends events in this order. Events of other callers may come between them. If this method throws an exception,
   * any number of the first events may have been appended; after a {@link NotAppendedException}, those before
   * {@link NotAppendedException#index()} have been.
   *
   * <p>By default, calls {@link #append(Event)} for each event.
   *
   * @param events the events
   * @return their ids
   * @throws NotAppendedException if an event has certainly not been appended; those after it have not been appended,
   *     either
   * @throws UncheckedIOException if the log cannot be reached
   * @throws UnsupportedOperationException if the log is read-only
   */
  default List<String> appendAll(List<Event> events) {
    var ids = new ArrayList<String>(events.size());
    for (Event event : events) {
      try {
        ids.add(append(event));
      } catch (NotAppendedException e) {
        throw e.at(ids.size());
      }
    }
    return ids;
  }

  /**
   * Reads the events after an id. Returns as soon as there are such events or the id is not covered, and at the latest
   * when the wait time has elapsed.
   *
   * @param after the id of an event, or an id from {@link #latest} or {@link Reading#from}; any other text is not
   *     covered
   * @param most the largest number of events, 1 or more; the log may return fewer than it has, but at least one. A log
   *     that does not hold its events in memory should return about 1 MiB at most, since many clients may read at once
   * @param wait the longest time to wait for the first event; zero to return at once
   * @return the oldest events after the id, in order
   * @throws InterruptedException if this thread is interrupted before or during the wait
   * @throws UncheckedIOException if the log cannot be reached
   */
  Reading read(String after, int most, Duration wait) throws InterruptedException;

  /**
   * Returns the id of the end of the log. It is never before an event that a read has returned, except that it is
   * before the completion of a completed log. An empty log also has such an id. The id stays covered until an event
   * after it is dropped.
   *
   * @return the id from which to read all events that are appended from now on
   * @throws UncheckedIOException if the log cannot be reached
   */
  String latest();

  /**
   * Returns the id before the last events of the log.
   *
   * <p>By default, reads the entire log. Override this if the log is large or on another machine: a stream that joins with
   * {@link From#last} waits for it, at most one second.
   *
   * @param events the number of events, 0 or more, not counting a completion
   * @return the id from which to read that many events, or all events if the log holds fewer
   * @throws IllegalArgumentException if the number is negative
   * @throws UncheckedIOException if the log cannot be reached
   */
  default String beforeLast(int events) {
    Checks.requireAtLeast("events", events, 0);
    try {
      return beforeLast(this, events);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(new InterruptedIOException("interrupted while reading a log"));
    }
  }

  private static String beforeLast(EventLog log, int events) throws InterruptedException {
    var places = new ArrayDeque<String>(); // the start of the log or its first held id, and those after it
    places.add("");
    while (true) {
      var reading = log.read(places.getLast(), 512, Duration.ZERO);
      if (!reading.covered()) {
        places.clear();
        places.add(reading.from());
      }
      for (Event event : reading.events()) {
        if (isCompletion(event)) {
          return places.getFirst();
        }
        places.add(event.id().orElseThrow());
        if (places.size() - 1 > events) {
          places.remove();
        }
      }
      if (reading.covered() && reading.events().isEmpty()) {
        return places.getFirst();
      }
    }
  }

  /**
   * Returns the id before the first event that was appended at this time or later, by the clock of the log.
   *
   * @param time the time
   * @return the id from which to read these events; the oldest covered id if all events are later, or {@link #latest}
   *     if there are none
   * @throws UncheckedIOException if the log cannot be reached
   * @throws UnsupportedOperationException if the log does not store times, as by default
   */
  default String since(Instant time) {
    throw new UnsupportedOperationException("this log does not store the times of its events");
  }

  /**
   * Returns whether an event completes a log: whether it has the event name {@code tidings:completed}. Only
   * {@link Channel#complete()} appends such events.
   *
   * @param event an event
   * @return whether it is a completion
   */
  static boolean isCompletion(Event event) {
    return LogEntry.isCompletion(event);
  }

  /**
   * Returns the length of the longest id that this log assigns. Streams can join more channels if ids are short
   * ({@link Channel#joinAll}).
   *
   * @return 1 to 64; 64 unless overridden
   */
  default int maxIdLength() {
    return 64;
  }

  /**
   * Creates a log in memory that holds at most 10,000 events, 16 MiB, and one hour of events. These limits suffice for
   * pages that reconnect after a lost connection.
   *
   * @return an empty log
   */
  static EventLog inMemory() {
    return inMemory(10_000, 16 * 1024 * 1024, Duration.ofHours(1));
  }

  /**
   * Creates a log in memory. When a limit is exceeded, the oldest events are dropped. Ids consist of a time and a
   * number, so that an id from before a restart is not mistaken for a new one.
   *
   * @param events the largest number of events, 1 or more
   * @param bytes the largest total size of the encoded events, 1 or more; the newest event may be larger
   * @param age the largest age of an event, longer than zero
   * @return an empty log
   * @throws IllegalArgumentException if a limit is too small
   */
  static EventLog inMemory(int events, long bytes, Duration age) {
    return new MemoryEventLog(events, bytes, age, InstantSource.system(), System::nanoTime, MemoryEventLog.anyNumber());
  }

  /**
   * Opens a log in the files of a directory, with {@link FileLogSettings#defaults}: at most 100,000 events, 64 MiB, and
   * 24 hours of events, each forced to the storage device before it can be read.
   *
   * @param directory the directory, which is created if it does not exist
   * @return the log; close it before the process ends
   * @throws IllegalStateException if the directory is in use
   * @throws UncheckedIOException if the directory cannot be read or written
   */
  static FileEventLog inFile(Path directory) {
    return inFile(directory, FileLogSettings.defaults());
  }

  /**
   * Opens a log in the files of a directory. Its events survive restarts on this machine. Only one log at a time can
   * use a directory; the directory is released when the log is closed, or when the process ends.
   *
   * <p>A process or machine may fail at any time. When the log is opened, events that are incomplete or damaged are
   * dropped with a warning: in the newest file those from the first such event on, in other files all events up to the
   * end of that file. A client that has received a lost event receives a gap event, and then the events that were
   * appended instead. The same applies if an older copy of the directory is restored. No id is ever assigned twice, and
   * no event is delivered twice. The clock of the machine has an influence only if it was set back before such a loss:
   * then some of the events that were appended instead can be missing too. The number of files depends on the limits,
   * not on how often the log is opened.
   *
   * <p>An {@code append} for which the disk has no room throws {@link NotAppendedException}. If it is unknown whether
   * an event has reached the storage device, it throws {@code UncheckedIOException}. The log can be used after both. An
   * interrupt does not end an {@code append}, which takes as long as one or two writes.
   *
   * @param directory the directory, which is created if it does not exist
   * @param settings limits, and when events are forced to the storage device
   * @return the log; close it before the process ends
   * @throws IllegalStateException if the directory is in use; the message names the process, if it is known
   * @throws UnsupportedOperationException if the directory is not on the default file system
   * @throws UncheckedIOException if the directory cannot be read or written, or has files of a later version of this
   *     library
   */
  static FileEventLog inFile(Path directory, FileLogSettings settings) {
    return SegmentedLog.open(directory, settings, InstantSource.system(), System::nanoTime, LogFile::open);
  }

  /**
   * The result of a read.
   *
   * @param covered whether no event is missing between the requested id and the first of these events; {@code false} if
   *     the id is too old, was lost in a restart, or is not an id of this log
   * @param from the id directly before the first of the events: the requested id if it is covered, otherwise the id
   *     after which reading continues. That is the oldest covered id, unless the reader may have received events after
   *     it; then it is a later place, after which the reader has received nothing. The next read continues after the last event, or
   *     after this id if there are no events
   * @param events the events in order, each with its id; empty if there are none yet
   * @param missed the number of dropped events between the requested id and {@code from}, if the log knows it; zero if
   *     the log has lost events that the reader has received, but the reader misses none
   */
  record Reading(boolean covered, String from, List<Event> events, OptionalLong missed) {
    /**
     * Checks the ids and copies the list.
     *
     * @throws IllegalArgumentException if an event has no id, or if {@link EventLog} does not allow the id of an event
     *     or the {@code from} of a gap
     */
    public Reading {
      if (!covered) {
        WireFormat.checkLogId(from);
      }
      Objects.requireNonNull(missed, "missed");
      events = List.copyOf(events);
      for (Event event : events) {
        if (event.id().isEmpty()) {
          throw new IllegalArgumentException("an event of a log must have an id");
        }
        WireFormat.checkLogId(event.id().get());
      }
    }

    /**
     * Returns a result without a gap.
     *
     * @param after the requested id
     * @param events the events after it
     * @return the result
     */
    public static Reading covered(String after, List<Event> events) {
      return new Reading(true, after, events, OptionalLong.empty());
    }

    /**
     * Returns a result with a gap.
     *
     * @param from the id after which reading continues
     * @param events the events after it
     * @param missed the number of dropped events before {@code from}, if it is known
     * @return the result
     */
    public static Reading gap(String from, List<Event> events, OptionalLong missed) {
      return new Reading(false, from, events, missed);
    }

    /** Returns whether a read that waits ends with this result. */
    boolean isAnswer() {
      return !covered || !events.isEmpty();
    }
  }
}
