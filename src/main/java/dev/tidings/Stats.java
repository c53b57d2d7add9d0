package dev.tidings;

import java.util.Map;

/**
 * A snapshot of the streams of a registry. All counts except {@code open} and {@code waiting} are totals since the
 * creation of the registry. Pings count as events.
 *
 * @param open streams that are currently open
 * @param opened streams that have been opened
 * @param refused requests that were refused because of a limit, an identifier in use, a large body, or a stop; requests
 *     for the routes of a stopping {@link SseServer} that receive 503 are not counted
 * @param ended streams that have ended, by reason; reasons with a count of zero have no entry
 * @param events events that have been written to the operating system
 * @param bytes the size of these events, without HTTP framing
 * @param dropped accepted or offered events that were dropped because an outbox was full ({@link Overflow})
 * @param waiting accepted events that have not been written yet
 */
public record Stats(
    int open,
    long opened,
    long refused,
    Map<Ending, Long> ended,
    long events,
    long bytes,
    long dropped,
    long waiting) {

  /** Copies the map. */
  public Stats {
    ended = Map.copyOf(ended);
  }
}
