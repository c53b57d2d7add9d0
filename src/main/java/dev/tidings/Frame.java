package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/** An entry of an outbox. All events are encoded here, once for all streams that receive the frame. */
sealed interface Frame {

  /** The event that completes a stream: a client that reconnects with this id gets a 204, and then stops. */
  Frame COMPLETION = new Parting(WireFormat.COMPLETION);

  /**
   * An empty comment. It is used as the ping, as the second write, which fails on a closed connection, and to
   * carry the headers. Without its blank line, clients that split at blank lines would lose the next event.
   * Some other clients mistake the block for an empty message, which is less harmful.
   */
  Frame COMMENT = ping(Event.empty().withComment(""));

  /** An empty comment without a blank line, for clients that mistake a block without data for a message. */
  Frame BARE_COMMENT = new Message(WireFormat.COMMENT_LINE, null, Kind.PING);

  /** Returns the bytes to write; none for a mark. */
  byte[] bytes();

  /**
   * An event or a comment. It counts against the bounds of the outbox.
   *
   * @param key the key by which the outbox keeps only the latest event on overflow; null for none
   */
  record Message(byte[] bytes, Object key, Kind kind) implements Frame {
    /** Returns whether it is never dropped on overflow. */
    boolean kept() {
      return kind == Kind.KEPT;
    }

    /** Returns whether it is a ping, which a client can miss without a loss. */
    boolean isPing() {
      return kind == Kind.PING;
    }
  }

  /** The kind of a message. */
  enum Kind {
    EVENT,
    /** An event of a channel, which must not lose events. */
    KEPT,
    /** A ping, which may be an event. */
    PING
  }

  /**
   * A frame, such as one of the last events of a stream, that is accepted even if the outbox is full, and is
   * never dropped on overflow.
   */
  record Parting(byte[] bytes) implements Frame {}

  /**
   * Marks a place in the queue, for a thread that waits until all frames before it are written.
   *
   * @param written completed with true once they are written, or with false if they never will be
   */
  record Mark(CompletableFuture<Boolean> written) implements Frame {
    private static final byte[] NOTHING = {};

    @Override
    public byte[] bytes() {
      return NOTHING;
    }
  }

  /** Encodes an event of the application, or rejects it if it is too large. Computes its key, outside all locks. */
  static Frame of(Event event, int maxBytes, Overflow overflow) {
    byte[] bytes = WireFormat.bytes(event);
    if (bytes.length > maxBytes) {
      throw new IllegalArgumentException(
          "an event must be at most " + maxBytes + " bytes as it is sent: " + bytes.length);
    }
    Object key = overflow.key(event);
    return new Message(bytes, key, Kind.EVENT);
  }

  static Frame of(Event event) {
    return new Message(WireFormat.bytes(event), null, Kind.EVENT);
  }

  static Frame ping(Event event) {
    return new Message(WireFormat.bytes(event), null, Kind.PING);
  }

  /** Encodes a comment without the blank line that ends a block, as a ping. */
  static Frame barePing(Event comment) {
    byte[] bytes = WireFormat.bytes(comment);
    return new Message(Arrays.copyOf(bytes, bytes.length - 1), null, Kind.PING);
  }

  /** Encodes an event that is never dropped on overflow. */
  static Frame kept(Event event) {
    return new Message(WireFormat.bytes(event), null, Kind.KEPT);
  }

  /** Prepends this id to an event that was encoded without one, so that the event is encoded once for many ids. */
  static Frame kept(String id, Frame rest) {
    return new Message(WireFormat.withId(id, rest.bytes()), null, Kind.KEPT);
  }

  /** Encodes the body of a response that is not a stream. */
  static Frame text(String text) {
    return new Parting(text.getBytes(UTF_8));
  }

  static Frame parting(Event event) {
    return new Parting(WireFormat.bytes(event));
  }

  /** Returns a parting frame with the same bytes. */
  static Frame parting(Frame frame) {
    return new Parting(frame.bytes());
  }
}
