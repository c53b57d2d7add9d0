package dev.tidings;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A headless Chromium with one page and a profile of its own, until it is closed. */
final class Chromium implements AutoCloseable {
  private final Process process;
  private final Path profile;
  private final Queue<String> console = new ConcurrentLinkedQueue<>();

  private Chromium(Process process, Path profile) {
    this.process = process;
    this.profile = profile;
    Thread.ofVirtual().name("chromium-stderr").start(this::read);
  }

  /** Skips the test if there is no Chromium; where CI is true, that is a failure. */
  static Chromium start(URI page) throws IOException {
    Path profile = Files.createTempDirectory("tidings-chromium-");
    var process =
        new ProcessBuilder(
                executable().toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--enable-logging=stderr",
                "--user-data-dir=" + profile,
                "--remote-debugging-port=0",
                page.toString())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    return new Chromium(process, profile);
  }

  private static Path executable() {
    var names = List.of("chromium", "chromium-browser", "google-chrome");
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
        .flatMap(folder -> names.stream().map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseGet(Chromium::missing);
  }

  private static Path missing() {
    String text = "no chromium on the PATH";
    return "true".equals(System.getenv("CI")) ? fail(text) : abort(text);
  }

  private void read() {
    try (var lines = process.errorReader()) {
      lines.lines().filter(line -> line.contains(":CONSOLE")).forEach(console::add);
    } catch (IOException | RuntimeException e) {
      console.add("the console could not be read: " + e);
    }
  }

  /** What the pages wrote to the console up to now, uncaught errors and refused content too. */
  List<String> console() {
    return List.copyOf(console);
  }

  @Override
  public void close() throws IOException {
    var helpers = process.descendants().toList(); // of this very process, and of no other
    process.destroy();
    awaitExit(process.toHandle());
    for (ProcessHandle helper : helpers) {
      awaitExit(helper);
    }
    delete(profile);
  }

  private static void awaitExit(ProcessHandle process) {
    process.onExit().completeOnTimeout(process, 5, TimeUnit.SECONDS).join();
    if (process.destroyForcibly()) {
      process.onExit().completeOnTimeout(process, 5, TimeUnit.SECONDS).join();
    }
  }

  private static void delete(Path folder) throws IOException {
    try (var paths = Files.walk(folder)) {
      paths.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
    }
  }
}
