package dev.tidings.interop;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A program that runs alongside the test. It ends with the test, and so do the processes that it started. */
public final class Child implements AutoCloseable {
  private final Process process;
  private final BlockingQueue<Optional<String>> lines = new LinkedBlockingQueue<>(); // empty: the end

  private Child(Process process) {
    this.process = process;
    Thread.ofVirtual().name("child-output").start(this::read);
    Runtime.getRuntime().addShutdownHook(new Thread(this::close));
  }

  /** Starts a program, with its standard error merged into its output. */
  public static Child start(String... command) throws IOException {
    return new Child(new ProcessBuilder(command).redirectErrorStream(true).start());
  }

  /** Runs a program and returns its output. Fails the test if the program fails or exceeds the bound. */
  public static String run(Duration bound, String... command) throws IOException, InterruptedException {
    try (var child = start(command)) {
      var output = new StringBuilder();
      long end = System.nanoTime() + bound.toNanos();
      for (Optional<String> line; (line = child.next(Duration.ofNanos(end - System.nanoTime()))).isPresent(); ) {
        output.append(line.get()).append('\n');
      }
      int status = child.status();
      return status == 0 ? output.toString() : fail(Arrays.toString(command) + " exited with status " + status + ": " + output);
    }
  }

  /** Returns the path of the first installed program. If none is installed, skips the test, or fails it in CI. */
  public static String find(String... names) {
    var folders = Stream.concat(Stream.of(System.getenv("PATH").split(":")), Stream.of("/usr/sbin", "/sbin")).toList();
    for (String name : names) {
      for (String folder : folders) {
        if (Files.isExecutable(Path.of(folder, name))) {
          return Path.of(folder, name).toString();
        }
      }
    }
    return missing("none of " + List.of(names) + " is installed");
  }

  /** Skips the test because software is missing, or fails it in CI. */
  public static <T> T missing(String text) {
    return "true".equals(System.getenv("CI")) ? fail(text) : abort(text);
  }

  private void read() {
    try (var reader = process.inputReader(StandardCharsets.UTF_8)) {
      reader.lines().map(Optional::of).forEach(lines::add);
    } catch (IOException | RuntimeException e) {
      lines.add(Optional.of("the output could not be read: " + e));
    }
    lines.add(Optional.empty());
  }

  /** Returns the next line of its output, or empty at the end of the output. */
  public Optional<String> next(Duration bound) throws InterruptedException {
    var line = lines.poll(bound.toNanos(), TimeUnit.NANOSECONDS);
    return line != null ? line : fail(process.info().commandLine().orElse("a child") + " printed nothing for " + bound);
  }

  /** Waits for a line that contains this text, and returns it. */
  public String await(String text, Duration bound) throws InterruptedException {
    var seen = new StringBuilder();
    for (Optional<String> line; (line = next(bound)).isPresent(); seen.append(line.get()).append('\n')) {
      if (line.get().contains(text)) {
        return line.get();
      }
    }
    return fail("the output ended without " + text + ": " + seen);
  }

  /** Writes a line to its standard input. */
  public void say(String line) throws IOException {
    var writer = process.outputWriter(StandardCharsets.UTF_8);
    writer.write(line + "\n");
    writer.flush();
  }

  /** Closes its standard input. */
  public void endInput() throws IOException {
    process.outputWriter(StandardCharsets.UTF_8).close();
  }

  public int status() throws InterruptedException {
    return process.waitFor(10, TimeUnit.SECONDS) ? process.exitValue() : fail("the program closed its output, but did not exit");
  }

  public ProcessHandle handle() {
    return process.toHandle();
  }

  /** Kills the process, without any notice to it. */
  public void kill() {
    process.destroyForcibly();
  }

  /** Ends the process and its descendants, and returns when they have exited. */
  @Override
  public void close() {
    var all = Stream.concat(Stream.of(process.toHandle()), process.descendants()).toList();
    process.destroy();
    for (ProcessHandle one : all) {
      one.onExit().completeOnTimeout(one, 5, TimeUnit.SECONDS).join();
      if (one.destroyForcibly()) {
        one.onExit().completeOnTimeout(one, 5, TimeUnit.SECONDS).join();
      }
    }
  }
}
