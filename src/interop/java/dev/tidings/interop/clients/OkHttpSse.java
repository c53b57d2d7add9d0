package dev.tidings.interop.clients;

import dev.tidings.interop.clients.Scenarios.Message;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import okhttp3.OkHttp;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.sse.EventSource;
import okhttp3.sse.EventSourceListener;
import okhttp3.sse.EventSources;

/** OkHttp's client for server-sent events. It does not report {@code retry:}, so the reconnection time is fixed. */
final class OkHttpSse extends OneShot {
  @Override
  public String version() {
    return OkHttp.VERSION;
  }

  @Override
  Requests requests(URI uri, Inbox inbox) {
    return new Calls(uri, inbox);
  }

  private static final class Calls implements Requests {
    private final OkHttpClient http = new OkHttpClient();
    private final URI uri;
    private final Inbox inbox;
    private volatile String lastEventId = "";
    private volatile Optional<EventSource> source = Optional.empty();

    Calls(URI uri, Inbox inbox) {
      this.uri = uri;
      this.inbox = inbox;
    }

    @Override
    public int next() throws IOException {
      var request = new Request.Builder().url(uri.toString());
      if (!lastEventId.isEmpty()) {
        request.header("Last-Event-ID", lastEventId);
      }
      var end = new CompletableFuture<Integer>();
      source = Optional.of(EventSources.createFactory(http).newEventSource(request.build(), listener(end)));
      try {
        return end.join();
      } catch (CompletionException e) {
        throw new IOException(e.getCause());
      }
    }

    private EventSourceListener listener(CompletableFuture<Integer> end) {
      return new EventSourceListener() {
        @Override
        public void onEvent(EventSource source, String id, String type, String data) {
          lastEventId = Optional.ofNullable(id).orElse("");
          inbox.got(new Message(Optional.ofNullable(type).orElse("message"), data, lastEventId));
        }

        @Override
        public void onClosed(EventSource source) {
          end.complete(200);
        }

        @Override
        public void onFailure(EventSource source, Throwable failure, Response response) {
          if (response != null && response.code() == 204) {
            end.complete(204);
          } else {
            end.completeExceptionally(failure != null ? failure : new IOException(String.valueOf(response)));
          }
        }
      };
    }

    @Override
    public Duration retry() {
      return Scenarios.RETRY;
    }

    @Override
    public void cut() {
      source.ifPresent(EventSource::cancel);
      http.dispatcher().executorService().shutdown();
      http.connectionPool().evictAll();
    }
  }
}
