package dev.tidings.interop.clients;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/** {@link HttpClient}, in a loop that reconnects. */
final class JdkClient extends OneShot {
  private final Optional<SSLContext> tls;

  JdkClient(Optional<SSLContext> tls) {
    this.tls = tls;
  }

  @Override
  public String version() {
    return "JDK " + Runtime.version();
  }

  @Override
  Requests requests(URI uri, Inbox inbox) {
    var builder = HttpClient.newBuilder();
    tls.ifPresent(builder::sslContext);
    var http = builder.build();
    var loop = new ReadingLoop(inbox);
    return new Requests() {
      private volatile InputStream body = InputStream.nullInputStream();

      @Override
      public int next() throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(uri).header("Accept", "text/event-stream");
        if (!loop.lastEventId().isEmpty()) {
          request.header("Last-Event-ID", loop.lastEventId());
        }
        var response = http.send(request.build(), BodyHandlers.ofInputStream());
        body = response.body();
        try (var lines = new BufferedReader(new InputStreamReader(body, UTF_8))) {
          lines.lines().forEach(loop::line);
        }
        loop.forget();
        return response.statusCode();
      }

      @Override
      public Duration retry() {
        return loop.retry();
      }

      @Override
      public void cut() throws IOException {
        body.close();
        http.shutdownNow();
      }
    };
  }
}
