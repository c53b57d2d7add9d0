package dev.tidings;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * The channels of one stream, which send positions to its client. Called on any thread; must neither block on a
 * client nor throw.
 */
interface Attachment {

  /** Sends a position to the client. */
  interface Telling {
    /** Returns whether the stream accepted the position. Called under the attachment's lock; must not block. */
    boolean tell(Frame position);
  }

  /** Sends the position if the client does not know it. Returns whether the stream accepted it. */
  boolean tell(Telling telling);

  /**
   * Asks the logs for their latest ids, and delivers all events up to these. Does not block: each log is asked
   * on a thread of its own.
   *
   * @param last whether nothing is delivered after these events
   * @param nanos the time limit
   * @return a future that completes with true once these events are in the outbox, or with false if the delivery
   *     fails, if the time limit is reached, or if a log has not answered within a second
   */
  CompletableFuture<Boolean> deliverPublished(boolean last, long nanos);

  /** Stops sending, because the stream ends. Returns the position if the client does not know it. */
  Optional<Frame> end();

  /** Leaves the channels, because the stream has ended. */
  void leave();
}
