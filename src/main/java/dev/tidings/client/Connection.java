package dev.tidings.client;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Flow;

/**
 * One request and its response. The reading thread waits for the head, and then for one chunk of the body after the
 * other. At most one chunk is requested in advance, so the server is read as fast as its events are received here.
 * The methods of {@code Subscriber} are called on threads of the {@code HttpClient}; no other code is called while the
 * monitor of this object is held.
 */
final class Connection implements Flow.Subscriber<List<ByteBuffer>> {
  /** The result of a wait. */
  enum Arrival {
    NOTHING,
    CHUNK,
    END
  }

  private final Time time;
  private final CompletableFuture<HttpResponse<Void>> exchange;
  // The fields below are guarded by this.
  private ResponseInfo head;
  private Flow.Subscription subscription;
  private List<ByteBuffer> chunk;
  private boolean isOver;
  private Throwable failure;
  private boolean isCancelled;
  private long lastArrival; // of the head, or when a chunk was taken, since none is requested before

  /** Sends the request, and does not wait for it. */
  Connection(HttpClient client, HttpRequest request, Time time) {
    this.time = time;
    this.exchange = client.sendAsync(request, this::accept);
    exchange.whenComplete((response, thrown) -> {
      if (thrown != null) {
        onError(thrown);
      }
    });
  }

  private synchronized BodySubscriber<Void> accept(ResponseInfo info) {
    head = info;
    lastArrival = time.now();
    notifyAll();
    return BodySubscribers.fromSubscriber(this);
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    boolean isCancelled;
    synchronized (this) {
      this.subscription = subscription;
      isCancelled = this.isCancelled;
    }
    if (isCancelled) {
      subscription.cancel();
    } else {
      subscription.request(1);
    }
  }

  @Override
  public synchronized void onNext(List<ByteBuffer> buffers) {
    chunk = buffers;
    notifyAll();
  }

  @Override
  public synchronized void onError(Throwable thrown) {
    if (!isOver) {
      isOver = true;
      failure = thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
      notifyAll();
    }
  }

  @Override
  public synchronized void onComplete() {
    isOver = true;
    notifyAll();
  }

  /** Returns the head once it has arrived; null after the deadline, or if the connection was cancelled. */
  synchronized ResponseInfo head(long deadline) throws IOException, InterruptedException {
    while (head == null && !isOver && !isCancelled && time.now() < deadline) {
      time.await(this, deadline);
    }
    if (head == null && isOver && !isCancelled) {
      throw failure();
    }
    return head;
  }

  /** Waits for a chunk or the end; returns {@code NOTHING} after the deadline, or if the connection was cancelled. */
  synchronized Arrival await(long deadline) throws IOException, InterruptedException {
    while (chunk == null && !isOver && !isCancelled && time.now() < deadline) {
      time.await(this, deadline);
    }
    if (isCancelled || chunk == null && !isOver) {
      return Arrival.NOTHING;
    }
    if (chunk != null) {
      return Arrival.CHUNK;
    }
    if (failure != null) {
      throw failure();
    }
    return Arrival.END;
  }

  private IOException failure() {
    return failure instanceof IOException e ? e : new IOException(failure);
  }

  /** Returns the chunk that has arrived, and requests the next one. */
  List<ByteBuffer> take() {
    List<ByteBuffer> taken;
    Flow.Subscription from;
    synchronized (this) {
      taken = chunk;
      chunk = null;
      lastArrival = time.now(); // nothing was requested until now
      from = subscription;
    }
    from.request(1);
    return taken;
  }

  /** Returns the time since which the server has sent no data, although data was requested. */
  synchronized long lastArrival() {
    return lastArrival;
  }

  /** Ends the exchange, whatever its state, and wakes the waiting thread. May be called by any thread. */
  void cancel() {
    Flow.Subscription from;
    synchronized (this) {
      isCancelled = true;
      from = subscription;
      notifyAll();
    }
    if (from != null) {
      from.cancel();
    }
    exchange.cancel(true);
  }
}
