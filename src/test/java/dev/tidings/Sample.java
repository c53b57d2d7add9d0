package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A sample that runs in its own process on a free port, and a client of it. Each sample is compiled once. */
final class Sample implements AutoCloseable {
  private static final Map<String, Path> COMPILED = new HashMap<>();

  private final HttpClient client = HttpClient.newHttpClient();
  private final OwnJvm jvm;
  private final URI uri;

  private Sample(OwnJvm jvm) throws InterruptedException {
    this.jvm = jvm;
    this.uri = jvm.uri();
  }

  /** Starts a sample with these arguments after its port, and returns when it has printed its address. */
  static Sample start(String name, String... args) throws IOException, InterruptedException {
    return start(name, List.of(), args);
  }

  static Sample start(String name, List<String> options, String... args) throws IOException, InterruptedException {
    var all = Stream.concat(Stream.of("0"), Stream.of(args)).toArray(String[]::new);
    return new Sample(OwnJvm.start(compiled(name), name, options, all));
  }

  /** Returns the folder of the classes of a sample. */
  static synchronized Path compiled(String name) throws IOException {
    var folder = COMPILED.get(name);
    if (folder == null) {
      folder = Files.createTempDirectory(Path.of("target"), "sample-");
      OwnJvm.compile(Path.of("samples", name + ".java"), folder);
      COMPILED.put(name, folder);
    }
    return folder;
  }

  /** Returns its output after its address. */
  Lines output() {
    return jvm.lines();
  }

  URI uri(String path) {
    return uri.resolve(path);
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(uri(path)).timeout(Duration.ofSeconds(20));
  }

  HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
    return client.send(request.build(), BodyHandlers.ofString());
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return send(request(path));
  }

  HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
    return send(request(path).POST(BodyPublishers.ofString(body)));
  }

  /** Opens a stream, and returns its lines. */
  Lines listen(HttpRequest.Builder request) throws IOException, InterruptedException {
    HttpResponse<InputStream> response = client.send(request.build(), BodyHandlers.ofInputStream());
    assertEquals(200, response.statusCode());
    assertEquals("text/event-stream; charset=utf-8", response.headers().firstValue("Content-Type").orElseThrow());
    return new Lines(response.body());
  }

  Lines listen(String path) throws IOException, InterruptedException {
    return listen(request(path));
  }

  @Override
  public void close() {
    client.shutdownNow();
    jvm.close();
  }
}
