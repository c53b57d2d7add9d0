package dev.tidings;

/** Sends the events of a stream in plain blocking code. The library opens and closes the stream. */
@FunctionalInterface
public interface StreamHandler {

  /**
   * Sends the events of one stream. Runs on the thread of the request, which is a virtual thread on an
   * {@link SseServer}, and may block. When the handler returns, the stream is closed. {@link RequestHandler#handle}
   * describes when it is not called and what happens if it throws.
   *
   * @param sse the open stream
   * @throws Exception any exception; it ends this stream only
   */
  void handle(EventSource sse) throws Exception;
}
