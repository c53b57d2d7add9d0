package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

/** The thread state that application code finds on the library's threads. */
class ThreadsTest {
  private static final InheritableThreadLocal<String> USER = new InheritableThreadLocal<>();

  private record Seen(String user, ClassLoader loader) {}

  private final Map<String, Seen> seen = new ConcurrentHashMap<>();

  private void see(String where) {
    seen.put(where, new Seen(USER.get() == null ? "nobody" : USER.get(), Thread.currentThread().getContextClassLoader()));
  }

  @Test
  void thoseOfOneKindAreToldApartByTheirNumbers() {
    var listeners = new Threads().numbered("tidings-listener-");
    assertEquals("tidings-listener-0", listeners.newThread(() -> {}).getName());
    assertEquals("tidings-listener-1", listeners.newThread(() -> {}).getName());
  }

  @Test
  void theyInheritNoThreadLocalsAndHaveTheClassLoaderOfTheRegistrysMaker() throws Exception {
    var loader = new URLClassLoader(new URL[0], getClass().getClassLoader());
    var before = Thread.currentThread().getContextClassLoader();
    try (loader) {
      Thread.currentThread().setContextClassLoader(loader);
      var settings = Settings.defaults().withHeartbeat(Duration.ofMillis(50)).withRecheck(stream -> {
        see("recheck");
        return true;
      });
      try (var server = SseServer.builder().settings(settings).build(); var channel = Channel.create()) {
        Thread.currentThread().setContextClassLoader(before);
        USER.set("admin");
        server.eventSources().onEnd((stream, why) -> see("listener of the registry"));
        server.get("/", request -> {
          see("handler");
          USER.set("alice");
          Thread.currentThread().setContextClassLoader(before);
          try (var sse = request.getEventSource()) {
            sse.onEnd(why -> see("listener of the stream"));
            channel.join(sse, event -> {
              see(event.data().orElseThrow());
              return true;
            });
            sse.keepAlive();
          }
        });
        server.start();
        String position;
        try (var client = Client.get(server.uri())) {
          client.awaitText("id: ");
          position = client.parser().lastEventId();
          channel.publish("live filter");
          client.next();
        }
        channel.publish("replay filter");
        try (var client = Client.get(server.uri(), "Last-Event-ID: " + position)) {
          client.next();
          client.next();
        }
        Await.until("all were called", () -> seen.keySet().equals(Set.of(
            "recheck", "handler", "listener of the registry", "listener of the stream", "live filter", "replay filter")));
        seen.forEach((where, what) -> assertEquals(new Seen("nobody", loader), what, where));
      }
    } finally {
      USER.remove();
      Thread.currentThread().setContextClassLoader(before);
    }
  }
}
