package dev.tidings.bench;

import dev.tidings.Settings;
import dev.tidings.SseServer;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;

/** The library with its defaults: handlers park in keepAlive, the publisher broadcasts. */
final class TidingsPeer implements Peer {
  private final LongAdder opened = new LongAdder();
  private SseServer server;

  @Override
  public void start(int port, Duration ping) throws IOException {
    var settings = Settings.defaults();
    if (ping.isPositive()) {
      settings = settings.heartbeat(ping);
    }
    server = SseServer.builder().port(port).settings(settings).build();
    server.eventSources().onOpen(stream -> opened.increment());
    server.get("/events", request -> request.getEventSource().keepAlive());
    server.get(
        "/many",
        request -> {
          var many =
              new Payload.Many(
                  Integer.parseInt(request.query("count").orElseThrow()),
                  Integer.parseInt(request.query("size").orElseThrow()));
          try (var stream = request.getEventSource()) {
            many.each(stream::send);
          } catch (IOException e) {
            throw e;
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    server.start();
  }

  @Override
  public void publish(String data) {
    server.eventSources().broadcast(data);
  }

  @Override
  public long opened() {
    return opened.sum();
  }
}
