package dev.tidings.interop.clients;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A client that does not reconnect: this does, as a program around it would, after the reconnection
 * time and with the last event id that it has, until it is answered with 204.
 */
abstract class OneShot implements SseClient {
  /** One request after the other, on one thread. */
  interface Requests {
    /** Returns the status when the response has come to its clean end; throws if that was none. */
    int next() throws IOException, InterruptedException;

    Duration retry();

    /** Makes a request that is under way fail soon; from another thread. */
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
        throw new AssertionError("it goes on though it was closed");
      }
      if (failure.get() != null) {
        throw new AssertionError("an end that was not clean", failure.get());
      }
    };
  }

  private static void repeat(Requests requests, CountDownLatch closed) throws IOException, InterruptedException {
    while (requests.next() != 204 && !closed.await(requests.retry().toMillis(), TimeUnit.MILLISECONDS)) {}
  }
}
