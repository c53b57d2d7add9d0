package dev.tidings;

/** The result of offering a frame to an outbox. */
enum Answer {
  TAKEN,
  /** The frame was dropped, because the outbox was full or the wait for room was interrupted. */
  DROPPED,
  /** The outbox is full; the caller decides how to proceed. */
  OVERFLOW,
  /**
   * The outbox is full, and its frames must not be written yet. The frame was not added; the caller has to
   * release the outbox first.
   */
  HELD,
  /** The outbox is not open yet, or no longer. */
  CLOSED
}
