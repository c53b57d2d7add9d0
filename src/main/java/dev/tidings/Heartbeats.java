package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * The heartbeats of all streams of a registry, in slots of a tenth of a second. A single task of the ticker
 * serves all streams that are due, and sends their pings as one delivery. So no stream needs a task or a thread
 * of its own.
 */
final class Heartbeats {
  private static final long SLOT = Duration.ofMillis(100).toNanos();
  /** The longest time that a slot keeps a heartbeat, since the heartbeat of an ended stream is kept until then. */
  private static final long LONGEST = Duration.ofMinutes(1).toNanos();
  private static final long MOMENT = Duration.ofMillis(500).toNanos();
  private static final long UNLIMITED = Long.MAX_VALUE / 2; // halved, so that adding a time does not overflow

  /** A stream that has a heartbeat. Called on the ticker's thread or one that starts or sends pings; never blocks. */
  interface Beating {
    /** Returns whether the head is still held. */
    boolean isHeld();

    /** Returns when the last message was sent, in the ticker's time. */
    long lastMessage();

    /** Returns when the message before the last one was sent. */
    long previousMessage();

    /** Sends the frame if no other is queued or being written. Returns whether the stream accepted it. */
    boolean ping(Frame frame, Outbox.Starter writers);
  }

  private final Ticker ticker;
  private final Writers writers;
  private final long start;
  // The fields below are guarded by this.
  private final TreeMap<Long, List<Heartbeat>> slots = new TreeMap<>();
  private long next = Long.MAX_VALUE; // the first slot, whose tick is scheduled; MAX_VALUE for none
  private Ticker.Timer timer = () -> {};

  Heartbeats(Ticker ticker, Writers writers) {
    this.ticker = ticker;
    this.writers = writers;
    this.start = ticker.now();
  }

  Heartbeat of(Beating stream) {
    return new Heartbeat(stream);
  }

  /** Schedules the heartbeat after this time or a minute if that is less, rounded up to a slot. Returns the slot. */
  private synchronized long add(Heartbeat heartbeat, long nanos) {
    long elapsed = ticker.now() - start;
    long slot = Math.ceilDiv(elapsed + Math.clamp(nanos, 1, LONGEST), SLOT);
    slots.computeIfAbsent(slot, key -> new ArrayList<>()).add(heartbeat);
    if (slot < next) {
      try {
        schedule(elapsed);
      } catch (Throwable e) { // the next heartbeat tries again
        Log.failure("scheduling heartbeats", e);
      }
    }
    return slot;
  }

  /** Returns the number of scheduled beats, including those of ended streams. */
  synchronized int size() {
    return slots.values().stream().mapToInt(List::size).sum();
  }

  private void schedule(long elapsed) {
    timer.cancel();
    next = Long.MAX_VALUE; // if scheduling fails, the next heartbeat tries again
    long first = slots.firstKey();
    timer = ticker.schedule(first * SLOT - elapsed, this::tick);
    next = first;
  }

  private void tick() {
    long now = (ticker.now() - start) / SLOT;
    try {
      // The heartbeats are removed once the delivery exists, so that none is lost if memory runs out.
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

  /** Schedules the next tick if no heartbeat has done so: its attempt may have failed for lack of memory. */
  private synchronized void goOn() {
    if (!slots.isEmpty() && slots.firstKey() < next) {
      schedule(ticker.now() - start);
    }
  }

  /**
   * The pings of one stream. The first write after a client has disconnected still succeeds, and only the next one
   * fails. So there are two writes, about half a second apart, within the interval plus a second, whatever the
   * application sends. If nothing was sent for the interval, these are a ping and its second write. If a message was
   * sent in the interval and no other follows, the message gets a second write. If the interval is at most a second,
   * the next ping is the second write.
   */
  final class Heartbeat {
    // All fields are guarded by this, whose lock is acquired before that of Heartbeats.
    private Beating stream; // null once stopped, because a slot keeps the heartbeat until it is due
    private Frame ping;
    private Frame probe = Frame.COMMENT; // the second write, and the comment that carries the head
    private long interval;
    private long pinged; // when the last ping was sent
    private long probed; // time of the message or ping that has had its second write
    private long slot; // in which the heartbeat is due; entries in other slots are stale

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

    /** Returns the ping, which counts as sent now; null once stopped. */
    synchronized Frame pingNow() {
      if (stream == null) {
        return null;
      }
      pinged = ticker.now();
      schedule(); // for its second write
      return ping;
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

    /** Returns the frame to write now; null for none. */
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

    /** Returns the time until the second write; MAX_VALUE if the last write needs none, or has had it. */
    private long untilProbe() {
      long last = last();
      if (last == probed || interval <= 2 * MOMENT) { // the next ping is the second write
        return Long.MAX_VALUE;
      }
      long due = last == pinged ? last : Math.max(last, before(last) + interval);
      return due + MOMENT - ticker.now();
    }

    /** Returns when the last message or ping was sent. */
    private long last() {
      // Messages that wait for the head have not been sent; the first ping sends them.
      return stream.isHeld() ? pinged : later(stream.lastMessage(), pinged);
    }

    /** Returns when the message or ping before this message was sent. */
    private long before(long message) {
      long previous = stream.previousMessage();
      return pinged - message < 0 ? later(previous, pinged) : previous;
    }

    private static long later(long one, long other) {
      return one - other < 0 ? other : one;
    }
  }
}
