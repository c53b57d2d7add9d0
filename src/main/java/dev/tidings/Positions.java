package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The positions of a stream in its channels, and the id that tells them to its client: in one channel its
 * own id, in several all of them in one: {@code news=1795342825000-17&prices=1795342825000-3}. What a client
 * says is kept only as far as it can be one. Immutable, so that streams at the same place share one.
 */
final class Positions {
  /** Of one id, as UTF-8. */
  static final int MOST_BYTES = 4000;

  private static final int MOST_REPEATED = 100; // bytes of what is no position, more than any id has
  private static final int MOST_WITHIN = 20; // bytes of what is no id of a log, within an id

  private final boolean several; // whether the id names the channels
  private final Map<String, String> byName; // in the order of joining

  private Positions(boolean several, Map<String, String> byName) {
    this.several = several;
    this.byName = byName;
  }

  static Positions none(boolean several) {
    return new Positions(several, Map.of());
  }

  Positions with(String name, String id) {
    var others = new LinkedHashMap<>(byName);
    others.put(name, id);
    return new Positions(several, others);
  }

  Positions without(String name) {
    var others = new LinkedHashMap<>(byName);
    others.remove(name);
    return new Positions(several, others);
  }

  /** Empty if the stream has no position in this channel, not yet or no more. */
  Optional<String> of(String name) {
    return Optional.ofNullable(byName.get(name));
  }

  boolean isEmpty() {
    return byName.isEmpty();
  }

  boolean isSeveral() {
    return several;
  }

  /** The id that tells them; there must be one. */
  String id() {
    return several ? join(byName) : byName.values().iterator().next();
  }

  /** In the same order too, since the ids are to be the same. */
  boolean isSame(Positions other) {
    return several == other.several
        && List.copyOf(byName.entrySet()).equals(List.copyOf(other.byName.entrySet()));
  }

  /** The id, or its beginning: an id of a log is shorter, and so that is none. */
  static String bounded(String id) {
    return cut(id, MOST_REPEATED);
  }

  /** At most so many bytes of UTF-8 from the beginning of the text. */
  private static String cut(String text, int most) {
    int bytes = 0;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      bytes += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
      if (bytes > most) {
        return text.substring(0, i);
      }
      i += Character.charCount(c);
    }
    return text;
  }

  static String join(Map<String, String> byName) {
    return byName.entrySet().stream()
        .map(position -> encode(position.getKey()) + "=" + encode(within(position.getValue())))
        .collect(Collectors.joining("&"));
  }

  /** What a client said and is no id of a log is still none, and no longer than one once encoded. */
  private static String within(String position) {
    return WireFormat.isLogId(position) ? position : cut(position, MOST_WITHIN) + "!";
  }

  /** Whether the ids of these channels are positions, whatever their logs give. */
  static void requireFit(Set<String> names) {
    long most = names.stream().mapToLong(name -> encode(name).length() + "=&".length() + 64).sum() - 1;
    if (most > MOST_BYTES) {
      throw new IllegalArgumentException(
          "ids of several channels must have at most " + MOST_BYTES
              + " bytes: of these " + names.size() + " channels they can have " + most);
    }
  }

  /**
   * The positions in those of the channels that are named. An id that is no such one is everybody's, so
   * that each channel finds out that it never gave it.
   */
  static Map<String, String> split(String id, Set<String> names) {
    var byName = new LinkedHashMap<String, String>();
    if (cut(id, MOST_BYTES).length() < id.length()) {
      return none(id, names);
    }
    for (String pair : id.split("&", -1)) {
      int equals = pair.indexOf('=');
      try {
        byName.put(decode(pair.substring(0, equals)), bounded(decode(pair.substring(equals + 1))));
      } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
        return none(id, names);
      }
    }
    byName.keySet().retainAll(names);
    return byName;
  }

  private static Map<String, String> none(String id, Set<String> names) {
    String beginning = bounded(id);
    return names.stream().collect(Collectors.toMap(name -> name, name -> beginning));
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, UTF_8);
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, UTF_8);
  }
}
