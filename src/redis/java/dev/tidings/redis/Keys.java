package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import redis.clients.jedis.util.JedisClusterCRC16;

/**
 * The keys of a channel in Redis. The name stands in braces, so that all keys of a channel are in one slot of a cluster.
 */
final class Keys {
  private static final int MOST_NAME = 256; // bytes
  private static final String PLAIN = "-._~:/@"; // besides letters and digits

  private final String stem;

  private Keys(String stem) {
    this.stem = stem;
  }

  /**
   * Returns the keys of a channel.
   *
   * @throws IllegalArgumentException if the name is empty, too long or not encodable
   */
  static Keys of(String prefix, String name) {
    byte[] bytes = name.getBytes(UTF_8);
    if (name.isEmpty() || bytes.length > MOST_NAME || !UTF_8.newEncoder().canEncode(name)) {
      throw new IllegalArgumentException(
          "name of a log must be 1 to " + MOST_NAME + " bytes of UTF-8, without a lone surrogate: " + Quoted.text(name));
    }
    return new Keys(prefix + "{" + encode(bytes) + "}:");
  }

  private static String encode(byte[] name) {
    var out = new StringBuilder(name.length + 8);
    for (byte b : name) {
      char c = (char) (b & 0xff);
      if (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || PLAIN.indexOf(c) >= 0) {
        out.append(c);
      } else {
        out.append(String.format("%%%02X", (int) c));
      }
    }
    return out.toString();
  }

  byte[] log() {
    return (stem + "log").getBytes(UTF_8);
  }

  byte[] meta() {
    return (stem + "meta").getBytes(UTF_8);
  }

  byte[] newerKeys() {
    return (stem + "keys1").getBytes(UTF_8);
  }

  byte[] olderKeys() {
    return (stem + "keys2").getBytes(UTF_8);
  }

  /** Returns the pub/sub channel on which appended events are announced. */
  String bell() {
    return stem + "bell";
  }

  /** Returns the slot of the channel in a cluster. */
  int slot() {
    return JedisClusterCRC16.getSlot(stem);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Keys keys && keys.stem.equals(stem);
  }

  @Override
  public int hashCode() {
    return stem.hashCode();
  }

  @Override
  public String toString() {
    return stem + "log";
  }
}
