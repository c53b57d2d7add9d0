package dev.tidings;

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

  /** The second write of a ping, which makes a closed connection fail. */
  static final Frame PROBE = new Frame(WireFormat.COMMENT_LINE, null, null);

  static Frame of(Event event, Overflow overflow) {
    Object key = overflow instanceof Overflow.KeepLatest latest ? latest.key().apply(event) : null;
    return new Frame(WireFormat.bytes(event), key, null);
  }

  static Frame of(Event event) {
    return new Frame(WireFormat.bytes(event), null, null);
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
