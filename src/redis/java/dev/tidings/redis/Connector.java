package dev.tidings.redis;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import redis.clients.jedis.ClientSetInfoConfig;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.SslOptions;
import redis.clients.jedis.exceptions.JedisAccessControlException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;

/**
 * Makes the servers of a URL, with the settings of their connections, and checks with a first connection that Redis can be
 * used. The exceptions of a first connection that fails name the cure.
 */
final class Connector {
  private static final int BELL_TIMEOUT = 10_000; // milliseconds; a ping is answered every 5 seconds
  private static final Duration LOADING = Duration.ofSeconds(5);

  private final RedisUri uri;
  private final RedisOptions options;
  private final JedisClientConfig config;
  private final JedisClientConfig patient;
  private boolean infoForbidden;

  Connector(RedisUri uri, RedisOptions options) {
    this.uri = uri;
    this.options = options;
    this.config = config(uri, options.client(), 0);
    this.patient = config(uri, options.client(), BELL_TIMEOUT);
  }

  boolean isCluster() {
    return uri.kind() == RedisUri.Kind.CLUSTER;
  }

  /** Returns whether a server that was checked does not permit {@code INFO}. */
  boolean isInfoForbidden() {
    return infoForbidden;
  }

  /** Connects to the server of a URL without a cluster. */
  Single single() {
    if (uri.kind() == RedisUri.Kind.SENTINEL) {
      var sentinels = new Single.Sentinels(uri.hosts(), uri.master(), sentinelConfig());
      return new Single(checked(new Server(uri.master(), sentinels::find, config, patient)));
    }
    return new Single(checked(server(uri.hosts().getFirst())));
  }

  /** Creates a cluster without connecting, see {@link Cluster}. */
  Cluster cluster(Consumer<Server> added, Consumer<Server> removed) {
    return new Cluster(uri.hosts(), config, this::server, added, removed);
  }

  private Server server(HostAndPort address) {
    return new Server(address.toString(), () -> address, config, patient);
  }

  /** Returns settings of connections, with those of the URL and RESP2. */
  private static JedisClientConfig config(RedisUri uri, Optional<JedisClientConfig> client, int timeout) {
    var builder = DefaultJedisClientConfig.builder();
    client.ifPresent(builder::from);
    builder.resp2().clientSetInfoConfig(ClientSetInfoConfig.DISABLED);
    if (client.isEmpty() || client.get().getClientName() == null) {
      builder.clientName("tidings");
    }
    uri.user().ifPresent(builder::user);
    uri.password().ifPresent(builder::password);
    if (uri.database() != 0) {
      builder.database(uri.database());
    }
    if (uri.tls() && !client.map(JedisClientConfig::isSsl).orElse(false)) {
      builder.sslOptions(client.map(JedisClientConfig::getSslOptions).orElseGet(SslOptions::defaults));
    }
    if (timeout > 0) {
      builder.socketTimeoutMillis(timeout);
    }
    return builder.build();
  }

  private JedisClientConfig sentinelConfig() {
    var builder = DefaultJedisClientConfig.builder();
    if (options.sentinelClient().isPresent()) {
      builder.from(options.sentinelClient().get());
    } else if (uri.tls()) {
      builder.sslOptions(options.client().map(JedisClientConfig::getSslOptions).orElseGet(SslOptions::defaults));
    }
    return builder.resp2().clientSetInfoConfig(ClientSetInfoConfig.DISABLED).build();
  }

  /** Opens the first connection to a server, which begins the contact, and checks it. */
  private Server checked(Server server) {
    check(server);
    server.contact().found(server.name());
    return server;
  }

  private void check(Server server) {
    long begin = System.nanoTime();
    while (true) {
      Link link = null;
      try {
        link = server.open();
        infoForbidden |= !Checkup.check(link, options.prefix());
        return;
      } catch (JedisException e) {
        boolean isLoading = e instanceof JedisDataException error && Replies.meaning(error) == Replies.Meaning.LATER;
        if (!isLoading || System.nanoTime() - begin > LOADING.toNanos()) {
          throw refusal(server.name(), e);
        }
      } finally {
        if (link != null) {
          server.close(link);
        }
      }
      LockSupport.parkNanos(100_000_000);
    }
  }

  private static RuntimeException refusal(String name, JedisException e) {
    String text = "cannot connect to Redis at " + name + ": ";
    boolean isDenied = e instanceof JedisAccessControlException || e instanceof JedisDataException;
    if (isDenied) {
      String cure =
          String.valueOf(e.getMessage()).contains("NOPERM")
              ? "a right is missing, see the README of tidings-redis: "
              : "check the user and password: ";
      return new IllegalStateException(text + cure + Quoted.reason(e), e);
    }
    if (String.valueOf(e.getMessage()).contains("not the master")) {
      return new IllegalStateException(text + Quoted.reason(e), e);
    }
    return new UncheckedIOException(text + "check that it runs and that the address is right: " + Quoted.reason(e), new IOException(e));
  }

  /** Finds the masters and checks one of them. The others may be away. */
  void connect(Cluster cluster) {
    try {
      cluster.refresh();
    } catch (JedisException e) {
      throw refusal("a cluster", e);
    }
    RuntimeException failure = null;
    for (Server server : cluster.servers()) {
      try {
        check(server);
        return;
      } catch (UncheckedIOException e) {
        failure = e;
      }
    }
    throw failure;
  }
}
