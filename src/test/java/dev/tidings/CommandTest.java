package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandTest {
  private static final List<String> PIECES =
      List.of(
          "\n", "\r", "\r\n", "\0", "\"", "'", "\\", "&", "=", "%", "%26", "+", " ", ";", "é", "€", "🎈", "\u2028", "\ufeff", "\uffff",
          "identifier", "identifier=x", "&format=2", "data: ", "</script>", "x", "1");

  @Test
  void exactEvents() {
    assertEquals(
        Event.of("tidings:drop", "format=1&identifier=user%3A42+%C3%A9%0A"), Command.encode(new Command.Drop("user:42 é\n")));
    assertEquals(
        Event.of("tidings:drop-principal", "format=1&username=ann"), Command.encode(new Command.DropPrincipal("ann")));
    assertEquals(
        Event.of("tidings:claim", "format=1&identifier=me&node=5f&number=7&seen=12-34"),
        Command.encode(new Command.Claim("me", "5f", 7, "12-34")));
  }

  @Test
  void anyTextComesBackExactlyAndIsEncodedAsOneShortLineOfAscii() {
    var random = new Random(42);
    for (int i = 0; i < 20_000; i++) {
      var text = new StringBuilder();
      for (int n = random.nextInt(8); n > 0; n--) {
        text.append(PIECES.get(random.nextInt(PIECES.size())));
      }
      for (Command command :
          List.of(
              new Command.Drop(text.toString()),
              new Command.DropPrincipal(text.toString()),
              new Command.Claim(text.toString(), "n", random.nextLong(), "1-1"))) {
        var event = Command.encode(command);
        assertTrue(event.data().orElseThrow().chars().allMatch(c -> c > ' ' && c < 0x7f));
        assertEquals(command, Command.decode(event.withId("9-9")));
      }
    }
  }

  @Test
  void theLongestTextFits() {
    for (String piece : List.of("x", "\0", "\uffff", "é")) {
      var command = new Command.Claim(piece.repeat(Command.MOST_TEXT), "f".repeat(16), Long.MIN_VALUE, "1".repeat(64));
      assertTrue(Command.fits(command.identifier()));
      var event = Command.encode(command);
      assertTrue(event.data().orElseThrow().length() <= Command.MOST_DATA);
      assertEquals(command, Command.decode(event));
    }
  }

  @Test
  void otherTextDoesNotFit() {
    for (String bad : List.of("x".repeat(Command.MOST_TEXT + 1), "\ud83c", "\udf88\ud83c")) {
      assertTrue(!Command.fits(bad));
      assertThrows(IllegalArgumentException.class, () -> Command.requireFits("identifier", bad));
    }
    var e = assertThrows(IllegalArgumentException.class, () -> Command.requireFits("username", "\ud83c"));
    assertTrue(e.getMessage().startsWith("username must not contain a lone surrogate"), e::getMessage);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "identifier=me", "format=&identifier=me", "format=x&identifier=me", "format=0&identifier=me", "format=-1&identifier=me",
        "format=99999999999999999999&identifier=me", "format=1", "format=1&identifier", "format=1&identifier=%zz", "format=1&username=me"
      })
  void malformedCommandsAreUnknown(String data) {
    assertEquals(new Command.Unknown("tidings:drop"), Command.decode(Event.of("tidings:drop", data)));
  }

  @Test
  void otherEventsAreUnknown() {
    var events = new ArrayList<>(List.of(Event.empty(), Event.of("x"), Event.of("drop", "format=1&identifier=me"), Event.of("tidings:x", "format=1")));
    events.add(Event.of("tidings:claim", "format=1&identifier=me&node=n&number=x&seen=1"));
    events.add(Event.of("tidings:claim", "format=1&identifier=me&node=n&number=1"));
    events.add(Event.of("tidings:drop", "format=1&identifier=" + "x".repeat(Command.MOST_DATA)));
    for (Event event : events) {
      assertInstanceOf(Command.Unknown.class, Command.decode(event), event::toString);
    }
  }

  @Test
  void aNewerFormatIsToldApartWhateverItsCommand() {
    assertEquals(new Command.Newer("tidings:drop"), Command.decode(Event.of("tidings:drop", "format=2&identifier=me")));
    assertEquals(new Command.Newer("tidings:x"), Command.decode(Event.of("tidings:x", "format=3")));
  }

  @Test
  void fieldsOfLaterVersionsAreIgnored() {
    assertEquals(
        new Command.Drop("me"), Command.decode(Event.of("tidings:drop", "format=1&why=x&identifier=me&bad=%zz")));
  }

  @Test
  void randomDataNeverThrows() {
    var random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      var data = new StringBuilder("format=1&");
      for (int n = random.nextInt(10); n > 0; n--) {
        data.append(PIECES.get(random.nextInt(PIECES.size())));
      }
      Command.decode(Event.of("tidings:claim", data.toString()));
      Command.decode(Event.of("tidings:drop", data.toString()));
    }
  }
}
