package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A program in a JVM of its own, for what is read once for a JVM; ended with this. */
final class OwnJvm implements AutoCloseable {
  private final Process process;
  private final Lines lines;
  private final StringBuilder passed = new StringBuilder(); // what came before what a test waited for

  private OwnJvm(Process process) {
    this.process = process;
    this.lines = new Lines(process.getInputStream());
  }

  static OwnJvm start(Path folder, String program, List<String> options, String... args) throws IOException {
    var source = Files.writeString(Files.createTempDirectory(folder, "program").resolve("Program.java"), program);
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", "target/classes", source.toString()));
    command.addAll(List.of(args));
    return new OwnJvm(new ProcessBuilder(command).redirectErrorStream(true).start());
  }

  /** What it prints and logs. */
  Lines lines() {
    return lines;
  }

  /** Closes its input. */
  void end() throws IOException {
    process.getOutputStream().close();
  }

  /**
   * What it printed and logged, but its address and answers, to its successful end, which the test's own
   * timeout bounds.
   */
  String toEnd() throws InterruptedException {
    int status = process.waitFor();
    for (String line; !(line = lines.next()).equals(Lines.END); ) {
      passed.append(line).append('\n');
    }
    assertEquals(0, status, passed::toString);
    return passed.toString();
  }

  /** Whether this is in what came before its last answer. */
  boolean hasSaid(String text) {
    return passed.indexOf(text) >= 0;
  }

  private String next(String start) throws InterruptedException {
    return lines.next(line -> {
      boolean found = line.startsWith(start);
      if (!found) {
        passed.append(line).append('\n');
      }
      return found;
    });
  }

  /** What it prints as the address of its server. */
  URI uri() throws InterruptedException {
    return URI.create(next("http://"));
  }

  /** Gives it a line to read, and returns the next line of its own that starts with it. */
  String ask(String question) throws IOException, InterruptedException {
    process.getOutputStream().write((question + "\n").getBytes());
    process.getOutputStream().flush();
    return next(question + " ").substring(question.length() + 1);
  }

  @Override
  public void close() {
    process.destroyForcibly();
    process.onExit().join();
  }
}
