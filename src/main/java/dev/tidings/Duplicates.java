package dev.tidings;

/** What happens when a stream opens with an identifier that an open stream already has. */
public enum Duplicates {
  /**
   * The newcomer takes the place. The older stream ends as {@link Ending#REPLACED}, and its client is
   * told to stay away as by {@link EventSource#complete()}: of two tabs with one identifier, whichever
   * came last stays. The default.
   */
  REPLACE,
  /** The newcomer is refused: its stream has ended as {@link Ending#REFUSED} when it is returned. */
  REFUSE,
  /** Both live; {@code getByIdentifier} finds the newest, {@code find} and {@code all} find each. */
  COEXIST
}
