package dev.tidings;

/** Answers the requests of one route of an {@link SseServer}, in plain blocking code. */
@FunctionalInterface
public interface SseHandler {

  /**
   * Answers a request: with a stream or with {@link SseRequest#respond}. Runs on a virtual thread of
   * its own and may block as long as it likes; when it returns, the stream is closed.
   *
   * @param request the request
   * @throws Exception anything; it is logged with its stack, ends this stream alone, and is answered
   *     with 500 if nothing was sent yet
   */
  void handle(SseRequest request) throws Exception;
}
