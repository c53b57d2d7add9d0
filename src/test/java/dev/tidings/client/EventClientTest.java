package dev.tidings.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Await;
import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.SelfSigned;
import dev.tidings.SseServer;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Opening, receiving and closing, in real time. */
class EventClientTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  private static Event next(EventClient client) throws InterruptedException {
    return client.next(BOUND).orElseThrow(() -> new AssertionError("no event"));
  }

  private static List<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("HttpClient")).toList();
  }

  private static boolean isWaiting(Thread thread) {
    return thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.TIMED_WAITING;
  }

  // Opening.

  @Test
  void aStreamIsOpenOnTheServerWhenOpenReturns() throws Exception {
    try (var server = SseServer.create(0)) {
      server.stream("/", request -> "me", (request, sse) -> {
        sse.sendHeaders();
        sse.keepAlive();
      });
      server.start();
      try (var client = EventClient.open(server.uri())) {
        server.eventSources().getByIdentifier("me").orElseThrow().send("hello");
        assertEquals(Event.of("hello"), next(client));
      }
    }
  }

  @Test
  void ifTheFirstAttemptFailsOpenThrowsAndNothingIsLeft() throws Exception {
    int port;
    try (var server = new RawServer(RawServer.status("204 No Content"))) {
      port = server.port();
    }
    int before = threads().size();
    var thrown = assertThrows(EventClientException.class, () -> EventClient.open(URI.create("http://127.0.0.1:" + port + "/x?secret")));
    assertInstanceOf(ConnectException.class, thrown.getCause().getCause());
    assertTrue(thrown.getMessage().startsWith("http://127.0.0.1:" + port + "/x: cannot connect: "), thrown.getMessage());
    assertTrue(thrown.status().isEmpty());
    Await.until("the thread of its HttpClient has ended", () -> threads().size() <= before);
  }

  @Test
  void anInterruptOfOpenEndsTheClient() throws Exception {
    try (var server = new RawServer(exchange -> {})) {
      int before = threads().size();
      var results = new LinkedBlockingQueue<Class<?>>();
      var thread = Thread.ofVirtual().start(() -> results.add(assertThrows(InterruptedException.class, () -> EventClient.open(server.uri())).getClass()));
      var exchange = server.next();
      thread.interrupt();
      assertEquals(InterruptedException.class, Await.next("the interrupt", results));
      exchange.awaitClosed();
      Await.until("the thread of its HttpClient has ended", () -> threads().size() <= before);
    }
  }

  @Test
  void theRequestHasTheHeadersOfTheStandardAndThoseOfTheApplication() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: x\n\n"))) {
      try (var client = EventClient.builder(server.uri("/a?b=c")).header("Authorization", "Bearer x").lastEventId("7").open()) {
        var request = server.next();
        assertEquals("GET /a?b=c HTTP/1.1", request.requestLine());
        assertEquals("text/event-stream", request.header("Accept"));
        assertEquals("no-store", request.header("Cache-Control"));
        assertEquals("Bearer x", request.header("Authorization"));
        assertEquals("7", request.header("Last-Event-ID"));
        assertEquals("", request.header("Upgrade"));
        assertEquals(Optional.of("7"), client.lastEventId());
      }
      try (var client = EventClient.builder(server.uri()).header("Accept", "application/json, text/event-stream").open()) {
        var request = server.next();
        assertEquals("application/json, text/event-stream", request.header("Accept"));
        assertEquals("", request.header("Last-Event-ID"));
        assertEquals(Optional.empty(), client.lastEventId());
      }
    }
  }

  @Test
  void argumentsAreCheckedBeforeAnythingIsSent() {
    var builder = EventClient.builder(URI.create("http://localhost/"));
    for (String uri : List.of("/", "ftp://localhost/", "http:///x", "mailto:x")) {
      assertThrows(IllegalArgumentException.class, () -> EventClient.builder(URI.create(uri)), uri);
    }
    assertThrows(IllegalArgumentException.class, () -> builder.header("Last-Event-ID", "7"));
    assertThrows(IllegalArgumentException.class, () -> builder.header("a b", "7"));
    assertThrows(IllegalArgumentException.class, () -> builder.header("Host", "x"));
    assertThrows(IllegalArgumentException.class, () -> builder.lastEventId("é"));
    assertThrows(IllegalArgumentException.class, () -> builder.lastEventId("a\nb"));
    assertThrows(IllegalArgumentException.class, () -> builder.responseTimeout(Duration.ZERO));
    assertThrows(IllegalArgumentException.class, () -> builder.maxSilence(Duration.ofSeconds(-1)));
    assertThrows(IllegalArgumentException.class, () -> builder.retry(Duration.ofSeconds(-1)));
    assertThrows(IllegalArgumentException.class, () -> builder.maxAttempts(0));
    assertThrows(IllegalArgumentException.class, () -> builder.maxEventBytes(0));
    assertThrows(IllegalArgumentException.class, () -> builder.build().next(Duration.ofSeconds(-1)));
    try (var following = HttpClient.newBuilder().followRedirects(Redirect.NORMAL).build()) {
      assertThrows(IllegalArgumentException.class, () -> builder.client(following));
    }
  }

  // Responses that are no stream.

  @ParameterizedTest
  @ValueSource(strings = {"400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone", "201 Created", "206 Partial Content", "304 Not Modified", "503 Service Unavailable"})
  void openThrowsTheStatusAndTheBoundedTextOfEveryOtherResponse(String status) throws Exception {
    String text = "no\u001B[2Jthing \u202Ehere " + "x".repeat(10_000);
    int code = Integer.parseInt(status.substring(0, 3));
    boolean hasBody = code != 304;
    try (var server = new RawServer(exchange -> exchange.head(status, "Content-Type: text/plain").send(hasBody ? text : "").close())) {
      var thrown = assertThrows(EventClientException.class, () -> EventClient.open(server.uri()));
      assertEquals(code, thrown.status().orElseThrow());
      assertEquals(hasBody ? text.substring(0, 3998) : "", thrown.body()); // U+202E has three bytes
      String quoted = hasBody ? ": no [2Jthing  here xxx" : "";
      assertTrue(thrown.getMessage().startsWith(server.uri() + ": status " + code + quoted), thrown.getMessage());
      assertTrue(thrown.getMessage().length() < 300, thrown.getMessage());
    }
  }

  @Test
  void theFailureIsThrownByEachCall() throws Exception {
    try (var server = new RawServer(RawServer.status("404 Not Found", "Content-Length: 0"));
        var client = EventClient.builder(server.uri()).build()) {
      assertEquals(404, assertThrows(EventClientException.class, client::next).status().orElseThrow());
      assertEquals(404, assertThrows(EventClientException.class, () -> client.next(Duration.ZERO)).status().orElseThrow());
      assertEquals(404, assertThrows(EventClientException.class, client.iterator()::hasNext).status().orElseThrow());
      assertTrue(client.isEnded());
      assertEquals(1, server.next().head().lines().filter(line -> line.startsWith("GET")).count());
      assertEquals(0, server.waiting());
    }
  }

  /** The files {@code format-mime-*} of web-platform-tests. */
  @ParameterizedTest
  @CsvSource({"text/event-stream,true", "text/event-stream;,true", "text/event-stream; charset=utf-8,true", "TEXT/Event-Stream ;x bogus,true", "text/event-stream;x bogus,true", "x bogus,false", "text/event-streams,false", "text/plain,false", "'',false"})
  void onlyTheContentTypeOfTheStandardIsAStream(String type, boolean isStream) throws Exception {
    try (var server = new RawServer(exchange -> exchange.head("200 OK", type.isEmpty() ? "X: y" : "Content-Type: " + type).send("data: x\n\n"))) {
      if (isStream) {
        try (var client = EventClient.open(server.uri())) {
          assertEquals(Event.of("x"), next(client));
        }
      } else {
        var thrown = assertThrows(EventClientException.class, () -> EventClient.open(server.uri()));
        assertEquals(200, thrown.status().orElseThrow());
        assertEquals(server.uri() + ": the Content-Type is not text/event-stream: " + type, thrown.getMessage());
      }
    }
  }

  @Test
  void aCompressedStreamIsRejected() throws Exception {
    try (var server = new RawServer(exchange -> exchange.head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip"))) {
      var thrown = assertThrows(EventClientException.class, () -> EventClient.open(server.uri()));
      assertEquals(server.uri() + ": the Content-Encoding is not supported: gzip", thrown.getMessage());
    }
  }

  @Test
  void noContentEndsTheClient() throws Exception {
    try (var server = new RawServer(RawServer.status("204 No Content")); var client = EventClient.open(server.uri())) {
      assertTrue(client.isEnded());
      assertEquals(Optional.empty(), client.next());
      assertFalse(client.iterator().hasNext());
    }
  }

  @Test
  void anEventThatIsTooLargeIsAnExceptionThatNamesTheLimit() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: first\n\ndata: " + "x".repeat(5000)));
        var client = EventClient.builder(server.uri()).maxEventBytes(4000).open()) {
      assertEquals(Event.of("first"), next(client));
      var thrown = assertThrows(EventClientException.class, client::next);
      assertEquals("an event is larger than 4000 bytes (maxEventBytes)", thrown.getMessage());
      server.next().awaitClosed();
    }
  }

  // Receiving.

  @Test
  void aTimeoutLosesNoEvent() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: ha")); var client = EventClient.open(server.uri())) {
      var exchange = server.next();
      assertEquals(Optional.empty(), client.next(Duration.ofMillis(20)));
      assertFalse(client.isEnded());
      exchange.send("lf\n\nid: 2\ndata: ");
      assertEquals(Event.of("half"), next(client));
      assertEquals(Optional.empty(), client.lastEventId());
      assertEquals(Optional.empty(), client.next(Duration.ZERO));
      exchange.send("second\n\n");
      assertEquals(Event.of("second").withId("2"), next(client));
      assertEquals(Optional.of("2"), client.lastEventId());
    }
  }

  @Test
  void whatHasArrivedIsReturnedWithoutAWait() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: 1\n\ndata: 2\n\n")); var client = EventClient.open(server.uri())) {
      Await.until("the first has arrived", () -> {
        try {
          return client.next(Duration.ZERO).isPresent();
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
      });
      assertEquals(Optional.of(Event.of("2")), client.next(Duration.ZERO));
    }
  }

  @Test
  void aLoopReceivesAllEventsAndEndsWithTheChannel() throws Exception {
    try (var news = Channel.create(); var server = SseServer.create(0)) {
      server.stream("/", sse -> {
        news.join(sse);
        sse.keepAlive();
      });
      server.start();
      try (var client = EventClient.open(server.uri())) {
        assertEquals(Optional.empty(), client.next(Duration.ofMillis(1))); // the position is no event
        for (int i = 0; i < 100; i++) {
          news.publish(String.valueOf(i));
        }
        news.complete();
        var received = new ArrayList<String>();
        for (Event event : client) {
          received.add(event.data().orElseThrow());
          assertEquals(event.id(), client.lastEventId());
        }
        assertEquals(100, received.size());
        assertEquals("99", received.getLast());
        assertTrue(client.isEnded());
        assertTrue(client.lastEventId().orElseThrow().startsWith("tidings-completed"));
      }
    }
  }

  @Test
  void thePositionOfAChannelIsTheLastEventIdButNoEvent() throws Exception {
    try (var server = new RawServer(RawServer.stream("event: tidings:position\nid: 5\ndata:\n\nevent: gap\nid: 6\ndata: {}\n\nid: 7\n\n:\n\n"));
        var client = EventClient.open(server.uri())) {
      assertEquals(Event.of("gap", "{}").withId("6"), next(client));
      Await.until("the id without data", () -> {
        try {
          return client.next(Duration.ZERO).isEmpty() && client.lastEventId().equals(Optional.of("7"));
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
      });
    }
  }

  @Test
  void completionEndsTheClientWithoutAnotherRequest() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: x\n\nevent: tidings:completed\nid: tidings-completed-5d41f3c8\ndata: \n\n"));
        var client = EventClient.builder(server.uri()).retry(Duration.ZERO).open()) {
      assertEquals(Event.of("x"), next(client));
      assertEquals(Optional.empty(), client.next());
      assertTrue(client.isEnded());
      server.next().awaitClosed();
      assertEquals(0, server.waiting());
    }
  }

  @Test
  void severalThreadsReceiveEachEventOnce() throws Exception {
    int count = 2000;
    var body = new StringBuilder();
    for (int i = 0; i < count; i++) {
      body.append("data: ").append(i).append("\n\n");
    }
    body.append("event: tidings:completed\nid: tidings-completed-5d41f3c8\ndata: \n\n");
    try (var server = new RawServer(RawServer.stream(body.toString())); var client = EventClient.open(server.uri())) {
      var received = new LinkedBlockingQueue<String>();
      var threads = new ArrayList<Thread>();
      for (int i = 0; i < 4; i++) {
        boolean iterates = i % 2 == 0;
        threads.add(Thread.ofVirtual().start(() -> {
          try {
            for (Optional<Event> event; !iterates && (event = client.next()).isPresent(); ) {
              received.add(event.get().data().orElseThrow());
            }
            for (var events = client.iterator(); iterates && events.hasNext(); ) {
              var event = client.next(Duration.ofSeconds(20)); // takes what hasNext has found, or a later one
              event.ifPresent(e -> received.add(e.data().orElseThrow()));
            }
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        }));
      }
      for (Thread thread : threads) {
        Await.end(thread);
      }
      assertEquals(count, received.size());
      assertEquals(count, new HashSet<>(received).size());
    }
  }

  @Test
  void theServerIsReadAsFastAsEventsAreTaken() throws Exception {
    var sent = new AtomicLong();
    try (var server = new RawServer(exchange -> {
          exchange.stream();
          while (true) {
            exchange.send("id: " + sent.incrementAndGet() + "\ndata: " + "x".repeat(10_000) + "\n\n");
          }
        });
        var client = EventClient.open(server.uri())) {
      long stalled = awaitStall(sent);
      assertTrue(stalled < 3000, stalled + " events of 10 KB"); // buffers of the kernel have some MiB
      for (long i = 1; i < stalled + 100; i++) {
        assertEquals(Optional.of(String.valueOf(i)), next(client).id()); // no chunk replaces another one
      }
      Await.until("the server goes on", () -> sent.get() > stalled);
    }
  }

  /** Waits until the server has sent nothing for a while. */
  private static long awaitStall(AtomicLong sent) throws InterruptedException {
    Await.until("it sends", () -> sent.get() > 0);
    for (long before = -1, now; ; before = now) {
      now = sent.get();
      if (now == before) {
        return now;
      }
      Thread.sleep(300);
    }
  }

  // Ending.

  @Test
  void closeWakesAThreadThatWaitsWhateverItWaitsFor() throws Exception {
    try (var silent = new RawServer(RawServer.stream("data: x\n\n")); var mute = new RawServer(exchange -> {}); var away = new RawServer(RawServer.ending(""))) {
      for (var server : List.of(silent, mute, away)) {
        var client = EventClient.builder(server.uri()).retry(Duration.ofHours(1)).maxRetry(Duration.ofHours(1)).build();
        if (server == silent) {
          assertEquals(Event.of("x"), next(client));
        }
        var end = new LinkedBlockingQueue<Optional<Event>>();
        var thread = Thread.ofVirtual().start(() -> {
          try {
            end.add(client.next());
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        });
        var exchange = server.next();
        Await.until("it waits", () -> isWaiting(thread));
        client.close();
        assertEquals(Optional.empty(), Await.next("the end", end));
        assertTrue(client.isEnded());
        assertEquals(Optional.empty(), client.next(Duration.ofSeconds(20)));
        if (server != away) {
          exchange.awaitClosed();
        }
        client.close();
      }
    }
  }

  @Test
  void anInterruptIsAnExceptionOfNextAndLosesNothing() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: ha")); var client = EventClient.open(server.uri())) {
      var interrupted = new LinkedBlockingQueue<Boolean>();
      var inside = new CountDownLatch(1);
      var thread = Thread.ofVirtual().start(() -> {
        inside.countDown();
        assertThrows(InterruptedException.class, client::next);
        interrupted.add(Thread.currentThread().isInterrupted());
      });
      Await.latch("the thread", inside);
      Await.until("it waits", () -> isWaiting(thread));
      thread.interrupt();
      assertFalse(Await.next("the exception", interrupted));
      assertFalse(client.isEnded());
      server.next().send("lf\n\n");
      assertEquals(Event.of("half"), next(client));
    }
  }

  @Test
  void anInterruptEndsALoopAndTheStatusStays() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: 1\n\ndata: 2\n\n")); var client = EventClient.open(server.uri())) {
      var received = new LinkedBlockingQueue<Object>();
      var thread = Thread.ofVirtual().start(() -> {
        for (Event event : client) {
          received.add(event.data().orElseThrow());
        }
        received.add(Thread.currentThread().isInterrupted());
      });
      assertEquals("1", Await.next("1", received));
      assertEquals("2", Await.next("2", received));
      Await.until("it waits", () -> isWaiting(thread));
      thread.interrupt();
      assertEquals(true, Await.next("the end", received));
      assertFalse(client.isEnded());
      server.next().send("data: 3\n\n");
      assertEquals(Event.of("3"), next(client));
    }
  }

  @Test
  void anEventThatHasNextHasFoundIsReturnedDespiteAnInterrupt() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: 1\n\n")); var client = EventClient.open(server.uri())) {
      var events = client.iterator();
      assertTrue(events.hasNext());
      Thread.currentThread().interrupt();
      assertEquals(Event.of("1"), events.next());
      assertTrue(Thread.interrupted());
    }
  }

  @Test
  void anInterruptEndsTheWaitOfAnIteratorForAnotherThread() throws Exception {
    try (var server = new RawServer(RawServer.stream("")); var client = EventClient.open(server.uri())) {
      var first = Thread.ofVirtual().start(() -> client.iterator().hasNext());
      Await.until("it waits for an event", () -> isWaiting(first));
      var results = new LinkedBlockingQueue<Boolean>();
      var second = Thread.ofVirtual().start(() -> {
        assertThrows(NoSuchElementException.class, client.iterator()::next);
        results.add(Thread.currentThread().isInterrupted());
      });
      Await.until("it waits for the first thread", () -> isWaiting(second));
      second.interrupt();
      assertTrue(Await.next("the exception", results));
    }
  }

  @Test
  void clientsThatWaitInTheCommonPoolDoNotKeepOthersFromFailing() throws Exception {
    int port;
    try (var server = new RawServer(RawServer.stream(""))) {
      port = server.port();
    }
    var clients = new ArrayList<EventClient>();
    try (var server = new RawServer(RawServer.stream(""))) {
      for (int i = 0; i < ForkJoinPool.getCommonPoolParallelism(); i++) {
        var client = EventClient.open(server.uri());
        clients.add(client);
        var inside = new AtomicReference<Thread>();
        ForkJoinPool.commonPool().execute(() -> {
          inside.set(Thread.currentThread());
          client.iterator().hasNext();
        });
        Await.until("it waits", () -> inside.get() != null && isWaiting(inside.get()));
      }
      var failed = new LinkedBlockingQueue<EventClientException>();
      var thread = Thread.ofVirtual().start(() -> failed.add(assertThrows(EventClientException.class, () -> EventClient.open(URI.create("http://127.0.0.1:" + port + "/")))));
      assertTrue(Await.next("the failure", failed).getMessage().contains("ConnectException"));
      Await.end(thread);
    } finally {
      clients.forEach(EventClient::close);
    }
  }

  @Test
  void aClientWhoseHttpClientIsClosedFails() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: x\n\n")); var http = HttpClient.newHttpClient();
        var client = EventClient.builder(server.uri()).client(http).retry(Duration.ZERO).open()) {
      assertEquals(Event.of("x"), next(client));
      http.shutdownNow();
      assertThrows(EventClientException.class, () -> client.next(BOUND));
      assertTrue(client.isEnded());
    }
  }

  @Test
  void nothingIsLeftOfClosedClients() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: x\n\n"))) {
      int before = threads().size();
      var exchanges = new ArrayList<RawServer.Exchange>();
      for (int i = 0; i < 20; i++) {
        var client = EventClient.open(server.uri());
        if (i % 2 == 0) {
          next(client);
        }
        exchanges.add(server.next());
        assertTrue(threads().size() > before);
        client.close();
      }
      for (var exchange : exchanges) {
        exchange.awaitClosed();
      }
      Await.until("their threads have ended", () -> threads().size() <= before);
    }
  }

  @Test
  void anHttpClientOfTheApplicationStaysOpen() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: x\n\n"), RawServer.stream("data: y\n\n"), exchange -> exchange.head("200 OK", "Content-Length: 2").send("ok"));
        var http = HttpClient.newHttpClient()) {
      for (String data : List.of("x", "y")) {
        try (var client = EventClient.builder(server.uri()).client(http).open()) {
          assertEquals(Event.of(data), next(client));
        }
        server.next().awaitClosed();
      }
      assertEquals("ok", http.send(HttpRequest.newBuilder(server.uri()).build(), BodyHandlers.ofString()).body());
    }
  }

  @Test
  void anHttpClientOfTheApplicationBringsItsTls() throws Exception {
    try (var server = SseServer.builder().tls(SelfSigned.context()).build(); var http = HttpClient.newBuilder().sslContext(SelfSigned.context()).build()) {
      server.stream("/", sse -> {
        sse.send("secret");
        sse.keepAlive();
      });
      server.start();
      try (var client = EventClient.builder(server.uri()).client(http).open()) {
        assertEquals(Event.of("secret"), next(client));
      }
      assertThrows(EventClientException.class, () -> EventClient.open(server.uri()));
    }
  }

  @Test
  void iteratorsOfOneClientTakeFromTheSameStream() throws Exception {
    try (var server = new RawServer(RawServer.stream("id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\n")); var client = EventClient.open(server.uri())) {
      var events = client.iterator();
      assertTrue(events.hasNext());
      assertEquals(Optional.empty(), client.lastEventId()); // not returned yet
      assertEquals(Optional.of("1"), client.next().orElseThrow().data());
      assertEquals(Optional.of("1"), client.lastEventId());
      assertEquals(Optional.of("2"), events.next().data());
      assertEquals(List.of("3"), StreamSupport.stream(client.spliterator(), false).limit(1).map(e -> e.data().orElseThrow()).toList());
    }
  }
}
