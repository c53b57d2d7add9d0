package dev.tidings.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Event;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * Parses one response according to WHATWG HTML, 9.2.6. It keeps at most the data of one event and one line, each
 * limited, and looks at each byte a fixed number of times.
 */
final class EventParser {

  /** Bytes that grow up to the limit. */
  private static final class Bytes {
    private final int limit; // of the application
    private final int most;
    private byte[] bytes = new byte[128];
    private int length;

    Bytes(int limit, int most) {
      this.limit = limit;
      this.most = most;
    }

    void add(byte b) {
      makeRoom(1);
      bytes[length++] = b;
    }

    void add(byte[] from, int start, int count) {
      makeRoom(count);
      System.arraycopy(from, start, bytes, length, count);
      length += count;
    }

    private void makeRoom(int count) {
      if (count > most - length) {
        throw new EventClientException("an event is larger than " + limit + " bytes (maxEventBytes)", null);
      }
      if (length + count > bytes.length) {
        bytes = Arrays.copyOf(bytes, (int) Math.min(most, Math.max(length + count, 2L * bytes.length)));
      }
    }

    String text(int start) {
      return new String(bytes, start, length - start, UTF_8);
    }

    /** Keeps no more than a small buffer, so that one large event does not occupy memory until the end. */
    void clear() {
      length = 0;
      if (bytes.length > 1 << 16) {
        bytes = new byte[128];
      }
    }
  }

  private final Bytes line;
  private final Bytes data; // with LF after each line
  private boolean isFirstLine = true;
  private boolean isComment; // whether the line began with a colon; such lines are not kept
  private boolean isAfterCr;
  private boolean isAlive;
  private Optional<String> name = Optional.empty();
  private Optional<String> id = Optional.empty(); // of the block
  private Optional<Duration> retry = Optional.empty(); // of the block
  private Optional<Duration> lastRetry = Optional.empty();
  private String lastEventId;

  /** Creates a parser for a response, whose last event id starts with that of the earlier responses. */
  EventParser(int limit, String lastEventId) {
    this.line = new Bytes(limit, limit + 16); // with the field name
    this.data = new Bytes(limit, limit + 1); // with the last LF, which is no part of the data
    this.lastEventId = lastEventId;
  }

  /** Returns the last event id, which a block without data also sets. */
  String lastEventId() {
    return lastEventId;
  }

  /** Returns the last reconnection time of this response. */
  Optional<Duration> retry() {
    return lastRetry;
  }

  /** Returns whether a comment or an event has arrived. */
  boolean isAlive() {
    return isAlive;
  }

  /**
   * Reads up to the end of an event, and returns it; null if the buffer ends first.
   *
   * @throws EventClientException if an event is too large
   */
  Event next(ByteBuffer in) {
    while (in.hasRemaining()) {
      byte b = in.get();
      if (b == '\n' && isAfterCr) {
        isAfterCr = false;
        continue;
      }
      isAfterCr = b == '\r';
      if (b == '\n' || b == '\r') {
        var event = endOfLine();
        if (event != null) {
          return event;
        }
      } else if (!isComment) {
        if (b == ':' && line.length == 0) {
          isComment = true;
        } else {
          line.add(b);
        }
      }
    }
    return null;
  }

  private Event endOfLine() {
    int start = isFirstLine && startsWithByteOrderMark() ? 3 : 0;
    isFirstLine = false;
    boolean isBlank = line.length == start && !isComment;
    if (!isBlank) {
      field(start);
    }
    line.clear();
    isComment = false;
    return isBlank ? dispatch() : null;
  }

  private boolean startsWithByteOrderMark() {
    return line.length >= 3 && line.bytes[0] == (byte) 0xEF && line.bytes[1] == (byte) 0xBB && line.bytes[2] == (byte) 0xBF;
  }

  private void field(int start) {
    int colon = start;
    while (colon < line.length && line.bytes[colon] != ':') {
      colon++;
    }
    if (isComment || colon == start) {
      isAlive = true;
      return;
    }
    int value = Math.min(colon + 1, line.length);
    if (value < line.length && line.bytes[value] == ' ') {
      value++;
    }
    switch (new String(line.bytes, start, Math.min(colon - start, 8), UTF_8)) { // longer names are not known
      case "data" -> {
        data.add(line.bytes, value, line.length - value);
        data.add((byte) '\n');
      }
      case "event" -> name = Optional.of(line.text(value)).filter(text -> !text.isEmpty() && !text.equals("message"));
      case "id" -> {
        String text = line.text(value);
        if (text.indexOf('\0') < 0) {
          id = Optional.of(text);
        }
      }
      case "retry" -> {
        String text = line.text(value);
        if (Backoff.isNumber(text)) {
          retry = Optional.of(Duration.ofMillis(Backoff.number(text)));
          lastRetry = retry;
        }
      }
      default -> {} // the standard ignores other fields
    }
  }

  /** Returns the event of the block that has ended; null if it has no data. */
  private Event dispatch() {
    lastEventId = id.orElse(lastEventId);
    Event event = null;
    if (data.length > 0) {
      isAlive = true;
      data.length--; // the last LF
      event = event(Optional.of(data.text(0)));
    }
    data.clear();
    name = Optional.empty();
    id = Optional.empty();
    retry = Optional.empty();
    return event;
  }

  /** An {@code Event} cannot have the id that completes a stream. The last event id of the client is that id. */
  private Event event(Optional<String> text) {
    try {
      return new Event(id, name, text, retry, Optional.empty(), Map.of());
    } catch (IllegalArgumentException e) {
      return new Event(Optional.empty(), name, text, retry, Optional.empty(), Map.of());
    }
  }
}
