package dev.tidings;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A publisher for one subscriber that does only what a test tells it to. */
final class ManualPublisher implements Flow.Publisher<Event>, Flow.Subscription {
  final CountDownLatch subscribed = new CountDownLatch(1);
  final CountDownLatch cancelled = new CountDownLatch(1);
  final AtomicInteger cancels = new AtomicInteger();
  final AtomicLong requested = new AtomicLong();
  volatile Flow.Subscriber<? super Event> subscriber;

  @Override
  public void subscribe(Flow.Subscriber<? super Event> newcomer) {
    subscriber = newcomer;
    newcomer.onSubscribe(this);
    subscribed.countDown();
  }

  @Override
  public void request(long n) {
    requested.addAndGet(n);
  }

  @Override
  public void cancel() {
    cancels.incrementAndGet();
    cancelled.countDown();
  }

  /** Waits for the request of one event, and sends it. */
  void send(String data) {
    Await.until("an event is requested", () -> requested.get() > 0);
    requested.decrementAndGet();
    subscriber.onNext(Event.of(data));
  }
}
