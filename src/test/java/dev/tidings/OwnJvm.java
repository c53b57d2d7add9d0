package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.spi.ToolProvider;

/**
 * A program in its own JVM, for settings that are read once per JVM. Closing this ends the JVM. The program is
 * compiled once, in this JVM, where the compiler is warm.
 */
final class OwnJvm implements AutoCloseable {
  private static final Map<String, Path> COMPILED = new HashMap<>();
  private static final Path CLASSES = Path.of("target", "classes");

  private final Process process;
  private final Lines lines;
  private final StringBuilder passed = new StringBuilder(); // output before the lines that a test waited for

  private OwnJvm(Process process) {
    this.process = process;
    this.lines = new Lines(process.getInputStream());
  }

  static OwnJvm start(String program, List<String> options, String... args) throws IOException {
    return start(compiled(program), "Program", options, args);
  }

  /** Starts a class that has been compiled into this folder. */
  static OwnJvm start(Path folder, String main, List<String> options, String... args) throws IOException {
    return start(command(folder, main, options, args));
  }

  /** Starts a program that cannot write files with more than this number of blocks of 512 bytes. */
  static OwnJvm startLimited(int blocks, String program, List<String> options, String... args) throws IOException {
    var command = new ArrayList<>(List.of("sh", "-c", "ulimit -f " + blocks + " && exec \"$@\"", "sh"));
    command.addAll(command(compiled(program), "Program", options, args));
    return start(command);
  }

  /** Starts a program with the default handling of SIGINT, which a shell ignores for programs in the background. */
  static OwnJvm startWithSignals(String program, String... args) throws IOException {
    var command = new ArrayList<>(List.of("env", "--default-signal=INT"));
    command.addAll(command(compiled(program), "Program", List.of(), args));
    return start(command);
  }

  private static List<String> command(Path folder, String main, List<String> options, String... args) {
    var command = new ArrayList<>(List.of(tool("java"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    command.addAll(options);
    command.addAll(List.of("-cp", CLASSES + File.pathSeparator + folder, main));
    command.addAll(List.of(args));
    return command;
  }

  static OwnJvm start(List<String> command) throws IOException {
    return new OwnJvm(new ProcessBuilder(command).redirectErrorStream(true).start());
  }

  static String tool(String name) {
    return Path.of(System.getProperty("java.home"), "bin", name).toString();
  }

  private static synchronized Path compiled(String program) throws IOException {
    var folder = COMPILED.get(program);
    if (folder == null) {
      folder = Files.createTempDirectory(Path.of("target"), "program-");
      compile(Files.writeString(folder.resolve("Program.java"), program), folder);
      COMPILED.put(program, folder);
    }
    return folder;
  }

  /** Compiles a source; a warning is a failure. */
  static void compile(Path source, Path folder) {
    var javac = ToolProvider.findFirst("javac").orElseThrow();
    int status =
        javac.run(
            System.out, System.err,
            "-Xlint:all", "-Werror", "-proc:none", "-cp", CLASSES.toString(), "-d", folder.toString(), source.toString());
    assertEquals(0, status);
  }

  Process process() {
    return process;
  }

  /** Returns its output and log. */
  Lines lines() {
    return lines;
  }

  /** Closes its input. */
  void end() throws IOException {
    process.getOutputStream().close();
  }

  /**
   * Waits for its successful end and returns its output and log, without its address and answers. The test's own
   * timeout bounds the wait.
   */
  String toEnd() throws InterruptedException {
    int status = process.waitFor();
    for (String line; !(line = lines.next()).equals(Lines.END); ) {
      passed.append(line).append('\n');
    }
    assertEquals(0, status, passed::toString);
    return passed.toString();
  }

  /** Returns whether the output before its last answer contains the text. */
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

  /** Returns the printed address of its server; if there is none, ends the JVM, since no caller would. */
  URI uri() throws InterruptedException {
    try {
      return URI.create(next("http://"));
    } catch (AssertionError e) {
      close();
      throw e;
    }
  }

  /** Sends it a line, and returns the rest of its next line that starts with that. */
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
