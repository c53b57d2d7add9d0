package dev.tidings;

import java.time.Duration;

/**
 * The pings of one stream. The first write after a client's close still succeeds and only the next one
 * fails, so it takes two writes, a moment apart, within the interval and a second, whatever the
 * application sends: when nothing was sent for the interval, a ping and a moment later its second write;
 * when a message came late in the interval, a second write for that one.
 */
final class Heartbeat {
  private static final long MOMENT = Duration.ofMillis(500).toNanos();
  private static final long FOR_EVER = Long.MAX_VALUE / 2; // a time can be added to it

  private final Ticker ticker;
  private final Pulse pulse;
  // What follows is guarded by this.
  private EventSource stream; // null once stopped, since the pulse forgets a heartbeat only in time
  private Frame ping;
  private Frame probe = Frame.COMMENT; // the second write, and what an opening carries
  private long interval;
  private long pinged; // when the last ping went out
  private long probed; // which message or ping has had its second write
  private long slot; // of the pulse, in which it is expected; another one is out of date

  Heartbeat(EventSource stream, Ticker ticker, Pulse pulse) {
    this.stream = stream;
    this.ticker = ticker;
    this.pulse = pulse;
    this.pinged = ticker.now();
    this.probed = pinged;
  }

  synchronized void start(Frame ping, Frame probe, Duration interval) {
    this.ping = ping;
    this.probe = probe;
    this.interval = Math.min(Time.nanos(interval), FOR_EVER);
    schedule();
  }

  synchronized Frame probe() {
    return probe;
  }

  synchronized void stop() {
    stream = null;
  }

  /** Called by the pulse. */
  void beat(long slot, FanOut.Broadcast broadcast) {
    EventSource pinged;
    Frame due;
    synchronized (this) {
      if (stream == null || slot != this.slot) {
        return;
      }
      pinged = stream;
      due = due();
      schedule();
    }
    if (due != null) {
      pinged.ping(due, broadcast);
    }
  }

  /** What is to be written now; null for nothing. */
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
      slot = pulse.add(this, Math.min(untilPing(), untilProbe()));
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
