package dev.tidings;

import java.util.List;

/** A queue or publisher of the application, from which one thread takes events. */
interface Source {

  /**
   * Waits for events, and adds at least one and at most this number to the list. Returns false if the source has ended;
   * then nothing was added. Blocks until the source has events. Throws an exception if the source has failed. After an
   * InterruptedException, nothing was added or taken.
   */
  boolean take(List<Event> events, int most) throws InterruptedException;

  /** Ends the source. Returns the events that the source has delivered but that were not taken. Must not throw. */
  List<Event> close();
}
