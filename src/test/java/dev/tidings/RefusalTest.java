package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Responses to requests that get no stream now. Only an EventSource gets a success status. */
class RefusalTest {
  private static final Settings SETTINGS =
      Settings.defaults().withReconnect(Duration.ofMillis(1500), Duration.ofMillis(1500));
  private static final List<String> OTHERS = List.of("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "head");

  /** A reason for which there is no stream. */
  private enum Limit {
    STREAMS(SETTINGS.withMaxStreams(1)),
    STREAMS_PER_CLIENT(SETTINGS.withMaxStreamsPerClient(1)),
    DUPLICATE(SETTINGS.withDuplicates(Duplicates.REFUSE)),
    STOPPED(SETTINGS);

    private final Settings settings;

    Limit(Settings settings) {
      this.settings = settings;
    }
  }

  @ParameterizedTest
  @EnumSource
  void atEveryLimitOnlyAnEventSourceIsToldToComeBack(Limit limit) throws Exception {
    try (var site = new Site(EventSources.create(limit.settings), EventSource::keepAlive); var first = Client.get(site.uri("me"))) {
      first.awaitText(":\n\n");
      if (limit == Limit.STOPPED) {
        Thread.ofPlatform().start(() -> site.sources.stop(Duration.ofDays(1))); // until the site closes
        Await.until("the stop began", site.sources::isStopping);
      }
      var uri = limit == Limit.DUPLICATE ? site.uri("me") : site.uri("other");
      assertToldToComeBack("GET", uri);
      assertUnavailable("GET", uri, "*/*");
      for (String method : OTHERS) {
        assertUnavailable(method, uri, "*/*");
        assertUnavailable(method, uri, "text/event-stream");
        assertUnavailable(method, uri, "application/json, text/event-stream");
      }
      assertEquals(200, status("HEAD", uri, "text/event-stream"));
      assertEquals(503, status("HEAD", uri, "*/*"));
      assertEquals(4L + 3 * OTHERS.size(), site.sources.stats().refused());
    }
  }

  @ParameterizedTest
  @EnumSource
  void duringAStopOnlyAnEventSourceIsToldToComeBack(Scheme scheme) throws Exception {
    var called = new AtomicInteger();
    var server = scheme.builder().settings(SETTINGS).build();
    server.get("/", request -> {
      try (var stream = request.getEventSource()) {
        stream.keepAlive();
      }
    });
    for (String method : List.of("POST", "PUT", "DELETE")) {
      server.route(method, "/", request -> {
        called.incrementAndGet();
        request.respond(204);
      });
    }
    server.start();
    try (var open = Client.get(server.uri())) {
      open.awaitText(":\n\n");
      var stop = Thread.ofPlatform().start(() -> server.stop(Duration.ofDays(1)));
      Await.until("the stop began", server.eventSources()::isStopping);
      Await.until("new requests are refused", () -> status("POST", server.uri(), "*/*") == 503);
      int before = called.get();
      for (String method : List.of("POST", "PUT", "DELETE", "PATCH")) {
        assertUnavailable(method, server.uri(), "*/*");
        assertUnavailable(method, server.uri(), "text/event-stream");
        assertUnavailable(method, server.uri(), "application/json, text/event-stream");
      }
      assertEquals(before, called.get());
      assertToldToComeBack("GET", server.uri());
      assertUnavailable("GET", server.uri(), "*/*");
      assertEquals(200, status("HEAD", server.uri(), "text/event-stream"));
      assertEquals(503, status("HEAD", server.uri(), "*/*"));
      assertEquals(1, server.eventSources().dropAll());
      Await.end(stop);
    }
  }

  @Test
  void whoIsRefusedIsToldATimeOfItsOwn() {
    try (var sources = EventSources.create(Settings.defaults().withMaxStreams(1))) {
      sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      var headers = new Headers();
      headers.set("Accept", "text/event-stream");
      var told = new HashSet<String>();
      for (int i = 0; i < 20; i++) {
        var body = new ByteArrayOutputStream();
        var refused = sources.open(MockExchange.with(headers, body));
        refused.close(); // waits until it is written
        told.add(body.toString(UTF_8));
      }
      assertTrue(told.size() > 5, told::toString);
    }
  }

  private static int status(String method, URI uri, String accept) {
    try (var client = Client.send(method, uri, "HTTP/1.1", method.equals("POST") ? "x" : "", "Accept: " + accept)) {
      return client.status();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertToldToComeBack(String method, URI uri) throws IOException {
    try (var client = Client.send(method, uri, "HTTP/1.1", "", "Accept: text/event-stream")) {
      assertEquals(200, client.status());
      assertEquals("retry: 1500\n\n", client.toEnd());
    }
  }

  private static void assertUnavailable(String method, URI uri, String accept) throws IOException {
    boolean hasBody = !method.equalsIgnoreCase("GET") && !method.equals("DELETE");
    try (var client = Client.send(method, uri, "HTTP/1.1", hasBody ? "body" : "", "Accept: " + accept)) {
      assertEquals(503, client.status(), method + " " + accept);
      assertEquals("2", client.headers().get("Retry-After"));
      assertEquals("close", client.headers().get("Connection"));
      assertEquals("text/plain; charset=utf-8", client.headers().get("Content-Type"));
      assertFalse(client.toEnd().contains("retry:"));
    }
  }

  // The Accept header.

  private static boolean isEventSource(List<String> accept) {
    var headers = new Headers();
    headers.put("Accept", new ArrayList<>(accept));
    return Refusal.isEventSource(MockExchange.with(headers, OutputStream.nullOutputStream()));
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "text/event-stream",
    "Text/Event-STREAM",
    "application/json, text/event-stream",
    "application/json,text/event-stream,*/*",
    " text/event-stream ; q=0.5",
    "text/event-stream;q=1",
    "text/event-stream;q=0.001",
    "text/event-stream;charset=utf-8",
    "text/event-stream;q=0, text/event-stream"
  })
  void thisAcceptsAStream(String accept) {
    assertTrue(isEventSource(List.of(accept)));
    assertTrue(isEventSource(List.of("text/html", accept)));
    assertTrue(isEventSource(List.of(accept, "text/html")));
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "",
    ",",
    ";",
    ",;,;;",
    "*/*",
    "text/*",
    "text/html",
    "text/event-stream2",
    "x-text/event-stream",
    "text/event-stream;q=0",
    "text/event-stream; Q=0.000 ",
    "text/event-stream;charset=utf-8;q=0.",
    "text/event-stream; q=0 ; x=y",
    "text/html;x=text/event-stream"
  })
  void thisDoesNot(String accept) {
    assertFalse(isEventSource(List.of(accept)));
    assertFalse(isEventSource(List.of("text/html", accept)));
  }

  @Test
  void withoutAcceptItIsNoEventSource() {
    assertFalse(Refusal.isEventSource(MockExchange.with(new Headers(), OutputStream.nullOutputStream())));
  }

  /** The work is linear in the length of the header, which may have 380 KB, whatever it contains. */
  @ParameterizedTest
  @ValueSource(strings = {",", ";", " ", "\t;", "q", "q=0.0", "0", "text/event-stream;", "text/event-stream;q=0,", "text/event-stream; q=0.0"})
  void theWorkIsLinear(String repeated) {
    String start = "text/event-stream;q=0.0";
    var small = List.of(start + repeated.repeat(64 * 1024 / repeated.length()));
    var large = List.of(start + repeated.repeat(1024 * 1024 / repeated.length()));
    ProcessorTime.assertLinear(() -> isEventSource(small), () -> isEventSource(large));
  }
}
