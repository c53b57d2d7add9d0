package dev.tidings.interop.foreign;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.tidings.interop.Child;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Pattern;

/** Nchan, the push module of nginx, with its messages in memory. */
final class Nchan implements AutoCloseable {
  /** The number of messages that a channel keeps. */
  static final int HISTORY = 20;

  private static final Path MODULE = Path.of("/usr/lib/nginx/modules/ngx_nchan_module.so");
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final Pattern VERSION = Pattern.compile("\\d+\\.\\d+\\.\\d+\\S*");

  private final HttpClient http = HttpClient.newHttpClient();
  private final Path folder;
  private final int port;
  private Child process;

  Nchan(Path folder, int port) throws IOException, InterruptedException {
    if (!Files.exists(MODULE)) {
      Child.missing(MODULE + " is not installed");
    }
    this.folder = folder;
    this.port = port;
    Files.writeString(
        folder.resolve("nchan.conf"),
        """
        load_module %s;
        daemon off;
        master_process off;
        pid nginx.pid;
        error_log stderr warn;
        events {}
        http {
          access_log off;
          client_body_temp_path body;
          proxy_temp_path proxy;
          fastcgi_temp_path fastcgi;
          uwsgi_temp_path uwsgi;
          scgi_temp_path scgi;
          client_max_body_size 4m;
          server {
            listen 127.0.0.1:%d;
            nchan_message_buffer_length %d;
            nchan_message_timeout 1h;
            nchan_eventsource_ping_interval 1;
            location ~ ^/publish/(\\w+)$ {
              nchan_publisher;
              nchan_channel_id $1;
            }
            location ~ ^/events/(\\w+)$ {
              nchan_subscriber eventsource;
              nchan_channel_id $1;
            }
            location ~ ^/existing/(\\w+)$ {
              nchan_subscriber eventsource;
              nchan_channel_id $1;
              nchan_subscribe_existing_channels_only on;
            }
          }
        }
        """
            .formatted(MODULE, port, HISTORY));
    start();
  }

  static String version() throws IOException, InterruptedException {
    var version = VERSION.matcher(Child.run(PATIENCE, "dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan"));
    assertTrue(version.find(), "no version");
    return version.group();
  }

  private void start() throws IOException, InterruptedException {
    process = Child.start(Child.find("nginx"), "-p", folder.toString(), "-c", "nchan.conf", "-e", "stderr");
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        publish("start", "it listens");
        return;
      } catch (IOException e) {
        if (!process.handle().isAlive() || System.nanoTime() > deadline) {
          fail("nginx does not listen", e);
        }
        Thread.sleep(10);
      }
    }
  }

  void killAndRestart() throws IOException, InterruptedException {
    process.kill();
    process.close();
    start();
  }

  int port() {
    return port;
  }

  /** Publishes a message of a channel; the headers are names and values in turn. */
  void publish(String channel, String data, String... headers) throws IOException, InterruptedException {
    var request = request(channel).POST(BodyPublishers.ofString(data));
    if (headers.length > 0) {
      request.headers(headers);
    }
    send(request);
  }

  void delete(String channel) throws IOException, InterruptedException {
    send(request(channel).DELETE());
  }

  private HttpRequest.Builder request(String channel) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/publish/" + channel)).timeout(PATIENCE);
  }

  private void send(HttpRequest.Builder request) throws IOException, InterruptedException {
    var response = http.send(request.build(), BodyHandlers.ofString());
    assertTrue(response.statusCode() / 100 == 2, response::toString);
  }

  @Override
  public void close() {
    http.shutdownNow();
    process.close();
  }
}
