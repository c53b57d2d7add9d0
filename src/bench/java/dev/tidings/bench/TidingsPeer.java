package dev.tidings.bench;

import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;

/** The library with its defaults. Handlers park in keepAlive; the publisher uses one of four methods. */
final class TidingsPeer implements Peer {
  enum Way {
    BROADCAST,
    /** With ids like those of a channel. */
    BROADCAST_WITH_ID,
    CHANNEL,
    /** Every stream has joined all four channels; events are published to them in turn. */
    FOUR_CHANNELS
  }

  private static final List<String> NAMES = List.of("a", "b", "c", "d");

  /** The length of id plus comment, which gives all events with an id the same size; four ids have 103. */
  private static final int ID_AND_FILLER = 110;

  private static final String FILLER = "x".repeat(ID_AND_FILLER);
  private static final long FIRST_NUMBER = 100_000_000; // the number of digits that most logs in memory have

  private final Way way;
  private final String prefix;
  private final LongAdder opened = new LongAdder();
  private final EventLog[] logs; // one for each channel
  private final Channel[] channels;
  private long published; // by one thread
  private SseServer server;

  TidingsPeer(Way way) {
    this(way, "sun.");
  }

  /** Creates a peer that runs on the server whose classes have this prefix. */
  TidingsPeer(Way way, String prefix) {
    this.way = way;
    this.prefix = prefix;
    var names =
        switch (way) {
          case BROADCAST, BROADCAST_WITH_ID -> List.<String>of();
          case CHANNEL -> NAMES.subList(0, 1);
          case FOUR_CHANNELS -> NAMES;
        };
    logs = Stream.generate(EventLog::inMemory).limit(names.size()).toArray(EventLog[]::new);
    channels = new Channel[names.size()];
    Arrays.setAll(channels, i -> Channel.create(names.get(i), logs[i]));
  }

  /** Returns a server that has not been started. If the ping is zero, it has the default heartbeat. */
  static SseServer server(int port, Duration ping) throws IOException {
    var settings = ping.isPositive() ? Settings.defaults().withHeartbeat(ping) : Settings.defaults();
    return SseServer.builder().port(port).settings(settings).build();
  }

  @Override
  public void start(int port, Duration ping) throws IOException {
    server = server(port, ping);
    String provider = server.httpServer().getClass().getName();
    if (!provider.startsWith(prefix)) {
      throw new IllegalStateException("the server is " + provider + ", not " + prefix);
    }
    server.get(
        "/events",
        request -> {
          var stream = request.getEventSource();
          join(stream);
          opened.increment();
          stream.keepAlive();
        });
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

  private void join(EventSource stream) {
    switch (way) {
      case BROADCAST, BROADCAST_WITH_ID -> {}
      case CHANNEL -> channels[0].join(stream);
      case FOUR_CHANNELS -> Channel.joinAll(stream, channels);
    }
  }

  @Override
  public void publish(String data) {
    switch (way) {
      case BROADCAST -> server.eventSources().broadcast(data);
      case BROADCAST_WITH_ID -> {
        String id = System.currentTimeMillis() + "-" + (FIRST_NUMBER + published);
        server.eventSources().broadcast(filled(data, id.length()).withId(id));
      }
      case CHANNEL, FOUR_CHANNELS -> {
        int turn = (int) (published % channels.length);
        channels[turn].publish(filled(data, position().length()));
      }
    }
    published++;
  }

  private static Event filled(String data, int idLength) {
    return Event.of(data).withComment(FILLER.substring(idLength));
  }

  /** Returns the last event id of a client that has received all events. */
  @Override
  public String position() {
    if (way == Way.CHANNEL) {
      return logs[0].latest();
    }
    var positions = new StringBuilder();
    for (int i = 0; i < logs.length; i++) {
      positions.append(i == 0 ? "" : "&").append(NAMES.get(i)).append('=').append(logs[i].latest());
    }
    return positions.toString();
  }

  @Override
  public long opened() {
    return opened.sum();
  }
}
