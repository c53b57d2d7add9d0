package dev.tidings;

import java.util.List;
import java.util.concurrent.Flow;

/**
 * Thrown if events of a publisher or a queue could not be published ({@link Channel#publishAll(Flow.Publisher)}).
 * The cause is the exception that {@link Channel#publishAll(List)} describes.
 */
public final class UnpublishedException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  private final transient List<Event> events;

  /** Creates an exception for these events. */
  UnpublishedException(List<Event> events, RuntimeException cause) {
    super(events.size() + " events have not been published: " + cause.getMessage(), cause);
    this.events = List.copyOf(events);
  }

  /**
   * Returns the events that were taken from the source and have not been published, in order. If the cause is an
   * {@link java.io.UncheckedIOException}, an unknown number of them, from the first on, may have been published.
   *
   * @return the events; empty after deserialization
   */
  public List<Event> events() {
    return events == null ? List.of() : events;
  }
}
