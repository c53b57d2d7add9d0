package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLDecoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import redis.clients.jedis.HostAndPort;

/**
 * The URL of a Redis: {@code redis://user:password@host:6379/0}, {@code redis-sentinel://host,host:26379/mymaster/0},
 * {@code redis-cluster://host,host:6379}. With {@code rediss} instead of {@code redis}, connections use TLS.
 *
 * @param master the name that the sentinels know; empty for others
 */
record RedisUri(
    Kind kind,
    boolean tls,
    Optional<String> user,
    Optional<String> password,
    List<HostAndPort> hosts,
    String master,
    int database) {

  /** The kinds of URLs. */
  enum Kind {
    STANDALONE(6379, ""),
    SENTINEL(26379, "-sentinel"),
    CLUSTER(6379, "-cluster");

    private final int port;
    private final String suffix;

    Kind(int port, String suffix) {
      this.port = port;
      this.suffix = suffix;
    }
  }

  /**
   * Parses a URL.
   *
   * @throws IllegalArgumentException if it is not valid; the message does not contain the password
   */
  static RedisUri parse(String url) {
    int begin = url.indexOf("://");
    String scheme = begin < 0 ? "" : url.substring(0, begin);
    boolean tls = scheme.startsWith("rediss");
    var kind = kind(url, tls ? "redis" + scheme.substring("rediss".length()) : scheme);
    String rest = url.substring(begin + 3);
    if (rest.indexOf('?') >= 0 || rest.indexOf('#') >= 0) {
      throw wrong(url, "it must not have a query or a fragment; escape ? and # of a password as %3F and %23");
    }
    int slash = rest.indexOf('/');
    String path = slash < 0 ? "" : rest.substring(slash + 1);
    String authority = slash < 0 ? rest : rest.substring(0, slash);
    int at = authority.lastIndexOf('@');
    var credentials = at < 0 ? List.<String>of() : credentials(url, authority.substring(0, at));
    var hosts = hosts(url, kind, authority.substring(at + 1));
    String master = "";
    if (kind == Kind.SENTINEL) {
      int next = path.indexOf('/');
      master = next < 0 ? path : path.substring(0, next);
      path = next < 0 ? "" : path.substring(next + 1);
      if (master.isEmpty()) {
        throw wrong(url, "it needs the name of the master: redis-sentinel://host:26379/mymaster");
      }
    }
    int database = path.isEmpty() ? 0 : number(url, "database", path, 0, 1_000_000);
    if (kind == Kind.CLUSTER && database != 0) {
      throw wrong(url, "a cluster has only database 0");
    }
    return new RedisUri(
        kind,
        tls,
        credentials.stream().findFirst().filter(user -> !user.isEmpty()),
        credentials.stream().skip(1).findFirst(),
        hosts,
        decode(url, master),
        database);
  }

  private static Kind kind(String url, String scheme) {
    for (Kind kind : Kind.values()) {
      if (scheme.equals("redis" + kind.suffix)) {
        return kind;
      }
    }
    throw wrong(
        url, "it must begin with redis://, redis-sentinel:// or redis-cluster://, or with rediss instead of redis for TLS");
  }

  private static List<String> credentials(String url, String text) {
    int colon = text.indexOf(':');
    if (colon < 0) {
      throw wrong(url, "it has a user without a password: write user:password@host, or :password@host");
    }
    return List.of(decode(url, text.substring(0, colon)), decode(url, text.substring(colon + 1)));
  }

  private static List<HostAndPort> hosts(String url, Kind kind, String text) {
    var hosts = new ArrayList<HostAndPort>();
    for (String part : text.split(",", -1)) {
      int colon = part.lastIndexOf(':');
      boolean hasPort = colon > part.lastIndexOf(']');
      String host = hasPort ? part.substring(0, colon) : part;
      if (host.startsWith("[") && host.endsWith("]")) {
        host = host.substring(1, host.length() - 1);
      }
      if (host.isEmpty() || host.chars().anyMatch(c -> c <= ' ')) {
        throw wrong(url, "it has an empty host, or one with a space");
      }
      hosts.add(new HostAndPort(host, hasPort ? number(url, "port", part.substring(colon + 1), 1, 65_535) : kind.port));
    }
    if (kind == Kind.STANDALONE && hosts.size() > 1) {
      throw wrong(url, "it has several hosts: use redis-sentinel:// or redis-cluster://");
    }
    return List.copyOf(hosts);
  }

  private static int number(String url, String what, String text, int least, int most) {
    try {
      int number = Integer.parseInt(text);
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // refused below
    }
    throw wrong(url, what + " must be " + least + " to " + most + ", not " + Quoted.text(text));
  }

  private static String decode(String url, String text) {
    try {
      return URLDecoder.decode(text.replace("+", "%2B"), UTF_8);
    } catch (IllegalArgumentException e) {
      throw wrong(url, "it has a % that is not followed by two hexadecimal digits; write %25");
    }
  }

  private static IllegalArgumentException wrong(String url, String why) {
    return new IllegalArgumentException("URL of Redis " + Quoted.text(withoutPassword(url)) + ": " + why);
  }

  private static String withoutPassword(String url) {
    int begin = url.indexOf("://");
    int at = url.lastIndexOf('@');
    return at < 0 ? url : url.substring(0, begin < 0 ? 0 : begin + 3) + "..." + url.substring(at);
  }
}
