package dev.tidings.client;

import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.util.concurrent.Executor;

/** The {@code HttpClient} of a client: that of the application, or one of its own, which is closed with the client. */
final class Transport {
  private final Options options;
  private HttpClient own; // guarded by this, and so is the next
  private boolean isClosed;

  Transport(Options options) {
    this.options = options;
  }

  synchronized HttpClient client() {
    if (options.client().isPresent()) {
      return options.client().get();
    }
    if (isClosed) {
      throw new IllegalStateException("the client is closed");
    }
    if (own == null) {
      own = HttpClient.newBuilder()
          .followRedirects(Redirect.NEVER)
          .connectTimeout(options.connectTimeout())
          .executor(executor())
          .build();
    }
    return own;
  }

  /** Returns whether the application has closed its {@code HttpClient}, so that each attempt would fail. */
  boolean isTerminated() {
    return options.client().map(HttpClient::isTerminated).orElse(false);
  }

  /** A pool would keep threads; the tasks are short. */
  private static Executor executor() {
    var threads = Thread.ofVirtual().name("tidings-client-", 0).inheritInheritableThreadLocals(false).factory();
    return task -> threads.newThread(task).start();
  }

  /** Discards the connections after a timeout: HTTP/2 would send the next request on the one that is dead. */
  synchronized void renew() {
    if (own != null) {
      own.shutdownNow();
      own = null;
    }
  }

  synchronized void close() {
    isClosed = true;
    renew();
  }
}
