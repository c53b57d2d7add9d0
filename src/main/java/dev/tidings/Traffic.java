package dev.tidings;

/**
 * What went through a stream. Pings count like messages.
 *
 * @param sent events that are with the operating system
 * @param bytes of these, without the framing of HTTP
 * @param waiting events that were accepted and are not yet written
 * @param dropped events that gave way in a full outbox
 */
public record Traffic(long sent, long bytes, long waiting, long dropped) {}
