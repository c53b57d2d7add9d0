package dev.tidings;

import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * The history of a {@link Channel}: events in one order, each with an id, of which the oldest may be
 * forgotten. {@link #inMemory()} is one; another may stand on another machine and be shared by several.
 *
 * <p>What an implementation promises:
 *
 * <ul>
 *   <li>There is one order, the same for all who read, on all machines. What {@link #append} has
 *       returned is seen by every {@link #read} that begins afterwards, and so is what any {@code read} has
 *       returned, by whatever thread; it comes after all that was appended before.
 *   <li>Ids come back unchanged from any client's {@code Last-Event-ID}: they are 1 to 64 characters of
 *       {@code A-Z a-z 0-9 - . _ ~}. None is given twice, also not after a restart that lost the events.
 *       Nobody but the log reads a meaning into them.
 *   <li>What is asked for as an id is what some client says. It may be any text, of which a channel
 *       passes on at most 100 bytes; it is not covered, and never a failure, unless it is exactly an id
 *       that the log gave.
 *   <li>Only the oldest events are forgotten, never one from between others.
 *   <li>All methods may be called from any thread, many at a time; {@code read} with waiting holds up
 *       nobody else. They may block for as long as it takes to reach the log.
 *   <li>A log that cannot be reached throws {@link java.io.UncheckedIOException}. Whoever follows a
 *       channel then stays and goes on later from where it was; {@link Channel#publish} throws it.
 * </ul>
 *
 * <p>The tests of this contract are {@code EventLogContract}, among the tests of this library.
 */
public interface EventLog {

  /**
   * Appends an event and gives it its id.
   *
   * @param event kept as it is but for its id, which is replaced if it has one
   * @return the id
   * @throws java.io.UncheckedIOException if the log cannot be reached; then it is not known whether the
   *     event was appended
   */
  String append(Event event);

  /**
   * Reads what comes after an id. Returns as soon as there is something to return: events, or that the
   * id is not covered; and at the latest after the wait.
   *
   * @param after an id of an event, or what {@link #latest} returned, or {@link Reading#from}; or any
   *     other text, which is not covered
   * @param most how many events at the most, 1 or more; the log may return fewer than it has, but not
   *     none
   * @param wait how long to wait for the first event; zero for not at all
   * @return the oldest events after that id, in their order
   * @throws InterruptedException if this thread is interrupted before or while it waits
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  Reading read(String after, int most, Duration wait) throws InterruptedException;

  /**
   * Returns the id after which nothing has been appended yet. It is valid for an empty log too, and
   * stays covered for as long as nothing that comes after it is forgotten.
   *
   * @return where to read on for all that is appended from now on
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  String latest();

  /**
   * Tells whether the log holds all that was appended after an id.
   *
   * @param id any text
   * @return false for what {@link #read} would return as not covered
   * @throws InterruptedException if this thread is interrupted
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  default boolean covers(String id) throws InterruptedException {
    return read(id, 1, Duration.ZERO).covered();
  }

  /**
   * Returns a log in this JVM's memory with bounds that suit a page whose connection breaks: 10,000
   * events, 16 MiB, one hour.
   *
   * @return an empty log
   */
  static EventLog inMemory() {
    return inMemory(10_000, 16 * 1024 * 1024, Duration.ofHours(1));
  }

  /**
   * Returns a log in this JVM's memory. Where a bound is passed, the oldest events are forgotten. Its
   * ids are of time and sequence, so that an id from before a restart is not taken for a new one.
   *
   * @param events how many events it holds at the most, 1 or more
   * @param bytes how large these may be together, as they go on the wire; 1 or more. The newest event
   *     is held however large it is
   * @param age how old an event may become; longer than zero
   * @return an empty log
   * @throws IllegalArgumentException if a bound is too small
   */
  static EventLog inMemory(int events, long bytes, Duration age) {
    return new MemoryEventLog(events, bytes, age, InstantSource.system(), System::nanoTime, MemoryEventLog.anyNumber());
  }

  /**
   * What a log answers.
   *
   * @param covered whether these are all the events there are after the id that was asked for, or the
   *     first of them; false if some may be missing: the id is too old, from before a restart, or none
   *     that the log gave
   * @param from the id right before the first of the events: what was asked for, if it was covered;
   *     otherwise the oldest id that is covered. Reading after the last event, or after this one if
   *     there is none, goes on
   * @param events in their order, each with its id; none if there is nothing yet
   * @param missed how many events between the id that was asked for and {@code from} are forgotten, if
   *     the log knows
   */
  record Reading(boolean covered, String from, List<Event> events, OptionalLong missed) {
    /**
     * Checks the ids and copies the list.
     *
     * @throws IllegalArgumentException if {@code from}, unless it is what was asked for, or the id of an
     *     event breaks the rule of {@link EventLog}, or an event has no id
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
     * Returns what is read where nothing is missing.
     *
     * @param after the id that was asked for
     * @param events what comes after it
     * @return the reading
     */
    public static Reading covered(String after, List<Event> events) {
      return new Reading(true, after, events, OptionalLong.empty());
    }

    /**
     * Returns what is read where something may be missing.
     *
     * @param from the oldest id that is covered
     * @param events what comes after it
     * @param missed how many events before it are forgotten, if that is known
     * @return the reading
     */
    public static Reading gap(String from, List<Event> events, OptionalLong missed) {
      return new Reading(false, from, events, missed);
    }
  }
}
