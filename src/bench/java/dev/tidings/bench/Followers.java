package dev.tidings.bench;

import dev.tidings.Event;
import dev.tidings.EventLog;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * Threads that follow channels as their live streams do, and check that they read each event once, and those of each
 * publishing thread in order.
 */
final class Followers {
  /** The largest number of threads that publish to a channel. */
  static final int THREADS = 64;

  private static final Duration WAIT = Duration.ofHours(1); // as the library waits
  private static final int BEGINNING = 64; // threads that ask for the end of their log at a time
  private static final int THREAD_BITS = 32;
  private static final int RADIX = 16;

  private final Semaphore beginning = new Semaphore(BEGINNING);
  private final AtomicInteger count = new AtomicInteger();
  private final LongAdder read = new LongAdder();
  private final LongAdder faults = new LongAdder();

  /** Returns an event with the number of its thread, and its own among those of the thread. */
  static Event event(Payload payload, int thread, long number) {
    return Event.of(payload.stamped((long) thread << THREAD_BITS | number));
  }

  /** Follows a log from its end. */
  void follow(EventLog log) {
    Thread.ofVirtual().start(() -> run(log));
  }

  /** Returns the number of threads that wait for events. */
  int count() {
    return count.get();
  }

  /** Returns the number of events that have been read. */
  long read() {
    return read.sum();
  }

  /** Returns the number of events that were lost, read twice or out of order. */
  long faults() {
    return faults.sum();
  }

  private void run(EventLog log) {
    try {
      String at = begin(log);
      long[] last = null; // by each publishing thread
      count.incrementAndGet();
      while (true) {
        var reading = log.read(at, 512, WAIT);
        if (!reading.covered()) {
          faults.increment();
        }
        at = reading.from();
        for (Event event : reading.events()) {
          last = last == null ? new long[THREADS] : last; // idle followers need none
          check(event, last);
          at = event.id().orElseThrow();
        }
      }
    } catch (InterruptedException | RuntimeException e) {
      e.printStackTrace();
      faults.increment();
    }
  }

  private String begin(EventLog log) throws InterruptedException {
    beginning.acquire();
    try {
      return log.latest();
    } finally {
      beginning.release();
    }
  }

  private void check(Event event, long[] last) {
    long stamp = Long.parseLong(event.data().orElseThrow(), 0, Payload.DIGITS, RADIX);
    int thread = (int) (stamp >>> THREAD_BITS);
    long number = stamp & (1L << THREAD_BITS) - 1;
    if (last[thread] > 0 && number != last[thread] + 1) {
      faults.increment();
    }
    last[thread] = number;
    read.increment();
  }
}
