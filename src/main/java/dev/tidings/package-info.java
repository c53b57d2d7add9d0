/**
 * Server-sent events for the JDK's own HTTP server.
 *
 * <p>{@link dev.tidings.SseServer} is the whole thing in one object; {@link dev.tidings.EventSources}
 * opens streams on a {@link com.sun.net.httpserver.HttpServer} that somebody else made. Handlers are
 * plain blocking code on virtual threads: {@link dev.tidings.EventSource#keepAlive()} parks until the
 * client is gone.
 *
 * <p>The data goes one way: an {@link dev.tidings.Event} is encoded to bytes once, goes into the bounded
 * outbox of each stream, and is written by that stream's only writer.
 *
 * <pre>
 *  SseServer ─ Routes ─ SseRequest          Channel ─ Tail ─ Subscriber ─ Cursor
 *         └──────────┬─────────┘               │ log: EventLog, LogReader, LogEntry
 *               EventSources ── Admission ─ Capacity ─ StreamIndex
 *                    │ opens, finds, ends: Member
 *               EventSource ── Lifecycle ── Heartbeats, Lease, IdleTimeout
 *                    │ Sender
 *    Event ─► Frame ─► Outbox ─► Writers ─► Response ─► exchange
 *                      FrameQueue           under Deadlines
 * </pre>
 *
 * <p>No method takes or returns null.
 */
package dev.tidings;
