package dev.tidings.bench;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A JVM of its own that obeys orders, one per line of its standard input. It answers each with a line that begins with an
 * at sign.
 */
final class JavaProcess implements AutoCloseable {
  private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(JavaProcess::destroy)));
  }

  private final Process process;
  private final PrintStream orders;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();

  /** Starts a class with more classes before those of this process, which may be empty. */
  JavaProcess(Class<?> main, List<String> flags, String classes, List<String> arguments, Path log) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    if (Boolean.getBoolean("short")) {
      command.add("-XX:TieredStopAtLevel=1"); // the figures are not used
    }
    command.addAll(List.of("-cp", classes + System.getProperty("java.class.path"), main.getName()));
    command.addAll(arguments);
    Files.createDirectories(log.getParent());
    process =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.appendTo(new File(log.toString())))
            .start();
    RUNNING.add(process);
    orders = new PrintStream(process.getOutputStream(), true);
    Thread.ofVirtual().start(this::readAnswers);
  }

  private void readAnswers() {
    try (var in = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
      for (String line; (line = in.readLine()) != null; ) {
        if (line.startsWith("@")) {
          answers.add(line.substring(1));
        }
      }
    } catch (IOException e) {
      answers.add("error " + e);
    }
    answers.add("error the process has ended");
  }

  void order(String line) {
    orders.println(line);
  }

  /** Returns the words of the answer after the first one, or null if there is no answer yet. */
  String[] poll(String first) throws IOException {
    String answer = answers.poll();
    return answer == null ? null : words(first, answer);
  }

  String[] await(String first, Duration limit) throws IOException {
    try {
      String answer = answers.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (answer == null) {
        throw new IOException("no answer within " + limit.toSeconds() + " s: " + first);
      }
      return words(first, answer);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /** Sends an order, and returns the words of the answer after the first one, which is that of the order. */
  String[] ask(String order, Duration limit) throws IOException {
    order(order);
    return await(order.split(" ")[0], limit);
  }

  private static String[] words(String first, String answer) throws IOException {
    var words = answer.split(" ");
    if (!words[0].equals(first)) {
      throw new IOException("instead of " + first + ": " + answer);
    }
    return List.of(words).subList(1, words.length).toArray(String[]::new);
  }

  Duration processorTime() {
    return process.info().totalCpuDuration().orElse(Duration.ZERO);
  }

  /** Returns a value of {@code /proc/pid/status}: resident memory in kB, or the number of threads. */
  long status(String name) {
    try (var lines = Files.lines(Path.of("/proc", Long.toString(process.pid()), "status"))) {
      return lines
          .filter(line -> line.startsWith(name + ":"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends the process, and those that it has started. */
  private static void destroy(Process process) {
    process.descendants().toList().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  @Override
  public void close() {
    destroy(process);
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    RUNNING.remove(process);
  }
}
