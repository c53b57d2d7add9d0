package dev.tidings.redis;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import redis.clients.jedis.JedisClientConfig;

/**
 * Limits and settings of the logs of a {@link RedisLogs}. Immutable: each method returns a changed copy.
 *
 * @param prefix the beginning of all keys (default: {@code tidings:}); without braces
 * @param events the number of events that a log holds (default: 10,000); Redis may hold about a hundred more
 * @param age the age after which events are dropped (default: 1 hour); Redis may hold them for a sixty-fourth longer
 * @param largestEvent the size of the largest event in bytes (default: 1 MiB)
 * @param publishTime the time for which an append is retried while Redis does not answer (default: 5 s)
 * @param queueEvents the number of events that may wait for Redis (default: 10,000); further appends are refused
 * @param queueBytes the size of the events that may wait for Redis (default: 16 MiB); one event may be larger
 * @param pool the largest number of connections that read (default: 8), in addition to 3 others
 * @param client the settings of the connections, such as TLS, credentials and timeouts (default: none); credentials and
 *     the database of the URL have precedence
 * @param sentinelClient the settings of the connections to sentinels (default: no credentials, and TLS only with a
 *     {@code rediss-sentinel:} URL)
 */
public record RedisOptions(
    String prefix,
    int events,
    Duration age,
    int largestEvent,
    Duration publishTime,
    int queueEvents,
    long queueBytes,
    int pool,
    Optional<JedisClientConfig> client,
    Optional<JedisClientConfig> sentinelClient) {

  private static final Duration SHORTEST_AGE = Duration.ofSeconds(1);
  private static final Duration LONGEST_AGE = Duration.ofDays(3650);
  private static final Duration LONGEST_PUBLISH_TIME = Duration.ofMinutes(5); // batches are remembered for ten

  private static final RedisOptions DEFAULTS =
      new RedisOptions(
          "tidings:",
          10_000,
          Duration.ofHours(1),
          1024 * 1024,
          Duration.ofSeconds(5),
          10_000,
          16 * 1024 * 1024,
          8,
          Optional.empty(),
          Optional.empty());

  /**
   * Checks all components.
   *
   * @throws IllegalArgumentException if the prefix has braces, if a number is not positive, if the age is shorter than a
   *     second or longer than ten years, or if the time for publishing is longer than five minutes
   */
  public RedisOptions {
    if (prefix.indexOf('{') >= 0 || prefix.indexOf('}') >= 0) {
      throw new IllegalArgumentException("prefix must not contain braces, which stand around names: " + Quoted.text(prefix));
    }
    requirePositive("events", events);
    requireAge(age);
    requirePositive("largestEvent", largestEvent);
    if (!publishTime.isPositive() || publishTime.compareTo(LONGEST_PUBLISH_TIME) > 0) {
      throw new IllegalArgumentException("publishTime must be positive, and at most " + LONGEST_PUBLISH_TIME + ": " + publishTime);
    }
    requirePositive("queueEvents", queueEvents);
    requirePositive("queueBytes", queueBytes);
    requirePositive("pool", pool);
    Objects.requireNonNull(client, "client");
    Objects.requireNonNull(sentinelClient, "sentinelClient");
  }

  static void requirePositive(String what, long value) {
    if (value < 1) {
      throw new IllegalArgumentException(what + " must be at least 1: " + value);
    }
  }

  static Duration requireAge(Duration age) {
    if (age.compareTo(SHORTEST_AGE) < 0 || age.compareTo(LONGEST_AGE) > 0) {
      throw new IllegalArgumentException("age must be " + SHORTEST_AGE + " to " + LONGEST_AGE + ": " + age);
    }
    return age;
  }

  /**
   * Returns the default options.
   *
   * @return the options
   */
  public static RedisOptions defaults() {
    return DEFAULTS;
  }

  /**
   * Returns a copy with another beginning of all keys. Use one per application, if several share a database.
   *
   * @param prefix the beginning of all keys, without braces
   * @return the options
   * @throws IllegalArgumentException if the prefix has braces
   */
  public RedisOptions withPrefix(String prefix) {
    return new RedisOptions(
        prefix, events, age, largestEvent, publishTime, queueEvents, queueBytes, pool, client, sentinelClient);
  }

  /**
   * Returns a copy with other limits of a log.
   *
   * @param events the number of events that a log holds, 1 or more
   * @param age the age after which events are dropped, from a second to ten years
   * @return the options
   * @throws IllegalArgumentException if a limit is out of range
   */
  public RedisOptions withHistory(int events, Duration age) {
    return new RedisOptions(
        prefix, events, age, largestEvent, publishTime, queueEvents, queueBytes, pool, client, sentinelClient);
  }

  /**
   * Returns a copy with another size of the largest event. Larger ones are refused.
   *
   * @param bytes the size, 1 or more
   * @return the options
   * @throws IllegalArgumentException if the size is not positive
   */
  public RedisOptions withLargestEvent(int bytes) {
    return new RedisOptions(
        prefix, events, age, bytes, publishTime, queueEvents, queueBytes, pool, client, sentinelClient);
  }

  /**
   * Returns a copy with another time for which an append is retried while Redis does not answer.
   *
   * @param time the time, positive and at most 5 minutes
   * @return the options
   * @throws IllegalArgumentException if the time is out of range
   */
  public RedisOptions withPublishTime(Duration time) {
    return new RedisOptions(
        prefix, events, age, largestEvent, time, queueEvents, queueBytes, pool, client, sentinelClient);
  }

  /**
   * Returns a copy with other limits of the events that wait for Redis.
   *
   * @param events the number of events, 1 or more
   * @param bytes their size, 1 or more
   * @return the options
   * @throws IllegalArgumentException if a limit is not positive
   */
  public RedisOptions withQueue(int events, long bytes) {
    return new RedisOptions(
        prefix, this.events, age, largestEvent, publishTime, events, bytes, pool, client, sentinelClient);
  }

  /**
   * Returns a copy with another number of connections that read.
   *
   * @param connections the largest number, 1 or more
   * @return the options
   * @throws IllegalArgumentException if the number is not positive
   */
  public RedisOptions withPool(int connections) {
    return new RedisOptions(
        prefix, events, age, largestEvent, publishTime, queueEvents, queueBytes, connections, client, sentinelClient);
  }

  /**
   * Returns a copy with settings of the connections.
   *
   * @param client the settings; RESP2 is used in any case
   * @return the options
   */
  public RedisOptions withClient(JedisClientConfig client) {
    return new RedisOptions(
        prefix, events, age, largestEvent, publishTime, queueEvents, queueBytes, pool, Optional.of(client), sentinelClient);
  }

  /**
   * Returns a copy with settings of the connections to sentinels.
   *
   * @param client the settings
   * @return the options
   */
  public RedisOptions withSentinelClient(JedisClientConfig client) {
    return new RedisOptions(
        prefix, events, age, largestEvent, publishTime, queueEvents, queueBytes, pool, this.client, Optional.of(client));
  }
}
