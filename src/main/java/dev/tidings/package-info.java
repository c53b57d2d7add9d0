/**
 * Server-sent events for the JDK's own HTTP server.
 *
 * <p>{@link dev.tidings.SseServer} is a server with routes and a registry of streams. {@link dev.tidings.EventSources}
 * is the registry alone, for a {@link com.sun.net.httpserver.HttpServer} of your own. Handlers are blocking code, which
 * {@code SseServer} runs on virtual threads: {@link dev.tidings.EventSource#keepAlive()} waits until the stream has
 * ended. A {@link dev.tidings.Channel} delivers events to many streams and keeps a history. A
 * {@link dev.tidings.Cluster} ends streams on all servers.
 *
 * <p>A broadcast {@link dev.tidings.Event} is encoded once, added to the bounded outbox of each stream, and written by
 * the stream's only writer.
 *
 * <pre>
 *  SseServer ─ Routes ─ Handling ─ SseRequest    Channels ─ Channel ─ Tail ─ Subscriber ─ Cursor, Goal
 *         └──────────┬─────────┘ StreamRoute        │ log: EventLog, LogReader, LogEntry
 *                    │                          Cluster ─ Follower, Command ─ Claims ─ Claiming
 *               EventSources ── Admission ─ Capacity ─ StreamIndex
 *                    │ opens, finds, ends: Member, Membership
 *               EventSource ── Lifecycle ── Heartbeats, Lease, IdleTimeout
 *                    │ Sender
 *    Event ─► Frame ─► Outbox ─► Writers ─► Response ─► exchange
 *                      FrameQueue           under Deadlines
 * </pre>
 *
 * <p>No argument or result is null unless its documentation permits it.
 */
package dev.tidings;
