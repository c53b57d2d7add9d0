package dev.tidings.redis.faults;

import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.NotAppendedException;
import dev.tidings.Settings;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import dev.tidings.redis.RedisLogs;
import dev.tidings.redis.RedisOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;

/** A node: a process with streams, that can be killed. Ends when its standard input ends. */
final class NodeMain {
  private static final String TEXT = "text/plain; charset=utf-8";
  private static final Duration HEARTBEAT = Duration.ofSeconds(1);
  private static final long PATIENCE = Duration.ofSeconds(20).toNanos();

  private final Channels channels;

  private NodeMain(Channels channels) {
    this.channels = channels;
  }

  /** Arguments: URL of Redis, port, events and age of a log. */
  static void main(String... args) throws Exception {
    Thread.ofPlatform().daemon().start(NodeMain::endWithParent);
    var options = RedisOptions.defaults().withHistory(Integer.parseInt(args[2]), Duration.parse(args[3]));
    var redis = connect(args[0], options);
    var channels = Channels.create(redis::log);
    var node = new NodeMain(channels);
    var settings = Settings.defaults().withHeartbeat(HEARTBEAT).withMaxStreams(20_000).withMaxStreamsPerClient(20_000);
    var server =
        SseServer.builder().address(new InetSocketAddress("0.0.0.0", Integer.parseInt(args[1]))).settings(settings).build();
    server.get("/events", node::stream);
    server.post("/publish", node::publish);
    server.get("/state", request -> request.respond(200, TEXT, redis.state().toString()));
    server.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      server.stop(Duration.ofSeconds(1));
      channels.close();
      redis.close();
    }));
    System.out.println("ready " + server.port());
    Thread.currentThread().join();
  }

  private static RedisLogs connect(String url, RedisOptions options) throws InterruptedException {
    long begin = System.nanoTime();
    while (true) {
      try {
        return RedisLogs.connect(url, options);
      } catch (UncheckedIOException | IllegalStateException e) {
        if (System.nanoTime() - begin > PATIENCE) {
          throw e;
        }
        Thread.sleep(100);
      }
    }
  }

  private static void endWithParent() {
    try {
      System.in.transferTo(java.io.OutputStream.nullOutputStream());
    } catch (IOException e) {
      // ended
    }
    Runtime.getRuntime().halt(0);
  }

  private void stream(SseRequest request) throws Exception {
    try (var sse = request.getEventSource()) {
      channels.join(sse, request.require("channel"));
      sse.keepAlive();
    }
  }

  private void publish(SseRequest request) throws IOException {
    String channel = request.require("channel");
    var events = request.text().lines().map(Event::of).toList();
    try {
      var ids = new ArrayList<String>();
      if (events.size() == 1) {
        var key = request.query("key");
        ids.add(key.isPresent()
            ? channels.publish(channel, events.getFirst(), key.get())
            : channels.publish(channel, events.getFirst()));
      } else {
        ids.addAll(channels.publishAll(channel, events));
      }
      request.respond(200, TEXT, String.join("\n", ids));
    } catch (NotAppendedException e) {
      request.respond(503, TEXT, e.index() + "\nrefused: " + e.getMessage());
    } catch (UncheckedIOException e) {
      request.respond(504, TEXT, "unknown: " + e.getMessage());
    }
  }
}
