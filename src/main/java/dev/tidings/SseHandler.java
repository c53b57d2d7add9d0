package dev.tidings;

/** Answers requests on a route of an {@link SseServer} in plain blocking code. */
@FunctionalInterface
public interface SseHandler {

  /**
   * Answers a request with a stream ({@link SseRequest#getEventSource()}) or a short text ({@link SseRequest#respond}).
   * Runs on a virtual thread of its own and may block. When the handler returns, its stream is closed.
   *
   * @param request the request
   * @throws Exception any exception. If no headers have been sent, the response has the status of the
   *     {@link StatusException}, or 500 for other exceptions; otherwise, an open stream is aborted. The exception is
   *     logged with its stack trace, unless it is a {@code StatusException}, or was caused by a disconnect of the
   *     client or by the interrupt of a stop
   */
  void handle(SseRequest request) throws Exception;
}
