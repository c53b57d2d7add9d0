/**
 * A client for streams of server-sent events, in blocking code.
 *
 * {@snippet file="HandlerTest.java" region="client"}
 *
 * <p>It uses the {@code HttpClient} of the JDK, which servers do not need: a module that uses this package must
 * {@code require java.net.http}.
 *
 * <p>{@link dev.tidings.client.EventClient} is the client; the thread that waits for an event does all work.
 *
 * <pre>
 *  EventClient ─ Session ─ Target ─► Connection ─► EventParser ─► Event
 *                  │  Backoff        │ Transport
 *                  └─ Time           └─ HttpClient
 * </pre>
 *
 * <p>No argument or result is null unless its documentation permits it.
 */
package dev.tidings.client;
