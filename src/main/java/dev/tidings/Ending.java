package dev.tidings;

/**
 * The reason why a stream ended. Each stream has one ending, which is reported once to each listener.
 *
 * <p>The ending determines whether the response ends normally or is aborted. If it ends normally, the last chunk is
 * sent (RFC 9112, 7.1). If it is aborted, the last chunk is missing, so that the client can detect that the response is
 * incomplete: {@code curl} exits with 18, and {@code fetch} rejects. HTTP/1.0 clients cannot detect the difference. An
 * EventSource reconnects in both cases.
 *
 * <table class="striped">
 *   <caption>How the response ends</caption>
 *   <thead>
 *     <tr><th scope="col">ending</th><th scope="col">queued events</th><th scope="col">response</th></tr>
 *   </thead>
 *   <tbody>
 *     <tr><th scope="row">{@link #CLOSED}, {@link #COMPLETED}</th>
 *       <td>flushed, and so are all events that joined channels published before the stream was closed</td>
 *       <td>ends normally; aborted if not all of these events could be delivered in time</td></tr>
 *     <tr><th scope="row">{@link #IDLE}</th><td>flushed</td><td>ends normally</td></tr>
 *     <tr><th scope="row">{@link #STOPPING}, {@link #EXPIRED}, {@link #REVOKED}, {@link #REPLACED}</th>
 *       <td>flushed; discarded after the time of {@link EventSource#expireAt}</td>
 *       <td>ends normally for GET; aborted for other methods, or if events were discarded</td></tr>
 *     <tr><th scope="row">{@link #FAILED}, {@link #INTERRUPTED}</th>
 *       <td>flushed; discarded if the response is replaced</td>
 *       <td>aborted; replaced by an error response if {@code FAILED} occurs before the headers are sent</td></tr>
 *     <tr><th scope="row">{@link #TOO_SLOW}, {@link #OVERFLOW}, {@link #CLIENT_GONE}</th>
 *       <td>discarded</td><td>aborted</td></tr>
 *     <tr><th scope="row">{@link #REFUSED}</th><td>none</td><td>another response instead of a stream</td></tr>
 *   </tbody>
 * </table>
 *
 * <p>Flushing takes at most {@link Settings#withCloseWithin}, and at most 0.8 s when the registry stops. A response
 * that is not flushed by then is aborted. After a flush, an abort is delayed by 0.1 s, because {@code fetch} discards
 * bytes that a script has not read when the response fails (Streams Standard, ReadableStreamDefaultControllerError). On
 * TLS, a response whose last write took more than 0.1 s is always aborted.
 */
public enum Ending {
  /**
   * A read or write failed: the client closed or reset the connection, the network failed, or the request body did not
   * arrive in time.
   */
  CLIENT_GONE,
  /** No message was accepted for the time that was passed to {@link EventSource#waitForFail}. */
  IDLE,
  /** The application closed the stream, its handler returned, or the headers for a HEAD request were sent. */
  CLOSED,
  /**
   * The application called {@link EventSource#complete()}, or the client reconnected after {@code tidings:completed}.
   */
  COMPLETED,
  /** A new stream with the same identifier replaced the stream ({@link Duplicates#REPLACE}). */
  REPLACED,
  /** The request was refused; no stream was opened. */
  REFUSED,
  /**
   * The application dropped the stream ({@link EventSources#drop}, {@link Cluster#drop}), its
   * {@link Settings#withRecheck recheck} failed, or the control log of its cluster was not reached for too long
   * ({@link Cluster#failClosed}).
   */
  REVOKED,
  /** A write, or a {@code send} that waited for room, exceeded {@link Settings#withWriteDeadline}. */
  TOO_SLOW,
  /** The outbox was full when an event was offered or broadcast ({@link Overflow#disconnect()}). */
  OVERFLOW,
  /** The stream reached its lifetime ({@link Settings#withMaxLifetime}) or its {@link EventSource#expireAt time}. */
  EXPIRED,
  /** The handler threw an exception, or the library failed to open the stream or to start a delivery to it. */
  FAILED,
  /**
   * A thread was interrupted in {@link EventSource#keepAlive} or {@link EventSource#waitForFail}, or the thread that
   * opened the stream was interrupted in {@link EventSource#send(Event)}.
   */
  INTERRUPTED,
  /** The registry or the server was stopped. */
  STOPPING;

  /** Returns whether queued events are discarded and the connection is aborted at once. */
  boolean isForced() {
    return this == CLIENT_GONE || this == TOO_SLOW || this == OVERFLOW;
  }

  /** Returns whether the response ends normally. */
  boolean isWhole(boolean get) {
    return switch (this) {
      case CLOSED, COMPLETED, IDLE, REFUSED -> true;
      case STOPPING, EXPIRED, REVOKED, REPLACED -> get;
      case FAILED, INTERRUPTED, CLIENT_GONE, TOO_SLOW, OVERFLOW -> false;
    };
  }

  /** Returns whether this ending stops the delivery of channels to a closing stream; FAILED does not always. */
  boolean endsClosing() {
    return this != CLOSED && this != COMPLETED && this != IDLE && this != INTERRUPTED;
  }

  /** Returns whether the client is stopped from reconnecting. */
  boolean isForGood() {
    return this == COMPLETED || this == REPLACED;
  }
}
