package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;

/** The script that appends a batch of events. */
final class Script {
  private static final byte[] TEXT = read();
  private static final String HASH = hash();
  private static final long LAST_XADD = new String(TEXT, UTF_8).lines().takeWhile(line -> !line.contains("-- appended")).count();
  private static final Pattern LINE = Pattern.compile("@user_script: ?(\\d+)");

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

  /** Returns whether an error of Redis came when the script may have appended events, which are not removed then. */
  static boolean isAfterAppend(String error) {
    var line = LINE.matcher(error);
    return line.find() && Long.parseLong(line.group(1)) > LAST_XADD;
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
