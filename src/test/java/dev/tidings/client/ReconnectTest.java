package dev.tidings.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Await;
import dev.tidings.Event;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** When a client reconnects, with which id, and when it gives up; on a manual clock. */
class ReconnectTest {
  private static final Duration S = Duration.ofSeconds(1);
  private static final Duration BOUND = Duration.ofDays(365);
  private static final RandomGenerator RANDOM = () -> 0L; // no delay is reduced

  private final ManualTime time = new ManualTime();

  private EventClient build(EventClient.Builder builder) {
    return builder.build(time, RANDOM);
  }

  /** Receives events on a thread of its own until the client ends; an exception is the last element. */
  private static BlockingQueue<Object> receive(EventClient client) {
    var received = new LinkedBlockingQueue<Object>();
    Thread.ofVirtual().start(() -> {
      try {
        for (Optional<Event> event; (event = client.next()).isPresent(); ) {
          received.add(event.get().data().orElseThrow());
        }
        received.add("ended");
      } catch (EventClientException | InterruptedException e) {
        received.add(e);
      }
    });
    return received;
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static EventClientException failure(BlockingQueue<Object> received) throws InterruptedException {
    return assertInstanceOf(EventClientException.class, Await.next("the failure", received));
  }

  @ParameterizedTest
  @ValueSource(strings = {"end", "reset", "chunk"})
  void afterTheEndOfAStreamItContinuesAfterTheLastEventOnceTheReconnectionTimeHasPassed(String how) throws Exception {
    RawServer.Answer first = exchange -> {
      boolean isChunked = how.equals("chunk");
      exchange.head("200 OK", "Content-Type: text/event-stream", isChunked ? "Transfer-Encoding: chunked" : "X: y");
      exchange.send((isChunked ? "1e\r\n" : "") + "id: 1\ndata: one\n\nid: 2\ndata: two");
    };
    try (var server = new RawServer(first, RawServer.stream("data: three\n\n")); var client = build(EventClient.builder(server.uri()))) {
      var received = receive(client);
      assertEquals("one", Await.next("one", received));
      var exchange = server.next();
      assertEquals("", exchange.header("Last-Event-ID"));
      if (how.equals("reset")) {
        exchange.reset();
      } else {
        exchange.close();
      }
      time.awaitWait(S.multipliedBy(3));
      time.advance(Duration.ofMillis(2999));
      assertEquals(0, server.waiting());
      time.advance(Duration.ofMillis(1));
      assertEquals("1", server.next().header("Last-Event-ID")); // the incomplete event is discarded
      assertEquals("three", Await.next("three", received));
    }
  }

  @Test
  void theServerSetsTheReconnectionTimeWithinTheLimit() throws Exception {
    try (var server = new RawServer(RawServer.ending("retry: 700\n\n:\n\n"), RawServer.ending("data: x\n\n"), RawServer.ending("retry: 99999999999999999999\n:\n\n"), RawServer.stream("data: y\n\n"));
        var client = build(EventClient.builder(server.uri()).retry(S).maxRetry(S.multipliedBy(90)))) {
      var received = receive(client);
      time.awaitWait(Duration.ofMillis(700));
      time.advance(Duration.ofMillis(700));
      assertEquals("x", Await.next("x", received));
      time.awaitWait(Duration.ofMillis(700)); // it holds for later streams too
      time.advance(Duration.ofMillis(700));
      time.awaitWait(S.multipliedBy(90));
      time.advance(S.multipliedBy(90));
      assertEquals("y", Await.next("y", received));
    }
  }

  @Test
  void eachFailedAttemptDoublesTheDelayAndAStreamThatBringsSomethingResetsIt() throws Exception {
    var fails = RawServer.status("500 Error"); // HttpClient itself repeats a GET that gets no answer at all
    try (var server = new RawServer(RawServer.ending("data: x\n\n"), fails, RawServer.status("503 Busy"), RawServer.ending("retry: 1000\n\n"), fails, RawServer.ending(":\n\n"), RawServer.stream("data: y\n\n"));
        var client = build(EventClient.builder(server.uri()).retry(S))) {
      var received = receive(client);
      assertEquals("x", Await.next("x", received));
      for (int seconds : new int[] {1, 2, 4, 8, 16, 1}) {
        // After a failure the delay is random, from half to all of it; a stream that brings nothing has failed.
        time.awaitWait(seconds == 1 ? S : S.multipliedBy(seconds / 2), S.multipliedBy(seconds));
        time.advance(S.multipliedBy(seconds));
      }
      assertEquals("y", Await.next("y", received));
    }
  }

  @Test
  void theDelayIsRandomAndLimited() {
    var random = RandomGenerator.of("L64X128MixRandom");
    var most = Duration.ofMinutes(5);
    for (int failures = 1; failures < 100; failures++) {
      long longest = Math.min(30_000, 1000L << Math.min(failures, 20));
      long least = Long.MAX_VALUE;
      long greatest = 0;
      for (int i = 0; i < 200; i++) {
        long millis = Backoff.delay(failures, S, most, random).toMillis();
        least = Math.min(least, millis);
        greatest = Math.max(greatest, millis);
      }
      assertTrue(least >= longest / 2 && least < longest * 6 / 10, least + " of " + longest);
      assertTrue(greatest <= longest && greatest > longest * 9 / 10, greatest + " of " + longest);
    }
    assertEquals(Duration.ZERO, Backoff.delay(0, Duration.ZERO, most, random));
    assertTrue(Backoff.delay(1, Duration.ZERO, most, random).toMillis() >= 100); // no loop without a pause
    assertTrue(Backoff.delay(9, Duration.ofMinutes(2), most, random).toMillis() >= 60_000); // not less than the server wants
    assertEquals(most, Backoff.delay(0, Duration.ofSeconds(Long.MAX_VALUE), most, random));
    assertTrue(Backoff.delay(50, Duration.ofSeconds(Long.MAX_VALUE), most, random).compareTo(most) <= 0);
    var unlimited = Duration.ofSeconds(Long.MAX_VALUE);
    for (int failures : new int[] {0, 1, 2, 40}) {
      assertTrue(Backoff.delay(failures, unlimited, unlimited, random).toDays() > 18_000);
    }
  }

  @ParameterizedTest
  @CsvSource({"7,7", "0,0", "007,7", "99999999999999999999999,9223372036854775", "-1,0", "x,0", "'',0", "1.5,0", "'Sat, 28 Nov 2026 12:00:09 GMT',9", "'Sat, 28 Nov 2026 11:00:00 GMT',0", "'Sun, 28 Nov 2026 12:00:09 GMT',0"})
  void retryAfterIsSecondsOrADate(String value, long seconds) {
    assertEquals(seconds, Backoff.retryAfter(value, Instant.parse("2026-11-28T12:00:00Z")).toSeconds());
  }

  @ParameterizedTest
  @ValueSource(strings = {"408 Request Timeout", "429 Too Many Requests", "500 Error", "502 Bad Gateway", "503 Busy", "504 Timeout", "599 Other"})
  void statusesThatMayPassAreTriedAgainAsRetryAfterSays(String status) throws Exception {
    try (var server = new RawServer(RawServer.status(status, "Retry-After: 60"), RawServer.status(status, "Retry-After: Sat, 28 Nov 2026 12:02:00 GMT"), RawServer.status(status, "Retry-After: 86400"), RawServer.stream("data: x\n\n"));
        var client = build(EventClient.builder(server.uri()).lastEventId("7").responseTimeout(S))) {
      var received = receive(client);
      time.awaitWait(S.multipliedBy(60));
      time.advance(S.multipliedBy(60));
      time.awaitWait(S.multipliedBy(60)); // the clock shows 12:01
      time.advance(S.multipliedBy(60));
      time.awaitWait(Duration.ofMinutes(5)); // maxRetry
      time.advance(Duration.ofMinutes(5));
      assertEquals("x", Await.next("x", received));
      for (int i = 0; i < 4; i++) {
        assertEquals("7", server.next().header("Last-Event-ID"));
      }
    }
  }

  @Test
  void aServerThatIsNotThereYetIsTriedAgain() throws Exception {
    int port = freePort();
    try (var client = build(EventClient.builder(URI.create("http://127.0.0.1:" + port + "/")))) {
      var received = receive(client);
      time.awaitWait(S.multipliedBy(3), S.multipliedBy(6));
      try (var _ = new RawServer(port, RawServer.stream("data: x\n\n"))) {
        time.advance(S.multipliedBy(6));
        assertEquals("x", Await.next("x", received));
      }
    }
  }

  @Test
  void afterNoContentOrAnotherStatusOfARequestThatResumesTheClientEnds() throws Exception {
    for (String status : List.of("204 No Content", "404 Not Found")) {
      try (var server = new RawServer(RawServer.ending("data: x\n\n"), RawServer.status(status, status.startsWith("204") ? "X: y" : "Content-Length: 0"));
          var client = build(EventClient.builder(server.uri()).retry(Duration.ZERO))) {
        var received = receive(client);
        assertEquals("x", Await.next("x", received));
        if (status.startsWith("204")) {
          assertEquals("ended", Await.next("the end", received));
        } else {
          assertEquals(404, failure(received).status().orElseThrow());
        }
        assertTrue(client.isEnded());
      }
    }
  }

  // Limits.

  @Test
  void itGivesUpAfterTheLargestNumberOfAttempts() throws Exception {
    try (var server = new RawServer(RawServer.ending("data: x\n\n"), RawServer.status("503 Busy")); var client = build(EventClient.builder(server.uri()).maxAttempts(3))) {
      var received = receive(client);
      assertEquals("x", Await.next("x", received));
      for (int i = 0; i < 3; i++) {
        time.awaitWait(S.multipliedBy(3), S.multipliedBy(30));
        time.advance(S.multipliedBy(30));
      }
      var thrown = failure(received);
      assertTrue(thrown.getMessage().contains(": gave up after 3 attempts (maxAttempts)"), thrown.getMessage());
      assertEquals(503, thrown.status().orElseThrow());
      assertEquals(4, server.waiting());
    }
  }

  @Test
  void itGivesUpAfterTheLongestOutage() throws Exception {
    try (var server = new RawServer(RawServer.ending("data: x\n\n"), RawServer.ending("data: y\n\n"), RawServer.Exchange::close);
        var client = build(EventClient.builder(server.uri()).maxOutage(Duration.ofMinutes(1)))) {
      var received = receive(client);
      for (String data : List.of("x", "y")) {
        assertEquals(data, Await.next(data, received));
        time.awaitWait(S.multipliedBy(3));
        time.advance(S.multipliedBy(30));
      }
      time.awaitWait(S.multipliedBy(3), S.multipliedBy(6)); // 30 s have passed since y
      time.advance(S.multipliedBy(25));
      var thrown = failure(received);
      assertTrue(thrown.getMessage().contains(": gave up after PT1M without a stream (maxOutage)"), thrown.getMessage());
    }
  }

  @Test
  void theTimeInWhichAStreamIsOpenIsNoOutageEvenIfItIsQuiet() throws Exception {
    try (var server = new RawServer(RawServer.stream("")); var client = build(EventClient.builder(server.uri()).maxOutage(Duration.ofMinutes(1)).maxSilence(Duration.ofMinutes(2)))) {
      var received = receive(client);
      for (int i = 0; i < 3; i++) {
        var exchange = server.next();
        time.awaitWait(Duration.ofMinutes(2));
        time.advance(S.multipliedBy(70)); // a proxy ends it
        exchange.close();
        if (i < 2) {
          time.awaitWait(S.multipliedBy(3), S.multipliedBy(30));
          time.advance(S.multipliedBy(25));
        }
      }
      var thrown = failure(received); // after 50 s in pauses, and another one
      assertTrue(thrown.getMessage().contains(": gave up after PT1M without a stream (maxOutage)"), thrown.getMessage());
    }
  }

  @Test
  void timeInWhichAStreamIsSilentForTooLongIsAnOutage() throws Exception {
    try (var server = new RawServer(RawServer.stream("")); var client = build(EventClient.builder(server.uri()).maxOutage(Duration.ofMinutes(1)).maxSilence(Duration.ofMinutes(2)))) {
      var received = receive(client);
      time.awaitWait(Duration.ofMinutes(2));
      time.advance(Duration.ofMinutes(2));
      failure(received);
    }
  }

  @Test
  void withoutReconnectingACleanEndEndsTheClientAndAFailureIsAnException() throws Exception {
    try (var server = new RawServer(RawServer.ending("data: x\n\n")); var client = build(EventClient.builder(server.uri()).reconnect(false))) {
      var received = receive(client);
      assertEquals("x", Await.next("x", received));
      assertEquals("ended", Await.next("the end", received));
    }
    RawServer.Answer broken = exchange -> exchange.head("200 OK", "Content-Type: text/event-stream", "Content-Length: 1000").send("data: x\n\n").close();
    for (RawServer.Answer answer : List.of(broken, RawServer.status("503 Busy", "Content-Length: 0"))) {
      try (var server = new RawServer(answer); var client = build(EventClient.builder(server.uri()).reconnect(false))) {
        var received = receive(client);
        if (answer == broken) {
          assertEquals("x", Await.next("x", received));
        }
        failure(received);
        assertEquals(1, server.waiting());
      }
    }
  }

  // Silence.

  @Test
  void aStreamThatIsSilentForTooLongIsDroppedAndCommentsCount() throws Exception {
    try (var server = new RawServer(RawServer.stream("id: 1\ndata: x\n\n"), RawServer.stream("data: y\n\n"));
        var client = build(EventClient.builder(server.uri()).maxSilence(S.multipliedBy(45)))) {
      var received = receive(client);
      assertEquals("x", Await.next("x", received));
      var exchange = server.next();
      for (int i = 0; i < 3; i++) {
        time.awaitWait(S.multipliedBy(45));
        time.advance(S.multipliedBy(44));
        exchange.send(":\n");
      }
      time.awaitWait(S.multipliedBy(45));
      time.advance(S.multipliedBy(45));
      exchange.awaitClosed();
      time.awaitWait(S.multipliedBy(3));
      time.advance(S.multipliedBy(3));
      assertEquals("y", Await.next("y", received));
      assertEquals("1", server.next().header("Last-Event-ID"));
    }
  }

  @Test
  void timeInWhichNobodyReadIsNoSilenceOfTheServer() throws Exception {
    try (var server = new RawServer(RawServer.stream("data: x\n\n")); var http = HttpClient.newHttpClient()) {
      var connection = new Connection(http, HttpRequest.newBuilder(server.uri()).build(), time);
      assertEquals(200, connection.head(Time.NEVER).statusCode());
      assertEquals(Connection.Arrival.CHUNK, connection.await(Time.NEVER));
      time.advance(Duration.ofHours(1)); // nothing else was requested
      connection.take();
      assertEquals(time.now(), connection.lastArrival());
      connection.cancel();
    }
  }

  @Test
  void aServerThatNeverAnswersIsAFailedAttempt() throws Exception {
    try (var server = new RawServer(exchange -> {}, RawServer.stream("data: x\n\n")); var client = build(EventClient.builder(server.uri()).responseTimeout(S.multipliedBy(20)))) {
      var received = receive(client);
      var exchange = server.next();
      time.awaitWait(S.multipliedBy(20));
      time.advance(S.multipliedBy(20));
      exchange.awaitClosed();
      time.awaitWait(S.multipliedBy(3), S.multipliedBy(6));
      time.advance(S.multipliedBy(6));
      assertEquals("x", Await.next("x", received));
    }
  }

  @Test
  void textOfARefusalIsNotWaitedForWithoutLimit() throws Exception {
    try (var server = new RawServer(exchange -> exchange.head("404 Not Found", "Content-Length: 100").send("not found")); var client = build(EventClient.builder(server.uri()))) {
      var received = receive(client);
      server.next();
      time.awaitWait(Duration.ofMinutes(1));
      Await.until("the text has arrived", () -> {
        time.advance(Duration.ofMinutes(1)); // the text may arrive after the deadline of the first wait
        return !received.isEmpty();
      });
      assertEquals(404, failure(received).status().orElseThrow());
    }
  }

  // A request with a body.

  @Test
  void aPostIsSentOnceAndTheEndOfItsStreamEndsTheClient() throws Exception {
    try (var server = new RawServer(RawServer.ending("data: answer\n\n")); var client = build(EventClient.builder(server.uri()).post("question ü", "text/plain; charset=utf-8"))) {
      var received = receive(client);
      assertEquals("answer", Await.next("the answer", received));
      assertEquals("ended", Await.next("the end", received));
      var request = server.next();
      assertEquals("POST / HTTP/1.1", request.requestLine());
      assertEquals("question ü", request.body());
      assertEquals("text/plain; charset=utf-8", request.header("Content-Type"));
      assertEquals(0, server.waiting());
    }
  }

  @Test
  void aGetWithAnEmptyBodyIsRepeatedLikeOneWithoutABody() throws Exception {
    try (var server = new RawServer(RawServer.ending("data: x\n\n"), RawServer.stream("data: y\n\n"));
        var client = build(EventClient.builder(server.uri()).method("GET", BodyPublishers.noBody()).retry(Duration.ZERO))) {
      var received = receive(client);
      assertEquals("x", Await.next("x", received));
      assertEquals("y", Await.next("y", received));
      assertEquals("", server.next().header("Content-Length"));
    }
  }

  @Test
  void aPostThatMayHaveBeenSentIsNeverRepeated() throws Exception {
    RawServer.Answer broken = exchange -> exchange.head("200 OK", "Content-Type: text/event-stream", "Content-Length: 1000").send("data: x\n\n").close();
    RawServer.Answer busy = RawServer.status("503 Busy", "Content-Length: 0", "Retry-After: 1");
    for (RawServer.Answer answer : List.of(broken, busy, RawServer.Exchange::close, RawServer.Exchange::reset)) {
      try (var server = new RawServer(answer); var client = build(EventClient.builder(server.uri()).post("question", "text/plain"))) {
        var received = receive(client);
        if (answer == broken) {
          assertEquals("x", Await.next("x", received));
        }
        var thrown = failure(received);
        assertEquals(answer == busy, thrown.status().isPresent());
        server.next();
        assertEquals(0, server.waiting());
      }
    }
  }

  @Test
  void aPostThatWasRedirectedIsNotRepeatedIfTheTargetCannotBeReached() throws Exception {
    int port = freePort();
    try (var server = new RawServer(RawServer.status("303 See Other", "Location: http://127.0.0.1:" + port + "/")); var client = build(EventClient.builder(server.uri()).post("question", "text/plain"))) {
      var received = receive(client);
      assertTrue(failure(received).getMessage().contains("ConnectException"));
      server.next();
      assertEquals(0, server.waiting());
    }
  }

  @Test
  void aPostThatWasCertainlyNotSentIsTriedAgain() throws Exception {
    int port = freePort();
    try (var client = build(EventClient.builder(URI.create("http://127.0.0.1:" + port + "/")).post("question", "text/plain"))) {
      var received = receive(client);
      time.awaitWait(S.multipliedBy(3), S.multipliedBy(6));
      try (var server = new RawServer(port, RawServer.ending("data: answer\n\n"))) {
        time.advance(S.multipliedBy(6));
        assertEquals("answer", Await.next("the answer", received));
        assertEquals("question", server.next().body());
      }
    }
  }

  // The last event id.

  @Test
  void anIdThatCannotBeSentUnchangedIsAnExceptionAndNotAnotherId() throws Exception {
    for (String id : List.of("\u2026", "é", "a\u0001b")) {
      try (var server = new RawServer(RawServer.ending("id: " + id + "\ndata: x\n\n")); var client = build(EventClient.builder(server.uri()).retry(Duration.ZERO))) {
        var received = receive(client);
        assertEquals("x", Await.next("x", received));
        var thrown = failure(received);
        assertTrue(thrown.getMessage().endsWith("a last event id must be ASCII without controls, to be sent in a header"), thrown.getMessage());
        assertEquals(Optional.of(id), client.lastEventId());
        server.next();
        assertEquals(0, server.waiting());
      }
    }
  }

  @Test
  void anIdWithoutDataIsSentToo() throws Exception {
    try (var server = new RawServer(RawServer.ending("event: tidings:position\nid: 5\ndata: \n\nid: 6\n\nid: 7\n"), RawServer.ending("id\n\ndata: x\n\n"), RawServer.stream("data: y\n\n"));
        var client = build(EventClient.builder(server.uri()).retry(Duration.ZERO))) {
      var received = receive(client);
      assertEquals("x", Await.next("x", received));
      assertEquals("y", Await.next("y", received));
      server.next();
      assertEquals("6", server.next().header("Last-Event-ID")); // that of the block that was not ended is discarded
      assertFalse(server.next().head().contains("Last-Event-ID"));
    }
  }

  @Test
  void afterAFailureOrAnInterruptTheIdOfABlockWithoutAnEventIsKnown() throws Exception {
    try (var server = new RawServer(RawServer.ending("event: tidings:position\nid: 5\ndata: \n\n"), exchange -> exchange.stream().send("id: 6\n\n:\n"), RawServer.status("404 Not Found", "Content-Length: 0"));
        var client = build(EventClient.builder(server.uri()).retry(Duration.ZERO))) {
      var thread = new AtomicReference<>(Thread.currentThread());
      Thread.ofVirtual().start(() -> {
        try {
          server.next();
          server.next();
          time.awaitWait(Duration.ofMinutes(2)); // for more
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
        thread.get().interrupt();
      });
      assertThrows(InterruptedException.class, client::next);
      assertEquals(Optional.of("6"), client.lastEventId());
    }
    try (var server = new RawServer(RawServer.ending("event: tidings:position\nid: 5\ndata: \n\n"), RawServer.status("404 Not Found", "Content-Length: 0"));
        var client = build(EventClient.builder(server.uri()).retry(Duration.ZERO))) {
      failure(receive(client));
      assertEquals(Optional.of("5"), client.lastEventId());
    }
    try (var server = new RawServer(RawServer.ending("event: tidings:position\nid: 5\ndata: \n\n"), RawServer.status("404 Not Found", "Content-Length: 0"));
        var client = build(EventClient.builder(server.uri()).retry(Duration.ZERO))) {
      assertThrows(EventClientException.class, client.iterator()::hasNext);
      assertEquals(Optional.of("5"), client.lastEventId());
    }
  }

  /** Real time that throws an error, once it is told to, when a chunk has been taken and is not yet parsed. */
  private static final class FailingTime implements Time {
    private final Time time = Time.system();
    private final AtomicBoolean fails = new AtomicBoolean();

    @Override
    public long now() {
      if (StackWalker.getInstance().walk(calls -> calls.anyMatch(call -> call.getMethodName().equals("take"))) && fails.getAndSet(false)) {
        throw new OutOfMemoryError("here");
      }
      return time.now();
    }

    @Override
    public Instant instant() {
      return time.instant();
    }

    @Override
    public void await(Object monitor, long deadline) throws InterruptedException {
      time.await(monitor, deadline);
    }
  }

  @Test
  void afterAnErrorNothingIsMissing() throws Exception {
    var failing = new FailingTime();
    try (var server = new RawServer(RawServer.stream("id: 1\ndata: one\n\n"), RawServer.stream("id: 2\ndata: two\n\n"));
        var client = EventClient.builder(server.uri()).retry(Duration.ZERO).build(failing, RANDOM)) {
      assertEquals(Event.of("one").withId("1"), client.next(BOUND).orElseThrow());
      failing.fails.set(true);
      server.next().send("id: 2\ndata: two\n\n");
      assertThrows(OutOfMemoryError.class, () -> client.next(BOUND));
      assertEquals(Optional.of("1"), client.lastEventId());
      assertEquals(Event.of("two").withId("2"), client.next(Duration.ofSeconds(20)).orElseThrow());
      assertEquals("1", server.next().header("Last-Event-ID"));
    }
  }

  @Test
  void afterAnErrorARequestWithABodyIsNotRepeated() throws Exception {
    var failing = new FailingTime();
    try (var server = new RawServer(RawServer.stream("data: one\n\n"));
        var client = EventClient.builder(server.uri()).post("question", "text/plain").build(failing, RANDOM)) {
      assertEquals(Event.of("one"), client.next(BOUND).orElseThrow());
      failing.fails.set(true);
      server.next().send("data: two\n\n");
      assertThrows(OutOfMemoryError.class, () -> client.next(BOUND));
      assertThrows(EventClientException.class, client::next);
      assertEquals(0, server.waiting());
    }
  }

  @Test
  void timeoutsAreReportedWithTheirReason() throws Exception {
    try (var server = new RawServer(exchange -> {}); var client = build(EventClient.builder(server.uri()).reconnect(false))) {
      var received = receive(client);
      time.awaitWait(Duration.ofMinutes(1));
      time.advance(Duration.ofMinutes(1));
      var thrown = failure(received);
      assertInstanceOf(HttpTimeoutException.class, thrown.getCause().getCause());
      assertTrue(thrown.getMessage().endsWith("no response within PT1M"), thrown.getMessage());
    }
  }
}
