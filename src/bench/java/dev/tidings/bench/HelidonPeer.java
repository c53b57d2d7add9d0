package dev.tidings.bench;

import io.helidon.http.sse.SseEvent;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.helidon.webserver.sse.SseSink;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Helidon: an SseSink blocks and belongs to its handler's virtual thread, so each handler takes events from
 * its own queue. A stream that is 1,024 events behind is dropped.
 */
final class HelidonPeer implements Peer {
  private static final SseEvent END = SseEvent.create("end");

  private final LongAdder opened = new LongAdder();
  private final Set<BlockingQueue<SseEvent>> queues = ConcurrentHashMap.newKeySet();

  @Override
  public void start(int port, Duration ping) {
    WebServer.builder()
        .host("127.0.0.1")
        .port(port)
        .backlog(4096)
        .connectionOptions(options -> options.tcpNoDelay(true))
        .routing(
            routing ->
                routing
                    .get("/events", (request, response) -> events(response, ping))
                    .get("/many", HelidonPeer::many))
        .build()
        .start();
  }

  private void events(ServerResponse response, Duration ping) throws InterruptedException {
    var queue = new Queue();
    long wait = ping.isPositive() ? ping.toMillis() : Long.MAX_VALUE;
    var comment = SseEvent.builder().comment("").build();
    try (SseSink sink = response.sink(SseSink.TYPE)) {
      sink.emit(comment); // the head is sent with the first event
      queues.add(queue);
      opened.increment();
      for (SseEvent event = comment; event != END; ) {
        event = queue.poll(wait, TimeUnit.MILLISECONDS);
        sink.emit(event == null ? comment : event);
      }
    } finally {
      queues.remove(queue);
    }
  }

  /** Compared by identity. */
  private static final class Queue extends LinkedBlockingQueue<SseEvent> {
    private static final long serialVersionUID = 1;

    Queue() {
      super(1024);
    }

    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  private static void many(ServerRequest request, ServerResponse response) throws Exception {
    try (SseSink sink = response.sink(SseSink.TYPE)) {
      Payload.Many.of(request.query().value()).each(data -> sink.emit(SseEvent.create(data)));
    }
  }

  @Override
  public void publish(String data) {
    var event = SseEvent.create(data);
    for (var queue : queues) {
      if (!queue.offer(event)) {
        queues.remove(queue);
        queue.clear();
        queue.add(END);
      }
    }
  }

  @Override
  public long opened() {
    return opened.sum();
  }
}
