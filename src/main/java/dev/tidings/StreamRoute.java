package dev.tidings;

import java.util.Objects;
import java.util.Optional;

/** A handler of requests whose streams the library opens and closes. */
final class StreamRoute implements SseHandler {
  private final Optional<StreamId> id;
  private final RequestHandler handler;

  private StreamRoute(Optional<StreamId> id, RequestHandler handler) {
    this.id = id;
    this.handler = Objects.requireNonNull(handler, "handler");
  }

  static StreamRoute of(RequestHandler handler) {
    return new StreamRoute(Optional.empty(), handler);
  }

  static StreamRoute of(StreamId id, RequestHandler handler) {
    return new StreamRoute(Optional.of(Objects.requireNonNull(id, "id")), handler);
  }

  @Override
  public void handle(SseRequest request) throws Exception {
    request.readBody();
    var sse = open(request);
    if (sse.isOpen() && !request.method().equals("HEAD")) {
      handler.handle(request, sse);
    }
  }

  private EventSource open(SseRequest request) throws Exception {
    if (id.isEmpty() || request.isCompleted()) { // a client that must not reconnect needs no identifier
      return request.getEventSource();
    }
    String identifier = id.get().of(request);
    if (identifier == null) {
      throw new NullPointerException("a StreamId must return an identifier for " + request);
    }
    return request.getEventSource(identifier);
  }
}
