package dev.tidings.redis.faults;

import dev.tidings.redis.fixture.Ports;
import dev.tidings.redis.fixture.Program;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A proxy that passes requests to nodes in turn. */
final class Front implements AutoCloseable {
  private final Path folder;
  private final int port;
  private final Program process;

  private Front(Path folder, int port, Program process) {
    this.folder = folder;
    this.port = port;
    this.process = process;
  }

  /** Starts nginx, with the settings of the README. */
  static Front nginx(List<InetSocketAddress> nodes) throws Exception {
    String servers = join(nodes, node -> "server " + text(node) + " max_fails=0;");
    int port = Ports.free();
    String configuration =
        """
        daemon off;
        master_process off;
        pid nginx.pid;
        error_log stderr crit;
        events { worker_connections 4096; }
        http {
          access_log off;
          client_body_temp_path body;
          proxy_temp_path proxy;
          fastcgi_temp_path fastcgi;
          uwsgi_temp_path uwsgi;
          scgi_temp_path scgi;
          upstream nodes { %s }
          server {
            listen 127.0.0.1:%d;
            location / {
              proxy_pass http://nodes;
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              proxy_connect_timeout 2s;
              proxy_read_timeout 60s;
            }
          }
        }
        """
            .formatted(servers, port);
    var folder = folder(configuration);
    return start(folder, port, Program.find("nginx"), "-p", folder.toString(), "-c", "proxy.conf", "-e", "stderr");
  }

  /** Starts HAProxy, with the settings of the interoperability tests. */
  static Front haproxy(List<InetSocketAddress> nodes) throws Exception {
    String servers = join(nodes, node -> "  server node" + node.getPort() + " " + text(node) + "\n");
    int port = Ports.free();
    String configuration =
        """
        listen events
          mode http
          bind 127.0.0.1:%d
          balance roundrobin
          option http-no-delay
          option redispatch
          timeout connect 2s
          timeout client 60s
          timeout server 60s
        %s
        """
            .formatted(port, servers);
    var folder = folder(configuration);
    return start(folder, port, Program.find("haproxy"), "-db", "-C", folder.toString(), "-f", "proxy.conf");
  }

  private static String join(List<InetSocketAddress> nodes, Function<InetSocketAddress, String> line) {
    return nodes.stream().map(line).collect(Collectors.joining(" "));
  }

  private static String text(InetSocketAddress node) {
    return node.getHostString() + ":" + node.getPort();
  }

  private static Path folder(String configuration) throws IOException {
    var folder = Files.createTempDirectory("tidings-front-");
    Files.writeString(folder.resolve("proxy.conf"), configuration);
    return folder;
  }

  private static Front start(Path folder, int port, String... command) throws Exception {
    var front = new Front(folder, port, Program.start(Map.of(), List.of(command)));
    Program.await(front::listens, command[0] + " does not listen: " + front.process.output());
    return front;
  }

  private boolean listens() {
    if (!process.isAlive()) {
      throw new AssertionError(process.output());
    }
    try (var socket = new Socket("127.0.0.1", port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  InetSocketAddress address() {
    return new InetSocketAddress("127.0.0.1", port);
  }

  @Override
  public void close() {
    process.close();
    try (var files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
