package dev.tidings.interop.clients;

import com.launchdarkly.eventsource.ConnectStrategy;
import com.launchdarkly.eventsource.ErrorStrategy;
import com.launchdarkly.eventsource.EventSource;
import com.launchdarkly.eventsource.MessageEvent;
import com.launchdarkly.eventsource.StreamEvent;
import dev.tidings.interop.clients.Scenarios.Message;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Level;
import java.util.logging.Logger;
import okhttp3.OkHttp;
import okhttp3.OkHttpClient;

/** LaunchDarkly's client, configured to continue after all errors. By default it stops at the first end. */
final class OkHttpEventSource implements SseClient {
  /** Logs a warning about responses that this client leaves open. */
  private static final Logger LOG = Logger.getLogger(OkHttpClient.class.getName());

  static {
    LOG.setLevel(Level.OFF);
  }

  @Override
  public String version() throws IOException {
    var jar = EventSource.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    return jar.replaceAll(".*-([0-9.]+)\\.jar", "$1") + " on OkHttp " + OkHttp.VERSION;
  }

  @Override
  public Connection open(URI uri, Inbox inbox) {
    var strategy = ConnectStrategy.http(uri);
    var source = new EventSource.Builder(strategy).errorStrategy(ErrorStrategy.alwaysContinue()).build();
    var closed = new AtomicBoolean();
    var failure = new AtomicReference<RuntimeException>();
    var thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    read(source, inbox, closed);
                  } catch (RuntimeException e) {
                    failure.set(e);
                  }
                });
    return () -> {
      closed.set(true);
      source.close();
      if (!thread.join(Duration.ofSeconds(10))) {
        throw new AssertionError("the client did not stop after it was closed");
      }
      if (failure.get() != null) {
        throw new AssertionError("the client failed", failure.get());
      }
    };
  }

  /** Reads events. The iteration does not always end if the client is closed between two connections. */
  private static void read(EventSource source, Inbox inbox, AtomicBoolean closed) {
    for (StreamEvent event : source.anyEvents()) {
      if (closed.get()) {
        return;
      }
      if (event instanceof MessageEvent message) {
        got(message, inbox);
      }
    }
  }

  private static void got(MessageEvent event, Inbox inbox) {
    String id = Optional.ofNullable(event.getLastEventId()).orElse("");
    inbox.got(new Message(event.getEventName(), event.getData(), id));
  }
}
