package dev.tidings.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/** The beginning of the text with which a server refuses a stream. */
final class RefusalText {
  private static final int MOST = 4000; // bytes
  private static final int MOST_PRINTED = 200; // characters

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  /** Keeps the part within the limit. */
  void add(ByteBuffer buffer) {
    byte[] more = new byte[Math.min(buffer.remaining(), MOST - bytes.size())];
    buffer.get(more);
    bytes.writeBytes(more);
  }

  boolean isFull() {
    return bytes.size() >= MOST;
  }

  String text() {
    return bytes.toString(UTF_8);
  }

  /** Returns the text as one line, without anything that a terminal or a log could take for more than a character. */
  static String printable(String text) {
    String line = text.replaceAll("[\\p{C}\\p{Zl}\\p{Zp}]", " ");
    return line.length() > MOST_PRINTED ? line.substring(0, MOST_PRINTED) + " (cut)" : line;
  }
}
