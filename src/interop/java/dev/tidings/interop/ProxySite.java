package dev.tidings.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Channel;
import dev.tidings.Ending;
import dev.tidings.EventLog;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseServer;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** The server behind the proxies. The streams are called by names in the query: {@code /events?name=a}. */
final class ProxySite implements AutoCloseable {
  /** What ended a stream, and when, as {@link System#nanoTime} counts. */
  record Ended(Ending why, long nanos) {}

  /** One stream as the server sees it. */
  record Visit(EventSource sse, String protocol, CompletableFuture<Ended> end) {
    Ended awaitEnd() throws Exception {
      return end.get(30, TimeUnit.SECONDS);
    }
  }

  private static final String PAGE = "<!doctype html><title>Streams</title>";

  final Channel news = Channel.create(EventLog.inMemory());
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
            if (request.query("news").isPresent()) {
              news.join(sse);
            }
            sse.keepAlive();
          }
        });
    server.get("/events/page", request -> request.respond(200, "text/html; charset=utf-8", PAGE));
    server.start();
  }

  private CompletableFuture<Visit> visit(String name) {
    return visits.computeIfAbsent(name, unknown -> new CompletableFuture<>());
  }

  /** The stream of this name, awaited. */
  Visit await(String name) throws Exception {
    return visit(name).get(20, TimeUnit.SECONDS);
  }

  int port() {
    return server.port();
  }

  @Override
  public void close() {
    server.close();
    news.close();
  }
}
