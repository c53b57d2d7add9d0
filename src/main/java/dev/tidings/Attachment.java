package dev.tidings;

import java.util.Optional;

/**
 * Gives a stream's client a position, and so has to know when the stream is pinged and when it ends: its
 * channels. Called on any thread; must neither block on a client nor throw.
 */
interface Attachment {

  /** Takes a position on its way to the client. */
  interface Telling {
    /** Called under the attachment's lock; returns whether the client will get it. Must not block. */
    boolean tell(Frame position);
  }

  /** Tells the client its position if it does not know it; whether it was told now. */
  boolean tell(Telling telling);

  /** The stream ends: sends nothing more. Returns the position if the client does not know it. */
  Optional<Frame> end();

  /** The stream has ended: leaves the channels. */
  void leave();
}
