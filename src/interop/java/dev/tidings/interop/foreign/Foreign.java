package dev.tidings.interop.foreign;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.interop.Child;
import dev.tidings.interop.Npm;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.tools.ToolProvider;

/**
 * Servers of others, with the same paths:
 *
 * <ul>
 *   <li>{@code /receive} sends events of all kinds, and then comments without end; {@code /visits} returns the number of
 *       its requests
 *   <li>{@code /count} sends {@code number 1}, {@code number 2} and so on, with the number as id, from the one after
 *       {@code Last-Event-ID}; it ends after every 25th event, and answers 204 after the hundredth
 *   <li>{@code /fail} sends one event and fails; then it answers 204
 *   <li>{@code /say} answers a POST with an event for each line of the body
 *   <li>{@code /lines} sends a text of two lines, as the server does by itself, and ends
 *   <li>{@code /busy} sends an event and ends, then answers 503 with {@code Retry-After: 1}, then sends an event again
 * </ul>
 */
enum Foreign {
  BETTER_SSE("npm better-sse") {
    @Override
    String version() throws IOException, InterruptedException {
      return Npm.versionOnNode("better-sse");
    }

    @Override
    List<String> command() {
      return List.of(Child.find("node"), "js/better-sse.mjs");
    }
  },

  SPRING("Spring Boot with SseEmitter on Tomcat") {
    private static final Path JARS = Path.of("target", "foreign", "spring");
    private static final Path CLASSES = Path.of("target", "foreign", "classes");

    @Override
    String version() throws IOException {
      return jar("spring-boot-") + ", Spring " + jar("spring-webmvc-") + ", Tomcat " + jar("tomcat-embed-core-");
    }

    private static String jar(String name) throws IOException {
      try (var files = Files.list(JARS)) {
        return files.map(file -> file.getFileName().toString())
            .filter(file -> file.matches(name + "\\d.*\\.jar"))
            .map(file -> file.substring(name.length()).replace(".jar", ""))
            .findAny()
            .orElseThrow();
      }
    }

    @Override
    void prepare() throws IOException {
      Files.createDirectories(CLASSES);
      String path;
      try (var files = Files.list(JARS)) {
        path = files.map(Path::toString).collect(joining(File.pathSeparator));
      }
      var output = new ByteArrayOutputStream();
      int status = ToolProvider.getSystemJavaCompiler().run(
          null, output, output, "-proc:none", "-d", CLASSES.toString(), "-cp", path, "spring/SpringServer.java");
      assertEquals(0, status, output::toString);
    }

    @Override
    List<String> command() {
      return List.of(
          Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
          "-cp", CLASSES + File.pathSeparator + JARS.resolve("*"), "SpringServer");
    }
  };

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  final String title;

  Foreign(String title) {
    this.title = title;
  }

  abstract String version() throws IOException, InterruptedException;

  /** Returns the command that starts it. The port is another argument. */
  abstract List<String> command();

  /** Does what is needed once, before it is started. */
  void prepare() throws IOException {}

  /** Starts it, and returns when it listens. */
  Child start(int port) throws IOException, InterruptedException {
    var command = new ArrayList<>(command());
    command.add(Integer.toString(port));
    var child = Child.start(command.toArray(String[]::new));
    child.await("listens", PATIENCE);
    return child;
  }
}
