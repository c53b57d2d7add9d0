package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Optional;

/**
 * The path of a request in segments. They are split before they are decoded, so an encoded slash is part of its
 * segment. Each is decoded once, when it is first needed.
 */
final class RequestPath {
  private final String[] raw;
  private final Optional<String>[] decoded; // null until requested

  @SuppressWarnings({"unchecked", "rawtypes"})
  private RequestPath(String[] raw) {
    this.raw = raw;
    this.decoded = new Optional[raw.length];
  }

  /** Splits the path, unless it has more than this number of segments. */
  static Optional<RequestPath> of(String rawPath, int most) {
    String[] segments = rawPath.substring(1).split("/", most + 1);
    return segments.length > most ? Optional.empty() : Optional.of(new RequestPath(segments));
  }

  int count() {
    return raw.length;
  }

  String raw(int index) {
    return raw[index];
  }

  /** Returns a segment; empty if it cannot be decoded. */
  Optional<String> segment(int index) {
    if (decoded[index] == null) {
      decoded[index] = decode(raw[index]);
    }
    return decoded[index];
  }

  private static Optional<String> decode(String raw) {
    if (raw.indexOf('%') < 0) {
      return Optional.of(raw);
    }
    var bytes = new ByteArrayOutputStream(raw.length());
    try {
      for (int i = 0; i < raw.length(); ) {
        int end = raw.indexOf('%', i);
        if (end == i) {
          bytes.write(Integer.parseInt(raw, i + 1, i + 3, 16));
          i += 3;
        } else {
          int stop = end < 0 ? raw.length() : end;
          bytes.writeBytes(raw.substring(i, stop).getBytes(UTF_8));
          i = stop;
        }
      }
      return Optional.of(UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString());
    } catch (CharacterCodingException | NumberFormatException | IndexOutOfBoundsException e) {
      return Optional.empty();
    }
  }
}
