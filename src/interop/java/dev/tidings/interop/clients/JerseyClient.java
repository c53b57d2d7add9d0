package dev.tidings.interop.clients;

import dev.tidings.interop.clients.Scenarios.Message;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.sse.InboundSseEvent;
import jakarta.ws.rs.sse.SseEventSource;
import java.net.URI;
import java.util.Optional;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.glassfish.jersey.internal.Version;

/** The client of Jakarta REST, implemented by Jersey. */
final class JerseyClient implements SseClient {
  /** Logs a warning about active requests when a client is closed. */
  private static final Logger LOG = Logger.getLogger("org.glassfish.jersey.internal.Errors");

  static {
    LOG.setLevel(Level.OFF);
  }

  @Override
  public String version() {
    return Version.getVersion();
  }

  @Override
  public Connection open(URI uri, Inbox inbox) {
    var client = ClientBuilder.newClient();
    var source = SseEventSource.target(client.target(uri)).build();
    source.register(event -> got(event, inbox), failure -> inbox.over());
    source.open();
    return () -> {
      source.close();
      client.close();
    };
  }

  /** Records an event, except for blocks without data, which are reported as well. */
  private static void got(InboundSseEvent event, Inbox inbox) {
    if (!event.isEmpty()) {
      String type = Optional.ofNullable(event.getName()).orElse("message");
      inbox.got(new Message(type, event.readData(), Optional.ofNullable(event.getId()).orElse("")));
    }
  }
}
