package dev.tidings;

/** The policy for a new stream whose identifier is in use. */
public enum Duplicates {
  /**
   * The new stream replaces the older one, which ends as {@link Ending#REPLACED}. As with
   * {@link EventSource#complete()}, the client of the older stream is stopped from reconnecting, so that two tabs with
   * the same identifier do not replace each other endlessly. If the registry is in a {@link Cluster}, this also applies
   * to streams on different nodes. This is the default.
   */
  REPLACE,
  /** The new stream is refused. It has already ended as {@link Ending#REFUSED} when {@code open} returns it. */
  REFUSE,
  /** All streams stay open. {@code getByIdentifier} returns the newest; {@code find} and {@code all} return all. */
  COEXIST
}
