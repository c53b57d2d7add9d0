package dev.tidings.bench;

import io.javalin.Javalin;
import io.javalin.http.sse.SseClient;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import org.eclipse.jetty.server.ServerConnector;

/** Javalin: clients in a queue, as in its documentation, and a sending loop, which blocks. */
final class JavalinPeer implements Peer {
  private final LongAdder opened = new LongAdder();
  private final Queue<SseClient> clients = new ConcurrentLinkedQueue<>();

  @Override
  public void start(int port, Duration ping) {
    Javalin.create(
            config -> {
              config.concurrency.useVirtualThreads = true;
              config.startup.showJavalinBanner = false;
              config.jetty.addConnector(
                  (server, http) -> {
                    var connector =
                        new ServerConnector(
                            server, new org.eclipse.jetty.server.HttpConnectionFactory(http));
                    connector.setHost("127.0.0.1");
                    connector.setPort(port);
                    connector.setAcceptQueueSize(4096);
                    connector.setIdleTimeout(Duration.ofMinutes(10).toMillis());
                    return connector;
                  });
              config.routes.sse("/events", this::open);
              config.routes.sse("/many", JavalinPeer::many);
            })
        .start();
    Every.start(ping, this::ping);
  }

  private void open(SseClient client) {
    client.keepAlive();
    client.onClose(() -> clients.remove(client));
    client.sendComment(""); // the head is sent with the first event
    clients.add(client);
    opened.increment();
  }

  private static void many(SseClient client) {
    try {
      Payload.Many.of(client.ctx().queryString()).each(client::sendEvent);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private synchronized void ping() {
    clients.forEach(client -> client.sendComment(""));
  }

  /** Synchronized, because two threads must not write to a client at the same time. */
  @Override
  public synchronized void publish(String data) {
    clients.forEach(client -> client.sendEvent(data));
  }

  @Override
  public long opened() {
    return opened.sum();
  }
}
