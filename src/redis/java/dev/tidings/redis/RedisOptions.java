package dev.tidings.redis;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import redis.clients.jedis.JedisClientConfig;

/** Limits and settings of the logs of a {@link RedisLogs}. Immutable: each {@code with} method returns a changed copy. */
public final class RedisOptions {
  private static final Duration SHORTEST_AGE = Duration.ofSeconds(1);
  private static final Duration LONGEST_AGE = Duration.ofDays(3650);
  private static final Duration LONGEST_PUBLISH_TIME = Duration.ofMinutes(5); // batches are remembered for ten
  private static final RedisOptions DEFAULTS = new RedisOptions();

  private String prefix = "tidings:";
  private int events = 10_000;
  private Duration age = Duration.ofHours(1);
  private int largestEvent = 1024 * 1024;
  private Duration publishTime = Duration.ofSeconds(5);
  private int queueEvents = 10_000;
  private long queueBytes = 16 * 1024 * 1024;
  private int pool = 8;
  private Optional<JedisClientConfig> client = Optional.empty();
  private Optional<JedisClientConfig> sentinelClient = Optional.empty();

  private RedisOptions() {}

  private RedisOptions(RedisOptions other) {
    prefix = other.prefix;
    events = other.events;
    age = other.age;
    largestEvent = other.largestEvent;
    publishTime = other.publishTime;
    queueEvents = other.queueEvents;
    queueBytes = other.queueBytes;
    pool = other.pool;
    client = other.client;
    sentinelClient = other.sentinelClient;
  }

  private RedisOptions with(Consumer<RedisOptions> change) {
    var copy = new RedisOptions(this);
    change.accept(copy);
    return copy;
  }

  /**
   * Returns the default options.
   *
   * @return the options whose values the {@code with} methods document as defaults
   */
  public static RedisOptions defaults() {
    return DEFAULTS;
  }

  /**
   * Sets the beginning of all keys (default: {@code tidings:}). Use one per application, if several share a database.
   *
   * @param prefix the beginning of all keys, without braces
   * @return a changed copy
   * @throws IllegalArgumentException if the prefix has braces
   */
  public RedisOptions withPrefix(String prefix) {
    if (prefix.indexOf('{') >= 0 || prefix.indexOf('}') >= 0) {
      throw new IllegalArgumentException("prefix must not contain braces, which stand around names: " + Quoted.text(prefix));
    }
    return with(copy -> copy.prefix = prefix);
  }

  /**
   * Sets the limits of a log (default: 10,000 events and 1 hour). Redis may hold about a hundred events more, and each for
   * a sixty-fourth longer.
   *
   * @param events the number of events that a log holds, 1 or more
   * @param age the age after which events are dropped, from a second to ten years
   * @return a changed copy
   * @throws IllegalArgumentException if a limit is out of range
   */
  public RedisOptions withHistory(int events, Duration age) {
    requirePositive("events", events);
    requireAge(age);
    return with(
        copy -> {
          copy.events = events;
          copy.age = age;
        });
  }

  /**
   * Sets the size of the largest event (default: 1 MiB). Larger ones are refused.
   *
   * @param bytes the size, 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the size is not positive
   */
  public RedisOptions withLargestEvent(int bytes) {
    requirePositive("largestEvent", bytes);
    return with(copy -> copy.largestEvent = bytes);
  }

  /**
   * Sets the time for which an append is retried while Redis does not answer (default: 5 s).
   *
   * @param time the time, positive and at most 5 minutes
   * @return a changed copy
   * @throws IllegalArgumentException if the time is out of range
   */
  public RedisOptions withPublishTime(Duration time) {
    if (!time.isPositive() || time.compareTo(LONGEST_PUBLISH_TIME) > 0) {
      throw new IllegalArgumentException("publishTime must be positive, and at most " + LONGEST_PUBLISH_TIME + ": " + time);
    }
    return with(copy -> copy.publishTime = time);
  }

  /**
   * Sets the limits of the events that wait for Redis (default: 10,000 events and 16 MiB). Further appends are refused. One
   * event may be larger.
   *
   * @param events the number of events, 1 or more
   * @param bytes their size, 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if a limit is not positive
   */
  public RedisOptions withQueue(int events, long bytes) {
    requirePositive("queueEvents", events);
    requirePositive("queueBytes", bytes);
    return with(
        copy -> {
          copy.queueEvents = events;
          copy.queueBytes = bytes;
        });
  }

  /**
   * Sets the largest number of connections that read (default: 8), in addition to 3 others.
   *
   * @param connections the largest number, 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the number is not positive
   */
  public RedisOptions withPool(int connections) {
    requirePositive("pool", connections);
    return with(copy -> copy.pool = connections);
  }

  /**
   * Sets the settings of the connections, such as TLS, credentials and timeouts. Credentials and the database of the URL
   * have precedence.
   *
   * @param client the settings; RESP2 is used in any case
   * @return a changed copy
   */
  public RedisOptions withClient(JedisClientConfig client) {
    var settings = Optional.of(client);
    return with(copy -> copy.client = settings);
  }

  /**
   * Sets the settings of the connections to sentinels (default: no credentials, and TLS only with a {@code rediss-sentinel:}
   * URL).
   *
   * @param client the settings
   * @return a changed copy
   */
  public RedisOptions withSentinelClient(JedisClientConfig client) {
    var settings = Optional.of(client);
    return with(copy -> copy.sentinelClient = settings);
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

  String prefix() {
    return prefix;
  }

  int events() {
    return events;
  }

  Duration age() {
    return age;
  }

  int largestEvent() {
    return largestEvent;
  }

  Duration publishTime() {
    return publishTime;
  }

  int queueEvents() {
    return queueEvents;
  }

  long queueBytes() {
    return queueBytes;
  }

  int pool() {
    return pool;
  }

  Optional<JedisClientConfig> client() {
    return client;
  }

  Optional<JedisClientConfig> sentinelClient() {
    return sentinelClient;
  }
}
