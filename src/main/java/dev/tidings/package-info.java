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
 * <p>If the runtime image has the module {@code jdk.jfr}, the library records events in JDK Flight Recorder. While no
 * recording runs, they cost nothing. Text from outside is quoted and truncated. The events have no stack traces.
 *
 * <table class="striped">
 *   <caption>Events of JDK Flight Recorder</caption>
 *   <thead>
 *     <tr><th scope="col">name</th><th scope="col">recorded</th><th scope="col">content</th></tr>
 *   </thead>
 *   <tbody>
 *     <tr><th scope="row">{@code dev.tidings.Stream}</th><td>by default</td>
 *       <td>the life of a stream, when it is closed: identifier, route, ending, age, events, bytes, dropped events, and
 *         the longest time that an event was queued in its outbox. For a stream that was opened before the recording
 *         began, the duration, the route and this time are not known</td></tr>
 *     <tr><th scope="row">{@code dev.tidings.SlowWrite}</th><td>by default, from 100 ms</td>
 *       <td>a write that blocked: identifier, bytes</td></tr>
 *     <tr><th scope="row">{@code dev.tidings.Gap}</th><td>by default</td>
 *       <td>a gap in the history of a channel: channel, the id after which its streams continue, and the number of
 *         missed events, or -1</td></tr>
 *     <tr><th scope="row">{@code dev.tidings.Publish}</th><td>if enabled</td>
 *       <td>a call that publishes: channel, number of events</td></tr>
 *   </tbody>
 * </table>
 *
 * <p>No argument or result is null unless its documentation permits it.
 */
package dev.tidings;
