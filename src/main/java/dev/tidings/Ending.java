package dev.tidings;

/** Why a stream ended. A stream has exactly one ending: the first reason wins. */
public enum Ending {
  /** A write failed: the client closed or reset the connection, or the network gave up. */
  CLIENT_GONE,
  /** Nothing was sent for as long as {@link EventSource#waitForFail} was told to allow. */
  IDLE,
  /** The application closed it, or its handler came to an end. */
  CLOSED,
  /** The application ended it for good, now or before the client came back ({@code complete()}). */
  COMPLETED,
  /** A new stream with the same identifier took its place ({@link Duplicates#REPLACE}). */
  REPLACED,
  /** It never was one: the client was turned away before the stream began. */
  REFUSED,
  /** It may not go on: {@link EventSources#drop} said so, or {@link Settings#recheck}. */
  REVOKED,
  /** A write, or {@code send}'s waiting for room, took longer than the write deadline. */
  TOO_SLOW,
  /** Its outbox was full when something was offered or broadcast ({@link Overflow#disconnect()}). */
  OVERFLOW,
  /** It reached its largest lifetime. */
  EXPIRED,
  /** Its handler threw. */
  FAILED,
  /** A thread that waited on it was interrupted. */
  INTERRUPTED,
  /** The registry or the server was stopped. */
  STOPPING;

  /** Whether what is queued is worth nothing any more, so that the connection is cut at once. */
  boolean isForced() {
    return this == CLIENT_GONE || this == TOO_SLOW || this == OVERFLOW;
  }

  /** Whether the client is told not to come back. */
  boolean isForGood() {
    return this == COMPLETED || this == REPLACED;
  }
}
