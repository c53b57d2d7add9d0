package dev.tidings.redis.faults;

import dev.tidings.redis.fixture.Ports;
import dev.tidings.redis.fixture.Program;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/** A {@link NodeMain} in a process of its own, which can be killed and started again on its port. */
final class SiteNode implements AutoCloseable {
  private final String url;
  private final String host;
  private final List<String> prefix;
  private final List<String> limits;
  private final String heap;
  private final int port;
  private Program process;

  private SiteNode(String url, String host, List<String> prefix, List<String> limits, String heap) throws IOException {
    this.url = url;
    this.host = host;
    this.prefix = prefix;
    this.limits = limits;
    this.heap = heap;
    this.port = Ports.free();
  }

  /** Starts a process. {@link #awaitReady()} waits for it. */
  static SiteNode launch(String url, String host, List<String> prefix, List<String> limits, String heap) throws IOException {
    var node = new SiteNode(url, host, prefix, limits, heap);
    node.launch();
    return node;
  }

  void launch() throws IOException {
    var command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(), heap, "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dsun.net.httpserver.nodelay=true", "-cp", classPath(),
            NodeMain.class.getName(), url, Integer.toString(port)));
    command.addAll(limits);
    process = Program.start(Map.of(), command);
  }

  /** Returns the classes of the library, the adapter and the tests, and the jars, whether of the class or the module path. */
  static String classPath() {
    var path = new LinkedHashSet<String>();
    for (String folder : List.of("library", "classes", "test-classes")) {
      path.add(Path.of("target", folder).toAbsolutePath().toString());
    }
    for (String property : List.of("jdk.module.path", "java.class.path", "surefire.test.class.path")) {
      for (String entry : System.getProperty(property, "").split(File.pathSeparator)) {
        if (entry.endsWith(".jar") && !entry.contains("surefire")) {
          path.add(entry);
        }
      }
    }
    return String.join(File.pathSeparator, path);
  }

  void awaitReady() throws InterruptedException {
    Program.await(
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError("a node has ended: " + process.output());
          }
          return process.output().contains("ready ");
        },
        "a node is ready");
  }

  InetSocketAddress address() {
    return new InetSocketAddress(host, port);
  }

  String output() {
    return process.output();
  }

  String state() throws IOException {
    return Publisher.Http.get(address(), "/state").text();
  }

  /** Stops the server as an operator does (SIGTERM). */
  void stop() throws Exception {
    process.signal("TERM");
    process.awaitEnd();
  }

  void freeze() throws Exception {
    process.signal("STOP");
  }

  void thaw() throws Exception {
    process.signal("CONT");
  }

  void kill() throws InterruptedException {
    process.kill();
    process.awaitEnd();
  }

  @Override
  public void close() {
    process.close();
  }
}
