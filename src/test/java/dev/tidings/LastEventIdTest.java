package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.net.httpserver.Headers;
import java.io.OutputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The last event id of requests, which is also the one of their streams. */
class LastEventIdTest {
  private final LinkedBlockingQueue<List<Optional<String>>> seen = new LinkedBlockingQueue<>();
  private SseServer server;

  @BeforeEach
  void start() throws Exception {
    start(Settings.defaults());
  }

  private void start(Settings settings) throws Exception {
    server = SseServer.builder().settings(settings).build();
    server.get("/", request -> {
      var ofRequest = request.lastEventId();
      try (var sse = request.getEventSource()) {
        seen.add(List.of(ofRequest, sse.lastEventId()));
      }
    });
    server.start();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private Optional<String> ask(String query, String... headers) throws Exception {
    try (var client = Client.get(URI.create(server.uri() + query), headers)) {
      client.toEnd();
    }
    var both = Await.next("a stream", seen);
    assertEquals(both.getFirst(), both.getLast());
    return both.getFirst();
  }

  @Test
  void itComesFromTheHeaderInUtf8() throws Exception {
    assertEquals(Optional.of("é€\uD83D\uDE00 x"), ask("", "Last-Event-ID: é€\uD83D\uDE00 x"));
    assertEquals(Optional.of("17"), ask("", "last-event-id: 17"));
  }

  @Test
  void elseFromTheQuery() throws Exception {
    assertEquals(Optional.of("17"), ask("?lastEventId=17"));
    assertEquals(Optional.of("é+ &=%\n\0"), ask("?a=b&last%45ventId=%C3%A9%2B+%26=%25%0A%00&lastEventId=second"));
  }

  @Test
  void itsSpacesArePartOfIt() throws Exception {
    assertEquals(Optional.of(" 7 "), ask("?lastEventId=+7%20"));
    assertEquals(Optional.of(" "), ask("?lastEventId=+"));
  }

  @Test
  void theHeaderIsNewerThanTheQueryOfAPageThatReconnects() throws Exception {
    assertEquals(Optional.of("new"), ask("?lastEventId=old", "Last-Event-ID: new"));
  }

  @Test
  void anEmptyOneIsNone() throws Exception {
    assertEquals(Optional.empty(), ask(""));
    assertEquals(Optional.empty(), ask("?lastEventId"));
    assertEquals(Optional.of("7"), ask("?lastEventId&lastEventId=7"));
    assertEquals(Optional.empty(), ask("?lastEventId="));
    assertEquals(Optional.empty(), ask("?lasteventid=1&x=2&=3&&"));
    assertEquals(Optional.empty(), ask("", "Last-Event-ID:"));
    assertEquals(Optional.of("query"), ask("?lastEventId=query", "Last-Event-ID:"));
  }

  @Test
  void itMayBeAsLongAsTheServerTakesIt() throws Exception {
    String id = "€".repeat(3_000) + "x"; // 27 KB in a query; an SseServer accepts 32
    assertEquals(Optional.of(id), ask("", "Last-Event-ID: " + id));
    assertEquals(Optional.of(id), ask("?lastEventId=" + URLEncoder.encode(id, UTF_8)));
  }

  @Test
  void whatIsNotUtf8IsTextTooAndNeverAFailure() throws Exception {
    assertEquals(Optional.of("\uFFFDx"), ask("?lastEventId=%FFx"));
    assertEquals(Optional.of("\uD83D\uFFFD".substring(1)), ask("?lastEventId=%ED"));
    assertEquals(Optional.of("\uFFFDx"), ask("?lastEventId=y", "Last-Event-ID: \uFFFDx"));
    var headers = new Headers();
    headers.set("Last-Event-ID", "\u00FFx"); // a byte that never occurs in UTF-8
    assertEquals(Optional.of("\uFFFDx"), LastEventId.of(MockExchange.with(headers, OutputStream.nullOutputStream()), ""));
  }

  @Test
  void theParameterHasTheNameThatIsSet() throws Exception {
    server.close();
    start(Settings.defaults().withLastEventIdParameter("since ä"));
    assertEquals(Optional.of("1"), ask("?since+%C3%A4=1&lastEventId=2"));
    assertEquals(Optional.empty(), ask("?lastEventId=2"));
    server.close();
    start(Settings.defaults().withLastEventIdParameter(""));
    assertEquals(Optional.empty(), ask("?=2&lastEventId=2"));
  }
}
