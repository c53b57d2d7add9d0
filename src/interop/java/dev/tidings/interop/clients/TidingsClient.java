package dev.tidings.interop.clients;

import dev.tidings.client.EventClient;
import dev.tidings.client.EventClientException;
import dev.tidings.interop.clients.Scenarios.Message;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;

/** The library's own client. */
final class TidingsClient implements SseClient {
  private final Optional<SSLContext> tls;

  TidingsClient(Optional<SSLContext> tls) {
    this.tls = tls;
  }

  /** Returns what has failed first. */
  private static Throwable cause(Throwable failure) {
    return failure.getCause() == null ? failure : cause(failure.getCause());
  }

  @Override
  public String version() {
    return "JDK " + Runtime.version();
  }

  @Override
  public Connection open(URI uri, Inbox inbox) {
    var builder = EventClient.builder(uri);
    var http = tls.map(context -> HttpClient.newBuilder().sslContext(context).build());
    http.ifPresent(builder::client);
    var client = builder.build();
    var failure = new AtomicReference<EventClientException>();
    var thread = Thread.ofVirtual().start(() -> {
      try {
        for (var event : client) {
          String data = event.data().orElseThrow();
          inbox.got(new Message(event.name().orElse("message"), data, client.lastEventId().orElse("")));
        }
      } catch (EventClientException e) {
        failure.set(e);
      } finally {
        inbox.over();
      }
    });
    return () -> {
      client.close();
      http.ifPresent(HttpClient::shutdownNow);
      if (!thread.join(Duration.ofSeconds(10))) {
        throw new AssertionError("the client did not stop after it was closed");
      }
      if (failure.get() != null) {
        throw new AssertionError(failure.get().getMessage(), cause(failure.get()));
      }
    };
  }
}
