package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The positions of a stream in its channels, and the id that carries them to its client. A position is an event id of
 * the channel's log. In one channel, the position itself is the id. In several channels, the id consists of one
 * {@code key=position} pair for each channel, where the key is derived from the channel's name:
 * {@code ~Xq3_ab=1795342825000-17&h0LmZp=1795342825000-3}. If the id has to identify the channel, it contains the
 * channel's name instead of a key: {@code @kitchen=1795342825000-17}. A position that a client sends is truncated to a
 * length that exceeds that of any id of a log. Immutable, so that streams at the same positions share one object.
 */
final class Positions {
  /** The largest size of an id in UTF-8: about half of the line length that nginx allows in a request's head. */
  static final int MOST_BYTES = 4000;

  private static final int KEY = 6; // characters of 6 bits; more if these are equal for two names
  private static final String MARK = "~"; // starts ids with keys; ids of older versions had encoded names
  private static final String NAMED = "@"; // starts ids with the name of one channel; no id of a log has it
  private static final String NONE = "!"; // for text from a client that is not an id of a log
  private static final int MOST_REPEATED = 100; // bytes of text from a client; more than any id has

  /** A channel among several. */
  private record Place(String key, int longestId) {}

  private final String mark; // starts the id if there are places
  private final Map<String, Place> places; // by name; empty if the position itself is the id
  private final Map<String, String> byName; // in insertion order

  private Positions(String mark, Map<String, Place> places, Map<String, String> byName) {
    this.mark = mark;
    this.places = places;
    this.byName = byName;
  }

  /** Returns the initial positions of a stream in one channel. */
  static Positions ofOne() {
    return new Positions(MARK, Map.of(), Map.of());
  }

  /** Returns the initial positions of a stream in one channel. The ids contain the channel's name. */
  static Positions ofNamed(String name, int longestId) {
    return new Positions(NAMED, Map.of(name, new Place(URLEncoder.encode(name, UTF_8), longestId)), Map.of());
  }

  /**
   * Returns the initial positions of a stream in these channels. The values are the maximum lengths of the channels'
   * ids. Rejects channels whose combined id could exceed the limit.
   */
  static Positions ofSeveral(Map<String, Integer> longestIds) {
    var places = new LinkedHashMap<String, Place>();
    keys(longestIds.keySet()).forEach((name, key) -> places.put(name, new Place(key, longestIds.get(name))));
    requireFit(places);
    return new Positions(MARK, places, Map.of());
  }

  Positions with(String name, String id) {
    return isComposed() ? with(Map.of(name, id)) : new Positions(mark, places, Map.of(name, id));
  }

  Positions with(Map<String, String> ids) {
    var others = new LinkedHashMap<>(byName);
    others.putAll(ids);
    return new Positions(mark, places, others);
  }

  Positions without(String name) {
    var others = new LinkedHashMap<>(byName);
    others.remove(name);
    return new Positions(mark, places, others);
  }

  /** Returns the position in this channel; empty if the stream has none there. */
  Optional<String> of(String name) {
    return Optional.ofNullable(byName.get(name));
  }

  boolean isEmpty() {
    return byName.isEmpty();
  }

  /** Returns whether the id contains more than a position. */
  boolean isComposed() {
    return !places.isEmpty();
  }

  /** Returns the id that carries the positions; there must be at least one. */
  String id() {
    return isComposed() ? join() : byName.values().iterator().next();
  }

  private String join() {
    return byName.entrySet().stream()
        .map(position -> join(places.get(position.getKey()), position.getValue()))
        .collect(Collectors.joining("&", mark, ""));
  }

  private static String join(Place place, String position) {
    boolean isId = WireFormat.isLogId(position) && position.length() <= place.longestId();
    return place.key() + "=" + (isId ? position : NONE);
  }

  /** Returns whether the positions are equal and in the same order, so that their ids are equal. */
  boolean isSame(Positions other) {
    return mark.equals(other.mark)
        && (places == other.places || places.equals(other.places))
        && List.copyOf(byName.entrySet()).equals(List.copyOf(other.byName.entrySet()));
  }

  /** Truncates the text. The limit exceeds the length of any id of a log, so truncated text is never an id. */
  static String bounded(String id) {
    return cut(id, MOST_REPEATED);
  }

  /** Returns the beginning of the text, with at most this many bytes of UTF-8. */
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

  // Keys.

  /** Returns a unique key for each name: the beginning of its digest, as long as necessary. */
  private static Map<String, String> keys(Set<String> names) {
    var digests = new LinkedHashMap<String, String>();
    names.forEach(name -> digests.put(name, digest(name)));
    var keys = new LinkedHashMap<String, String>();
    for (int length = KEY; keys.size() < names.size(); length++) {
      int most = length;
      var namesakes = new HashMap<String, Integer>();
      digests.values().forEach(digest -> namesakes.merge(key(digest, most), 1, Integer::sum));
      digests.forEach(
          (name, digest) -> {
            if (namesakes.get(key(digest, most)) == 1) {
              keys.putIfAbsent(name, key(digest, most));
            }
          });
    }
    return keys;
  }

  private static String key(String digest, int length) {
    return digest.substring(0, length);
  }

  private static String digest(String name) {
    try {
      var sha = MessageDigest.getInstance("SHA-256").digest(name.getBytes(UTF_8));
      return Base64.getUrlEncoder().withoutPadding().encodeToString(sha);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Checks that the combined id of these channels stays within the limit, whatever ids their logs assign. */
  private static void requireFit(Map<String, Place> places) {
    long most = MARK.length() - 1; // the first one has no separator
    for (Place place : places.values()) {
      most += place.key().length() + "=&".length() + place.longestId();
    }
    requireFit(places.size(), most);
  }

  private static void requireFit(int channels, long most) {
    if (most > MOST_BYTES) {
      throw new IllegalArgumentException(
          "the ids of a stream in several channels must have at most " + MOST_BYTES + " bytes: those of "
              + channels + " channels can have " + most);
    }
  }

  /**
   * Checks in advance that the combined id of this number of channels can be within the limit.
   *
   * @param longestIds the sum of the maximum lengths of their ids
   */
  static void requireRoom(int channels, long longestIds) {
    requireFit(channels, MARK.length() - 1 + channels * (KEY + "=&".length()) + longestIds);
  }

  // Ids from clients.

  /** Returns the name of the channel that the id contains, if it is an id of {@link #ofNamed}. */
  static Optional<String> name(String id) {
    int equals = id.indexOf('=');
    if (!id.startsWith(NAMED) || equals < 0 || id.length() > MOST_BYTES) {
      return Optional.empty();
    }
    try {
      return Optional.of(decode(id.substring(NAMED.length(), equals)));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /**
   * Returns the position in this channel that the id contains; empty if it contains the name of another channel. Text
   * of any other form, truncated, is the position.
   */
  static Optional<String> in(String name, String id) {
    var named = name(id);
    return named.isEmpty()
        ? Optional.of(bounded(id))
        : named.filter(name::equals).map(its -> positionOfNamed(id));
  }

  private static String positionOfNamed(String id) {
    return bounded(id.substring(id.indexOf('=') + 1));
  }

  /**
   * Returns the positions in those of these channels that the id names. Text of any other form, truncated, becomes
   * the position in all of them; each log then looks it up, and usually reports a gap.
   */
  static Map<String, String> split(String id, Set<String> names) {
    var named = name(id);
    if (named.isPresent()) {
      return names.contains(named.get()) ? Map.of(named.get(), positionOfNamed(id)) : Map.of();
    }
    boolean isMarked = id.startsWith(MARK);
    var byKey = new HashMap<String, String>();
    if (cut(id, MOST_BYTES).length() < id.length()) {
      return none(id, names);
    }
    for (String pair : (isMarked ? id.substring(MARK.length()) : id).split("&", -1)) {
      int equals = pair.indexOf('=');
      if (equals < (isMarked ? KEY : 1)) {
        return none(id, names);
      }
      try {
        byKey.put(decode(pair.substring(0, equals)), bounded(decode(pair.substring(equals + 1))));
      } catch (IllegalArgumentException e) {
        return none(id, names);
      }
    }
    var byName = new LinkedHashMap<String, String>();
    for (String name : names) {
      var position = isMarked ? byDigest(byKey, digest(name)) : Optional.ofNullable(byKey.get(name));
      position.ifPresent(its -> byName.put(name, its));
    }
    return byName;
  }

  /** Returns the position in a channel. Its key may have been longer or shorter than now, among other channels. */
  private static Optional<String> byDigest(Map<String, String> byKey, String digest) {
    return IntStream.rangeClosed(KEY, digest.length())
        .mapToObj(length -> byKey.get(key(digest, length)))
        .filter(Objects::nonNull)
        .findFirst();
  }

  private static Map<String, String> none(String id, Set<String> names) {
    String beginning = bounded(id);
    return names.stream().collect(Collectors.toMap(name -> name, name -> beginning));
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, UTF_8);
  }
}
