package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A process of a test. It ends with {@link #close()}, and at the latest with the JVM of the test. */
final class Program implements AutoCloseable {
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final List<Program> RUNNING = new CopyOnWriteArrayList<>();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Program::kill)));
  }

  private final Process process;
  private final List<String> lines = new ArrayList<>(); // guarded by itself; the last ones

  private Program(Process process) {
    this.process = process;
    Thread.ofPlatform().daemon().name("output").start(this::read);
    RUNNING.add(this);
  }

  static Program start(Map<String, String> environment, List<String> command) throws IOException {
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    return new Program(builder.start());
  }

  /** Runs a program to its end, and returns its output. */
  static String run(String... command) throws Exception {
    try (var program = start(Map.of(), List.of(command))) {
      if (!program.process.waitFor(BOUND.toMillis(), TimeUnit.MILLISECONDS)) {
        return fail(List.of(command) + " does not end: " + program.output());
      }
      program.awaitOutputEnd();
      return program.process.exitValue() == 0
          ? program.output()
          : fail(List.of(command) + " exited with " + program.process.exitValue() + ": " + program.output());
    }
  }

  /** Returns the path of a program or file. If there is none, skips the test, or fails it in CI. */
  static String find(String name) {
    var folders =
        Stream.concat(
            Stream.of(System.getenv("PATH").split(":")), Stream.of("/usr/sbin", "/sbin", "/usr/lib/x86_64-linux-gnu/faketime",
                "/usr/lib/aarch64-linux-gnu/faketime"));
    var found = folders.map(folder -> Path.of(folder, name)).filter(Files::isReadable).findFirst();
    if (found.isPresent()) {
      return found.get().toString();
    }
    String text = name + " is not installed";
    return "true".equals(System.getenv("CI")) ? fail(text) : abort(text);
  }

  private volatile boolean ended;

  private void read() {
    try (var reader = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line; (line = reader.readLine()) != null; ) {
        synchronized (lines) {
          lines.add(line);
          if (lines.size() > 2_000) {
            lines.subList(0, 1_000).clear();
          }
        }
      }
    } catch (IOException e) {
      // killed
    }
    ended = true;
  }

  private void awaitOutputEnd() throws InterruptedException {
    await(() -> ended, "the end of the output");
  }

  String output() {
    synchronized (lines) {
      return String.join("\n", lines);
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  long pid() {
    return process.pid();
  }

  /** Sends a signal. */
  void signal(String name) throws Exception {
    run("kill", "-" + name, Long.toString(process.pid()));
  }

  /** Kills the process at once. */
  void kill() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  void awaitEnd() throws InterruptedException {
    await(() -> !process.isAlive(), "the end of a process");
  }

  @Override
  public void close() {
    kill();
    try {
      awaitEnd();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    RUNNING.remove(this);
  }

  /** Waits for a condition, with a bound. */
  static void await(BooleanSupplier condition, String what) throws InterruptedException {
    await(condition, what, BOUND);
  }

  static void await(BooleanSupplier condition, String what, Duration bound) throws InterruptedException {
    long begin = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - begin > bound.toNanos()) {
        throw new AssertionError("not within " + bound + ": " + what);
      }
      Thread.sleep(10);
    }
  }
}
