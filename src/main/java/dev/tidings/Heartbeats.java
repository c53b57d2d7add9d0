package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The heartbeats of all streams of a registry, gathered by tenths of a second: one task of the ticker
 * for all that are due, and their pings as one delivery, instead of a task and a thread for each.
 */
final class Heartbeats {
  private static final long SLOT = Duration.ofMillis(100).toNanos();
  /** One that is due later comes by to be added again, so that none is held for long after its end. */
  private static final long LONGEST = Duration.ofMinutes(1).toNanos();
  private static final long MOMENT = Duration.ofMillis(500).toNanos();
  private static final long UNLIMITED = Long.MAX_VALUE / 2; // a time can be added to it

  /** A stream that has a heartbeat. Called on the ticker's thread or the stream's own; never blocks. */
  interface Beating {
    /** Whether the head has not gone out. */
    boolean isHeld();

    /** When the last message was sent, by the ticker. */
    long lastMessage();

    /** When the one before was sent. */
    long previousMessage();

    /** Sends this if nothing else waits; whether the stream took it. */
    boolean ping(Frame frame, Outbox.Starter writers);
  }

  private final Ticker ticker;
  private final Writers writers;
  private final long start;
  // What follows is guarded by this.
  private final TreeMap<Long, List<Heartbeat>> slots = new TreeMap<>();
  private long next = Long.MAX_VALUE; // the first of them, whose tick is scheduled; the largest for none
  private Ticker.Timer timer = () -> {};

  Heartbeats(Ticker ticker, Writers writers) {
    this.ticker = ticker;
    this.writers = writers;
    this.start = ticker.now();
  }

  Heartbeat of(Beating stream) {
    return new Heartbeat(stream);
  }

  /** Has it beat in so many nanoseconds or up to a slot later, or in a minute; returns the slot. */
  private synchronized long add(Heartbeat heartbeat, long nanos) {
    long elapsed = ticker.now() - start;
    long slot = Math.ceilDiv(elapsed + Math.clamp(nanos, 1, LONGEST), SLOT);
    slots.computeIfAbsent(slot, key -> new ArrayList<>()).add(heartbeat);
    if (slot < next) {
      try {
        schedule(elapsed);
      } catch (Throwable e) { // the heartbeat is in its slot, and the next one that is added tries again
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
    long now = (ticker.now() - start) / SLOT;
    try {
      // They are taken once the delivery is there, so that none is lost if there is no memory for it.
      writers.deliver(
          () -> takeDue(now).iterator(),
          (Heartbeat heartbeat, Outbox.Starter to) -> heartbeat.beat(now, to));
    } finally {
      goOn();
    }
  }

  private synchronized List<Heartbeat> takeDue(long now) {
    var past = slots.headMap(now, true);
    var due = new ArrayList<Heartbeat>();
    past.values().forEach(due::addAll);
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

  /**
   * The pings of one stream. The first write after a client's close still succeeds and only the next one
   * fails, so it takes two writes, a moment apart, within the interval and a second, whatever the
   * application sends: when nothing was sent for the interval, a ping and a moment later its second write;
   * when a message came late in the interval, a second write for that one.
   */
  final class Heartbeat {
    // All of it is guarded by this, whose lock is taken before that of the heartbeats.
    private Beating stream; // null once stopped, since the slots forget a heartbeat only in time
    private Frame ping;
    private Frame probe = Frame.COMMENT; // the second write, and what an opening carries
    private long interval;
    private long pinged; // when the last ping went out
    private long probed; // which message or ping has had its second write
    private long slot; // in which it is expected; what is left of it in others is out of date

    private Heartbeat(Beating stream) {
      this.stream = stream;
      this.pinged = ticker.now();
      this.probed = pinged;
    }

    synchronized void start(Frame ping, Frame probe, Duration interval) {
      this.ping = ping;
      this.probe = probe;
      this.interval = Math.min(Checks.nanos(interval), UNLIMITED);
      schedule();
    }

    synchronized Frame probe() {
      return probe;
    }

    synchronized void stop() {
      stream = null;
    }

    private boolean beat(long now, Outbox.Starter writers) {
      Beating beating;
      Frame due;
      synchronized (this) {
        if (stream == null || slot > now) {
          return false;
        }
        beating = stream;
        due = due();
        schedule();
      }
      return due != null && beating.ping(due, writers);
    }

    /** The frame to write now; null for none. */
    private Frame due() {
      if (untilPing() <= 0) {
        pinged = ticker.now();
        return ping;
      }
      if (untilProbe() <= 0) {
        probed = last();
        return probe;
      }
      return null;
    }

    private void schedule() {
      if (stream != null) {
        slot = add(this, Math.min(untilPing(), untilProbe()));
      }
    }

    private long untilPing() {
      return last() + interval - ticker.now();
    }

    /** The largest number if the last write needs no second one, or has had it. */
    private long untilProbe() {
      long last = last();
      if (last == probed || interval <= 2 * MOMENT) { // such short ones are second writes themselves
        return Long.MAX_VALUE;
      }
      long due = last == pinged ? last : Math.max(last, before(last) + interval);
      return due + MOMENT - ticker.now();
    }

    /** When the last message or ping was sent. */
    private long last() {
      // What waits for the head is not on its way, and the first ping sends it.
      return stream.isHeld() ? pinged : later(stream.lastMessage(), pinged);
    }

    /** When the one before a message was sent. */
    private long before(long message) {
      long previous = stream.previousMessage();
      return pinged - message < 0 ? later(previous, pinged) : previous;
    }

    private static long later(long one, long other) {
      return one - other < 0 ? other : one;
    }
  }
}
