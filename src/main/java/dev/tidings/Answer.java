package dev.tidings;

/** The result of offering a frame to an outbox. */
enum Answer {
  TAKEN,
  /** The outbox was full, and this frame is the one that was dropped. */
  DROPPED,
  /** The outbox is full; what follows is the caller's to decide. */
  OVERFLOW,
  /** The outbox is held and has no room: nothing happened, and it is to be released first. */
  HELD,
  /** The outbox takes nothing, not yet or no more. */
  CLOSED
}
