package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLEncoder;
import java.util.Optional;

/**
 * A command in the control log of a cluster. It is encoded as an event whose name is that of the command, and whose
 * data is one line of ASCII with percent-encoded fields: {@code format=1&identifier=user%3A42}. So any log stores it
 * unchanged, whatever text it contains. Unknown fields are ignored, so that later versions can add some.
 */
sealed interface Command {
  /** The format that this version writes. It must increase if older versions would misunderstand a command. */
  int FORMAT = 1;

  int MOST_TEXT = 1024; // characters of an identifier or a username
  int MOST_DATA = 16 * 1024; // characters of an encoded command

  String DROP = "tidings:drop";
  String DROP_PRINCIPAL = "tidings:drop-principal";
  String CLAIM = "tidings:claim";

  /** Ends the streams with this identifier. */
  record Drop(String identifier) implements Command {}

  /** Ends the streams of this user. */
  record DropPrincipal(String username) implements Command {}

  /**
   * Claims an identifier for a stream of a node.
   *
   * @param number distinguishes the claims of the node
   * @param seen the id up to which the node had read the log when it appended the claim
   */
  record Claim(String identifier, String node, long number, String seen) implements Command {}

  /** A command that this version does not know, or an event that is no command. */
  record Unknown(String name) implements Command {}

  /** A command in a format that this version does not know. */
  record Newer(String name) implements Command {}

  /** Returns whether commands can contain this text. */
  static boolean fits(String text) {
    return text.length() <= MOST_TEXT && UTF_8.newEncoder().canEncode(text);
  }

  /** Checks that commands can contain this text. */
  static String requireFits(String what, String text) {
    if (text.length() > MOST_TEXT) {
      throw new IllegalArgumentException(
          what + " must be at most " + MOST_TEXT + " characters: " + Quoted.java(text));
    }
    return Checks.requireWellFormed(what, text);
  }

  /** Returns the event for a command of this version. */
  static Event encode(Command command) {
    return switch (command) {
      case Drop(var identifier) -> event(DROP, "identifier", identifier);
      case DropPrincipal(var username) -> event(DROP_PRINCIPAL, "username", username);
      case Claim(var identifier, var node, var number, var seen) ->
          event(
              CLAIM, "identifier", identifier, "node", node, "number", Long.toString(number), "seen", seen);
      case Unknown(var name) -> throw new IllegalArgumentException(name);
      case Newer(var name) -> throw new IllegalArgumentException(name);
    };
  }

  private static Event event(String name, String... fields) {
    var data = new StringBuilder("format=").append(FORMAT);
    for (int i = 0; i < fields.length; i += 2) {
      data.append('&').append(fields[i]).append('=').append(URLEncoder.encode(fields[i + 1], UTF_8));
    }
    return Event.of(name, data.toString());
  }

  /** Returns the command of an event of the log. Never throws. */
  static Command decode(Event event) {
    String name = event.name().orElse("message");
    String data = event.data().orElse("");
    if (data.length() > MOST_DATA) {
      return new Unknown(name);
    }
    var format = number(data, "format");
    if (format.isPresent() && format.get() > FORMAT) {
      return new Newer(name);
    }
    return format.filter(its -> its == FORMAT).flatMap(its -> decode(name, data)).orElse(new Unknown(name));
  }

  private static Optional<Command> decode(String name, String data) {
    return switch (name) {
      case DROP -> Query.find(data, "identifier").map(Drop::new);
      case DROP_PRINCIPAL -> Query.find(data, "username").map(DropPrincipal::new);
      case CLAIM -> claim(data);
      default -> Optional.empty();
    };
  }

  private static Optional<Command> claim(String data) {
    var identifier = Query.find(data, "identifier");
    var node = Query.find(data, "node");
    var number = number(data, "number");
    var seen = Query.find(data, "seen");
    return identifier.isPresent() && node.isPresent() && number.isPresent() && seen.isPresent()
        ? Optional.of(new Claim(identifier.get(), node.get(), number.get(), seen.get()))
        : Optional.empty();
  }

  private static Optional<Long> number(String data, String field) {
    try {
      return Query.find(data, field).map(Long::valueOf);
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }
}
