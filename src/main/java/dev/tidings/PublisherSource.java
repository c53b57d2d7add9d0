package dev.tidings;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Flow;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The events of a publisher. Requests no more than a window, on the thread that takes them, so the publisher never
 * waits for that thread. A publisher that violates the rules of {@link Flow} has failed, and cannot exceed the window.
 */
final class PublisherSource implements Source {
  private final Flow.Publisher<? extends Event> publisher;
  private final int window;
  private final Receiver receiver = new Receiver();
  private boolean subscribed;

  PublisherSource(Flow.Publisher<? extends Event> publisher, int window) {
    this.publisher = Objects.requireNonNull(publisher, "publisher");
    this.window = window;
  }

  @Override
  public Optional<Boolean> take(List<Event> events, int most, Breakable waits) throws InterruptedException {
    // Separate calls, because the code of the publisher may end the waits.
    boolean requested =
        (subscribed || waits.passes(this::subscribe) && waits.passes(receiver::awaitSubscription))
            && waits.passes(receiver::request);
    return requested ? waits.run(() -> receiver.take(events, most)) : Optional.empty();
  }

  private void subscribe() {
    subscribed = true;
    publisher.subscribe(receiver);
  }

  @Override
  public List<Event> close() {
    return receiver.close();
  }

  /** Receives events on threads of the publisher, which it never blocks. */
  private final class Receiver implements Flow.Subscriber<Event> {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    // The fields below are guarded by lock.
    private final ArrayDeque<Event> received = new ArrayDeque<>();
    private Flow.Subscription subscription; // null before
    private int requested; // events that were requested and have not been received
    private boolean over; // whether nothing more is accepted
    private Throwable failure; // null for none

    void awaitSubscription() throws InterruptedException {
      lock.lockInterruptibly();
      try {
        while (subscription == null && !over) {
          changed.await();
        }
      } finally {
        lock.unlock();
      }
    }

    /** Requests events if at least half of the window is free. */
    void request() {
      int free;
      lock.lock();
      try {
        free = over ? 0 : window - requested - received.size();
        if (2 * free < window) {
          return;
        }
        requested += free;
      } finally {
        lock.unlock();
      }
      subscription.request(free); // the publisher may call onNext on this thread
    }

    boolean take(List<Event> events, int most) throws InterruptedException {
      lock.lockInterruptibly();
      try {
        while (received.isEmpty() && !over) {
          changed.await();
        }
        while (!received.isEmpty() && events.size() < most) {
          events.add(received.remove());
        }
        if (events.isEmpty() && failure != null) {
          throw new CompletionException("the publisher has failed", failure);
        }
        return !events.isEmpty();
      } finally {
        lock.unlock();
      }
    }

    List<Event> close() {
      var rest = new ArrayList<Event>();
      if (end(null)) {
        cancel();
      }
      lock.lock();
      try {
        rest.addAll(received);
        received.clear();
      } finally {
        lock.unlock();
      }
      return rest;
    }

    /** Stops accepting events. Returns whether this call ended the subscription. */
    private boolean end(Throwable why) {
      lock.lock();
      try {
        boolean first = !over;
        failure = first ? why : failure;
        over = true;
        changed.signalAll();
        return first;
      } finally {
        lock.unlock();
      }
    }

    private void cancel() {
      Flow.Subscription its;
      lock.lock();
      try {
        its = subscription;
      } finally {
        lock.unlock();
      }
      if (its != null) {
        UserCode.run("cancelling a subscription", its::cancel);
      }
    }

    /** Ends the subscription of a publisher that breaks a rule. */
    private void misused(RuntimeException why) {
      if (end(why)) {
        cancel();
      }
    }

    @Override
    public void onSubscribe(Flow.Subscription newcomer) {
      Objects.requireNonNull(newcomer, "subscription");
      boolean surplus;
      lock.lock();
      try {
        surplus = over || subscription != null;
        subscription = surplus ? subscription : newcomer;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
      if (surplus) {
        newcomer.cancel();
      }
    }

    @Override
    public void onNext(Event event) {
      if (event == null) {
        var nothing = new NullPointerException("the publisher sent null");
        misused(nothing);
        throw nothing; // as Flow requires
      }
      boolean surplus;
      lock.lock();
      try {
        surplus = !over && requested == 0;
        if (!over && !surplus) {
          requested--;
          received.add(event);
          changed.signalAll();
        }
      } finally {
        lock.unlock();
      }
      if (surplus) {
        misused(new IllegalStateException("the publisher sent more events than were requested"));
      }
    }

    @Override
    public void onError(Throwable failure) {
      end(Objects.requireNonNull(failure, "failure"));
    }

    @Override
    public void onComplete() {
      end(null);
    }
  }
}
