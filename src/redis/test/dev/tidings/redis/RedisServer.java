package dev.tidings.redis;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisClientConfig;

/**
 * A Redis of a test: a process of its own on a free port of loopback, with its data in a temporary directory. {@link
 * #close()} kills it. It can be killed, stopped and started again before.
 */
final class RedisServer implements AutoCloseable {
  private static final long PATIENCE = 20; // seconds

  private final String program;
  private final int port;
  private final Path directory;
  private final List<String> options = new ArrayList<>();
  private JedisClientConfig client = DefaultJedisClientConfig.builder().build();
  private Process process; // null while it does not run

  private RedisServer(String program, int port, Path directory, String... options) {
    this.program = program;
    this.port = port;
    this.directory = directory;
    this.options.addAll(List.of(options));
  }

  /** Starts a Redis without persistence. */
  static RedisServer start(String... options) throws Exception {
    return startOn(freePort(), options);
  }

  static RedisServer startOn(int port, String... options) throws Exception {
    var server = prepared(port, options);
    server.restart();
    return server;
  }

  /** Returns a server that has not been started, so that files can be put into its directory. */
  static RedisServer prepared(int port, String... options) throws IOException {
    return new RedisServer("redis-server", port, Files.createTempDirectory("tidings-redis-"), options);
  }

  /** Starts a replica, and waits until it is in step. */
  static RedisServer replicaOf(RedisServer master, String... options) throws Exception {
    var all = new ArrayList<>(List.of("--replicaof", "127.0.0.1", Integer.toString(master.port), "--repl-diskless-sync-delay", "0"));
    all.addAll(List.of(options));
    var replica = start(all.toArray(String[]::new));
    replica.await(() -> replica.info("replication").contains("master_link_status:up"));
    return replica;
  }

  /** Starts a sentinel that watches masters called {@code mymaster}. */
  static RedisServer sentinel(RedisServer master, int quorum, int downAfterMillis) throws Exception {
    int port = freePort();
    var directory = Files.createTempDirectory("tidings-sentinel-");
    var file = directory.resolve("sentinel.conf");
    Files.writeString(
        file,
        """
        port %d
        bind 127.0.0.1
        dir %s
        sentinel monitor mymaster 127.0.0.1 %d %d
        sentinel down-after-milliseconds mymaster %d
        sentinel failover-timeout mymaster 4000
        sentinel parallel-syncs mymaster 1
        """
            .formatted(port, directory, master.port, quorum, downAfterMillis));
    var sentinel = new RedisServer("redis-sentinel", port, directory, file.toString());
    sentinel.restart();
    return sentinel;
  }

  static int freePort() throws IOException {
    while (true) {
      try (var socket = new ServerSocket()) {
        socket.setReuseAddress(true);
        socket.bind(new InetSocketAddress("127.0.0.1", 0));
        int port = socket.getLocalPort();
        if (port < 50_000) { // the bus of a cluster is 10,000 above
          return port;
        }
      }
    }
  }

  /** Starts the server again, with its directory and more options, and waits until it answers. */
  void restart(String... more) throws Exception {
    options.addAll(List.of(more));
    var command = new ArrayList<>(List.of(program));
    if (program.equals("redis-server")) {
      command.addAll(
          List.of(
              "--port", Integer.toString(port), "--bind", "127.0.0.1", "--dir", directory.toString(), "--save", "",
              "--enable-debug-command", "yes", "--daemonize", "no"));
    }
    command.addAll(options);
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("log.txt").toFile()))
            .start();
    await(this::isUp);
  }

  private boolean isUp() {
    if (!process.isAlive()) {
      throw new IllegalStateException("it has ended: " + log());
    }
    if (options.contains("--tls-port")) {
      try (var socket = new Socket()) {
        socket.connect(new InetSocketAddress("127.0.0.1", port), 1000);
        return true;
      } catch (IOException e) {
        return false;
      }
    }
    try (var jedis = jedis()) {
      return jedis.ping().equals("PONG");
    } catch (RuntimeException e) {
      return String.valueOf(e.getMessage()).contains("NOAUTH");
    }
  }

  String log() {
    try {
      return Files.readString(directory.resolve("log.txt"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  int port() {
    return port;
  }

  HostAndPort address() {
    return new HostAndPort("127.0.0.1", port);
  }

  Path directory() {
    return directory;
  }

  long pid() {
    return process.pid();
  }

  String url() {
    return "redis://127.0.0.1:" + port;
  }

  /** Sets how {@link #jedis()} connects. */
  RedisServer with(JedisClientConfig config) {
    client = config;
    return this;
  }

  /** Connects. For one thread; to be closed. */
  Jedis jedis() {
    return new Jedis(address(), client);
  }

  /** Runs one command. */
  String run(String... command) {
    try (var jedis = jedis()) {
      var reply =
          jedis.sendCommand(
              () -> command[0].getBytes(java.nio.charset.StandardCharsets.UTF_8),
              Arrays.copyOfRange(command, 1, command.length));
      return reply instanceof byte[] bytes ? new String(bytes, java.nio.charset.StandardCharsets.UTF_8) : String.valueOf(reply);
    }
  }

  String info(String section) {
    try (var jedis = jedis()) {
      return jedis.info(section);
    }
  }

  /** Returns the number of connected clients, without the one that asks. */
  int clients() {
    try (var jedis = jedis()) {
      return (int) jedis.clientList().lines().filter(line -> line.contains("name=tidings")).count();
    }
  }

  /** Kills the process at once (SIGKILL) and waits for its end. */
  void kill() throws Exception {
    process.destroyForcibly();
    if (!process.waitFor(PATIENCE, TimeUnit.SECONDS)) {
      throw new IllegalStateException("it does not end");
    }
  }

  /** Stops the process (SIGSTOP), so that it does not answer, but its connections stay. */
  void freeze() throws Exception {
    signal("STOP");
  }

  void thaw() throws Exception {
    signal("CONT");
  }

  private void signal(String name) throws Exception {
    int status = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start().waitFor();
    if (status != 0) {
      throw new IllegalStateException("kill: " + status);
    }
  }

  void await(BooleanSupplier condition) throws InterruptedException {
    await(condition, this::log);
  }

  /** Waits for a condition, with a bound. */
  static void await(BooleanSupplier condition, java.util.function.Supplier<String> why) throws InterruptedException {
    long begin = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - begin > TimeUnit.SECONDS.toNanos(PATIENCE)) {
        throw new AssertionError("timed out: " + why.get());
      }
      Thread.sleep(5);
    }
  }

  @Override
  public void close() throws IOException {
    if (process != null) {
      process.destroyForcibly();
      try {
        process.waitFor(PATIENCE, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    try (var files = Files.walk(directory)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    }
  }
}
