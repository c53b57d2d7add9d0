package dev.tidings.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.HostileEvents;
import dev.tidings.WhatwgParser;
import dev.tidings.WhatwgParser.Message;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The parser against the cases of web-platform-tests, and against the independent parser of the tests. */
class EventParserTest {
  private static final long SEED = Long.getLong("parser.seed", 20261128);

  private static String x(int count) {
    return "x".repeat(count);
  }

  private static Message message(String data) {
    return new Message("message", data, "");
  }

  private static Message message(String data, String id) {
    return new Message("message", data, id);
  }

  /** The files of the folder {@code eventsource} whose subject is the format: name, body, events. */
  static List<Arguments> webPlatformTests() {
    return List.of(
        Arguments.of("event-data", "data:msg\ndata:msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n", List.of(message("msg\nmsg"), message(""), message("end"))),
        Arguments.of("format-bom", "\uFEFFdata:1\n\n\uFEFFdata:2\n\ndata:3\n\n", List.of(message("1"), message("3"))),
        Arguments.of("format-bom-2", "\uFEFF\uFEFFdata:1\n\ndata:2\n\ndata:3\n\n", List.of(message("2"), message("3"))),
        Arguments.of("format-comments", "data:1\r:\0\n:\r\ndata:2\n:" + x(2048) + "\rdata:3\n:data:fail\r:" + x(2048) + "\ndata:4\n\n", List.of(message("1\n2\n3\n4"))),
        Arguments.of("format-data-before-final-empty-line", "retry:1000\ndata:test1\n\nid:test\ndata:test2", List.of(message("test1"))),
        Arguments.of("format-field-data", "data:\n\ndata\ndata\n\ndata:test\n\n", List.of(message(""), message("\n"), message("test"))),
        Arguments.of("format-field-event", "event:test\ndata:x\n\ndata:x\n\n", List.of(new Message("test", "x", ""), message("x"))),
        Arguments.of("format-field-event-empty", "event:\ndata:data\n\n", List.of(message("data"))),
        Arguments.of("format-field-id", "id: \u2026\ndata:hello\n\n", List.of(message("hello", "\u2026"))),
        Arguments.of("format-field-id-3, persists", "id: 1\ndata: 1\n\ndata: 2\n\nid: 2\ndata:3\n\ndata:4\n\n", List.of(message("1", "1"), message("2", "1"), message("3", "2"), message("4", "2"))),
        Arguments.of("format-field-id-3, resets", "id: 1\ndata: 1\n\nid:\ndata:2\n\ndata:3\n\n", List.of(message("1", "1"), message("2"), message("3"))),
        Arguments.of("format-field-id-3, resets without colon", "id: 1\ndata: 1\n\nid\ndata:2\n\ndata:3\n\n", List.of(message("1", "1"), message("2"), message("3"))),
        Arguments.of("format-field-id-null", "id: 9\ndata:0\n\nid: \0\0\ndata:1\n\nid: x\0\ndata:2\n\nid: \0x\ndata:3\n\nid: x\0x\ndata:4\n\n", List.of(message("0", "9"), message("1", "9"), message("2", "9"), message("3", "9"), message("4", "9"))),
        Arguments.of("format-field-parsing", "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n", List.of(message("\0\n 2\n1\n3\n\n4"))),
        Arguments.of("format-field-retry", "retry:03000\ndata:x\n\n", List.of(message("x"))),
        Arguments.of("format-field-retry-bogus", "retry:3000\nretry:1000x\ndata:x\n\n", List.of(message("x"))),
        Arguments.of("format-field-retry-empty", "retry\ndata:test\n\n", List.of(message("test"))),
        Arguments.of("format-field-unknown", "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n", List.of(message("test\n\ntest"))),
        Arguments.of("format-leading-space", "data:\ttest\rdata: \ndata:test\n\n", List.of(message("\ttest\n\ntest"))),
        Arguments.of("format-newlines", "data:test\r\ndata\ndata:test\r\n\r", List.of(message("test\n\ntest"))),
        Arguments.of("format-null-character", "data:\0\n\n\n\n", List.of(message("\0"))),
        Arguments.of("format-utf-8", "data:ok\u2026\n\n", List.of(message("ok\u2026"))));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("webPlatformTests")
  void casesOfWebPlatformTests(String name, String body, List<Message> expected) {
    byte[] bytes = body.getBytes(UTF_8);
    assertEquals(expected, new Reader().feed(bytes, bytes.length).messages, "whole");
    assertEquals(expected, new Reader().feed(bytes, 1).messages, "byte by byte");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("reconnectionTimes")
  void onlyDigitsAreAReconnectionTime(String body, Duration expected) {
    assertEquals(Optional.ofNullable(expected), new Reader().feed(body.getBytes(UTF_8), 1).parser.retry());
  }

  static List<Arguments> reconnectionTimes() {
    return List.of(
        Arguments.of("retry:03000\n", Duration.ofSeconds(3)),
        Arguments.of("retry:3000\nretry:1000x\n", Duration.ofSeconds(3)),
        Arguments.of("retry\n", null),
        Arguments.of("retry:-1\n", null),
        Arguments.of("retry: 1 \n", null),
        Arguments.of("retry: \u0661\n", null),
        Arguments.of("retry:" + "9".repeat(400) + "\n", Duration.ofMillis(Long.MAX_VALUE / 1000)));
  }

  /** Feeds slices, and collects what a browser would see. */
  private static final class Reader {
    final EventParser parser = new EventParser(16 << 20, "");
    final List<Message> messages = new ArrayList<>();
    final List<Event> events = new ArrayList<>();

    Reader feed(byte[] bytes, int slice) {
      for (int from = 0; from < bytes.length; from += slice) {
        feed(ByteBuffer.wrap(bytes, from, Math.min(slice, bytes.length - from)));
      }
      return this;
    }

    void feed(ByteBuffer buffer) {
      for (Event event; (event = parser.next(buffer)) != null; ) {
        events.add(event);
        messages.add(new Message(event.name().orElse("message"), event.data().orElseThrow(), parser.lastEventId()));
      }
    }
  }

  @Test
  void anyEventsInAnySlicesAreWhatTheIndependentParserSays() {
    var random = new Random(SEED);
    for (int round = 0; round < 200; round++) {
      var bytes = new ByteArrayOutputStream();
      var events = new HostileEvents(random.nextLong());
      for (int i = 0; i < 50; i++) {
        bytes.writeBytes(events.next().encode().getBytes(UTF_8));
      }
      compare(bytes.toByteArray(), random, "round " + round + ", seed " + SEED);
    }
  }

  @Test
  void soAreAnyBytes() {
    var random = new Random(SEED);
    var pieces = List.of("data", "data:", "id:", "event:", "retry:", ": ", ":", "\n", "\r", "\r\n", "\n\n", "1", "\0", "message", "\uFEFF", "\u20AC");
    for (int round = 0; round < 3000; round++) {
      var bytes = new ByteArrayOutputStream();
      for (int i = random.nextInt(60); i > 0; i--) {
        if (random.nextInt(10) == 0) {
          bytes.write(random.nextInt(256));
        } else {
          bytes.writeBytes(pieces.get(random.nextInt(pieces.size())).getBytes(UTF_8));
        }
      }
      compare(bytes.toByteArray(), random, "round " + round + ", seed " + SEED);
    }
  }

  private static void compare(byte[] bytes, Random random, String which) {
    var expected = new WhatwgParser();
    expected.feed(bytes);
    var whole = new Reader().feed(bytes, Math.max(bytes.length, 1));
    var single = new Reader().feed(bytes, 1);
    var sliced = new Reader();
    for (int from = 0; from < bytes.length; ) {
      int count = Math.min(random.nextInt(40), bytes.length - from);
      sliced.feed(ByteBuffer.wrap(bytes, from, count).slice().asReadOnlyBuffer());
      from += count;
    }
    for (Reader reader : List.of(whole, single, sliced)) {
      assertEquals(expected.messages(), reader.messages, which);
      assertEquals(expected.lastEventId(), reader.parser.lastEventId(), which);
      long millis = reader.parser.retry().map(Duration::toMillis).orElse(-1L);
      assertEquals(Math.min(expected.reconnectionTime(), Long.MAX_VALUE / 1000), millis, which);
    }
  }

  @Test
  void anEventHasWhatItsOwnBlockHas() {
    String body = "id: 7\nretry: 250\nevent: add\ndata: a\ndata: b\n\ndata: c\n\nevent: message\nid:\ndata: d\n\n";
    var expected =
        List.of(
            Event.of("add", "a\nb").withId("7").withRetry(Duration.ofMillis(250)),
            Event.of("c"),
            Event.of("d").withId(""));
    assertEquals(expected, new Reader().feed(body.getBytes(UTF_8), 3).events);
  }

  @Test
  void theLastEventIdOfEarlierResponsesIsKeptUntilAnotherOneComes() {
    var parser = new EventParser(1000, "7");
    parser.next(ByteBuffer.wrap("data: x\n\n".getBytes(UTF_8)));
    assertEquals("7", parser.lastEventId());
    parser.next(ByteBuffer.wrap("id: 8\n".getBytes(UTF_8)));
    assertEquals("7", parser.lastEventId()); // until the block has ended
    parser.next(ByteBuffer.wrap("\n".getBytes(UTF_8)));
    assertEquals("8", parser.lastEventId());
  }

  @Test
  void theReservedIdOfCompletionMovesTheLastEventIdOnly() {
    var reader = new Reader().feed("id: tidings-completed-5d41f3c8\ndata: x\n\n".getBytes(UTF_8), 100);
    assertEquals(List.of(Event.of("x")), reader.events);
    assertEquals("tidings-completed-5d41f3c8", reader.parser.lastEventId());
  }

  @Test
  void dataUpToTheLimitIsAnEventAndMoreIsAnExceptionThatNamesIt() {
    for (String body : List.of("data: " + x(100) + "\n\n", "data: " + x(50) + "\ndata: " + x(49) + "\n\n", "data:\n".repeat(101) + "\n")) {
      assertEquals(100, new EventParser(100, "").next(ByteBuffer.wrap(body.getBytes(UTF_8))).data().orElseThrow().length());
    }
    for (String body : List.of("data: " + x(101) + "\n\n", "data: " + x(50) + "\ndata: " + x(50) + "\n\n", "data:\n".repeat(102), "data: " + x(200), "id: " + x(200), "unknown" + x(200))) {
      var thrown = assertThrows(EventClientException.class, () -> new EventParser(100, "").next(ByteBuffer.wrap(body.getBytes(UTF_8))), body);
      assertEquals("an event is larger than 100 bytes (maxEventBytes)", thrown.getMessage());
    }
  }

  @Test
  void commentsOfAnyLengthTakeNoMemory() {
    var parser = new EventParser(100, "");
    byte[] comment = (":" + x(1000)).getBytes(UTF_8);
    parser.next(ByteBuffer.wrap(comment));
    for (int i = 0; i < 1000; i++) {
      parser.next(ByteBuffer.wrap(comment));
    }
    assertEquals("x", parser.next(ByteBuffer.wrap("\ndata: x\n\n".getBytes(UTF_8))).data().orElseThrow());
  }

  /** A quadratic parser would take minutes for these. */
  @Test
  void timeIsLinearInTheSizeOfAnEvent() {
    for (String body : List.of("data: " + x(8_000_000), "data:\n".repeat(2_000_000), "id: 1\n".repeat(1_000_000) + "data: x", ":\n".repeat(2_000_000) + "data: x")) {
      long start = System.nanoTime();
      assertEquals(1, new Reader().feed((body + "\n\n").getBytes(UTF_8), 7).events.size());
      assertTrue(System.nanoTime() - start < 20_000_000_000L, body.substring(0, 10));
    }
  }
}
