package dev.tidings;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * An event as it is stored in a file: an entry with a head of 24 bytes and a body.
 *
 * <pre>
 * int   CRC-32C of all that follows
 * int   length of all that follows
 * long  number of the event
 * long  time of its append, in milliseconds since 1970
 * byte  which of the following parts there are
 *       key, name, data, retry (long seconds, int nanoseconds), comment, fields (int number, then names and values)
 * </pre>
 *
 * A text has its length in bytes as an int, and then UTF-8. Text with lone surrogates, which UTF-8 cannot encode, has
 * the complement of its length, and then UTF-16. So each event is read as it was appended.
 *
 * <p>The first event of an epoch follows an entry that names the epoch. Its number is that of the event before it, and
 * its body consists of a byte that no event has there, and the word.
 *
 * @param key the key with which the event was appended
 */
record StoredEvent(Event event, Optional<String> key) {
  static final int HEAD = 24;

  /** The smallest number that the length field of an entry can have. */
  static final int SHORTEST = HEAD - 8 + 1;

  private static final int KEY = 1;
  private static final int NAME = 2;
  private static final int DATA = 4;
  private static final int RETRY = 8;
  private static final int COMMENT = 16;
  private static final int FIELDS = 32;
  private static final int EPOCH = 64; // alone

  /** The size of an entry that names an epoch. */
  static final int EPOCH_SIZE = HEAD + 1 + LogEpochs.WORD_LENGTH;

  /** Returns the body. */
  byte[] encode() {
    var out = new Bytes();
    int parts =
        (key.isPresent() ? KEY : 0)
            | (event.name().isPresent() ? NAME : 0)
            | (event.data().isPresent() ? DATA : 0)
            | (event.retry().isPresent() ? RETRY : 0)
            | (event.comment().isPresent() ? COMMENT : 0)
            | (event.fields().isEmpty() ? 0 : FIELDS);
    out.room(1).put((byte) parts);
    key.ifPresent(out::text);
    event.name().ifPresent(out::text);
    event.data().ifPresent(out::text);
    event.retry().ifPresent(retry -> out.room(12).putLong(retry.getSeconds()).putInt(retry.getNano()));
    event.comment().ifPresent(out::text);
    if (!event.fields().isEmpty()) {
      out.room(4).putInt(event.fields().size());
      event.fields().forEach((name, value) -> {
        out.text(name);
        out.text(value);
      });
    }
    return out.toArray();
  }

  /** A buffer that grows. */
  private static final class Bytes {
    private ByteBuffer bytes = ByteBuffer.allocate(256);

    ByteBuffer room(int length) {
      if (bytes.remaining() < length) {
        int needed = Math.addExact(bytes.position(), length);
        int larger = Math.min(Integer.MAX_VALUE / 2, bytes.capacity()) * 2;
        bytes = ByteBuffer.allocate(Math.max(needed, larger)).put(bytes.flip());
      }
      return bytes;
    }

    void text(String text) {
      boolean utf8 = text.chars().noneMatch(c -> Character.isSurrogate((char) c)) || UTF_8.newEncoder().canEncode(text);
      byte[] encoded = utf8 ? text.getBytes(UTF_8) : utf16(text);
      room(Math.addExact(encoded.length, 4)).putInt(utf8 ? encoded.length : ~encoded.length).put(encoded);
    }

    /** Unlike an encoder, keeps lone surrogates. */
    private static byte[] utf16(String text) {
      var encoded = ByteBuffer.allocate(Math.multiplyExact(text.length(), 2));
      encoded.asCharBuffer().put(text);
      return encoded.array();
    }

    byte[] toArray() {
      byte[] array = new byte[bytes.position()];
      bytes.flip().get(array);
      return array;
    }
  }

  /** Writes the entry of a body, of which the buffer has room for all bytes. */
  static void put(ByteBuffer out, long number, long time, byte[] body) {
    int start = out.position();
    out.putInt(0).putInt(HEAD - 8 + body.length).putLong(number).putLong(time).put(body);
    out.putInt(start, crc(out.array(), start + 4, out.position()));
  }

  /** Returns the checksum of these bytes. */
  static int crc(byte[] bytes, int from, int to) {
    var crc = new CRC32C();
    crc.update(bytes, from, to - from);
    return (int) crc.getValue();
  }

  /** Returns whether these bytes, from their position to their limit, are the entry of the event with this number. */
  static boolean isEntry(ByteBuffer entry, long number) {
    return isIntact(entry, number) && entry.get(entry.position() + HEAD) < EPOCH;
  }

  private static boolean isIntact(ByteBuffer entry, long number) {
    int start = entry.position();
    return entry.remaining() >= HEAD + 1
        && entry.getInt(start + 4) == entry.remaining() - 8
        && entry.getInt(start) == crc(entry.array(), start + 4, entry.limit())
        && entry.getLong(start + 8) == number;
  }

  /** Returns the entry that names this epoch. */
  static byte[] epoch(LogEpochs.Epoch epoch, long time) {
    var entry = ByteBuffer.allocate(EPOCH_SIZE);
    var body = ByteBuffer.allocate(1 + LogEpochs.WORD_LENGTH).put((byte) EPOCH).put(epoch.word().getBytes(US_ASCII));
    put(entry, epoch.after(), time, body.array());
    return entry.array();
  }

  /** Returns the epoch that an entry names after the event with this number; empty if it is not such an entry. */
  static Optional<LogEpochs.Epoch> epoch(ByteBuffer entry, long after) {
    int start = entry.position();
    if (entry.remaining() != EPOCH_SIZE || entry.get(start + HEAD) != EPOCH || !isIntact(entry, after)) {
      return Optional.empty();
    }
    String word = new String(entry.array(), start + HEAD + 1, LogEpochs.WORD_LENGTH, US_ASCII);
    return LogEpochs.isWord(word) ? Optional.of(new LogEpochs.Epoch(word, after)) : Optional.empty();
  }

  /** Returns the time in an entry. */
  static long time(ByteBuffer entry) {
    return entry.getLong(entry.position() + 16);
  }

  /** Reads an entry from its position to its limit. */
  static StoredEvent decode(ByteBuffer entry) {
    var body = entry.slice(entry.position() + HEAD, entry.remaining() - HEAD);
    int parts = body.get();
    var key = (parts & KEY) == 0 ? Optional.<String>empty() : Optional.of(text(body));
    var event = Event.empty();
    event = (parts & NAME) == 0 ? event : event.withName(text(body));
    event = (parts & DATA) == 0 ? event : event.withData(text(body));
    event = (parts & RETRY) == 0 ? event : event.withRetry(Duration.ofSeconds(body.getLong(), body.getInt()));
    event = (parts & COMMENT) == 0 ? event : event.withComment(text(body));
    return new StoredEvent((parts & FIELDS) == 0 ? event : withFields(event, body), key);
  }

  private static Event withFields(Event event, ByteBuffer body) {
    var fields = new LinkedHashMap<String, String>();
    for (int count = body.getInt(); count > 0; count--) {
      fields.put(text(body), text(body));
    }
    return new Event(event.id(), event.name(), event.data(), event.retry(), event.comment(), fields);
  }

  private static String text(ByteBuffer body) {
    int length = body.getInt();
    byte[] bytes = new byte[length >= 0 ? length : ~length];
    body.get(bytes);
    return length >= 0 ? new String(bytes, UTF_8) : ByteBuffer.wrap(bytes).asCharBuffer().toString();
  }
}
