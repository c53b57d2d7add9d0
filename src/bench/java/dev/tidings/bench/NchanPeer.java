package dev.tidings.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;

/**
 * Nchan, the push module of nginx: two nginx that share a Redis. Events are published to one of them, and the streams are on
 * the other one.
 */
final class NchanPeer implements Peer {
  /** The beginning of its name. The port of Redis, a colon and an existing directory follow. */
  static final String NAME = "nchan:";

  private static final Path MODULE = Path.of("/usr/lib/nginx/modules/ngx_nchan_module.so");
  private static final Path NGINX = Path.of("/usr/sbin/nginx");
  private static final Duration SUBSCRIBED = Duration.ofMillis(500);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final String redis; // the port
  private final Path folder;
  private Connection publisher;
  private Connection status; // of the nginx of the streams
  private int streams; // the port, and part of the channel's name, because Redis keeps the counts of a killed nginx
  private long knownAt = System.nanoTime(); // from when on there have been streams

  NchanPeer(String where) {
    redis = where.substring(0, where.indexOf(':'));
    folder = Path.of(where.substring(where.indexOf(':') + 1));
  }

  static boolean isInstalled() {
    return Files.exists(MODULE) && Files.exists(NGINX);
  }

  @Override
  public void start(int port, Duration ping) throws Exception {
    int other;
    try (var probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      other = probe.getLocalPort();
    }
    streams = port;
    launch(other);
    launch(port);
    publisher = new Connection(other);
    status = new Connection(port);
    publishOnce(); // connects both to Redis
  }

  private void launch(int port) throws IOException {
    var file = folder.resolve(port + ".conf");
    Files.writeString(
        file,
        """
        load_module %1$s;
        daemon off;
        worker_processes 1;
        worker_rlimit_nofile 10000;
        pid %2$s/%3$d.pid;
        error_log stderr;
        events { worker_connections 8192; }
        http {
          access_log off;
          keepalive_requests 1000000000;
          client_body_temp_path %2$s/body;
          proxy_temp_path %2$s/proxy;
          fastcgi_temp_path %2$s/fastcgi;
          uwsgi_temp_path %2$s/uwsgi;
          scgi_temp_path %2$s/scgi;
          upstream redis { nchan_redis_server redis://127.0.0.1:%4$s; }
          server {
            listen 127.0.0.1:%3$d backlog=4096;
            nchan_message_buffer_length 10000;
            nchan_message_timeout 1h;
            location = /publish {
              nchan_publisher;
              nchan_channel_id bench%5$d;
              nchan_redis_pass redis;
            }
            location = /events {
              nchan_subscriber eventsource;
              nchan_channel_id bench%5$d;
              nchan_redis_pass redis;
              nchan_subscriber_first_message newest;
            }
            location = /status { nchan_stub_status; }
          }
        }
        """
            .formatted(MODULE, folder, port, redis, streams));
    new ProcessBuilder(NGINX.toString(), "-e", "stderr", "-c", file.toString())
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** Publishes until this succeeds, while nginx starts. No stream receives the event. */
  private void publishOnce() throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        publish(new Payload(Payload.STAMP).stamped(0));
        status.ask("GET /status HTTP/1.1\r\n", "");
        return;
      } catch (IOException e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        Thread.sleep(50);
        publisher.close();
        status.close();
        publisher = new Connection(publisher.port);
        status = new Connection(streams);
      }
    }
  }

  @Override
  public void publish(String data) throws IOException {
    publisher.ask("POST /publish HTTP/1.1\r\n", data);
  }

  /**
   * Counts streams once the nginx to which events are published knows of some, and some time later, because events are lost
   * until the other one has subscribed.
   */
  @Override
  public long opened() {
    try {
      boolean isKnown = number(publisher.ask("GET /publish HTTP/1.1\r\n", ""), "active subscribers: ") > 0;
      if (!isKnown) {
        knownAt = System.nanoTime();
      }
      boolean isReady = System.nanoTime() - knownAt > SUBSCRIBED.toNanos();
      return isReady ? number(status.ask("GET /status HTTP/1.1\r\n", ""), "subscribers: ") : 0;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static long number(String text, String name) {
    return text.lines()
        .filter(line -> line.startsWith(name))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .sum();
  }

  /** A connection that is kept. */
  private static final class Connection {
    private final int port;
    private Socket socket; // null until the first request

    Connection(int port) {
      this.port = port;
    }

    /** Returns the body of the answer. */
    String ask(String line, String body) throws IOException {
      if (socket == null) {
        socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout((int) PATIENCE.toMillis());
      }
      OutputStream out = socket.getOutputStream();
      String head = line + "Host: localhost\r\nAccept: text/plain\r\nContent-Length: " + body.length() + "\r\n\r\n";
      out.write((head + body).getBytes(ISO_8859_1));
      return answer();
    }

    private String answer() throws IOException {
      var in = socket.getInputStream();
      var head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        int next = in.read();
        if (next < 0) {
          throw new IOException("nginx closed the connection");
        }
        head.append((char) next);
      }
      String text = head.toString().toLowerCase(Locale.ROOT);
      if (!text.startsWith("http/1.1 20")) {
        throw new IOException("nginx answers " + text.lines().findFirst().orElse(""));
      }
      int length =
          text.lines()
              .filter(line -> line.startsWith("content-length:"))
              .mapToInt(line -> Integer.parseInt(line.substring(line.indexOf(':') + 1).strip()))
              .findFirst()
              .orElseThrow(() -> new IOException("no length: " + text));
      return new String(in.readNBytes(length), ISO_8859_1);
    }

    void close() throws IOException {
      if (socket != null) {
        socket.close();
      }
    }
  }
}
