package dev.tidings;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;

/**
 * The frames that wait in an outbox, their bounds, and what gives way where these are reached. A batch
 * that was taken to be written, whose size is bounded by itself, counts no more, so that there is always
 * something that can give way. Not thread-safe.
 */
final class Backlog {
  private final Overflow overflow;
  private final int maxEvents;
  private final long maxBytes;
  private Frame only; // what waits if that is one frame, which it mostly is; else null
  private ArrayDeque<Frame> queue; // what waits if that is more; else null
  private int events; // waiting
  private long bytes; // of these
  private int taken; // events of the batch that was taken and is not yet released
  private long takenBytes; // of these
  private long dropped;

  Backlog(Settings settings) {
    this.overflow = settings.overflow();
    this.maxEvents = settings.queueEvents();
    this.maxBytes = settings.queueBytes();
  }

  /** An event larger than the whole bound fits when nothing else is there. */
  boolean fits(Frame frame) {
    return events == 0 || events < maxEvents && bytes + frame.bytes().length <= maxBytes;
  }

  /** Adds the frame, or does what is to be done where it does not fit. */
  Outbox.Answer add(Frame frame) {
    if (!fits(frame)) {
      if (overflow instanceof Overflow.Disconnect) {
        return Outbox.Answer.OVERFLOW;
      }
      if (overflow instanceof Overflow.DropNewest) {
        dropped++;
        return Outbox.Answer.DROPPED;
      }
      makeRoom(frame);
      if (!fits(frame)) { // what waits gives way to nothing
        dropped++;
        return Outbox.Answer.DROPPED;
      }
    }
    append(frame);
    events++;
    bytes += frame.bytes().length;
    return Outbox.Answer.TAKEN;
  }

  /** A mark has no size and never gives way. */
  void addMark(Frame mark) {
    append(mark);
  }

  private void append(Frame frame) {
    if (queue != null) {
      queue.add(frame);
    } else if (only == null) {
      only = frame;
    } else {
      unsettle().add(frame);
    }
  }

  /** What waits, as a queue, which is to be settled again. */
  private ArrayDeque<Frame> unsettle() {
    if (queue == null) {
      queue = new ArrayDeque<>();
      if (only != null) {
        queue.add(only);
        only = null;
      }
    }
    return queue;
  }

  /** An array that was long once would stay, in each of thousands of streams. */
  private void settle() {
    if (queue.isEmpty()) {
      queue = null;
    }
  }

  private void makeRoom(Frame frame) {
    var waiting = unsettle();
    if (overflow instanceof Overflow.KeepLatest && frame.key() != null) {
      waiting.removeIf(older -> frame.key().equals(older.key()) && drop(older));
    }
    for (Iterator<Frame> i = waiting.iterator(); !fits(frame) && i.hasNext(); ) {
      Frame oldest = i.next();
      if (oldest.givesWay()) {
        i.remove();
        drop(oldest);
      }
    }
    settle();
  }

  private boolean drop(Frame frame) {
    uncount(frame);
    dropped++;
    return true;
  }

  private void uncount(Frame frame) {
    if (!frame.isMark()) {
      events--;
      bytes -= frame.bytes().length;
    }
  }

  /** Moves the oldest frames to the batch: as many as fit into these bytes, and at least one. */
  void take(List<Frame> batch, int maxBatchBytes) {
    if (only != null) {
      move(only, batch);
      only = null;
      return;
    }
    long size = 0;
    for (Frame next; (next = queue.peek()) != null; ) {
      size += next.bytes().length;
      if (size > maxBatchBytes && !batch.isEmpty()) {
        break;
      }
      move(queue.remove(), batch);
    }
    settle();
  }

  private void move(Frame frame, List<Frame> batch) {
    batch.add(frame);
    uncount(frame);
    if (frame.bytes().length > 0) { // parting words are events by now
      taken++;
      takenBytes += frame.bytes().length;
    }
  }

  /** The batch is written, or lost. */
  void release() {
    taken = 0;
    takenBytes = 0;
  }

  /** Events that were taken to be written. */
  int taken() {
    return taken;
  }

  long takenBytes() {
    return takenBytes;
  }

  /** Forgets what waits and returns it. */
  List<Frame> clear() {
    var waiting = List.copyOf(unsettle());
    waiting.forEach(this::uncount);
    queue = null;
    return waiting;
  }

  boolean isEmpty() {
    return only == null && queue == null;
  }

  boolean isHalfEmpty() {
    return events <= maxEvents / 2 && bytes <= maxBytes / 2;
  }

  /** Whether nothing waits and nothing is being written. */
  boolean isIdle() {
    return isEmpty() && taken == 0;
  }

  /** Events that wait or are being written. */
  int unwritten() {
    return events + taken;
  }

  long dropped() {
    return dropped;
  }
}
