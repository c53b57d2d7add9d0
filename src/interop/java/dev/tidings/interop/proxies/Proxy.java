package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.tidings.SelfSigned;
import dev.tidings.interop.Child;
import dev.tidings.interop.Ports;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** A proxy in front of a server, with plain HTTP on one port and TLS with HTTP/2 on another. */
final class Proxy implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  /** The name of several servers in the configuration, which nginx sends them as {@code Host}. */
  static final String UPSTREAM = "nodes";

  private final ProxyKind kind;
  private final Path folder;
  private final int port;
  private final int tlsPort;
  private Child process;

  private Proxy(ProxyKind kind, Path folder, int port, int tlsPort) {
    this.kind = kind;
    this.folder = folder;
    this.port = port;
    this.tlsPort = tlsPort;
  }

  /** Starts a proxy, and returns when it listens. */
  static Proxy start(ProxyKind kind, String configuration, int upstream) throws IOException, InterruptedException {
    String text = replace(configuration, "127.0.0.1:8080", "127.0.0.1:" + upstream);
    return start(kind, proxy -> kind.whole(text, proxy.port, proxy.tlsPort));
  }

  /**
   * Starts nginx in front of several servers, with the configuration of the README. A server that does not listen is
   * skipped, and tried again for the next request.
   */
  static Proxy startBalancer(List<Integer> upstreams) throws IOException, InterruptedException {
    String text = replace(ProxyKind.NGINX.readme(), "127.0.0.1:8080", UPSTREAM);
    var nodes = new StringBuilder("upstream " + UPSTREAM + " {\n");
    upstreams.forEach(port -> nodes.append("  server 127.0.0.1:").append(port).append(" max_fails=0;\n"));
    return start(
        ProxyKind.NGINX,
        proxy -> replace(ProxyKind.NGINX.whole(text, proxy.port, proxy.tlsPort), "server {", nodes + "}\nserver {"));
  }

  private static Proxy start(ProxyKind kind, Function<Proxy, String> whole) throws IOException, InterruptedException {
    kind.binary(); // may skip the test, so before there are files to delete
    String keys = SelfSigned.certificate() + SelfSigned.key();
    var proxy = new Proxy(kind, Files.createTempDirectory("tidings-proxy-"), Ports.free(), Ports.free());
    Files.writeString(proxy.folder.resolve("keys.pem"), keys);
    Files.writeString(proxy.folder.resolve("proxy.conf"), whole.apply(proxy));
    proxy.start();
    return proxy;
  }

  private void start() throws IOException, InterruptedException {
    process = Child.start(kind.command(folder).toArray(String[]::new));
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!listens(port) || !listens(tlsPort)) { // the ports are bound one after the other
      if (!process.handle().isAlive() || System.nanoTime() > end) {
        close();
        fail(kind.title + " does not listen: " + output());
      }
      Thread.sleep(10);
    }
  }

  private String output() throws InterruptedException {
    var output = new StringBuilder();
    for (Optional<String> line; (line = process.next(PATIENCE)).isPresent(); ) {
      output.append(line.get()).append('\n');
    }
    return output.toString();
  }

  private static boolean listens(int port) {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  /** Kills the proxy without notice, and starts it again. */
  void killAndRestart() throws IOException, InterruptedException {
    process.kill();
    process.close();
    start();
  }

  /** Stops the process, whose connections stay open. */
  void freeze() throws IOException, InterruptedException {
    signal("-STOP");
  }

  /** Lets the process go on. */
  void thaw() throws IOException, InterruptedException {
    signal("-CONT");
  }

  private void signal(String signal) throws IOException, InterruptedException {
    Child.run(PATIENCE, "kill", signal, Long.toString(process.handle().pid()));
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + port + path);
  }

  URI tlsUri(String path) {
    return URI.create("https://127.0.0.1:" + tlsPort + path);
  }

  static String replace(String text, String what, String by) {
    assertTrue(text.contains(what), "not in the configuration: " + what);
    return text.replace(what, by);
  }

  @Override
  public void close() throws IOException {
    process.close();
    try (var paths = Files.walk(folder)) {
      paths.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
    }
  }
}
