package dev.tidings;

import java.util.Objects;

/**
 * Thrown if an event has certainly not been appended to a log, for example because the log is completed or full. A log
 * that cannot be reached throws {@link java.io.UncheckedIOException} instead; then the event may have been appended.
 */
public final class NotAppendedException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  /** The number of events of the same call that have been appended. */
  private final int index;

  /**
   * Creates an exception.
   *
   * @param message the reason and the solution
   */
  public NotAppendedException(String message) {
    this(message, null, 0);
  }

  /**
   * Creates an exception with a cause.
   *
   * @param message the reason and the solution
   * @param cause the cause, or null
   */
  public NotAppendedException(String message, Throwable cause) {
    this(message, cause, 0);
  }

  private NotAppendedException(String message, Throwable cause, int index) {
    super(Objects.requireNonNull(message, "message"), cause);
    this.index = index;
  }

  static NotAppendedException completed() {
    return new NotAppendedException("the channel has been completed");
  }

  /**
   * Returns the index of the first event that has not been appended, in the list that was passed to
   * {@link EventLog#appendAll}. All events before it have been appended.
   *
   * @return the index; zero for a single event
   */
  public int index() {
    return index;
  }

  /**
   * Returns an exception with the same message, caused by this one, for an event of a list.
   *
   * @param index the index of the event, 0 or more
   * @return the exception
   * @throws IllegalArgumentException if the index is negative
   */
  public NotAppendedException at(int index) {
    Checks.requireAtLeast("index", index, 0);
    return new NotAppendedException(getMessage(), this, index);
  }
}
