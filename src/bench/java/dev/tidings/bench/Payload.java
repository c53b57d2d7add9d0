package dev.tidings.bench;

import java.util.Map;

/**
 * The data of an event: its number and the time of its publishing, each in 16 hexadecimal digits, padded to
 * its size.
 */
final class Payload {
  static final int DIGITS = 16;
  static final int STAMP = 2 * DIGITS;
  private static final char[] HEX = "0123456789abcdef".toCharArray();

  private final char[] text;

  Payload(int size) {
    if (size < STAMP) {
      throw new IllegalArgumentException("an event needs at least " + STAMP + " bytes: " + size);
    }
    text = new char[size];
    java.util.Arrays.fill(text, STAMP, size, 'x');
  }

  /** Returns the data of an event that is published now. */
  String stamped(long number) {
    put(0, number);
    put(DIGITS, System.nanoTime());
    return new String(text);
  }

  private void put(int at, long value) {
    for (int i = DIGITS - 1; i >= 0; i--) {
      text[at + i] = HEX[(int) (value & 15)];
      value >>>= 4;
    }
  }

  /** Returns the value of a hexadecimal digit. */
  static int digit(byte c) {
    return c <= '9' ? c - '0' : c - 'a' + 10;
  }

  /** The parameters of {@code /many}. */
  record Many(int count, int size) {
    static Many of(String query) {
      var values = Map.<String, Integer>of();
      for (String pair : query.split("&")) {
        int equals = pair.indexOf('=');
        var more = new java.util.HashMap<>(values);
        more.put(pair.substring(0, equals), Integer.parseInt(pair.substring(equals + 1)));
        values = more;
      }
      return new Many(values.get("count"), values.get("size"));
    }

    /** Sends all of them, numbered from 1. */
    void each(Sender sender) throws Exception {
      var payload = new Payload(size);
      for (int i = 1; i <= count; i++) {
        sender.send(payload.stamped(i));
      }
    }
  }

  /** Sends the data of an event. */
  interface Sender {
    void send(String data) throws Exception;
  }
}
