package dev.tidings;

import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * The history of a {@link Channel}: a sequence of events with ids, from which the oldest events may be dropped.
 * {@link #inMemory()} returns a log in memory. Other implementations may store events on another machine and share them
 * between servers.
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
 *   <li>The id that is passed to {@code read} may come from a client, and may then be any text; a channel truncates it
 *       to 100 bytes. An id that the log never returned is not covered, but does not cause an exception.
 *   <li>Only the oldest events are dropped, never events between others.
 *   <li>All methods may be called concurrently from any thread, and may block while they access the log. A {@code read}
 *       that waits does not delay other calls.
 *   <li>Methods throw {@link java.io.UncheckedIOException} if the log cannot be reached. {@link Channel#publish(Event)}
 *       then throws the same exception. The streams of the channel stay open and continue at their positions later.
 * </ul>
 *
 * <p>The interface {@code EventLogContract} in the tests of this library contains tests for most of this contract. To
 * run them for an implementation, write a test class that implements the interface.
 */
public interface EventLog {

  /**
   * Appends an event and assigns its id.
   *
   * @param event the event, which is stored unchanged except for its id
   * @return the id
   * @throws java.io.UncheckedIOException if the log cannot be reached; the event may have been appended
   */
  String append(Event event);

  /**
   * Reads the events after an id. Returns as soon as there are such events or the id is not covered, and at the latest
   * when the wait time has elapsed.
   *
   * @param after the id of an event, or an id from {@link #latest} or {@link Reading#from}; any other text is not
   *     covered
   * @param most the largest number of events, 1 or more; the log may return fewer than it has, but at least one
   * @param wait the longest time to wait for the first event; zero to return at once
   * @return the oldest events after the id, in order
   * @throws InterruptedException if this thread is interrupted before or during the wait
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  Reading read(String after, int most, Duration wait) throws InterruptedException;

  /**
   * Returns the id of the end of the log. It is never before an event that a read has returned. An empty log also has
   * such an id. The id stays covered until an event after it is dropped.
   *
   * @return the id from which to read all events that are appended from now on
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  String latest();

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
   * The result of a read.
   *
   * @param covered whether no event is missing between the requested id and the first of these events; {@code false} if
   *     the id is too old, was lost in a restart, or is not an id of this log
   * @param from the id directly before the first of the events: the requested id if it is covered, otherwise the oldest
   *     covered id. The next read continues after the last event, or after this id if there are no events
   * @param events the events in order, each with its id; empty if there are none yet
   * @param missed the number of dropped events between the requested id and {@code from}, if the log knows it
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
     * @param from the oldest covered id
     * @param events the events after it
     * @param missed the number of dropped events before {@code from}, if it is known
     * @return the result
     */
    public static Reading gap(String from, List<Event> events, OptionalLong missed) {
      return new Reading(false, from, events, missed);
    }
  }
}
