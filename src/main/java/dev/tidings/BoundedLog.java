package dev.tidings;

/** A log whose limits are known, so that clients are sent their positions before the log can drop these. */
interface BoundedLog extends EventLog {

  /**
   * Returns whether this many events are at least a tenth of the capacity, or this time is at least a tenth of
   * the maximum age.
   */
  boolean isTenth(long events, long nanos);
}
