package dev.tidings;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;

/** The counts of a registry. A stream counts its own traffic until its exchange is closed. */
final class Totals {
  private static final Traffic NOTHING = new Traffic(0, 0, 0, 0);

  private final LongAdder opened = new LongAdder();
  private final LongAdder refused = new LongAdder();
  private final Map<Ending, LongAdder> ended = new ConcurrentHashMap<>();
  private final ReentrantLock lock = new ReentrantLock(); // so that each stream counts exactly once
  // The fields below are guarded by lock.
  private long events;
  private long bytes;
  private long dropped;

  void opened() {
    opened.increment();
  }

  void refused() {
    refused.increment();
  }

  void ended(Ending why) {
    ended.computeIfAbsent(why, key -> new LongAdder()).increment();
  }

  /** Adds the counts of a stream to the totals, in one step with its removal from the list of streams. */
  void release(EventSource stream, Runnable leaving) {
    lock.lock();
    try {
      leaving.run();
      var traffic = traffic(stream);
      events += traffic.sent();
      bytes += traffic.bytes();
      dropped += traffic.dropped();
    } finally {
      lock.unlock();
    }
  }

  /** Returns zeros for a response that is not a stream of the registry. */
  private static Traffic traffic(EventSource stream) {
    return stream.life().wasOpen() ? stream.traffic() : NOTHING;
  }

  Stats stats(int open, Iterable<EventSource> streams) {
    var counts = new EnumMap<Ending, Long>(Ending.class);
    ended.forEach((why, count) -> counts.put(why, count.sum()));
    lock.lock();
    try {
      long written = events;
      long size = bytes;
      long lost = dropped;
      long waiting = 0;
      for (EventSource stream : streams) {
        var traffic = traffic(stream);
        written += traffic.sent();
        size += traffic.bytes();
        lost += traffic.dropped();
        waiting += traffic.waiting();
      }
      return new Stats(
          open, opened.sum(), refused.sum(), counts, written, size, lost, waiting);
    } finally {
      lock.unlock();
    }
  }
}
