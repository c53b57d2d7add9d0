package dev.tidings.bench;

import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.server.handlers.sse.ServerSentEventConnection;
import io.undertow.server.handlers.sse.ServerSentEventHandler;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import org.xnio.Options;

/** Undertow: a ServerSentEventHandler, which queues without a bound and writes on its I/O threads. */
final class UndertowPeer implements Peer {
  private final LongAdder opened = new LongAdder();
  private ServerSentEventHandler events;

  @Override
  public void start(int port, Duration ping) {
    events =
        Handlers.serverSentEvents(
            (connection, lastEventId) -> {
              if (ping.isPositive()) {
                connection.setKeepAliveTime(ping.toMillis());
              }
              opened.increment(); // it is one of the handler's connections by now
            });
    var many =
        Handlers.serverSentEvents(
            (connection, lastEventId) -> Thread.startVirtualThread(() -> many(connection)));
    Undertow.builder()
        .addHttpListener(port, "127.0.0.1")
        .setSocketOption(Options.TCP_NODELAY, true)
        .setSocketOption(Options.BACKLOG, 4096)
        .setHandler(Handlers.path().addExactPath("/events", events).addExactPath("/many", many))
        .build()
        .start();
  }

  private static void many(ServerSentEventConnection connection) {
    try {
      new Payload.Many(
              Integer.parseInt(connection.getQueryParameters().get("count").getFirst()),
              Integer.parseInt(connection.getQueryParameters().get("size").getFirst()))
          .each(connection::send);
      connection.shutdown();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void publish(String data) {
    for (var connection : events.getConnections()) {
      connection.send(data);
    }
  }

  @Override
  public long opened() {
    return opened.sum();
  }
}
