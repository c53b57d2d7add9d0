package dev.tidings.bench;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.exceptions.JedisException;

/** A Redis of its own, without persistence, with queries for its processor time and connections. */
final class RedisProcess implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String NODE = "tidings"; // the name of the adapter's connections

  private final Path folder;
  private final int port;
  private final Process process;
  private final Thread hook = new Thread(this::end);
  private final Jedis jedis;

  /**
   * The floor of the same machine at the same time.
   *
   * @param perSecond the number of commands per second
   * @param micros the processor time of Redis for each
   * @param commandMicros the time inside the command
   */
  record Floor(double perSecond, double micros, double commandMicros) {}

  /**
   * What Redis has used so far.
   *
   * @param micros the processor time of the process
   * @param scriptMicros the time inside EVALSHA, as Redis measures it
   * @param xaddMicros the time inside XADD, also where scripts call it
   * @param scripts the number of EVALSHA
   */
  record Used(double micros, double scriptMicros, double xaddMicros, double scripts) {
    static final Used NOTHING = new Used(0, 0, 0, 0);

    Used since(Used earlier) {
      return new Used(micros - earlier.micros, scriptMicros - earlier.scriptMicros, xaddMicros - earlier.xaddMicros, scripts - earlier.scripts);
    }

    Used each(long count) {
      return new Used(micros / count, scriptMicros / count, xaddMicros / count, scripts / count);
    }
  }

  private RedisProcess() throws IOException {
    try (var probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = probe.getLocalPort();
    }
    folder = Files.createTempDirectory("tidings-redis");
    process =
        new ProcessBuilder(
                "redis-server", "--port", Integer.toString(port), "--bind", "127.0.0.1", "--dir", folder.toString(),
                "--save", "", "--appendonly", "no", "--maxclients", "4000")
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    Runtime.getRuntime().addShutdownHook(hook);
    jedis = connect();
  }

  static RedisProcess start() throws IOException {
    return new RedisProcess();
  }

  /** Returns the programs that are missing. */
  static List<String> missing() {
    var folders = System.getenv("PATH").split(File.pathSeparator);
    return List.of("redis-server", "redis-benchmark").stream()
        .filter(name -> Arrays.stream(folders).noneMatch(folder -> Files.isExecutable(Path.of(folder, name))))
        .toList();
  }

  private Jedis connect() throws IOException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        var made = new Jedis("127.0.0.1", port);
        made.ping();
        return made;
      } catch (JedisException e) {
        if (System.nanoTime() > deadline || !process.isAlive()) {
          throw new IOException("redis-server does not answer, see " + folder.resolve("log"), e);
        }
        java.util.concurrent.locks.LockSupport.parkNanos(20_000_000);
      }
    }
  }

  int port() {
    return port;
  }

  String url() {
    return "redis://127.0.0.1:" + port;
  }

  /** Returns another connection. */
  Jedis open() {
    return new Jedis("127.0.0.1", port);
  }

  /** Returns the processor time of Redis since it was started. The query counts, too: some 50 us. */
  synchronized Used used() {
    String info = jedis.info("cpu");
    double micros = 1e6 * (number(info, "used_cpu_sys:([\\d.]+)") + number(info, "used_cpu_user:([\\d.]+)"));
    String commands = jedis.info("commandstats");
    return new Used(micros, time(commands, "evalsha"), time(commands, "xadd"), number(commands, "cmdstat_evalsha:calls=(\\d+)"));
  }

  /** Returns the number of connections of all nodes. */
  synchronized int connections() {
    return (int) jedis.clientList().lines().filter(line -> line.contains(" name=" + NODE + " ")).count();
  }

  /** Returns the number of channels to which a node has subscribed. */
  synchronized int subscriptions() {
    return (int) number(jedis.info("stats"), "pubsub_channels:(\\d+)");
  }

  private static double time(String info, String command) {
    return number(info, "cmdstat_" + command + ":calls=\\d+,usec=(\\d+)");
  }

  /** Returns the number in the only group of a pattern, or 0 if there is none. */
  private static double number(String info, String pattern) {
    return Pattern.compile(pattern).matcher(info).results().mapToDouble(match -> Double.parseDouble(match.group(1))).sum();
  }

  /** Measures XADD with trimming, which the log does, too. */
  Floor benchmark(int pipeline, int clients, int count, int size) throws IOException {
    var command =
        new ArrayList<>(
            List.of("redis-benchmark", "-p", Integer.toString(port), "-P", Integer.toString(pipeline), "-c", Integer.toString(clients)));
    command.addAll(List.of("-n", Integer.toString(count), "--csv", "XADD", "floor", "MAXLEN", "~", "10000", "*", "d", "x".repeat(size)));
    var before = used();
    long begin = System.nanoTime();
    var benchmark = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(benchmark.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    double seconds = (System.nanoTime() - begin) / 1e9;
    try {
      if (benchmark.waitFor() != 0) {
        throw new IOException("redis-benchmark: " + output);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    var used = used().since(before).each(count);
    var rate = Pattern.compile("\",\"([\\d.]+)\"").matcher(output);
    if (!rate.find()) {
      throw new IOException("redis-benchmark after " + seconds + " s: " + output);
    }
    return new Floor(Double.parseDouble(rate.group(1)), used.micros, used.xaddMicros);
  }

  /** Ends the process and removes its directory. */
  private void end() {
    process.destroyForcibly();
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try (var files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException e) {
      System.err.println("removing " + folder + ": " + e);
    }
  }

  @Override
  public void close() {
    jedis.close();
    Runtime.getRuntime().removeShutdownHook(hook);
    end();
  }
}
