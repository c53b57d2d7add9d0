package dev.tidings;

import java.time.Duration;

/**
 * Finds out whether the client of a stream is connected. The first write after a client has disconnected still
 * succeeds, and only a later one fails. So the client was connected at the time of a write if another write, which
 * begins a moment later, succeeds. A ping and its second write are such a pair, and so are two messages, but only if
 * they are close together: otherwise the client may have disconnected long ago.
 */
final class Proof {
  /** Shorter than the pause between a ping and its second write, since writes may start late. */
  private static final long MOMENT = Duration.ofMillis(400).toNanos();

  private static final long RECENT = Duration.ofSeconds(1).toNanos();

  /** The part that waits for a proof. */
  interface Waiting {
    /** Called once, on the writer's thread, which holds no lock. Must neither block nor throw. */
    void proved(Proof proof);
  }

  private final Waiting waiting;
  private final long start;
  // The fields below are owned by the writer.
  private boolean wrote; // whether there was a write
  private long first; // the end of the first write of a pair
  private boolean done;

  /** Creates a proof to which only writes that begin at this time or later contribute. */
  Proof(Waiting waiting, long start) {
    this.waiting = waiting;
    this.start = start;
  }

  /** Called by the writer after each successful write. */
  void wrote(long began, long ended) {
    if (done || began - start < 0) {
      return;
    }
    if (!wrote || began - first > RECENT) {
      wrote = true;
      first = ended;
    } else if (began - first >= MOMENT) {
      done = true;
      waiting.proved(this);
    }
  }
}
