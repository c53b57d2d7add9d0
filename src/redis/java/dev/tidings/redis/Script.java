package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;

/** The script that appends a batch of events. */
final class Script {
  private static final byte[] TEXT = read();
  private static final String HASH = hash();

  private Script() {}

  private static byte[] read() {
    try (var in = Script.class.getResourceAsStream("append.lua")) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String hash() {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(TEXT));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  static CommandArguments load() {
    return new CommandArguments(Command.SCRIPT).add("LOAD").add(TEXT);
  }

  /**
   * Returns the call with its keys. The arguments follow.
   *
   * @param hasKeys whether an event has a key. The hashes of keys are not named otherwise: while the slot of a channel is
   *     moved, Redis Cluster refuses a command that names a key that does not exist.
   */
  static CommandArguments call(Keys keys, boolean hasKeys) {
    var call =
        new CommandArguments(Command.EVALSHA).add(HASH.getBytes(UTF_8)).add(hasKeys ? "4" : "2").add(keys.log()).add(keys.meta());
    return hasKeys ? call.add(keys.newerKeys()).add(keys.olderKeys()) : call;
  }
}
