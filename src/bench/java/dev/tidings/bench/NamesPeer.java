package dev.tidings.bench;

import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.SseServer;
import java.io.IOException;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The library with its defaults and a name for each stream. Each event is published to one random name, either to the
 * channel of that name or to the stream whose identifier it is.
 */
final class NamesPeer implements Peer {
  enum Way {
    CHANNELS,
    IDENTIFIERS
  }

  /** A comment whose line is as long as that of most ids of logs in memory, {@code id: 1795342825000-904170000}. */
  private static final String AS_LONG_AS_ID = "x".repeat("1795342825000-904170000".length() + "id".length());

  private final Way way;
  private final Channels channels = Channels.create();
  private final SplittableRandom random = new SplittableRandom(); // used by the publisher
  private final AtomicInteger named = new AtomicInteger();
  private final AtomicInteger opened = new AtomicInteger();
  private int idle; // number of channels without a stream; used by one thread
  private SseServer server;

  NamesPeer(Way way) {
    this.way = way;
  }

  @Override
  public void start(int port, Duration ping) throws IOException {
    server = TidingsPeer.server(port, ping);
    server.get(
        "/events",
        request -> {
          String name = name(named.getAndIncrement());
          var stream = way == Way.CHANNELS ? request.getEventSource() : request.getEventSource(name);
          if (way == Way.CHANNELS) {
            channels.join(stream, name);
          }
          opened.incrementAndGet();
          stream.keepAlive();
        });
    server.start();
  }

  private static String name(int number) {
    return "user:" + number;
  }

  @Override
  public void publish(String data) {
    String name = name(random.nextInt(opened.get()));
    switch (way) {
      case CHANNELS -> channels.publish(name, Event.of(data));
      case IDENTIFIERS -> {
        var event = Event.of(data).withComment(AS_LONG_AS_ID);
        server.eventSources().getByIdentifier(name).ifPresent(stream -> stream.send(event));
      }
    }
  }

  @Override
  public void createChannels(int count, String data) {
    for (int i = 0; i < count; i++) {
      channels.publish("idle:" + idle++, Event.of(data));
    }
  }

  @Override
  public long opened() {
    return opened.get();
  }
}
