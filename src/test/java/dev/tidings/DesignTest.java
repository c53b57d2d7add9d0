package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** The few-line programs that users are promised, verbatim. */
class DesignTest {

  private static SseServer started(SseHandler handler) throws Exception {
    return SseServer.create(0).get("/", handler).start();
  }

  @Test
  void aStreamIsOpenedSentToAndWaitedFor() throws Exception {
    try (var server = SseServer.create(0)) {
      server.get("/", request -> {
        try (var sse = request.getEventSource("my-index-connection")) {
          sse.send("Hello, world!");
          sse.waitForFail(Duration.ofSeconds(15)); // 15 s without a message ends it
        }
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals("Hello, world!", client.next().data());
        var stream = server.eventSources().getByIdentifier("my-index-connection").orElseThrow();
        stream.life().end(Ending.IDLE);
        assertNull(client.next());
      }
    }
  }

  @Test
  void aStreamIsFoundByItsIdentifier() throws Exception {
    try (var server = started(request -> request.getEventSource("my-index-connection").keepAlive());
        var client = Client.get(server.uri())) {
      client.head();
      server.eventSources().getByIdentifier("my-index-connection").ifPresent(sse -> sse.send("Hello again!"));
      assertEquals("Hello again!", client.next().data());
    }
  }

  @Test
  void streamsAreFoundByPrefix() throws Exception {
    try (var server = started(request -> request.getEventSource("my-connection-" + request.query("n").orElse("")).keepAlive());
        var one = Client.get(server.uri().resolve("/?n=1"));
        var two = Client.get(server.uri().resolve("/?n=2"))) {
      one.head();
      two.head();
      for (EventSource sse : server.eventSources().find(id -> id.startsWith("my-connection-"))) sse.send("to each");
      assertEquals("to each", one.next().data());
      assertEquals("to each", two.next().data());
    }
  }

  @Test
  void headersAreAppendedBeforeTheFirstMessage() throws Exception {
    try (var server = started(request -> {
          try (var sse = request.getEventSource()) {
            sse.appendHeader("Header-Key", "Header-value"); // before the first message
            sse.send("x");
          }
        });
        var client = Client.get(server.uri())) {
      assertEquals("Header-value", client.headers().get("Header-Key"));
    }
  }

  @Test
  void aPingIsSetInOneLine() throws Exception {
    try (var server = started(request -> {
          try (var sse = request.getEventSource()) {
            sse.withPing(ping -> ping.dataMessage("ping-message").interval(Duration.ofMillis(200)).start());
            sse.keepAlive();
          }
        });
        var client = Client.get(server.uri())) {
      client.awaitText(": ping-message\n");
    }
  }

  @Test
  void keepAliveWaitsUntilTheStreamEnds() throws Exception {
    try (var server = started(request -> {
          try (var sse = request.getEventSource()) {
            sse.keepAlive();
          }
        });
        var client = Client.get(server.uri())) {
      client.awaitText(":\n\n");
      assertEquals(1, server.eventSources().dropAll());
      assertNull(client.next());
    }
  }

  @Test
  void aServerOfOnesOwnNeedsNoSseServer() throws Exception {
    var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    var executor = Executors.newVirtualThreadPerTaskExecutor();
    http.setExecutor(executor);

    var sources = EventSources.create();
    http.createContext("/events", exchange -> {
      try (var sse = sources.open(exchange, "my-index-connection")) { sse.keepAlive(); }
    });

    http.start();
    try (var client = Client.get(URI.create("http://localhost:" + http.getAddress().getPort() + "/events"))) {
      client.head();
      assertTrue(sources.getByIdentifier("my-index-connection").isPresent());
    } finally {
      sources.close();
      executor.close();
      http.stop(0);
    }
  }
}
