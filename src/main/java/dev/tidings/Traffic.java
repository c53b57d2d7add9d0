package dev.tidings;

/**
 * What went through a stream, or through all streams of a registry together. Pings count like
 * messages.
 *
 * @param sent events that are with the operating system
 * @param bytes of these, without the framing of HTTP
 * @param waiting events that were accepted and are not yet written
 * @param dropped events that gave way in a full outbox
 */
public record Traffic(long sent, long bytes, long waiting, long dropped) {

  Traffic plus(Traffic other) {
    return new Traffic(
        sent + other.sent,
        bytes + other.bytes,
        waiting + other.waiting,
        dropped + other.dropped);
  }
}
