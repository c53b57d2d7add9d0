package dev.tidings.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.SseServer;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class DemoFeedTest {

  @Test
  void itBeginsAnewWhenItsThreadCouldNotBeStarted() throws Exception {
    var thrown = new CompletableFuture<Throwable>();
    try (var server = SseServer.create(0);
        var client = HttpClient.newHttpClient()) {
      var feed = new DemoFeed(server.eventSources(), failingOnce());
      server.get("/live", request -> {
        try (var watcher = request.getEventSource()) {
          feed.serve(watcher);
        } catch (OutOfMemoryError e) {
          thrown.complete(e);
        }
      });
      server.start();
      var live = HttpRequest.newBuilder(server.uri().resolve("/live")).build();
      assertEquals("retry: 500\n\n", client.send(live, BodyHandlers.ofString()).body());
      assertEquals("no thread", thrown.get(20, TimeUnit.SECONDS).getMessage());
      try (var lines = client.send(live, BodyHandlers.ofLines()).body()) {
        assertTrue(lines.anyMatch("event: state"::equals));
      }
    }
  }

  /** Fails once, as if there were no memory for a thread. */
  private static ThreadFactory failingOnce() {
    var fails = new AtomicBoolean(true);
    return task -> {
      if (fails.getAndSet(false)) {
        throw new OutOfMemoryError("no thread");
      }
      return Thread.ofVirtual().unstarted(task);
    };
  }
}
