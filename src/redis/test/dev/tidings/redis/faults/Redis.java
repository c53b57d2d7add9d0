package dev.tidings.redis.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import redis.clients.jedis.Jedis;

/** A {@code redis-server} or {@code redis-sentinel} that the test breaks. */
final class Redis implements AutoCloseable {
  private final String program;
  private final String host;
  private final int port;
  private final Path folder;
  private final List<String> prefix; // of the command
  private final List<String> options = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();
  private Program process;

  private Redis(String program, String host, int port, List<String> prefix, List<String> options) throws IOException {
    this.program = Program.find(program);
    this.host = host;
    this.port = port;
    this.prefix = prefix;
    this.options.addAll(options);
    this.folder = Files.createTempDirectory("tidings-faults-");
  }

  /** Starts a server without persistence, unless the options say otherwise. */
  static Redis start(String... options) throws Exception {
    return startAt("127.0.0.1", List.of(), options);
  }

  /** Starts a server at an address, by a command with this prefix. */
  static Redis startAt(String host, List<String> prefix, String... options) throws Exception {
    var redis = new Redis("redis-server", host, Ports.free(), prefix, List.of(options));
    redis.restart();
    return redis;
  }

  /** Starts a replica, and waits until it is in step. */
  static Redis replicaOf(Redis master, String host, List<String> prefix, Map<String, String> environment, String... options)
      throws Exception {
    var all = new ArrayList<>(List.of("--replicaof", master.host, Integer.toString(master.port)));
    all.addAll(List.of(options));
    var redis = new Redis("redis-server", host, Ports.free(), prefix, all);
    redis.environment.putAll(environment);
    redis.restart();
    redis.awaitInStep();
    return redis;
  }

  void awaitInStep() throws InterruptedException {
    Program.await(() -> says("master_link_status:up"), "a replica in step");
  }

  /** Returns whether its state of replication contains this. */
  boolean says(String state) {
    try {
      return run("INFO", "replication").contains(state);
    } catch (RuntimeException e) {
      return false; // a server that changes its role ends connections
    }
  }

  static Redis sentinel(Redis master, String host, List<String> prefix, int quorum, int downAfter) throws Exception {
    var redis = new Redis("redis-sentinel", host, Ports.free(), prefix, List.of());
    var file = redis.folder.resolve("sentinel.conf");
    Files.writeString(
        file,
        """
        port %d
        bind %s
        protected-mode no
        dir %s
        sentinel monitor mymaster %s %d %d
        sentinel down-after-milliseconds mymaster %d
        sentinel failover-timeout mymaster 3000
        """
            .formatted(redis.port, host, redis.folder, master.host, master.port, quorum, downAfter));
    redis.options.add(file.toString());
    redis.restart();
    return redis;
  }

  /** Moves the clock of the next start. */
  void shiftClock(String offset) {
    environment.clear();
    if (!offset.isEmpty()) {
      environment.putAll(clock(offset));
    }
  }

  /**
   * Returns the environment of a process whose clock is shifted, such as {@code -3s} or {@code +1h}. With the allocator of
   * the C library, because jemalloc asks for the time before the shim can allocate memory.
   */
  static Map<String, String> clock(String offset) {
    return Map.of(
        "LD_PRELOAD", Program.find("libfaketime.so.1") + " libc.so.6", "FAKETIME", offset, "FAKETIME_DONT_FAKE_MONOTONIC", "1",
        "DONT_FAKE_MONOTONIC", "1");
  }

  /** Starts the server, after it was killed, and returns when it answers and has loaded its data. */
  void restart(String... more) throws Exception {
    options.addAll(List.of(more));
    var command = new ArrayList<>(prefix);
    command.add(program);
    if (program.endsWith("server")) {
      command.addAll(
          List.of(
              "--port", Integer.toString(port), "--bind", host, "--dir", folder.toString(), "--save", "", "--protected-mode",
              "no", "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"));
    }
    command.addAll(options);
    process = Program.start(environment, command);
    Program.await(this::answers, program + " does not answer");
  }

  private boolean answers() {
    if (!process.isAlive()) {
      throw new AssertionError("it has ended: " + process.output());
    }
    try {
      return run("PING").equals("PONG");
    } catch (RuntimeException e) {
      return false;
    }
  }

  String host() {
    return host;
  }

  int port() {
    return port;
  }

  String url() {
    return "redis://" + host + ":" + port;
  }

  Path folder() {
    return folder;
  }

  String output() {
    return process.output();
  }

  Jedis jedis() {
    return new Jedis(host, port);
  }

  /** Runs a command on a connection of its own. */
  String run(String... command) {
    try (var jedis = jedis()) {
      return text(jedis.sendCommand(() -> command[0].getBytes(UTF_8), Arrays.copyOfRange(command, 1, command.length)));
    }
  }

  private static String text(Object reply) {
    return switch (reply) {
      case byte[] bytes -> new String(bytes, UTF_8);
      case List<?> list -> list.stream().map(Redis::text).toList().toString();
      case null -> "";
      default -> reply.toString();
    };
  }

  List<HeldLog.Epoch> epochs(String channel) {
    try (var jedis = jedis()) {
      return HeldLog.read(jedis, channel).epochs();
    }
  }

  /** Returns the number of connections that it has accepted. */
  long accepted() {
    return number("stats", "total_connections_received");
  }

  long number(String section, String name) {
    var matcher = java.util.regex.Pattern.compile(name + ":(\\d+)").matcher(run("INFO", section));
    if (!matcher.find()) {
      throw new AssertionError("no " + name);
    }
    return Long.parseLong(matcher.group(1));
  }

  private Path aof() throws IOException {
    try (var files = Files.list(folder.resolve("appendonlydir"))) {
      return files.filter(file -> file.toString().endsWith(".incr.aof")).max(Comparator.comparing(Path::toString)).orElseThrow();
    }
  }

  /** Returns the number of bytes that have been written to the file of appended commands. */
  long sizeOfAof() throws IOException {
    return Files.size(aof());
  }

  /** Loses what was written after that. */
  void truncateAof(long size) throws IOException {
    try (var file = java.nio.channels.FileChannel.open(aof(), java.nio.file.StandardOpenOption.WRITE)) {
      file.truncate(size);
    }
  }

  void kill() throws InterruptedException {
    process.kill();
    process.awaitEnd();
  }

  void freeze() throws Exception {
    process.signal("STOP");
  }

  void thaw() throws Exception {
    process.signal("CONT");
  }

  @Override
  public void close() {
    if (process != null) {
      process.close();
    }
    try (var files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
