package dev.tidings;

/**
 * A log of this process, which answers at once. Its limits are known, so that clients are sent their positions before the
 * log can drop these.
 */
interface BoundedLog extends EventLog {

  /**
   * Returns whether this many events are at least a tenth of the capacity, or this time is at least a tenth of
   * the maximum age.
   */
  boolean isTenth(long events, long nanos);

  /** Returns whether no event is lost if this object is discarded, or closed if it can be closed. */
  boolean isDisposable();
}
