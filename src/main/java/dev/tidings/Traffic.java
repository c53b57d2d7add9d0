package dev.tidings;

/**
 * A snapshot of the traffic of one stream. Pings count as events.
 *
 * @param sent events that have been written to the operating system
 * @param bytes the size of these events, without HTTP framing
 * @param waiting accepted events that have not been written yet
 * @param dropped events that were dropped because the outbox was full ({@link Overflow})
 */
public record Traffic(long sent, long bytes, long waiting, long dropped) {}
