package dev.tidings.redis;

import dev.tidings.EventLog;
import dev.tidings.redis.RedisState.ServerState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Logs in Redis or Valkey, shared by all processes that connect to it. A {@link dev.tidings.Channel} with such a log
 * reaches clients on every server, and clients that reconnect to another server continue there.
 *
 * {@snippet file="Readme.java" region="logs"}
 *
 * <p>A log is read by all streams of a process through at most 3 connections and a pool of 8, for each master.
 *
 * <p>All methods may be called from any thread.
 */
public final class RedisLogs implements AutoCloseable {
  private final Node node;
  private final RedisOptions options;

  private RedisLogs(Node node, RedisOptions options) {
    this.node = node;
    this.options = options;
  }

  /**
   * Connects with the default options. {@link #connect(String, RedisOptions)} describes the details.
   *
   * @param url the URL of Redis
   * @return the connection
   * @throws IllegalArgumentException if the URL is not valid
   * @throws IllegalStateException if Redis cannot be used
   * @throws java.io.UncheckedIOException if Redis cannot be reached
   */
  public static RedisLogs connect(String url) {
    return connect(url, RedisOptions.defaults());
  }

  /**
   * Connects to Redis, and checks its version and the rights of the user. Blocks on the network, at most for some
   * seconds. The following URLs are possible; with {@code rediss} instead of {@code redis}, connections use TLS:
   *
   * <ul>
   *   <li>{@code redis://user:password@host:6379/0}; all parts but the host are optional
   *   <li>{@code redis-sentinel://user:password@host:26379,host:26379/mymaster/0}, with the addresses of sentinels and
   *       the name of the master
   *   <li>{@code redis-cluster://user:password@host:6379,host:6379}, with the addresses of some servers of the cluster
   * </ul>
   *
   * <p>Special characters of the user and password are percent-encoded. Once connected, logs outlive any outage of
   * Redis. But this method throws an exception if Redis cannot be reached, because a wrong address cannot be told from an
   * outage.
   *
   * @param url the URL of Redis
   * @param options the options
   * @return the connection
   * @throws IllegalArgumentException if the URL is not valid
   * @throws IllegalStateException if Redis cannot be used: the password is wrong, a right is missing, the server is
   *     older than 6.2, or it is not a master
   * @throws java.io.UncheckedIOException if Redis cannot be reached
   */
  public static RedisLogs connect(String url, RedisOptions options) {
    return connect(url, options, Node.IDLE);
  }

  static RedisLogs connect(String url, RedisOptions options, Duration idle) {
    return new RedisLogs(Node.connect(RedisUri.parse(url), options, idle), options);
  }

  /**
   * Returns the log of this name, with the limits of the options. Does not block; the log need not exist.
   *
   * @param name any text of 1 to 256 bytes in UTF-8
   * @return the log
   * @throws IllegalArgumentException if the name is empty, too long, or has a lone surrogate
   */
  public EventLog log(String name) {
    return log(name, options.events(), options.age());
  }

  /**
   * Returns the log of this name. Does not block; the log need not exist. All processes should use the same limits,
   * because each append applies its own.
   *
   * @param name any text of 1 to 256 bytes in UTF-8
   * @param events the number of events that the log holds, 1 or more; Redis may hold about a hundred more
   * @param age the age after which events are dropped, from a second to ten years
   * @return the log
   * @throws IllegalArgumentException if the name is empty, too long, or has a lone surrogate, or if a limit is out of
   *     range
   */
  public EventLog log(String name, int events, Duration age) {
    RedisOptions.requirePositive("events", events);
    return node.log(Keys.of(options.prefix(), Objects.requireNonNull(name, "name")), events, RedisOptions.requireAge(age));
  }

  /**
   * Returns the state of the connection. Does not block.
   *
   * @return the state
   */
  public RedisState state() {
    var servers = new ArrayList<ServerState>();
    for (Server server : node.servers()) {
      var contact = server.contact().state();
      servers.add(
          new ServerState(
              server.name(), contact.connected(), contact.since(), contact.reason(), server.contact().last(), server.connections(), server.opened()));
    }
    var load = node.load();
    return new RedisState(
        List.copyOf(servers),
        node.isAlive(),
        node.isInfoForbidden(),
        node.isSubscribeForbidden(),
        load.events(),
        load.bytes(),
        node.followed(),
        node.hits(),
        node.misses(),
        node.questions(),
        node.bells());
  }

  /**
   * Closes all connections and ends all threads. Appends that wait fail. Close the server and its channels before. Has no
   * effect if called again.
   */
  @Override
  public void close() {
    node.close();
  }
}
