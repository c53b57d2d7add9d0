package dev.tidings.interop.clients;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import dev.tidings.interop.clients.Clients.Habit;
import dev.tidings.interop.clients.Scenarios.Message;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Tests the two forms of a comment between events: with the blank line that ends a block, and without it. The
 * counts determine the form of the library's pings: for a client, losing the next event is worse than
 * receiving an empty message.
 */
@Timeout(60)
class CommentsTest {
  private static final String BLANK = ":\n\n";
  private static final String BARE = ":\n";

  private static final CountDownLatch OVER = new CountDownLatch(1);
  private static SseServer server;

  /** The results of a client for three events with comments between them: lost events, empty messages. */
  private record Count(int lost, int empty) {}

  @BeforeAll
  static void start() throws IOException {
    server = SseServer.create(0);
    server.get("/blank", request -> answer(request, BLANK));
    server.get("/bare", request -> answer(request, BARE));
    BrowserClient.serve(server);
    server.start();
  }

  @AfterAll
  static void stop() {
    OVER.countDown();
    server.close();
  }

  private static void answer(SseRequest request, String comment) throws IOException, InterruptedException {
    var exchange = request.exchange();
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.sendResponseHeaders(200, 0);
    String events = "data: one\n\n" + comment + comment + "data: two\n\n" + comment + "data: three\n\n";
    exchange.getResponseBody().write((events + "data: end\n\n").getBytes(UTF_8));
    exchange.getResponseBody().flush();
    OVER.await();
  }

  private static URI uri(String path) {
    return server.uri().resolve(path);
  }

  private static Count count(List<String> data) {
    int lost = (int) Stream.of("one", "two", "three").filter(event -> !data.contains(event)).count();
    return new Count(lost, (int) data.stream().filter(String::isEmpty).count());
  }

  private static Count count(Clients client, String path) throws Exception {
    var inbox = Inbox.open();
    var data = new ArrayList<String>();
    try (var _ = client.client.open(uri(path), inbox)) {
      while (!data.contains("end")) {
        data.addAll(inbox.take(1).stream().map(Message::data).toList());
      }
    }
    var count = count(data);
    return new Count(count.lost, count.empty + inbox.empty());
  }

  @ParameterizedTest
  @EnumSource
  void noClientLosesAnEventToACommentWithABlankLine(Clients client) throws Exception {
    var blank = count(client, "/blank");
    var bare = count(client, "/bare");
    assertEquals(new Count(0, client.has(Habit.LOSES_EMPTY_LINES) ? 3 : 0), blank);
    assertEquals(new Count(0, 0), bare);
    Results.passed(
        client.part, client.who, client.version(),
        "loses no event to a comment between events, with or without a blank line after it",
        blank.empty + " empty messages with the blank line, " + bare.empty + " without",
        client.deviation(Set.of(Habit.LOSES_EMPTY_LINES)));
  }

  /** Tests two common ways to write a client: splitting at blank lines, and reading line by line. */
  @Test
  void aClientThatSplitsAtBlankLinesLosesTheEventAfterABareComment() throws Exception {
    assertEquals(new Count(0, 0), count(byBlocks(BLANK)));
    assertEquals(new Count(2, 0), count(byBlocks(BARE)));
    assertEquals(new Count(0, 0), count(byLines(BLANK)));
    assertEquals(new Count(0, 0), count(byLines(BARE)));
    Results.passed(
        Part.CLIENTS, "a short client that splits at blank lines", "-",
        "loses no event to a comment between events, with a blank line after it", "",
        "loses the event after a comment without a blank line");
    Results.passed(
        Part.CLIENTS, "a short client that reads line by line", "-",
        "loses no event to a comment between events, with or without a blank line after it");
  }

  private static String body(String comment) throws Exception {
    try (var in = uri(comment.equals(BLANK) ? "/blank" : "/bare").toURL().openStream()) {
      var body = new StringBuilder();
      for (int b; body.indexOf("data: end\n\n") < 0 && (b = in.read()) >= 0; ) {
        body.append((char) b);
      }
      return body.toString();
    }
  }

  private static List<String> byBlocks(String comment) throws Exception {
    return Stream.of(body(comment).split("\n\n")).filter(block -> block.startsWith("data: ")).map(block -> block.substring(6)).toList();
  }

  private static List<String> byLines(String comment) throws Exception {
    return body(comment).lines().filter(line -> line.startsWith("data: ")).map(line -> line.substring(6)).toList();
  }
}
