package dev.tidings;

import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/**
 * What an outbox holds: the bytes of an event, encoded once for however many streams, or the mark of
 * somebody who waits until all before it is written.
 *
 * @param bytes what to write; empty for a mere mark
 * @param key what the event is about, where the outbox keeps the latest per key; null for none
 * @param mark told true once all before it is written, false if it never will be; null for an event
 */
record Frame(byte[] bytes, Object key, CompletableFuture<Boolean> mark) {
  private static final byte[] NOTHING = {};
  private static final Object KEPT = new Object();

  /** Tells a client not to come back. */
  static final Frame COMPLETION = parting(WireFormat.COMPLETION);

  /**
   * An empty comment: the ping, its second write, which makes a closed connection fail, and what carries
   * the headers. The blank line keeps clients that split at blank lines from losing the next event; some
   * others take the block for an empty message, which is less than a loss.
   */
  static final Frame COMMENT = of(Event.empty().withComment(""));

  /** The same for clients that take a block without data for a message. */
  static final Frame BARE_COMMENT = new Frame(WireFormat.COMMENT_LINE, null, null);

  /** An event that the application sends; its key is asked for here, outside all locks. */
  static Frame of(Event event, Settings settings) {
    byte[] bytes = WireFormat.bytes(event);
    if (bytes.length > settings.maxEventBytes()) {
      throw new IllegalArgumentException(
          "an event must be at most " + settings.maxEventBytes() + " bytes as it is sent: " + bytes.length);
    }
    Object key = settings.overflow() instanceof Overflow.KeepLatest latest ? latest.key().apply(event) : null;
    return new Frame(bytes, key, null);
  }

  static Frame of(Event event) {
    return new Frame(WireFormat.bytes(event), null, null);
  }

  /** What is sent when a stream is silent. */
  static Frame of(PingPolicy policy) {
    byte[] bytes = WireFormat.bytes(policy.ping());
    return new Frame(policy.isBare() ? Arrays.copyOf(bytes, bytes.length - 1) : bytes, null, null);
  }

  /** What waits gives way to nothing: whoever offers it sees to it that none is missing. */
  static Frame kept(byte[] bytes) {
    return new Frame(bytes, KEPT, null);
  }

  /** Words that always find room and never give way: those with which a stream ends. */
  static Frame parting(byte[] bytes) {
    return new Frame(bytes, null, new CompletableFuture<>());
  }

  static Frame mark(CompletableFuture<Boolean> mark) {
    return new Frame(NOTHING, null, mark);
  }

  /** Whether it may be dropped while it waits. */
  boolean givesWay() {
    return mark == null && key != KEPT;
  }

  boolean isMark() {
    return mark != null;
  }
}
