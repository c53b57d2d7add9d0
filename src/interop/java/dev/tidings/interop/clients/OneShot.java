package dev.tidings.interop.clients;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A client that does not reconnect by itself. This class reconnects, like a program that uses the client:
 * after the reconnection time and with the last event id, until the response is 204.
 */
abstract class OneShot implements SseClient {
  /** Sends one request after the other, on one thread. */
  interface Requests {
    /** Returns the status after a complete response. Throws if the response is aborted. */
    int next() throws IOException, InterruptedException;

    Duration retry();

    /** Makes the current request fail soon. Called from another thread. */
    void cut() throws IOException;
  }

  abstract Requests requests(URI uri, Inbox inbox) throws IOException;

  @Override
  public Connection open(URI uri, Inbox inbox) throws IOException {
    var requests = requests(uri, inbox);
    var closed = new CountDownLatch(1);
    var failure = new AtomicReference<Throwable>();
    var thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    repeat(requests, closed);
                  } catch (IOException | InterruptedException | RuntimeException e) {
                    if (closed.getCount() > 0) {
                      failure.set(e);
                    }
                  } finally {
                    inbox.over();
                  }
                });
    return () -> {
      closed.countDown();
      requests.cut();
      if (!thread.join(Duration.ofSeconds(10))) {
        throw new AssertionError("the client did not stop after it was closed");
      }
      if (failure.get() != null) {
        throw new AssertionError("the response did not end normally", failure.get());
      }
    };
  }

  private static void repeat(Requests requests, CountDownLatch closed) throws IOException, InterruptedException {
    while (requests.next() != 204 && !closed.await(requests.retry().toMillis(), TimeUnit.MILLISECONDS)) {}
  }
}
