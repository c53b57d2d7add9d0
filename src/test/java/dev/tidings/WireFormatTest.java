package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class WireFormatTest {

  static Stream<Arguments> exactBytes() {
    return Stream.of(
        Arguments.of(Event.of("Hello, world!"), "data: Hello, world!\n\n"),
        Arguments.of(Event.of(""), "data: \n\n"),
        Arguments.of(Event.of("\n"), "data: \ndata: \n\n"),
        Arguments.of(Event.of("a\nb"), "data: a\ndata: b\n\n"),
        Arguments.of(Event.of("a\rb"), "data: a\ndata: b\n\n"),
        Arguments.of(Event.of("a\r\nb"), "data: a\ndata: b\n\n"),
        Arguments.of(Event.of("a\n\rb"), "data: a\ndata: \ndata: b\n\n"),
        Arguments.of(Event.of("a\r\r\nb"), "data: a\ndata: \ndata: b\n\n"),
        Arguments.of(Event.of("trailing\n"), "data: trailing\ndata: \n\n"),
        Arguments.of(Event.of("trailing\r\n"), "data: trailing\ndata: \n\n"),
        Arguments.of(Event.of(" leading"), "data:  leading\n\n"),
        Arguments.of(Event.of(": colon:"), "data: : colon:\n\n"),
        Arguments.of(Event.of("\0"), "data: \0\n\n"),
        Arguments.of(Event.of("\uFEFF"), "data: \uFEFF\n\n"),
        Arguments.of(Event.of("\u0085\u2028"), "data: \u0085\u2028\n\n"),
        Arguments.of(Event.of("tick", "1"), "event: tick\ndata: 1\n\n"),
        Arguments.of(Event.of("x").withId("7"), "id: 7\ndata: x\n\n"),
        Arguments.of(Event.of("x").withId(""), "id:\ndata: x\n\n"),
        Arguments.of(Event.empty().withId(" 7"), "id:  7\n\n"),
        Arguments.of(Event.empty().withRetry(Duration.ofSeconds(3)), "retry: 3000\n\n"),
        Arguments.of(Event.empty().withRetry(Duration.ZERO), "retry: 0\n\n"),
        Arguments.of(Event.empty().withRetry(Duration.ofNanos(1_999_999)), "retry: 1\n\n"),
        Arguments.of(Event.empty().withRetry(Duration.ofMillis(Long.MAX_VALUE)), "retry: 9223372036854775807\n\n"),
        Arguments.of(Event.empty().withComment(""), ":\n\n"),
        Arguments.of(Event.empty().withComment("a\r\ndata: b\rc\n"), ": a\n: data: b\n: c\n:\n\n"),
        Arguments.of(Event.of("x").withField("b", "1").withField("a", "2").withField("c", "3"), "b: 1\na: 2\nc: 3\ndata: x\n\n"),
        Arguments.of(Event.empty().withField("a", "1").withField("b", "2").withField("a", "3"), "a: 3\nb: 2\n\n"),
        Arguments.of(Event.empty().withField("Data", "1").withField("b\uFEFF", "2"), "Data: 1\nb\uFEFF: 2\n\n"),
        Arguments.of(Event.of("x").withField("trace", "1\n2"), "trace: 1\ntrace: 2\ndata: x\n\n"),
        Arguments.of(
            Event.of("n", "d").withId("i").withRetry(Duration.ofMillis(5)).withComment("c"),
            ": c\nevent: n\nid: i\nretry: 5\ndata: d\n\n"),
        Arguments.of(Event.empty(), "\n"));
  }

  @ParameterizedTest
  @MethodSource
  void exactBytes(Event event, String bytes) {
    assertEquals(bytes, event.encode());
    assertArrayEquals(bytes.getBytes(UTF_8), WireFormat.bytes(event));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\uD83D", "\uDE00", "\uDE00\uD83D", "a\uD83D", "\uD83D\uD83D\uDE00"})
  void loneSurrogatesBecomeReplacementCharacters(String text) {
    String expected = "data: " + text.codePoints()
        .map(c -> Character.getType(c) == Character.SURROGATE ? 0xFFFD : c)
        .mapToObj(Character::toString).collect(Collectors.joining()) + "\n\n";
    assertEquals(expected, new String(WireFormat.bytes(Event.of(text)), UTF_8));
    assertEquals("data: \uD83D\uDE00\n\n", Event.of("\uD83D\uDE00").encode());
  }

  static Stream<Arguments> invalid() {
    return Stream.of(
        Arguments.of("event name must be one line: \"a\\nb\"", of(() -> Event.of("a\nb", ""))),
        Arguments.of("event name must be one line: \"a\\rb\"", of(() -> Event.of("a\rb", ""))),
        Arguments.of("event name must not be empty", of(() -> Event.of("", ""))),
        Arguments.of("event id must be one line: \"1\\n\"", of(() -> Event.of("x").withId("1\n"))),
        Arguments.of("event id must be one line: \"\\r\"", of(() -> Event.of("x").withId("\r"))),
        Arguments.of("event id must not contain NUL", of(() -> Event.of("x").withId("a\0"))),
        Arguments.of("event id must not contain NUL", of(() -> Event.of("x").withId("\0"))),
        Arguments.of("retry must be", of(() -> Event.empty().withRetry(Duration.ofMillis(-1)))),
        Arguments.of("retry must be", of(() -> Event.empty().withRetry(Duration.ofSeconds(Long.MAX_VALUE)))),
        Arguments.of("field name must be one line", of(() -> Event.of("x").withField("a\nb", ""))),
        Arguments.of("field name must be one line", of(() -> Event.of("x").withField("a\rb", ""))),
        Arguments.of("field name must not contain a colon", of(() -> Event.of("x").withField(":y", ""))),
        Arguments.of("field name must not contain a colon", of(() -> Event.of("x").withField("data:y", ""))),
        Arguments.of("field name must not be empty", of(() -> Event.of("x").withField("", "y"))),
        Arguments.of("field name must not start with U+FEFF: \"\\ufeffdata\"", of(() -> Event.empty().withField("\uFEFFdata", "y"))),
        Arguments.of("field has a method of its own in Event: \"data\"", of(() -> Event.of("x").withField("data", "y"))),
        Arguments.of("field has a method of its own in Event: \"event\"", of(() -> Event.of("x").withField("event", "y"))),
        Arguments.of("field has a method of its own in Event: \"id\"", of(() -> Event.of("x").withField("id", "y"))),
        Arguments.of("field has a method of its own in Event: \"retry\"", of(() -> Event.of("x").withField("retry", "y"))));
  }

  private static Supplier<Event> of(Supplier<Event> event) {
    return event;
  }

  @ParameterizedTest
  @MethodSource
  void invalid(String message, Supplier<Event> event) {
    var e = assertThrows(IllegalArgumentException.class, event::get);
    assertTrue(e.getMessage().startsWith(message), e.getMessage());
  }

  @Test
  void eachPartOfAnEventOutlivesAllOthers() {
    var parts = List.<UnaryOperator<Event>>of(
        e -> e.withId("i"), e -> e.withName("n"), e -> e.withData("d"), e -> e.withRetry(Duration.ofMillis(5)),
        e -> e.withComment("c"), e -> e.withField("f", "x"));
    var whole = new Event(
        Optional.of("i"), Optional.of("n"), Optional.of("d"), Optional.of(Duration.ofMillis(5)), Optional.of("c"), Map.of("f", "x"));
    for (var last : parts) {
      var event = Event.empty();
      for (var other : parts) {
        event = other == last ? event : other.apply(event);
      }
      assertEquals(whole, last.apply(event));
    }
  }

  @Test
  void anEventStaysAsItWasMade() {
    var fields = new HashMap<>(Map.of("a", "1"));
    var event = new Event(Optional.empty(), Optional.empty(), Optional.of("x"), Optional.empty(), Optional.empty(), fields);
    fields.put("b\n", "2");
    assertEquals("a: 1\ndata: x\n\n", event.encode());
    assertThrows(UnsupportedOperationException.class, () -> event.fields().put("b\n", "2"));
    assertThrows(UnsupportedOperationException.class, () -> Event.empty().fields().put("b\n", "2"));
  }

  @Test
  void aPartThatIsNullIsRefusedWhenTheEventIsMade() {
    Optional<String> no = Optional.empty();
    assertThrows(NullPointerException.class, () -> Event.of(null));
    assertThrows(NullPointerException.class, () -> Event.empty().withField("a", null));
    assertThrows(NullPointerException.class, () -> new Event(no, no, null, Optional.empty(), no, Map.of()));
    assertThrows(NullPointerException.class, () -> new Event(no, no, no, Optional.empty(), null, Map.of()));
  }

  @Test
  void longValuesAreCutInMessages() {
    var e = assertThrows(IllegalArgumentException.class, () -> Event.of("\n" + "x".repeat(500), ""));
    assertTrue(e.getMessage().length() < 150 && e.getMessage().endsWith("(cut)"), e.getMessage());
  }

  /** The parser gets back exactly the events that were sent, whatever the strings. */
  @Test
  void everyRandomEventComesBackExactly() {
    for (long seed = 0; seed < 5000; seed++) {
      var random = new Random(seed);
      var hostile = new HostileEvents(seed);
      var events = Stream.generate(hostile::next).limit(5).toList();
      var parser = new WhatwgParser();
      var expected = new HostileEvents.Expectation();
      for (Event event : events) {
        byte[] bytes = WireFormat.bytes(event);
        int cut = random.nextInt(bytes.length + 1);
        parser.feed(bytes, 0, cut);
        parser.feed(bytes, cut, bytes.length);
        expected.add(event);
      }
      expected.check("seed " + seed, parser);
    }
  }

  @Test
  void theSizeIsThatOfTheBytes() {
    var events = new ArrayList<Event>(List.of(Event.empty(), Event.of(""), Event.of("x"), Event.of("name", "x").withId("7"), Event.of("x\ny"), Event.of("é")));
    for (long seed = 0; seed < 5000; seed++) {
      events.add(new HostileEvents(seed).next());
    }
    for (Event event : events) {
      assertEquals(WireFormat.bytes(event).length, WireFormat.size(event), event::toString);
    }
  }

  @Test
  void aMebibyteOfDataComesBackExactly() {
    String data = new HostileEvents(1).text(1 << 20);
    var parser = new WhatwgParser();
    parser.feed(WireFormat.bytes(Event.of(data)));
    assertEquals(List.of(HostileEvents.received(data)), parser.messages().stream().map(WhatwgParser.Message::data).toList());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\r", "\n", "\r\n", "\r\ra", "\n\r", "a\rbc\n", "\ud800", "\r\ud800", "\ud83d\ude00\r", "abcdefgh"})
  void encodingIsLinearInTheText(String unit) {
    for (var event : List.<Function<String, Event>>of(
        Event::of, text -> Event.empty().withComment(text), text -> Event.of("x").withField("more", text))) {
      String small = unit.repeat(64 * 1024 / unit.length());
      String large = unit.repeat(1024 * 1024 / unit.length());
      ProcessorTime.assertLinear(event.apply(small)::encode, event.apply(large)::encode);
    }
  }

  @Test
  void anEmptyLineOfDataHasItsSpaceAndOthersHaveNone() {
    assertEquals(
        ":\nmore:\ndata: a\ndata: \ndata: \n\n", Event.of("a\n\n").withComment("").withField("more", "").encode());
  }
}
