package dev.tidings.interop.proxies;

import dev.tidings.Channel;
import dev.tidings.Ending;
import dev.tidings.EventLog;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseServer;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * The server behind the proxies. The query has the name of a stream, {@code /events?name=a}, and optionally
 * the channel that it joins: {@code /events?name=a&channel=b}.
 */
final class ProxySite implements AutoCloseable {
  /** The ending of a stream, and its time by {@link System#nanoTime}. */
  record Ended(Ending why, long nanos) {}

  /** One stream from the view of the server. */
  record Visit(EventSource sse, String protocol, CompletableFuture<Ended> end) {
    Ended awaitEnd() throws Exception {
      return end.get(30, TimeUnit.SECONDS);
    }
  }

  private static final String PAGE = "<!doctype html><title>Streams</title>" + "<p>Some text.</p>".repeat(100);

  private final Map<String, Channel> channels = new ConcurrentHashMap<>();
  private final Map<String, CompletableFuture<Visit>> visits = new ConcurrentHashMap<>();
  private final SseServer server;

  ProxySite(int port, Settings settings) throws IOException {
    server = SseServer.builder().port(port).settings(settings).build();
    server.get(
        "/events",
        request -> {
          String name = request.query("name").orElse("");
          try (var sse = request.getEventSource(name)) {
            var visit = new Visit(sse, request.exchange().getProtocol(), new CompletableFuture<>());
            sse.onEnd(why -> visit.end.complete(new Ended(why, System.nanoTime())));
            visit(name).complete(visit);
            request.query("channel").map(this::channel).ifPresent(channel -> channel.join(sse));
            sse.keepAlive();
          }
        });
    server.get("/events/page", request -> request.respond(200, "text/html; charset=utf-8", PAGE));
    server.start();
  }

  private CompletableFuture<Visit> visit(String name) {
    return visits.computeIfAbsent(name, unknown -> new CompletableFuture<>());
  }

  /** Waits for the stream with this name. */
  Visit await(String name) throws Exception {
    return visit(name).get(20, TimeUnit.SECONDS);
  }

  /** Returns the streams whose names begin with this prefix. */
  List<EventSource> streams(String prefix) {
    return server.eventSources().find(name -> name.startsWith(prefix));
  }

  Channel channel(String name) {
    return channels.computeIfAbsent(name, unknown -> Channel.create(EventLog.inMemory()));
  }

  int port() {
    return server.port();
  }

  /** Runs the server on the given port, as a process that can be killed. Publishes an event every 50 ms. */
  static void main(String... args) throws Exception {
    var site = new ProxySite(Integer.parseInt(args[0]), Settings.defaults());
    System.out.println("ready");
    for (int number = 1; ; number++) {
      site.channel("news").publish("number " + number);
      Thread.sleep(50);
    }
  }

  @Override
  public void close() {
    server.close();
    channels.values().forEach(Channel::close);
  }
}
