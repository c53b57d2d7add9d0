package dev.tidings.demo;

import dev.tidings.Ending;
import dev.tidings.Event;
import dev.tidings.EventSource;
import dev.tidings.EventSources;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

/**
 * Sends the live data for the demo page: the state of the registry as JSON, twice a second, while there are watchers.
 */
final class DemoFeed {
  private static final Logger LOGGER = System.getLogger("dev.tidings.demo");
  private static final Duration PACE = Duration.ofMillis(500);
  private static final int LISTED = 100; // the others are only counted

  private final EventSources sources;
  private final Set<EventSource> watchers = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final ThreadFactory threads;
  private boolean running; // guarded by lock

  DemoFeed(EventSources sources, ThreadFactory threads) {
    this.sources = sources;
    this.threads = threads;
  }

  /** Sends the data to a watcher until its stream has ended. */
  void serve(EventSource watcher) {
    watcher.send(Event.empty().withRetry(PACE));
    try {
      add(watcher);
      watcher.keepAlive();
    } finally {
      watchers.remove(watcher);
    }
  }

  boolean isWatcher(EventSource stream) {
    return watchers.contains(stream);
  }

  private void add(EventSource watcher) {
    lock.lock();
    try {
      watchers.add(watcher);
      if (!running) {
        threads.newThread(this::feed).start();
        running = true;
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean goesOn() {
    lock.lock();
    try {
      running = !watchers.isEmpty();
      return running;
    } finally {
      lock.unlock();
    }
  }

  private void feed() {
    var rate = new Rate();
    while (goesOn()) {
      try {
        tell(rate);
      } catch (Throwable e) { // go on, because no other thread sends the next state
        LOGGER.log(Level.ERROR, "the demo's feed threw " + e.getClass().getName(), e);
      }
      LockSupport.parkNanos(PACE.toNanos());
    }
  }

  private void tell(Rate rate) {
    var streams = sources.streams().stream().filter(stream -> !isWatcher(stream)).toList();
    var state = Event.of("state", json(streams, rate.next(streams), sources.stats().ended()));
    sources.broadcast(state, this::isWatcher);
  }

  /** Computes the events per second from the previous and the current counts of each stream. */
  private static final class Rate {
    private Map<EventSource, Long> before = Map.of();
    private long last;
    private boolean begun;

    double next(List<EventSource> streams) {
      var now = new HashMap<EventSource, Long>();
      streams.forEach(stream -> now.put(stream, stream.traffic().sent()));
      long more = 0;
      for (var entry : now.entrySet()) {
        more += entry.getValue() - before.getOrDefault(entry.getKey(), 0L);
      }
      long time = System.nanoTime();
      double rate = begun ? more * 1e9 / Math.max(1, time - last) : 0;
      before = now;
      last = time;
      begun = true;
      return Math.round(rate * 10) / 10.0;
    }
  }

  // JSON.

  private static String json(List<EventSource> streams, double rate, Map<Ending, Long> ended) {
    String rows =
        streams.stream()
            .sorted(Comparator.comparing(stream -> stream.identifier().orElse("")))
            .limit(LISTED)
            .map(DemoFeed::json)
            .collect(Collectors.joining(","));
    String endings =
        ended.entrySet().stream()
            .map(entry -> Quote.json(entry.getKey().name()) + ":" + entry.getValue())
            .collect(Collectors.joining(","));
    return "{\"count\":" + streams.size() + ",\"rate\":" + rate
        + ",\"ended\":{" + endings + "},\"streams\":[" + rows + "]}";
  }

  private static String json(EventSource stream) {
    var traffic = stream.traffic();
    return "{\"id\":" + stream.identifier().map(Quote::json).orElse("null")
        + ",\"age\":" + stream.age().toMillis()
        + ",\"sent\":" + traffic.sent()
        + ",\"bytes\":" + traffic.bytes()
        + ",\"waiting\":" + traffic.waiting() + "}";
  }
}
