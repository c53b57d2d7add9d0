package dev.tidings;

import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/** An entry of an outbox. All encoding begins here, once for however many streams get the frame. */
sealed interface Frame {

  /** Tells a client not to come back. */
  Frame COMPLETION = new Parting(WireFormat.COMPLETION);

  /**
   * An empty comment: the ping, its second write, which makes a closed connection fail, and what carries
   * the headers. The blank line keeps clients that split at blank lines from losing the next event; some
   * others take the block for an empty message, which is less than a loss.
   */
  Frame COMMENT = of(Event.empty().withComment(""));

  /** The same for clients that take a block without data for a message. */
  Frame BARE_COMMENT = new Message(WireFormat.COMMENT_LINE, null, false);

  /** The bytes to write; none for a mark. */
  byte[] bytes();

  /**
   * An event. It counts against the bounds of the outbox.
   *
   * @param key what the event is about, where the outbox keeps the latest per key; null for none
   * @param kept whether it is never dropped while it waits: its offerer sees to it that none is missing
   */
  record Message(byte[] bytes, Object key, boolean kept) implements Frame {}

  /** An event that always finds room and is never dropped: one of those with which a stream ends. */
  record Parting(byte[] bytes) implements Frame {}

  /**
   * The place in the queue of a thread that waits until all before it is written.
   *
   * @param written completed with true once that is so, with false if it never will be
   */
  record Mark(CompletableFuture<Boolean> written) implements Frame {
    private static final byte[] NOTHING = {};

    @Override
    public byte[] bytes() {
      return NOTHING;
    }
  }

  /** An event of the application; its key is asked for here, outside all locks. */
  static Frame of(Event event, int maxBytes, Overflow overflow) {
    byte[] bytes = WireFormat.bytes(event);
    if (bytes.length > maxBytes) {
      throw new IllegalArgumentException(
          "an event must be at most " + maxBytes + " bytes as it is sent: " + bytes.length);
    }
    Object key = overflow instanceof Overflow.KeepLatest latest ? latest.key().apply(event) : null;
    return new Message(bytes, key, false);
  }

  static Frame of(Event event) {
    return new Message(WireFormat.bytes(event), null, false);
  }

  /** A comment without the blank line that ends a block. */
  static Frame bare(Event comment) {
    byte[] bytes = WireFormat.bytes(comment);
    return new Message(Arrays.copyOf(bytes, bytes.length - 1), null, false);
  }

  /** An event that is never dropped while it waits. */
  static Frame kept(Event event) {
    return new Message(WireFormat.bytes(event), null, true);
  }

  /** The event with this id; the rest of it, without one, is encoded once for many ids. */
  static Frame kept(String id, Frame rest) {
    return new Message(WireFormat.withId(id, rest.bytes()), null, true);
  }

  static Frame parting(Event event) {
    return new Parting(WireFormat.bytes(event));
  }

  /** The same bytes as one of a stream's last words. */
  static Frame parting(Frame frame) {
    return new Parting(frame.bytes());
  }
}
