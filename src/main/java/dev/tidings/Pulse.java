package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The heartbeats of all streams of a registry, gathered by tenths of a second: one task of the ticker
 * for all that are due, and their writes together, instead of a task and a thread for each.
 */
final class Pulse {
  private static final long SLOT = Duration.ofMillis(100).toNanos();
  /** Who is due later comes by to be added again, so that none is held for long after its end. */
  private static final long LONGEST = Duration.ofMinutes(1).toNanos();

  private final Ticker ticker;
  private final FanOut fanOut;
  private final long start;
  // What follows is guarded by this.
  private final TreeMap<Long, List<Heartbeat>> slots = new TreeMap<>();
  private long next = Long.MAX_VALUE; // the first of them, whose tick is scheduled; the largest for none
  private Ticker.Timer timer = () -> {};

  Pulse(Ticker ticker, FanOut fanOut) {
    this.ticker = ticker;
    this.fanOut = fanOut;
    this.start = ticker.now();
  }

  /** Has it beat in so many nanoseconds or up to a slot later, or in a minute; returns the slot. */
  synchronized long add(Heartbeat heartbeat, long nanos) {
    long elapsed = ticker.now() - start;
    long slot = Math.ceilDiv(elapsed + Math.clamp(nanos, 1, LONGEST), SLOT);
    slots.computeIfAbsent(slot, key -> new ArrayList<>()).add(heartbeat);
    if (slot < next) {
      try {
        schedule(elapsed);
      } catch (Throwable e) { // the heartbeat is in its slot, and whoever comes next tries again
        Log.failure("scheduling heartbeats", e);
      }
    }
    return slot;
  }

  /** How many beats are to come, those of ended streams too. */
  synchronized int size() {
    return slots.values().stream().mapToInt(List::size).sum();
  }

  private void schedule(long elapsed) {
    timer.cancel();
    next = Long.MAX_VALUE; // if it fails, the next heartbeat that is added tries again
    long first = slots.firstKey();
    timer = ticker.schedule(first * SLOT - elapsed, this::tick);
    next = first;
  }

  private void tick() {
    var broadcast = fanOut.broadcast();
    try {
      takeDue().forEach(
          (slot, due) -> due.forEach(heartbeat -> beat(heartbeat, slot, broadcast)));
    } finally {
      try {
        broadcast.flush();
      } finally {
        goOn();
      }
    }
  }

  /** Whatever becomes of one must not keep the others, which are in no slot now, from theirs. */
  private static void beat(Heartbeat heartbeat, long slot, FanOut.Broadcast broadcast) {
    try {
      heartbeat.beat(slot, broadcast);
    } catch (Throwable e) {
      Log.failure("a heartbeat", e);
    }
  }

  private synchronized Map<Long, List<Heartbeat>> takeDue() {
    long elapsed = ticker.now() - start;
    var past = slots.headMap(elapsed / SLOT, true);
    var due = new TreeMap<>(past);
    past.clear();
    next = Long.MAX_VALUE;
    return due;
  }

  /** After the beats, which mostly have seen to that: none may be lost because there is no memory for it. */
  private synchronized void goOn() {
    if (!slots.isEmpty() && slots.firstKey() < next) {
      schedule(ticker.now() - start);
    }
  }
}
