package dev.tidings.interop;

import com.launchdarkly.eventsource.ConnectStrategy;
import com.launchdarkly.eventsource.ErrorStrategy;
import com.launchdarkly.eventsource.EventSource;
import com.launchdarkly.eventsource.MessageEvent;
import dev.tidings.interop.Scenarios.Message;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Level;
import java.util.logging.Logger;
import okhttp3.OkHttp;
import okhttp3.OkHttpClient;

/** LaunchDarkly's client, told to go on after whatever happens; by itself it stops at the first end. */
final class OkHttpEventSource implements SseClient {
  /** Warns of responses that this client leaves open. */
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
    var source = new EventSource.Builder(ConnectStrategy.http(uri)).errorStrategy(ErrorStrategy.alwaysContinue()).build();
    var failure = new AtomicReference<RuntimeException>();
    var thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    source.messages().forEach(event -> got(event, inbox));
                  } catch (RuntimeException e) {
                    failure.set(e);
                  }
                });
    return () -> {
      source.close();
      if (!thread.join(Duration.ofSeconds(10))) {
        throw new AssertionError("it goes on though it was closed");
      }
      if (failure.get() != null) {
        throw new AssertionError("it failed", failure.get());
      }
    };
  }

  private static void got(MessageEvent event, Inbox inbox) {
    String id = Optional.ofNullable(event.getLastEventId()).orElse("");
    inbox.got(new Message(event.getEventName(), event.getData(), id));
  }
}
