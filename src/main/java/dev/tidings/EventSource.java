package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * An open stream of events to one client.
 *
 * <p>The status and the headers are sent when the thread that opened the stream first sends a message or waits. The
 * browser then fires {@code open}. Until the headers are sent, events from broadcasts, channels and
 * {@link EventSources#onOpen} listeners are queued. The headers are sent earlier if {@link #sendHeaders} is called, if
 * the first heartbeat is due, if a full outbox would end the stream ({@link Overflow#disconnect()}), or within 100 ms
 * after another thread has called {@link #send(Event)}, {@link #offer(Event)} or {@link #flush}.
 *
 * <p>A stream is open until the client disconnects, the application closes the stream, or another {@link Ending}
 * occurs. Only a write can detect a disconnect, so idle streams are pinged.
 *
 * <p>All methods may be called from any thread, even after the stream has ended. Events are never interleaved, and are
 * written in the order of the calls.
 *
 * {@snippet file="Progress.java" region="progress"}
 */
public final class EventSource implements AutoCloseable {
  private final Engine engine;
  private final HttpExchange exchange;
  private final Optional<String> identifier;
  private final Lifecycle life;
  private final Sender sender;
  private ConcurrentMap<String, Object> attributes; // guarded by sender; null until requested

  /** Creates a stream. The check, which is repeated, returns whether this stream may stay open. */
  EventSource(
      Engine engine,
      HttpExchange exchange,
      Optional<String> identifier,
      Lifecycle.Owner owner,
      Optional<Predicate<? super EventSource>> check) {
    this.engine = engine;
    this.exchange = exchange;
    this.identifier = identifier;
    this.life =
        new Lifecycle(engine, exchange, identifier, owner, check.map(may -> () -> may.test(this)));
    this.sender = life.sender();
  }

  /** Returns the state of this stream, for the registry and channels. */
  Lifecycle life() {
    return life;
  }

  /** Returns the sender, with which the registry and channels add events to the outbox. */
  Sender sender() {
    return sender;
  }

  /**
   * Adds a response header. Must be called before the headers are sent; {@link EventSource} describes when that
   * happens. Add headers that take time to compute to the request ({@link SseRequest#appendHeader}) before the stream
   * is opened. Does nothing after the stream has ended.
   *
   * @param name a token; not {@code Connection}, {@code Content-Length}, {@code Content-Type} or {@code
   *     Transfer-Encoding}, which the stream sets
   * @param value one line of ISO-8859-1
   * @return this stream
   * @throws IllegalArgumentException if the name or the value is not allowed (RFC 9110, 5.1 and 5.5)
   * @throws IllegalStateException if the headers have been sent
   */
  public EventSource appendHeader(String name, String value) {
    sender.appendHeader(name, value);
    return this;
  }

  /**
   * Sends the status and the headers now, so that {@code open} fires in a browser. Does nothing if they have been
   * sent or the stream has ended. Does not block on the client.
   */
  public void sendHeaders() {
    sender.sendHeaders();
  }

  // Sending.

  /**
   * Sends a message. Blocks while the outbox is full, at most for {@link Settings#withWriteDeadline}; after that,
   * {@link Settings#withOverflow} applies. If the thread is interrupted while it waits, the message is not accepted,
   * and the interrupt status stays set. If this thread opened the stream, the stream then ends as
   * {@link Ending#INTERRUPTED}.
   *
   * @param data any text
   * @return whether the stream accepted the message; always {@code false} after the stream has ended, so loop with
   *     {@code while (sse.send(…))}
   * @throws IllegalArgumentException if the message is larger than {@link Settings#withMaxEventBytes}
   */
  public boolean send(String data) {
    return send(Event.of(data));
  }

  /**
   * Sends a named event. Blocks like {@link #send(String)}.
   *
   * @param name the event name, which the DOM calls type
   * @param data any text
   * @return whether the stream accepted the event; always {@code false} after the stream has ended
   * @throws IllegalArgumentException if the name is empty or has a line break, or the event is larger than {@link
   *     Settings#withMaxEventBytes}
   */
  public boolean send(String name, String data) {
    return send(Event.of(name, data));
  }

  /**
   * Sends an event. Blocks like {@link #send(String)}. The event is encoded for this stream;
   * {@link EventSources#broadcast(Event)} encodes an event once for many streams.
   *
   * @param event the event
   * @return whether the stream accepted the event; always {@code false} after the stream has ended
   * @throws IllegalArgumentException if the event is larger than {@link Settings#withMaxEventBytes}
   */
  public boolean send(Event event) {
    return sender.send(event);
  }

  /**
   * Sends an event without blocking. If the outbox is full, {@link Settings#withOverflow} applies at once.
   *
   * @param event the event
   * @return whether the stream accepted the event; always {@code false} after the stream has ended
   * @throws IllegalArgumentException if the event is larger than {@link Settings#withMaxEventBytes}
   */
  public boolean offer(Event event) {
    return sender.offer(event);
  }

  /**
   * Sends a message without blocking. If the outbox is full, {@link Settings#withOverflow} applies at once.
   *
   * @param data any text
   * @return whether the stream accepted the message; always {@code false} after the stream has ended
   * @throws IllegalArgumentException if the message is larger than {@link Settings#withMaxEventBytes}
   */
  public boolean offer(String data) {
    return offer(Event.of(data));
  }

  /**
   * Sends a named event without blocking. If the outbox is full, {@link Settings#withOverflow} applies at once.
   *
   * @param name the event name, which the DOM calls type
   * @param data any text
   * @return whether the stream accepted the event; always {@code false} after the stream has ended
   * @throws IllegalArgumentException if the name is empty or has a line break, or the event is larger than {@link
   *     Settings#withMaxEventBytes}
   */
  public boolean offer(String name, String data) {
    return offer(Event.of(name, data));
  }

  /**
   * Sends all events of a publisher. Blocks until the publisher completes or the stream ends; the wait for each event
   * is not limited. Sends the headers if they have not been sent. Requests one event at a time, on this thread, when
   * the stream has accepted the previous one, so the publisher never waits for the client. The subscription is
   * cancelled when the stream ends, also while the publisher is silent; an event that arrives later is ignored.
   *
   * {@snippet file="FanOut.java" region="send"}
   *
   * <p>If the outbox is full for {@link Settings#withWriteDeadline}, {@link Settings#withOverflow} applies; a policy that
   * drops the event does not end the call.
   *
   * <p>An interrupt cancels the subscription, and the interrupt status stays set. If this thread opened the stream, the
   * stream then ends as {@link Ending#INTERRUPTED}.
   *
   * @param publisher the events; its {@code subscribe} and {@code request} are called on this thread, which is
   *     interrupted briefly if another thread ends the stream during the call
   * @return {@code true} if the publisher has completed, and the stream has accepted all of its events
   * @throws java.util.concurrent.CompletionException if the publisher fails, or sends more than was requested or null;
   *     the cause is the failure. Earlier events have been accepted. If the handler does not catch it, the response is
   *     aborted
   * @throws IllegalArgumentException if an event is larger than {@link Settings#withMaxEventBytes}
   */
  public boolean sendAll(Flow.Publisher<? extends Event> publisher) {
    return new StreamFeed(life, new PublisherSource(publisher, 1)).run();
  }

  /**
   * Sends the events of a queue. Blocks until the stream ends; the wait for each event is not limited. Sends the
   * headers if they have not been sent. Takes each event when the stream has accepted the previous one. When the stream
   * ends, takes no more events.
   *
   * <p>If the outbox is full for {@link Settings#withWriteDeadline}, {@link Settings#withOverflow} applies; a policy that
   * drops the event does not end the call.
   *
   * <p>An interrupt ends the wait, and the interrupt status stays set. If this thread opened the stream, the stream then
   * ends as {@link Ending#INTERRUPTED}.
   *
   * @param queue the events; other threads may take some too. Its {@code take} must respond to an interrupt, like those
   *     of the JDK's queues
   * @return the event that was taken but not accepted, because the stream ended or the thread was interrupted; usually
   *     empty
   * @throws IllegalArgumentException if an event is larger than {@link Settings#withMaxEventBytes}; the event has been
   *     taken
   */
  public Optional<Event> sendAll(BlockingQueue<? extends Event> queue) {
    return sendAll(new QueueSource(queue, Optional.empty()));
  }

  /**
   * Sends the events of a queue, like {@link #sendAll(BlockingQueue)}, up to an end element, which is taken but not
   * sent.
   *
   * @param queue the events
   * @param end the object that ends the queue, such as {@code Event.of("end")}; compared by identity, not with
   *     {@code equals}
   * @return the event that was taken but not accepted, because the stream ended or the thread was interrupted; usually
   *     empty
   * @throws IllegalArgumentException if an event is larger than {@link Settings#withMaxEventBytes}; the event has been
   *     taken
   */
  public Optional<Event> sendAll(BlockingQueue<? extends Event> queue, Event end) {
    return sendAll(new QueueSource(queue, Optional.of(end)));
  }

  private Optional<Event> sendAll(Source source) {
    var feed = new StreamFeed(life, source);
    feed.run();
    return feed.unsent();
  }

  /**
   * Waits until all events that the stream accepted or its channels published before the call have been written to the
   * operating system. Sends the headers if events wait for them or the stream is in a channel. Returns at the latest
   * when the stream is closed. Channels have at most {@link Settings#withWriteDeadline} to deliver, and each log has
   * one second to return its latest id. An interrupt does not end the wait; the interrupt status stays set.
   *
   * @return {@code true} if all of these events have been written; {@code false} if the stream ended before that, or if
   *     a channel could not deliver them
   * @throws IllegalStateException if the filter of a channel calls this method
   */
  public boolean flush() {
    return sender.flush();
  }

  // Pings.

  /**
   * Replaces the ping of this stream (default: a comment at the heartbeat interval of the registry). Takes effect when
   * the policy is started.
   *
   * @param setting configures and starts the policy; called on this thread
   * @return this stream
   */
  public EventSource withPing(Consumer<? super PingPolicy> setting) {
    setting.accept(new PingPolicy(engine.values().heartbeat(), sender::startPings));
    return this;
  }

  // Waiting and ending.

  /**
   * Waits until the stream has ended, and ends it as {@link Ending#IDLE} if it accepts no message for the given time.
   * Pings do not count as messages. Until the first message, the time counts from the opening of the stream. While a
   * thread is blocked in {@link #send(Event)}, the stream is not idle. Sends the headers if they have not been sent.
   *
   * <p>An interrupt ends the stream as {@link Ending#INTERRUPTED}; the interrupt status stays set.
   *
   * @param idle zero ends the stream at once; {@code ChronoUnit.FOREVER.getDuration()} means no time limit
   * @return the reason why the stream ended; the stream is no longer in the registry
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
   * Waits until the stream has ended, without a time limit. Sends the headers if they have not been sent. An
   * interrupt ends the stream as {@link Ending#INTERRUPTED}; the interrupt status stays set.
   *
   * @return the reason why the stream ended; the stream is no longer in the registry
   */
  public Ending keepAlive() {
    sender.beforeWait();
    return life.await();
  }

  /**
   * Ends the stream as {@link Ending#CLOSED}, unless it has already ended, and flushes accepted events. If the stream
   * is in channels, the events that they published before the call are delivered first. If this delivery fails, for
   * example because a log does not return its latest id within a second or the client reads too slowly, the response is
   * aborted. Blocks until all events are written, at most for {@link Settings#withCloseWithin}; after that, the
   * connection is aborted.
   *
   * <p>If the handler of an {@link SseServer}, or of {@link EventSources#handler}, closes its stream, the end of the
   * response is written when the handler returns, at the latest {@link Settings#withCloseWithin} after this method has
   * returned. If the handler throws before that, the stream ends as {@link Ending#FAILED}, and the response is aborted.
   * If the headers have not been sent and the stream is in no channel, the response instead has the status of the
   * {@link StatusException}, or 500 for other exceptions.
   *
   * <p>Idempotent. An interrupt does not end the wait; the interrupt status stays set.
   */
  @Override
  public void close() {
    sender.leave();
    life.close(Ending.CLOSED);
  }

  /**
   * Ends the stream as {@link Ending#COMPLETED}, unless it has already ended, and stops the client from reconnecting.
   * (After {@link #close()}, a browser reconnects.) Flushes, delivers and blocks like {@link #close()}. Idempotent.
   *
   * <p>The last event, {@code tidings:completed}, has empty data and sets the last event id to a reserved value. A
   * client that reconnects with this id receives {@code 204}, after which an EventSource does not reconnect again
   * (WHATWG HTML, 9.2.3). The server keeps no state for this, so another server can receive the reconnect. If not all
   * published events of channels could be delivered, this event is not sent, so that the client can reconnect and
   * receive the rest.
   */
  public void complete() {
    sender.commit();
    life.close(Ending.COMPLETED);
  }

  /**
   * Ends the stream as {@link Ending#EXPIRED} at a time of day, for example when the token of its request expires.
   * From then on, the stream accepts no event, and writes none: queued events are discarded, except the event or the
   * batch that is being written, and the client receives a {@code retry:} from the range of
   * {@link Settings#withReconnect}. If events were discarded, the response is aborted.
   *
   * <p>A second call replaces the time, even with a later one. {@link Settings#withMaxLifetime} still applies. A time
   * in the past ends the stream at once, even before the headers have been sent. Does nothing after the stream has
   * ended. Does not block.
   *
   * @param time the time by the clock of the system. A change of the clock, or a suspension of the machine, is noticed
   *     before the next event is written, and within one {@linkplain Settings#withHeartbeat heartbeat};
   *     {@link Instant#MAX} means no limit
   * @return this stream
   */
  public EventSource expireAt(Instant time) {
    life.expireAt(Objects.requireNonNull(time, "time"));
    return this;
  }

  // Listeners.

  /**
   * Adds a listener for the end of this stream. The listener runs exactly once, on a thread of its own, after the
   * stream has ended and left the registry; if that has already happened, it runs immediately. Exceptions are logged.
   *
   * @param action receives the reason why the stream ended
   * @return a registration, which removes the listener when it is closed
   */
  public Registration onEnd(Consumer<? super Ending> action) {
    return life.onEnd(Objects.requireNonNull(action, "action"));
  }

  // State.

  /**
   * Returns the last event id of a client that reconnects: from the header {@code Last-Event-ID} (WHATWG HTML, 9.2.4),
   * or else from the query parameter of {@link Settings#withLastEventIdParameter}, because a page cannot set the
   * header. The id is text from the client, with any content and length.
   *
   * @return the id; empty if the request has none
   */
  public Optional<String> lastEventId() {
    return LastEventId.of(exchange, engine.values().lastEventIdParameter());
  }

  /**
   * Returns whether the stream is open.
   *
   * @return {@code false} once the stream has ended
   */
  public boolean isOpen() {
    return life.isOpen();
  }

  /**
   * Returns the reason why the stream ended. Until the handler that closed the stream has returned,
   * {@link Ending#CLOSED} can still change to {@link Ending#FAILED}. Listeners receive the final value.
   *
   * @return empty while the stream is open
   */
  public Optional<Ending> ending() {
    return life.ending();
  }

  /**
   * Returns the attributes of the application, for example the user. The library does not use them.
   *
   * @return always the same mutable, thread-safe map, without null keys or values
   */
  public ConcurrentMap<String, Object> attributes() {
    synchronized (sender) { // its monitor guards nothing else
      attributes = attributes == null ? new ConcurrentHashMap<>() : attributes;
      return attributes;
    }
  }

  /**
   * Returns the identifier of the stream.
   *
   * @return the identifier; empty if the stream was opened without one
   */
  public Optional<String> identifier() {
    return identifier;
  }

  /**
   * Returns the user that was authenticated when the stream was opened.
   *
   * @return the user; empty if the context has no authenticator
   */
  public Optional<HttpPrincipal> principal() {
    return Optional.ofNullable(exchange.getPrincipal());
  }

  /**
   * Returns whether a stop has begun. Handlers can check this in order to finish within the grace period.
   *
   * @return {@code true} once {@link SseServer#stop} or {@link EventSources#stop} has been called
   */
  public boolean isStopping() {
    return engine.isStopping();
  }

  /**
   * Returns the time since the stream was opened.
   *
   * @return zero or more
   */
  public Duration age() {
    return Duration.ofNanos(life.age());
  }

  /**
   * Returns the traffic of this stream.
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
