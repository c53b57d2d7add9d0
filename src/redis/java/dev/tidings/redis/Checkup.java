package dev.tidings.redis;

import java.lang.System.Logger.Level;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisDataException;

/** Looks at a server when it is found: its version, its policy of eviction, and the rights of the user. */
final class Checkup {
  private static final Pattern VERSION = Pattern.compile("redis_version:(\\d+)\\.(\\d+)[^\r\n]*");
  private static final Pattern POLICY = Pattern.compile("maxmemory_policy:(\\S+)");

  private Checkup() {}

  /**
   * Checks a server. Warns of what can lose events.
   *
   * @return whether the user may use {@code INFO}
   * @throws IllegalStateException if the server cannot be used
   */
  static boolean check(Link link, String prefix) {
    var script = link.ask(List.of(Script.load())).getFirst();
    if (script instanceof JedisDataException e) {
      throw new IllegalStateException(
          "Redis at " + link.at() + " does not permit scripts: grant the rights in the README of tidings-redis: " + Quoted.reason(e), e);
    }
    boolean permitted = checkInfo(link);
    checkBells(link, prefix);
    return permitted;
  }

  private static boolean checkInfo(Link link) {
    var info = link.ask(List.of(new CommandArguments(Command.INFO))).getFirst();
    if (info instanceof JedisDataException e) {
      Log.log(
          Level.WARNING,
          () -> "Redis at " + link.at() + " does not permit INFO: if it loses acknowledged events, such as in a failover, this is"
              + " not noticed, and clients may miss the events that replace them. Grant +info: " + Quoted.reason(e));
      return false;
    }
    String text = Replies.text(info);
    Matcher version = VERSION.matcher(text);
    if (version.find()) {
      int major = Integer.parseInt(version.group(1));
      if (major < 6 || major == 6 && Integer.parseInt(version.group(2)) < 2) {
        throw new IllegalStateException(
            "Redis at " + link.at() + " is too old: " + Quoted.text(version.group()) + ", but 6.2 or later is required");
      }
    }
    Matcher policy = POLICY.matcher(text);
    if (policy.find() && !policy.group(1).equals("noeviction")) {
      Log.log(
          Level.WARNING,
          () -> "Redis at " + link.at() + " evicts keys when its memory is full: maxmemory-policy is "
              + Quoted.text(policy.group(1)) + ", so logs may lose their events early. Set it to noeviction");
    }
    return true;
  }

  private static void checkBells(Link link, String prefix) {
    String bell = Keys.of(prefix, "tidings").bell();
    try {
      link.ask(List.of(new CommandArguments(Command.SUBSCRIBE).add(bell)))
          .forEach(reply -> require(link, bell, reply));
      link.ask(List.of(new CommandArguments(Command.UNSUBSCRIBE).add(bell)));
    } catch (JedisDataException e) {
      require(link, bell, e);
    }
  }

  private static void require(Link link, String bell, Object reply) {
    if (reply instanceof JedisDataException e) {
      throw new IllegalStateException(
          "Redis at " + link.at() + " does not permit SUBSCRIBE " + Quoted.text(bell)
              + ": grant the rights in the README of tidings-redis: " + Quoted.reason(e), e);
    }
  }
}
