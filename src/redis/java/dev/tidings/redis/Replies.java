package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.NotAppendedException;
import java.util.ArrayList;
import java.util.List;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisRedirectionException;

/** Replies of Redis, and errors among them. */
final class Replies {

  /** What an error reply means. */
  enum Meaning {
    /** Another server has the keys. */
    REDIRECT,
    /** The server does not know the script. */
    NO_SCRIPT,
    /** The server cannot execute the command now. It has not executed it. */
    LATER,
    /** The server is not a master any longer. It has not executed the command. */
    DEMOTED,
    /** The server rejects the command. It has not executed it. */
    REFUSED,
    /** The server closes its doors: the password has changed. It has not executed the command. */
    LOCKED_OUT,
    /** Anything else. The command may have been executed in part. */
    OTHER
  }

  private Replies() {}

  static Meaning meaning(JedisDataException error) {
    String text = String.valueOf(error.getMessage());
    if (error instanceof JedisRedirectionException) {
      return Meaning.REDIRECT;
    } else if (text.startsWith("NOSCRIPT")) {
      return Meaning.NO_SCRIPT;
    } else if (text.contains("READONLY")) {
      return Meaning.DEMOTED;
    } else if (has(text, "TRYAGAIN", "CLUSTERDOWN", "LOADING", "BUSY ", "MASTERDOWN", "NOREPLICAS", "MISCONF")) {
      return Meaning.LATER;
    } else if (has(text, "NOAUTH", "WRONGPASS")) {
      return Meaning.LOCKED_OUT;
    } else if (isOutOfMemory(text) || isForbidden(text) || has(text, "WRONGTYPE", "equal or smaller")) {
      return Script.isAfterAppend(text) ? Meaning.OTHER : Meaning.REFUSED;
    } else {
      return Meaning.OTHER;
    }
  }

  private static boolean has(String text, String... words) {
    for (String word : words) {
      if (text.contains(word)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isOutOfMemory(String text) {
    return text.contains("OOM command not allowed");
  }

  private static boolean isForbidden(String text) {
    return has(text, "NOPERM", "can't run this command", "can't access at least one", "can't publish to the channel", "No permissions");
  }

  /** Returns what is wrong and what to do about it. */
  static String explain(Keys keys, JedisDataException error) {
    String text = String.valueOf(error.getMessage());
    String cure;
    if (isOutOfMemory(text)) {
      cure = "Redis has reached its maxmemory: raise it, or let logs hold fewer events";
    } else if (text.contains("WRONGTYPE")) {
      cure = "a key of the log " + keys + " has another type: delete that key, or use another prefix or name";
    } else if (isForbidden(text)) {
      cure = "the user of this connection may not use the log " + keys + ": grant the rights in the README of tidings-redis";
    } else if (text.contains("equal or smaller")) {
      cure = "another program, or a user without all rights, appended to the stream " + keys
              + ": delete that key, or use another prefix or name";
    } else if (text.contains("NOREPLICAS")) {
      cure = "Redis has fewer replicas than its min-replicas-to-write";
    } else if (text.contains("MISCONF")) {
      cure = "Redis cannot save its data to disk";
    } else {
      cure = "Redis refused a command for the log " + keys;
    }
    return cure + ": " + Quoted.text(text);
  }

  static String newer(Keys keys, String format) {
    return "the log " + keys + " was written by a newer version of tidings-redis (format " + Quoted.text(format)
        + ", this version knows 1): update this server";
  }

  /** Returns the elements of a reply. */
  static List<?> list(Keys keys, Object reply) {
    return (List<?>) checked(keys, reply);
  }

  static long number(Keys keys, Object reply) {
    return (Long) checked(keys, reply);
  }

  private static Object checked(Keys keys, Object reply) {
    if (reply instanceof JedisDataException error) {
      throw new RedisFailure(explain(keys, error));
    }
    return reply;
  }

  static String text(Object bytes) {
    return bytes instanceof byte[] array ? new String(array, UTF_8) : String.valueOf(bytes);
  }

  /** An entry of a stream: its number, its time in milliseconds, its fields. */
  record Entry(long number, long time, List<byte[]> fields) {
    static Entry of(Object reply) {
      var parts = (List<?>) reply;
      String id = text(parts.get(0));
      int dash = id.indexOf('-');
      var fields = new ArrayList<byte[]>();
      for (Object field : (List<?>) parts.get(1)) {
        fields.add((byte[]) field);
      }
      return new Entry(Long.parseLong(id.substring(0, dash)), Long.parseLong(id.substring(dash + 1)), fields);
    }
  }

  static List<Entry> entries(Keys keys, Object reply) {
    var entries = new ArrayList<Entry>();
    list(keys, reply).forEach(entry -> entries.add(Entry.of(entry)));
    return entries;
  }

  /** Returns the exception for an append that was certainly not executed. */
  static NotAppendedException refused(Keys keys, JedisDataException error) {
    return new NotAppendedException(explain(keys, error), error);
  }
}
