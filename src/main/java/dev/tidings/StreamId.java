package dev.tidings;

/** Chooses the identifier of a stream. */
@FunctionalInterface
public interface StreamId {

  /**
   * Returns the identifier for the stream of a request. Called on the thread of the request before the stream is
   * opened, and may block. Also called for HEAD, but not if the client reconnects after {@code tidings:completed}.
   *
   * @param request the request; its body has been read
   * @return any text, compared exactly; not null
   * @throws Exception any exception; no stream is opened. The response has the status of the {@link StatusException},
   *     or 500 for other exceptions
   */
  String of(SseRequest request) throws Exception;
}
