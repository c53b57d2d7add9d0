package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Event;
import java.io.ByteArrayOutputStream;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * An event as names and values in turn, as an entry of a stream in Redis holds it: {@code d} data, {@code n} name,
 * {@code r} retry in milliseconds, {@code c} comment, {@code f} and a name for each other field. An entry must have a
 * field, so an empty event has {@code e}.
 */
final class Fields {
  private static final byte[] NONE = {};
  private static final byte[] REPLACEMENT = "\uFFFD".getBytes(UTF_8);

  private Fields() {}

  static List<byte[]> of(Event event) {
    var fields = new ArrayList<byte[]>(4);
    event.data().ifPresent(data -> add(fields, "d", data));
    event.name().ifPresent(name -> add(fields, "n", name));
    event.retry().ifPresent(retry -> add(fields, "r", Long.toString(retry.toMillis())));
    event.comment().ifPresent(comment -> add(fields, "c", comment));
    event.fields().forEach((name, value) -> add(fields, "f" + name, value));
    if (fields.isEmpty()) {
      fields.add(bytes("e"));
      fields.add(NONE);
    }
    return fields;
  }

  private static void add(List<byte[]> fields, String name, String value) {
    fields.add(bytes(name));
    fields.add(bytes(value));
  }

  /** Encodes text; a lone surrogate becomes U+FFFD, as on the wire. */
  static byte[] bytes(String text) {
    byte[] bytes = text.getBytes(UTF_8);
    if (text.chars().noneMatch(c -> Character.isSurrogate((char) c))) {
      return bytes;
    }
    try {
      var encoder = UTF_8.newEncoder().onMalformedInput(CodingErrorAction.REPLACE).replaceWith(REPLACEMENT);
      var encoded = encoder.encode(CharBuffer.wrap(text));
      return Arrays.copyOf(encoded.array(), encoded.limit());
    } catch (CharacterCodingException e) {
      throw new AssertionError(e); // malformed text is replaced
    }
  }

  static long size(List<byte[]> fields) {
    long size = 0;
    for (byte[] field : fields) {
      size += field.length;
    }
    return size;
  }

  /** Returns about the memory that an event needs. */
  static long size(Event event) {
    return 200 + 2L * (event.data().map(String::length).orElse(0) + event.comment().map(String::length).orElse(0));
  }

  /**
   * Returns the event with an id. Names that are not known, such as those of a newer version, are ignored. If another
   * program wrote an entry that is not a valid event, returns an empty event.
   */
  static Event event(List<byte[]> fields, String id) {
    var event = Event.empty().withId(id);
    try {
      for (int i = 0; i + 1 < fields.size(); i += 2) {
        String name = new String(fields.get(i), UTF_8);
        String value = new String(fields.get(i + 1), UTF_8);
        event =
            switch (name) {
              case "d" -> event.withData(value);
              case "n" -> event.withName(value);
              case "r" -> event.withRetry(Duration.ofMillis(Long.parseLong(value)));
              case "c" -> event.withComment(value);
              default -> name.startsWith("f") ? event.withField(name.substring(1), value) : event;
            };
      }
      return event;
    } catch (IllegalArgumentException e) {
      return Event.empty().withId(id);
    }
  }

  // Several events as one text, for a bell: for each event the number of fields, then each with its length.

  static byte[] pack(List<List<byte[]>> events) {
    var out = new ByteArrayOutputStream();
    for (var fields : events) {
      out.writeBytes((fields.size() + ":").getBytes(UTF_8));
      for (byte[] field : fields) {
        out.writeBytes((field.length + ":").getBytes(UTF_8));
        out.writeBytes(field);
      }
    }
    return out.toByteArray();
  }

  /**
   * Returns the events that {@link #pack} wrote from this offset.
   *
   * @throws RuntimeException if it did not write them
   */
  static List<List<byte[]>> unpack(byte[] packed, int from) {
    var events = new ArrayList<List<byte[]>>();
    int[] at = {from};
    while (at[0] < packed.length) {
      int count = number(packed, at);
      var fields = new ArrayList<byte[]>(count);
      for (int i = 0; i < count; i++) {
        int length = number(packed, at);
        Objects.checkFromIndexSize(at[0], length, packed.length);
        fields.add(Arrays.copyOfRange(packed, at[0], at[0] + length));
        at[0] += length;
      }
      events.add(fields);
    }
    return events;
  }

  private static int number(byte[] packed, int[] at) {
    int number = 0;
    for (byte b; (b = packed[at[0]++]) != ':'; ) {
      number = Math.addExact(Math.multiplyExact(number, 10), Character.digit(b, 10));
    }
    return number;
  }
}
