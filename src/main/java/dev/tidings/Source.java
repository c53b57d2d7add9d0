package dev.tidings;

import java.util.List;
import java.util.Optional;

/** A queue or publisher of the application, from which one thread takes events. */
interface Source {

  /**
   * Waits for events, and adds at least one and at most this number to the list. Returns false if the source has ended,
   * or empty if the waits have; then nothing was added. Blocks until the source has events, but only inside these waits.
   * Throws an exception if the source has failed. After an InterruptedException, nothing was added or taken.
   */
  Optional<Boolean> take(List<Event> events, int most, Breakable waits) throws InterruptedException;

  /** Ends the source. Returns the events that the source has delivered but that were not taken. Must not throw. */
  List<Event> close();
}
