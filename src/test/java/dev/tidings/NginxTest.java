package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Streams through a real nginx, which is configured as the README says. */
class NginxTest {
  private static final Path NGINX = Path.of("/usr/sbin/nginx");
  private static final Pattern BLOCK = Pattern.compile("```nginx\n(.*?)```", Pattern.DOTALL);

  @TempDir Path prefix;
  private final HttpClient client = HttpClient.newHttpClient();
  private final BlockingQueue<Ending> endings = new LinkedBlockingQueue<>();
  private String readme;
  private SseServer server;
  private Process nginx;
  private URI uri;

  @BeforeEach
  void nginxIsInstalled() throws IOException {
    readme = Files.readString(Path.of("README.md"));
    boolean installed = Files.isExecutable(NGINX);
    if ("true".equals(System.getenv("CI"))) {
      assertTrue(installed, "apt-get install nginx");
    }
    assumeTrue(installed, "nginx is not installed");
  }

  @AfterEach
  void stop() throws InterruptedException {
    client.shutdownNow();
    if (nginx != null) {
      nginx.destroy();
      assertTrue(nginx.waitFor(10, TimeUnit.SECONDS));
    }
    if (server != null) {
      server.close();
    }
  }

  @Test
  void eventsArriveOneByOne() throws Exception {
    start(Duration.ofSeconds(15), "60s");
    exchangeEvents();
  }

  /** There the upstream is spoken to in HTTP/1.0, and only X-Accel-Buffering keeps events moving. */
  @Test
  void eventsArriveOneByOneWithTheDefaultsOfNginxToo() throws Exception {
    start(
        Duration.ofSeconds(15),
        port -> "location / { proxy_pass http://127.0.0.1:" + port + "; }");
    exchangeEvents();
  }

  private void exchangeEvents() throws Exception {
    try (var lines = listen()) {
      assertEquals(List.of(":"), lines.nextBlock());
      var sse = server.eventSources().getByIdentifier("reader").orElseThrow();
      for (int i = 1; i <= 5; i++) {
        sse.send("event " + i);
        assertEquals(List.of("data: event " + i), lines.nextBlock());
      }
    }
  }

  @Test
  void serverNoticesThatTheClientLeft() throws Exception {
    start(Duration.ofMillis(200), "60s");
    try (var lines = listen()) {
      assertEquals(List.of(":"), lines.nextBlock());
    }
    assertEquals(Ending.CLIENT_GONE, endings.poll(10, TimeUnit.SECONDS));
  }

  @Test
  void clientSeesTheEnd() throws Exception {
    start(Duration.ofSeconds(15), "60s");
    try (var lines = listen()) {
      assertEquals(List.of(":"), lines.nextBlock());
      server.eventSources().dropAll();
      assertEquals(Lines.END, lines.next());
    }
  }

  @Test
  void heartbeatOutlastsTheReadTimeout() throws Exception {
    start(Duration.ofMillis(500), "2s");
    try (var lines = listen()) {
      for (int i = 0; i < 9; i++) { // that is four seconds
        assertEquals(List.of(":"), lines.nextBlock());
      }
      server.eventSources().broadcast("still here");
      assertEquals(List.of("data: still here"), lines.nextEvent());
    }
  }

  @Test
  void silenceBeyondTheReadTimeoutEndsTheStream() throws Exception {
    start(Duration.ofSeconds(15), "1s");
    try (var lines = listen()) {
      assertEquals(List.of(":"), lines.nextBlock());
      assertEquals(Lines.BROKEN, lines.next());
    }
  }

  private Lines listen() throws Exception {
    var request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(20)).build();
    var response = client.send(request, BodyHandlers.ofInputStream());
    assertEquals(200, response.statusCode());
    var type = response.headers().firstValue("Content-Type");
    assertEquals("text/event-stream; charset=utf-8", type.orElseThrow());
    return new Lines(response.body());
  }

  private void start(Duration heartbeat, String readTimeout) throws Exception {
    start(heartbeat, port -> readmeBlock(port, readTimeout));
  }

  private void start(Duration heartbeat, IntFunction<String> location) throws Exception {
    server = SseServer.builder().settings(Settings.defaults().heartbeat(heartbeat)).build();
    server.eventSources().onEnd((sse, why) -> endings.add(why));
    server.get(
        "/events",
        request -> {
          try (var sse = request.getEventSource("reader")) {
            sse.keepAlive();
          }
        });
    server.start();

    int port = freePort();
    uri = URI.create("http://127.0.0.1:" + port + "/events");
    Files.writeString(prefix.resolve("nginx.conf"), configuration(port, location.apply(server.port())));
    nginx =
        new ProcessBuilder(
                NGINX.toString(), "-p", prefix.toString(), "-c", "nginx.conf", "-e", "stderr")
            .redirectErrorStream(true)
            .start();
    new Lines(nginx.getInputStream()).next(line -> line.contains("event method")); // it listens
  }

  /** What a single process in a folder of its own needs. */
  private static String configuration(int port, String location) {
    return """
        daemon off;
        master_process off;
        pid nginx.pid;
        error_log stderr notice;
        events {}
        http {
          access_log off;
          client_body_temp_path body;
          proxy_temp_path proxy;
          fastcgi_temp_path fastcgi;
          uwsgi_temp_path uwsgi;
          scgi_temp_path scgi;
          server {
            listen 127.0.0.1:%d;
            %s
          }
        }
        """
        .formatted(port, location);
  }

  private String readmeBlock(int upstream, String readTimeout) {
    var block = BLOCK.matcher(readme);
    assertTrue(block.find(), "no nginx block in README.md");
    return replace(
        replace(block.group(1), "127.0.0.1:8080", "127.0.0.1:" + upstream),
        "proxy_read_timeout 60s;",
        "proxy_read_timeout " + readTimeout + ";");
  }

  private static String replace(String text, String what, String by) {
    assertTrue(text.contains(what), "not in the README's nginx block: " + what);
    return text.replace(what, by);
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
