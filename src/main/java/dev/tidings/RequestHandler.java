package dev.tidings;

/** Sends the events of a stream in plain blocking code. The library opens and closes the stream. */
@FunctionalInterface
public interface RequestHandler {

  /**
   * Sends the events of one stream. Runs on the thread of the request, which is a virtual thread on an
   * {@link SseServer}, and may block. Not called for HEAD requests, or if no stream is opened; {@link
   * EventSources#open(com.sun.net.httpserver.HttpExchange, String)} lists these cases.
   *
   * <p>When the handler returns, the stream is closed ({@link Ending#CLOSED}), and the response ends normally. When the
   * handler throws while the stream is open, the stream ends as {@link Ending#FAILED}. If the headers have not been
   * sent, the response has the status of the {@link StatusException}, or 500 for other exceptions. Otherwise, the
   * accepted events are flushed within {@link Settings#withCloseWithin}, and the response is aborted without the last
   * chunk (RFC 9112, 7.1), so that the client can detect that it is incomplete. An HTTP/1.0 client cannot detect this.
   *
   * @param request the request; its body has been read, and {@link SseRequest#text()} returns it
   * @param sse the open stream
   * @throws Exception any exception; it ends this stream only. The exception is logged with its stack trace, unless it
   *     is a {@link StatusException}, or was caused by a disconnect of the client or by the interrupt of a stop
   */
  void handle(SseRequest request, EventSource sse) throws Exception;
}
