package dev.tidings.interop.clients;

import static org.junit.jupiter.api.Assertions.fail;

import dev.tidings.interop.clients.Scenarios.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The messages that a client reports from its stream. */
final class Inbox {
  private static final Duration BOUND = Duration.ofSeconds(20);
  private static final int RESTS = 40;
  private static final Duration REST = Duration.ofMillis(50);

  private final BlockingQueue<Message> messages = new LinkedBlockingQueue<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private final AtomicInteger empty = new AtomicInteger();
  private final boolean slow;
  private int rests; // owned by the client's thread
  private boolean sawPosition; // owned by the test's thread

  private Inbox(boolean slow) {
    this.slow = slow;
  }

  static Inbox open() {
    return new Inbox(false);
  }

  /** Returns an inbox that takes two seconds for the first messages; the client does not read meanwhile. */
  static Inbox slow() {
    return new Inbox(true);
  }

  boolean isSlow() {
    return slow;
  }

  void got(Message message) {
    messages.add(message);
    if (slow && rests++ < RESTS) {
      try {
        Thread.sleep(REST);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Records that the client reported a block without data as a message. Most scenarios ignore these. */
  void gotEmpty() {
    empty.incrementAndGet();
  }

  /** Returns the number of empty messages. */
  int empty() {
    return empty.get();
  }

  /** Records that the client will not reconnect by itself. */
  void over() {
    over.countDown();
  }

  /** Returns the next {@code count} messages. */
  List<Message> take(int count) throws InterruptedException {
    var taken = new ArrayList<Message>();
    while (taken.size() < count) {
      var next = messages.poll(BOUND.toNanos(), TimeUnit.NANOSECONDS);
      taken.add(next != null ? next : fail("only " + taken.size() + " of " + count + ": " + taken));
    }
    return taken;
  }

  /** Returns the next {@code count} messages, without position events of channels. */
  List<Message> takeWithoutPositions(int count) throws InterruptedException {
    var taken = new ArrayList<Message>();
    while (taken.size() < count) {
      var next = take(1).getFirst();
      if (next.type().equals("tidings:position")) {
        sawPosition = true;
      } else {
        taken.add(next);
      }
    }
    return taken;
  }

  /** Returns whether a position event was among the messages taken so far. */
  boolean sawPosition() {
    return sawPosition;
  }

  boolean isEmpty() {
    return messages.isEmpty();
  }

  void awaitOver() throws InterruptedException {
    if (!over.await(BOUND.toNanos(), TimeUnit.NANOSECONDS)) {
      fail("the client did not report its end");
    }
  }
}
