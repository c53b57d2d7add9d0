package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * One open stream of events to one client.
 *
 * <p>The status and the headers go out with the first message or wait of the thread that opened the
 * stream, which is when {@code open} fires in a browser. What broadcasts, channels and listeners of the
 * opening send before that waits in the outbox, at the latest until the first ping is due, or until an
 * event has no room there, for which the stream would be ended; a direct {@link #send(Event)} or {@link
 * #offer(Event)} of another thread sends the headers after at most 100 ms. The stream lives until its one
 * {@link Ending}: the client goes, the application closes it, or one of the limits in {@link Settings}
 * ends it.
 *
 * <p>All methods may be called from any thread, at any time, also after the end. Messages go out in the
 * order of the calls, each as a whole. A client is known to be gone only because a write to it fails,
 * so every stream is pinged while it is silent.
 *
 * {@snippet file="Progress.java" region="progress"}
 */
public final class EventSource implements AutoCloseable {
  private final Engine engine;
  private final HttpExchange exchange;
  private final Optional<String> identifier;
  private final long opened; // by the ticker
  private final Lifecycle life;
  private final Sender sender;

  /** The check is asked again and again whether this stream may go on. */
  EventSource(
      Engine engine,
      HttpExchange exchange,
      Optional<String> identifier,
      Lifecycle.Owner owner,
      Optional<Predicate<? super EventSource>> check) {
    this.engine = engine;
    this.exchange = exchange;
    this.identifier = identifier;
    this.opened = engine.ticker().now();
    this.life =
        new Lifecycle(engine, exchange, identifier, owner, check.map(may -> () -> may.test(this)));
    this.sender = life.sender();
  }

  /** For the registry and channels: its phases and its end. */
  Lifecycle life() {
    return life;
  }

  /** For the registry and channels: the way into its outbox. */
  Sender sender() {
    return sender;
  }

  /**
   * Adds a response header. Must come before the first message or wait of the thread that opened the
   * stream, and soon after the opening, as the head does not wait longer than until the first ping is
   * due, and only 100 ms if another thread sends to this stream directly. A header that takes longer to
   * look up is set before the opening: {@link SseRequest#appendHeader}. Does nothing once the stream
   * has ended.
   *
   * @param name a token; not one of those that the stream needs for itself: {@code Connection}, {@code
   *     Content-Length}, {@code Content-Type}, {@code Transfer-Encoding}
   * @param value one line of ISO-8859-1
   * @return this stream
   * @throws IllegalArgumentException if the name or the value breaks that rule (RFC 9110, 5.1, 5.5)
   * @throws IllegalStateException if the headers have been sent
   */
  public EventSource appendHeader(String name, String value) {
    sender.appendHeader(name, value);
    return this;
  }

  // Sending.

  /**
   * Sends a message. Blocks only while the outbox is full, at most for the write deadline; after that
   * {@link Settings#overflow} decides. A thread that is interrupted while it waits keeps its status,
   * and the message is not taken.
   *
   * @param data the text, any text
   * @return whether the stream took it; false once the stream has ended, so that a handler loops {@code
   *     while (sse.send(…))}
   * @throws IllegalArgumentException if it is larger than {@link Settings#maxEventBytes(int)}
   */
  public boolean send(String data) {
    return send(Event.of(data));
  }

  /**
   * Sends a named event; otherwise as {@link #send(String)}.
   *
   * @param name the event type
   * @param data the text, any text
   * @return whether the stream took it; false once the stream has ended
   * @throws IllegalArgumentException if the name is empty or has a line break
   */
  public boolean send(String name, String data) {
    return send(Event.of(name, data));
  }

  /**
   * Sends an event; otherwise as {@link #send(String)}. It is encoded for this stream; to send one to many,
   * {@link EventSources#broadcast(Event, java.util.function.Predicate)} encodes it once.
   *
   * @param event the event
   * @return whether the stream took it; false once the stream has ended
   */
  public boolean send(Event event) {
    return sender.send(event);
  }

  /**
   * Sends an event if that needs no waiting; otherwise {@link Settings#overflow} decides at once.
   *
   * @param event the event
   * @return whether the stream took it; false once the stream has ended
   */
  public boolean offer(Event event) {
    return sender.offer(event);
  }

  /**
   * Sends a message if that needs no waiting; otherwise as {@link #offer(Event)}.
   *
   * @param data the text, any text
   * @return whether the stream took it; false once the stream has ended
   */
  public boolean offer(String data) {
    return offer(Event.of(data));
  }

  /**
   * Waits until all that was accepted before is with the operating system. Ends at the latest when the
   * stream does: the write deadline bounds each write, and so each 4,000 bytes or so, not all of it. An
   * interrupt does not end the wait; the status stays. Sends the headers if something waits for them.
   *
   * @return true once it is; false if the stream ended before that
   */
  public boolean flush() {
    return sender.flush();
  }

  // Pings.

  /**
   * Sets another ping than the registry's heartbeat; it takes effect when the policy is started.
   *
   * @param setting told the policy, on this thread, before this method returns
   * @return this stream
   */
  public EventSource withPing(Consumer<? super PingPolicy> setting) {
    setting.accept(new PingPolicy(engine.values().heartbeat(), sender::startPings));
    return this;
  }

  // Waiting and ending.

  /**
   * Waits until the stream has ended, and ends it as {@link Ending#IDLE} once nothing was sent for this
   * long. Each accepted message starts the time anew, a ping does not; before the first message it
   * counts from the opening. Sends the headers if nothing did.
   *
   * <p>An interrupt ends the stream as {@link Ending#INTERRUPTED}; the status stays.
   *
   * <p>While a thread is blocked in {@link #send(Event)}, the stream is not idle.
   *
   * @param idle how long the stream may be idle; zero ends it at once unless it has ended; more than 292
   *     years are for ever
   * @return why it ended; the stream has left the registry
   * @throws IllegalArgumentException if the duration is negative
   */
  public Ending waitForFail(Duration idle) {
    long limit = Checks.nanos(Checks.requireNotNegative("idle", idle));
    sender.beforeWait();
    var timeout = new IdleTimeout(sender, engine.ticker(), limit);
    timeout.check();
    try {
      return life.await();
    } finally {
      timeout.stop();
    }
  }

  /**
   * Waits until the stream has ended, however long that is; otherwise as {@link #waitForFail}.
   *
   * @return why it ended; the stream has left the registry
   */
  public Ending keepAlive() {
    sender.beforeWait();
    return life.await();
  }

  /**
   * Ends the stream as {@link Ending#CLOSED}, unless it has ended, and waits until what was accepted is
   * handed over, at most for the write deadline; after that the connection is cut. Idempotent. An
   * interrupt does not end the wait; the status stays.
   */
  @Override
  public void close() {
    life.end(Ending.CLOSED);
    sender.leave();
    life.awaitEnd();
  }

  /**
   * Ends the stream for good, as {@link Ending#COMPLETED}, unless it has ended: after a plain end a
   * browser reconnects, after this one it does not. Blocks as {@link #close()} does. Idempotent.
   *
   * <p>After all that was accepted, the client is sent an event that sets the last event id to a value
   * which is reserved for this. It is of the type {@code tidings:completed} and without text; scripts see
   * it only if they listen for that type, while some clients that are no browsers hand it on. When a
   * client comes back with that id, opening the stream answers {@code 204}, at which an EventSource gives
   * up (WHATWG HTML, 9.2.3). Nothing is kept in memory for that, so the client may come back to another
   * server.
   */
  public void complete() {
    sender.commit();
    life.end(Ending.COMPLETED);
    life.awaitEnd();
  }

  // Listeners.

  /**
   * Runs the action exactly once when the stream has ended and left the registry, or soon if it has
   * already; on a thread of its own. What it throws is logged.
   *
   * @param action told why the stream ended
   */
  public void onEnd(Consumer<? super Ending> action) {
    life.onEnd(action);
  }

  // What it is.

  /**
   * Returns the id that the client got last before it reconnected: from the header {@code
   * Last-Event-ID} (WHATWG HTML, 9.2.4), else from the query parameter of {@link
   * Settings#lastEventIdParameter}, since a page cannot set the header. It is what the client says, so
   * it may be any text of any length.
   *
   * @return empty if the client has none
   */
  public Optional<String> lastEventId() {
    return LastEventId.of(exchange, engine.values().lastEventIdParameter());
  }

  /**
   * Tells whether the stream has not ended.
   *
   * @return false from the moment of its ending
   */
  public boolean isOpen() {
    return life.isOpen();
  }

  /**
   * Returns why the stream ended.
   *
   * @return empty while it is open
   */
  public Optional<Ending> ending() {
    return life.ending();
  }

  /**
   * Returns what the stream is found by.
   *
   * @return empty if it was opened without an identifier
   */
  public Optional<String> identifier() {
    return identifier;
  }

  /**
   * Returns who was authenticated when the stream was opened.
   *
   * @return empty if its context has no authenticator
   */
  public Optional<HttpPrincipal> principal() {
    return Optional.ofNullable(exchange.getPrincipal());
  }

  /**
   * Tells whether a stop has begun, so that a handler may come to its end before it is cut.
   *
   * @return true from the beginning of {@link SseServer#stop} or {@link EventSources#stop}
   */
  public boolean isStopping() {
    return engine.isStopping();
  }

  /**
   * Returns how long ago the stream was opened.
   *
   * @return zero or more
   */
  public Duration age() {
    return Duration.ofNanos(engine.ticker().now() - opened);
  }

  /**
   * Returns what went through the stream so far.
   *
   * @return a snapshot
   */
  public Traffic traffic() {
    return sender.traffic();
  }

  @Override
  public String toString() {
    return life.toString();
  }
}
