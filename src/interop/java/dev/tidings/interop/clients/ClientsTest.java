package dev.tidings.interop.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertIterableEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.SelfSigned;
import dev.tidings.Settings;
import dev.tidings.SseServer;
import dev.tidings.interop.Child;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import dev.tidings.interop.clients.Clients.Habit;
import dev.tidings.interop.clients.Scenarios.Message;
import dev.tidings.interop.clients.Scenarios.Visit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Runs every scenario with every client. */
@Timeout(60)
class ClientsTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  private static Scenarios scenarios;

  @BeforeAll
  static void start() throws Exception {
    scenarios = new Scenarios();
  }

  @AfterAll
  static void stop() {
    scenarios.close();
  }

  @ParameterizedTest
  @EnumSource
  void receives(Clients client) throws Exception {
    receives(client, client.client, scenarios);
    String check = "receives every event: names, data, line breaks, UTF-8, 100,000 characters, ids";
    passed(client, check, "", Habit.TELLS_OWN_IDS, Habit.TRIMS, Habit.LOSES_EMPTY_LINES);
  }

  private static void receives(Clients client, SseClient variant, Scenarios scenarios) throws Exception {
    var inbox = Inbox.open();
    try (var _ = variant.open(scenarios.uri("/receive", run("/receive", client)), inbox)) {
      var expected = client.asTold(Scenarios.EXPECTED);
      assertIterableEquals(expected, inbox.take(expected.size()));
    }
  }

  @ParameterizedTest
  @EnumSource
  void resumes(Clients client) throws Exception {
    var inbox = Inbox.open();
    List<Message> messages;
    try (var _ = client.client.open(uri("/resume", client), inbox)) {
      messages = inbox.takeWithoutPositions(Scenarios.RESUMED);
    }
    assertEquals(numbers(Scenarios.RESUMED), messages.stream().map(Message::data).toList());
    var expected = new ArrayList<>(List.of(Optional.<String>empty()));
    for (int cut = Scenarios.LIVE; cut < Scenarios.RESUMED; cut += Scenarios.MISSED + Scenarios.LIVE) {
      expected.add(Optional.of(messages.get(cut - 1).lastEventId()));
    }
    assertEquals(expected, lastEventIds(visits("/resume", client)).limit(Scenarios.VISITS).toList());
    passed(client, "resumes after the stream was ended three times: 75 events, exactly once and in order", "", Habit.DOES_NOT_RETURN);
  }

  private static List<String> numbers(int count) {
    return IntStream.rangeClosed(1, count).mapToObj(String::valueOf).toList();
  }

  private static Stream<Optional<String>> lastEventIds(List<Visit> visits) {
    return visits.stream().map(visit -> Optional.ofNullable(visit.lastEventId));
  }

  @ParameterizedTest
  @EnumSource
  void resumesFromBeforeTheFirstEvent(Clients client) throws Exception {
    var inbox = Inbox.open();
    try (var _ = client.client.open(uri("/early", client), inbox)) {
      var expected = numbers(Scenarios.MISSED + 1);
      assertEquals(expected, inbox.takeWithoutPositions(expected.size()).stream().map(Message::data).toList());
    }
    assertNotNull(visits("/early", client).get(1).lastEventId);
    assertEquals(client.has(Habit.TELLS_POSITION), inbox.sawPosition());
    String check = "reconnects after the stream was ended before its first event, and receives the events published meanwhile";
    passed(client, check, "", Habit.DOES_NOT_RETURN, Habit.TELLS_POSITION);
  }

  @ParameterizedTest
  @EnumSource
  void givesBackAnyId(Clients client) throws Exception {
    var inbox = Inbox.open();
    var connection = client.client.open(uri("/id", client), inbox);
    inbox.take(1);
    if (client.has(Habit.TRIES_IN_VAIN) || client.has(Habit.THROWS)) {
      assertFalse(comesTrue(Scenarios.RETRY.multipliedBy(6), () -> visits("/id", client).size() > 1));
    } else {
      await(() -> visits("/id", client).size() > 1);
      assertEquals(Scenarios.UNICODE_ID, visits("/id", client).get(1).lastEventId);
    }
    if (client.has(Habit.THROWS)) {
      var failure = assertThrows(AssertionError.class, connection::close);
      assertInstanceOf(IllegalArgumentException.class, failure.getCause());
    } else {
      connection.close();
    }
    String check = "sends an id that is not Latin-1 in `Last-Event-ID` when it reconnects";
    passed(client, check, "", Habit.DOES_NOT_RETURN, Habit.TRIES_IN_VAIN, Habit.THROWS);
  }

  @ParameterizedTest
  @EnumSource
  void returnsWhenTheServerEndsTheStream(Clients client) throws Exception {
    var inbox = Inbox.open();
    List<Message> messages;
    try (var _ = client.client.open(uri("/end", client), inbox)) {
      messages = inbox.take(Scenarios.VISITS);
    }
    assertEquals(
        IntStream.rangeClosed(1, Scenarios.VISITS).mapToObj(i -> "visit " + i).toList(),
        messages.stream().map(Message::data).toList());
    var visits = visits("/end", client);
    long shortest =
        IntStream.range(1, Scenarios.VISITS)
            .mapToLong(i -> visits.get(i).nanos - visits.get(i - 1).nanos)
            .min()
            .orElseThrow()
            / 1_000_000;
    long retry = client.has(Habit.WAITS_500_MS) ? 500 : Scenarios.RETRY.toMillis();
    long least = client.has(Habit.JITTER) ? retry / 2 : retry;
    assertTrue(least <= shortest && shortest < 4 * retry, shortest + " ms");
    String check = "reconnects after the end of a stream, when the time of `retry:` has passed";
    String measured = "after " + shortest + " ms; reconnection time " + retry + " ms";
    passed(client, check, measured, Habit.DOES_NOT_RETURN, Habit.JITTER, Habit.WAITS_500_MS);
  }

  @ParameterizedTest
  @EnumSource
  void learnsThatTheHandlerFailed(Clients client) throws Exception {
    var inbox = Inbox.open();
    var connection = client.client.open(uri("/fail", client), inbox);
    var messages = inbox.take(Scenarios.FAILED_AFTER);
    assertEquals(numbers(Scenarios.FAILED_AFTER), messages.stream().map(Message::data).toList());
    String measured = "";
    if (client.has(Habit.DOES_NOT_RETURN) && !client.has(Habit.TAKES_A_FAILURE_FOR_THE_END)) {
      inbox.awaitOver();
      var failure = assertThrows(AssertionError.class, connection::close).getCause();
      assertTrue(failure instanceof IOException || failure instanceof UncheckedIOException, failure.toString());
      measured = client == Clients.CURL ? failure.getMessage() : failure.getClass().getSimpleName();
      assertEquals(1, visits("/fail", client).size());
    } else {
      await(() -> visits("/fail", client).size() > 1);
      connection.close();
    }
    if (client == Clients.CURL) {
      assertEquals("curl exited with status 18", measured); // CURLE_PARTIAL_FILE
    }
    assertEquals("FAILED", visits("/fail", client).getFirst().ending);
    String check = "the handler throws after three events: receives them, and reports a failure or reconnects";
    passed(client, check, measured, Habit.TAKES_A_FAILURE_FOR_THE_END);
  }

  @ParameterizedTest
  @EnumSource
  void staysAwayWhenTheStreamWasCompleted(Clients client) throws Exception {
    var inbox = Inbox.open();
    try (var _ = client.client.open(uri("/complete", client), inbox)) {
      assertEquals(List.of("last words"), inbox.take(1).stream().map(Message::data).toList());
      if (client.has(Habit.TELLS_COMPLETION)) {
        assertEquals(List.of(new Message("tidings:completed", "", completedId())), inbox.take(1));
      }
      if (returnsAfter204(client)) {
        await(() -> visits("/complete", client).size() > 3);
      } else {
        int expected = client.has(Habit.ENDS_AT_COMPLETION) ? 1 : 2;
        inbox.awaitOver();
        await(() -> visits("/complete", client).size() >= expected);
        if (client.part == Part.BROWSERS) { // after any other status they would reconnect without limit
          assertFalse(comesTrue(Scenarios.RETRY.multipliedBy(10), () -> visits("/complete", client).size() > 2));
        }
        assertEquals(expected, visits("/complete", client).size());
      }
    }
    var returns = visits("/complete", client).stream().skip(1);
    assertTrue(returns.allMatch(visit -> visit.answered204));
    assertTrue(inbox.isEmpty());
    String check = "after complete(), reconnects once, receives 204, and does not reconnect again";
    passed(
        client, check, "", Habit.DOES_NOT_RETURN, Habit.TELLS_COMPLETION, Habit.ENDS_AT_COMPLETION, Habit.RETURNS_AFTER_204,
        Habit.FAILS_AT_204);
  }

  @ParameterizedTest
  @EnumSource
  void staysAwayAfterNoContent(Clients client) throws Exception {
    var inbox = Inbox.open();
    var uri = URI.create(scenarios.uri("/complete", run("/204", client)) + "&lastEventId=" + completedId());
    boolean returns = returnsAfter204(client);
    try (var _ = client.client.open(uri, inbox)) {
      if (returns) {
        await(() -> visits("/204", client).size() > 2);
      } else {
        inbox.awaitOver();
        await(() -> !visits("/204", client).isEmpty());
        assertEquals(1, visits("/204", client).size());
      }
    }
    assertTrue(visits("/204", client).stream().allMatch(visit -> visit.answered204));
    passed(client, "does not reconnect after 204", "", Habit.RETURNS_AFTER_204, Habit.FAILS_AT_204);
  }

  private static boolean returnsAfter204(Clients client) {
    return client.has(Habit.RETURNS_AFTER_204) || client.has(Habit.FAILS_AT_204);
  }

  /** Returns the reserved id that completed clients send, read from a response. */
  private static String completedId() throws Exception {
    try (var http = HttpClient.newHttpClient()) {
      var request = HttpRequest.newBuilder(scenarios.uri("/complete", "wire")).build();
      var lines = http.send(request, BodyHandlers.ofString()).body().lines();
      return lines.filter(line -> line.startsWith("id: ")).findFirst().orElseThrow().substring("id: ".length());
    }
  }

  @ParameterizedTest
  @EnumSource
  void losesNothingWhenItReadsSlowly(Clients client) throws Exception {
    var inbox = Inbox.slow();
    List<Message> messages;
    try (var _ = client.client.open(uri("/stall", client), inbox)) {
      messages = inbox.take(Scenarios.SLOW);
    }
    assertEquals(
        IntStream.range(0, Scenarios.SLOW).mapToObj(String::valueOf).toList(),
        messages.stream().map(message -> message.data().substring(0, message.data().indexOf(' '))).toList());
    assertTrue(messages.stream().allMatch(message -> message.data().length() == Scenarios.STALL));
    long waited = scenarios.longestSend(run("/stall", client)).toMillis();
    assertEquals(client.has(Habit.READS_AHEAD), waited < 500, "the server waited for " + waited + " ms");
    String check = "reads so slowly that the server has to wait: receives 4,000 events (20 MB) in order";
    passed(client, check, "the server waits up to " + waited + " ms", Habit.READS_AHEAD);
  }

  @ParameterizedTest
  @EnumSource
  void isMissedWhenItLeaves(Clients client) throws Exception {
    String measured = leaves(client, client.client, scenarios) + " ms";
    String check = "closes its stream: the server notices within the heartbeat of 500 ms and a second";
    passed(client, check, measured, Habit.CLOSES_LATE);
  }

  private static long leaves(Clients client, SseClient variant, Scenarios scenarios) throws Exception {
    var inbox = Inbox.open();
    long start;
    try (var _ = variant.open(scenarios.uri("/leave", run("/leave", client)), inbox)) {
      inbox.take(1);
      start = System.nanoTime();
    }
    await(() -> scenarios.visits(run("/leave", client)).getFirst().ending != null);
    long millis = millis(start);
    assertEquals("CLIENT_GONE", scenarios.visits(run("/leave", client)).getFirst().ending);
    assertTrue(millis < 3000, millis + " ms");
    return millis;
  }

  @ParameterizedTest
  @EnumSource(names = {"TIDINGS", "EVENTSOURCE", "JDK", "CHROMIUM", "FIREFOX"})
  void receivesAndLeavesOverTls(Clients client, @TempDir Path folder) throws Exception {
    var settings = Settings.defaults().withHeartbeat(Duration.ofMillis(500));
    try (var secure = new Scenarios(SseServer.builder().settings(settings).tls(SelfSigned.context()))) {
      var trusted = Files.writeString(folder.resolve("certificate.pem"), SelfSigned.certificate());
      var variant =
          switch (client) {
            case TIDINGS -> new TidingsClient(Optional.of(SelfSigned.context()));
            case JDK -> new JdkClient(Optional.of(SelfSigned.context()));
            case EVENTSOURCE -> new NodeClient("eventsource", Optional.of(trusted));
            default -> client.client; // the browsers accept every certificate
          };
      receives(client, variant, secure);
      String measured = leaves(client, variant, secure) + " ms";
      String check = "over TLS, receives every event, and the server notices when it closes its stream";
      passed(client, check, measured, Habit.TELLS_OWN_IDS);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"CURL", "CURL_1_0"})
  void headersAloneAnswerHead(Clients client) throws Exception {
    var command = new ArrayList<>(List.of(Child.find("curl"), "-sSI", "--max-time", "10"));
    command.addAll(client == Clients.CURL_1_0 ? List.of("--http1.0") : List.of());
    command.add(uri("/receive", client).toString());
    var head = Child.run(BOUND, command.toArray(String[]::new)).lines().map(String::toLowerCase).toList();
    assertTrue(head.getFirst().contains(" 200 "), head.toString());
    assertTrue(head.contains("content-type: text/event-stream; charset=utf-8"), head.toString());
    String who = client.who.replace("-N", "-I");
    Results.passed(Part.CLIENTS, who, client.version(), "receives only headers for HEAD, at once");
  }

  /** Uses the default heartbeat, and sends no events. */
  @Test
  void okHttpDoesNotWaitForTheDefaultHeartbeat() throws Exception {
    try (var scenarios = new Scenarios(SseServer.builder());
        var returning = Clients.OKHTTP_EVENTSOURCE.client.open(scenarios.uri("/leave", "returning"), Inbox.open())) {
      long start = System.nanoTime();
      var inbox = Inbox.open();
      var connection = Clients.OKHTTP_SSE.client.open(scenarios.uri("/leave", "failing"), inbox);
      await(() -> scenarios.visits("returning").size() > 1);
      String returned = millis(start) + " ms";
      inbox.awaitOver();
      String failed = millis(start) + " ms";
      var end = assertThrows(AssertionError.class, connection::close);
      assertInstanceOf(SocketTimeoutException.class, end.getCause().getCause());
      String check = "a silent stream with the default heartbeat of 15 s";
      passed(Clients.OKHTTP_EVENTSOURCE, check, returned, Habit.WAITS_5_S);
      passed(Clients.OKHTTP_SSE, check, failed, Habit.WAITS_10_S);
    }
  }

  private static URI uri(String path, Clients client) {
    return scenarios.uri(path, run(path, client));
  }

  private static String run(String path, Clients client) {
    return client.name() + path.replace('/', '-');
  }

  private static List<Visit> visits(String path, Clients client) {
    return scenarios.visits(run(path, client));
  }

  private static long millis(long start) {
    return (System.nanoTime() - start) / 1_000_000;
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    assertTrue(comesTrue(BOUND, condition), "the condition did not become true");
  }

  private static boolean comesTrue(Duration bound, BooleanSupplier condition) throws InterruptedException {
    long start = System.nanoTime();
    while (!condition.getAsBoolean() && System.nanoTime() - start < bound.toNanos()) {
      Thread.sleep(1);
    }
    return condition.getAsBoolean();
  }

  private static void passed(Clients client, String check, String measured, Habit... habits) throws Exception {
    var those = habits.length == 0 ? Set.<Habit>of() : EnumSet.copyOf(List.of(habits));
    Results.passed(client.part, client.who, client.version(), check, measured, client.deviation(those));
  }
}
