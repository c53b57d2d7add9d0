package dev.tidings.interop.proxies;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPInputStream;

/** The client of a stream: records each event with its arrival time, and the end of the response. */
final class ProxyClient implements AutoCloseable {
  /**
   * One event.
   *
   * @param lines its lines without comments; {@link #END} or {@link #BROKEN} for the end of the response
   * @param nanos the time of reading its blank line, by {@link System#nanoTime}
   */
  record Seen(List<String> lines, long nanos) {
    String data() {
      return field("data");
    }

    String id() {
      return field("id");
    }

    /** Returns whether this is the end of the response. */
    boolean isEnd() {
      return lines.equals(END) || lines.equals(BROKEN);
    }

    private String field(String name) {
      return lines.stream().filter(line -> line.startsWith(name + ": ")).map(line -> line.substring(name.length() + 2)).findFirst().orElse("");
    }
  }

  static final List<String> END = List.of("(end)");
  static final List<String> BROKEN = List.of("(broken off)");

  final HttpResponse<InputStream> response;
  private final BlockingQueue<Seen> seen = new LinkedBlockingQueue<>();
  private final AtomicInteger comments = new AtomicInteger();

  private ProxyClient(HttpResponse<InputStream> response) {
    this.response = response;
    Thread.ofVirtual().name("proxy-client").start(this::read);
  }

  /** Returns a complete response. */
  static HttpResponse<String> get(HttpClient client, URI uri, String... headers) throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(20)).headers(headers);
    return client.send(request.build(), BodyHandlers.ofString());
  }

  /** Opens a stream, and returns when the head has arrived, like {@code open} in a browser. */
  static ProxyClient open(HttpClient client, URI uri, String... headers) throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(20)).header("Accept", "text/event-stream");
    if (headers.length > 0) {
      request.headers(headers);
    }
    var response = client.send(request.build(), BodyHandlers.ofInputStream());
    if (response.statusCode() != 200) {
      fail(response + " " + response.headers().map() + " " + new String(response.body().readAllBytes(), UTF_8));
    }
    return new ProxyClient(response);
  }

  private InputStream body() throws IOException {
    return header("Content-Encoding").equals("gzip") ? unzipped(response.body()) : response.body();
  }

  private static InputStream unzipped(InputStream in) throws IOException {
    return new GZIPInputStream(in) {
      @Override
      public int available() {
        return 0; // otherwise 1, and a reader would block until its buffer is full
      }
    };
  }

  private void read() {
    try (var reader = new BufferedReader(new InputStreamReader(body(), UTF_8))) {
      var lines = new ArrayList<String>();
      for (String line; (line = reader.readLine()) != null; ) {
        if (line.isEmpty() && !lines.isEmpty()) {
          seen.add(new Seen(List.copyOf(lines), System.nanoTime()));
          lines.clear();
        } else if (line.startsWith(":")) {
          comments.incrementAndGet();
        } else if (!line.isEmpty()) {
          lines.add(line);
        }
      }
      seen.add(new Seen(END, System.nanoTime()));
    } catch (IOException e) {
      seen.add(new Seen(BROKEN, System.nanoTime()));
    }
  }

  /** Waits for the next event. */
  Seen next() throws InterruptedException {
    var next = seen.poll(20, TimeUnit.SECONDS);
    assertNotNull(next, "nothing arrived within 20 s");
    return next;
  }

  /** Waits for the next event, for at most this long. */
  Optional<Seen> next(Duration bound) throws InterruptedException {
    return Optional.ofNullable(seen.poll(bound.toNanos(), TimeUnit.NANOSECONDS));
  }

  /** Returns whether no further event has arrived. */
  boolean isSilent() {
    return seen.isEmpty();
  }

  /** Returns the number of comments that have arrived, most of them pings. */
  int comments() {
    return comments.get();
  }

  String header(String name) {
    return response.headers().firstValue(name).orElse("-");
  }

  @Override
  public void close() throws IOException {
    response.body().close();
  }
}
