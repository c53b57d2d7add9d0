package dev.tidings.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.Locale;

/** Parses one response for the client: head, chunks if there are any, lines, events. */
final class Stream {
  private enum Part {
    HEAD,
    CHUNK_SIZE,
    CHUNK,
    CHUNK_END,
    UNFRAMED,
    OVER
  }

  private static final int LINE_START = 0;
  private static final byte[] FIELD = "data:".getBytes(ISO_8859_1); // as states 1 to 5
  private static final int AFTER_COLON = 5;
  private static final int VALUE = 6;
  private static final int OTHER_LINE = 7;

  /** The expected number of a stream that joins while events are published. */
  static final long ANY = -1;

  private final Ledger ledger;
  private final SocketChannel channel;
  private ByteArrayOutputStream head = new ByteArrayOutputStream(256);
  private Part part = Part.HEAD;
  private int chunkLeft;
  private int line = LINE_START;
  private int position; // in the value
  private boolean whole; // the data of an event has arrived, but not the blank line
  private long number;
  private long published;
  private long expected;

  Stream(Ledger ledger, long expected, SocketChannel channel) {
    this.ledger = ledger;
    this.expected = expected;
    this.channel = channel;
  }

  /** Disconnects the client. */
  void leave() throws IOException {
    part = Part.OVER;
    channel.close();
  }

  boolean hasHead() {
    return part != Part.HEAD;
  }

  boolean isOver() {
    return part == Part.OVER;
  }

  long expected() {
    return expected;
  }

  void end() {
    part = Part.OVER;
  }

  void read(byte[] bytes, int to, long now) throws IOException {
    int i = 0;
    while (i < to) {
      switch (part) {
        case HEAD -> head(bytes[i++]);
        case CHUNK_SIZE -> chunkSize(bytes[i++]);
        case CHUNK -> {
          int end = Math.min(to, i + chunkLeft);
          lines(bytes, i, end, now);
          chunkLeft -= end - i;
          i = end;
          part = chunkLeft == 0 ? Part.CHUNK_END : part;
        }
        case CHUNK_END -> part = bytes[i++] == '\n' ? Part.CHUNK_SIZE : part;
        case UNFRAMED -> {
          lines(bytes, i, to, now);
          i = to;
        }
        case OVER -> i = to;
      }
    }
  }

  private void head(byte b) throws IOException {
    head.write(b);
    if (b != '\n') {
      return;
    }
    String text = head.toString(ISO_8859_1);
    if (text.endsWith("\r\n\r\n")) {
      if (!text.startsWith("HTTP/1.1 200")) {
        throw new IOException("no stream but: " + text.lines().findFirst().orElse(""));
      }
      boolean chunked = text.toLowerCase(Locale.ROOT).contains("transfer-encoding: chunked");
      part = chunked ? Part.CHUNK_SIZE : Part.UNFRAMED;
      head = null;
    }
  }

  private void chunkSize(byte b) {
    if (b == '\n') {
      part = chunkLeft == 0 ? Part.OVER : Part.CHUNK;
    } else if (b != '\r') {
      chunkLeft = chunkLeft << 4 | Payload.digit((byte) (b >= 'A' && b <= 'F' ? b + 32 : b));
    }
  }

  private void lines(byte[] bytes, int from, int to, long now) throws IOException {
    int i = from;
    while (i < to) {
      if (line == VALUE && position >= Payload.STAMP && position < ledger.size()) {
        int skip = Math.min(to - i, ledger.size() - position);
        position += skip;
        i += skip;
      } else {
        line(bytes[i++], now);
      }
    }
  }

  private void line(byte b, long now) throws IOException {
    boolean lineBreak = b == '\n' || b == '\r';
    if (line == VALUE || line == AFTER_COLON) {
      if (lineBreak) {
        endOfValue();
      } else if (line == AFTER_COLON && b == ' ') {
        line = VALUE;
      } else {
        line = VALUE;
        digit(b);
      }
    } else if (lineBreak) {
      if (line == LINE_START && whole) {
        whole = false;
        expected = ledger.received(number, expected, published, now);
      }
      line = LINE_START;
    } else if (line < FIELD.length) {
      line = b == FIELD[line] ? line + 1 : OTHER_LINE;
      number = 0;
      published = 0;
      position = 0;
    }
  }

  private void digit(byte b) throws IOException {
    if (position < Payload.DIGITS) {
      number = number << 4 | Payload.digit(b);
    } else if (position < Payload.STAMP) {
      published = published << 4 | Payload.digit(b);
    } else {
      throw new IOException("an event has more than " + ledger.size() + " bytes");
    }
    position++;
  }

  private void endOfValue() throws IOException {
    line = LINE_START;
    if (position == 0) {
      return; // a position event of a channel has no text; the text of a gap is rejected below
    }
    if (position != ledger.size()) {
      throw new IOException("an event has " + position + " bytes, not " + ledger.size());
    }
    whole = true;
  }
}
