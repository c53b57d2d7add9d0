package dev.tidings;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * The frames that wait in an outbox, their bounds, and what is dropped where these are reached. The bounds
 * hold for what waits behind the first waiting event: that one is always taken and counts for nothing, so
 * that no event is too large, and none is in the way of the next one while it only waits for its writer.
 * A batch that was taken to be written, whose size is bounded by itself, counts no more. So at most one
 * event, one batch and the bound are held; and once the bound, of what waited for the head. Not
 * thread-safe.
 */
final class FrameQueue {

  /**
   * The limits of one queue.
   *
   * @param events how many may wait
   * @param bytes how large these may be together
   * @param overflow what happens beyond that
   */
  record Bounds(int events, long bytes, Overflow overflow) {}

  private final Bounds bounds;
  private Frame only; // what waits if that is one frame, which it mostly is; else null
  private ArrayDeque<Frame> queue; // what waits if that is more; else null
  private Frame first; // of the events that wait; null if it has to be looked for
  private int events; // waiting
  private long bytes; // of these
  private int free; // the oldest of these, which count for nothing since they waited for the head
  private long freeBytes; // of these
  private int taken; // events of the batch that was taken and is not yet released
  private long takenBytes; // of these
  private long dropped;

  FrameQueue(Bounds bounds) {
    this.bounds = bounds;
  }

  /** Whether the event is the first one that counts or within the bounds. */
  boolean fits(Frame frame) {
    if (events == free) {
      return true;
    }
    int counted = events - Math.max(free, 1);
    long countedBytes = bytes - (free > 0 ? freeBytes : first().bytes().length);
    return counted < bounds.events && countedBytes + frame.bytes().length <= bounds.bytes;
  }

  /** Whether an event that does not fit ends the stream. */
  boolean isStrict() {
    return bounds.overflow instanceof Overflow.Disconnect;
  }

  /** What waits now counts for nothing from now on: it could not be written before. */
  void free() {
    if (isStrict()) { // else the bounds are kept by dropping
      free = events;
      freeBytes = bytes;
    }
  }

  private Frame first() {
    if (first == null) {
      first = only;
      for (var waiting = queue == null ? null : queue.iterator(); first == null; ) {
        Frame next = waiting.next();
        first = next instanceof Frame.Message ? next : null;
      }
    }
    return first;
  }

  /** Adds the frame, or does what is to be done where it does not fit. */
  Answer add(Frame frame) {
    if (!fits(frame)) {
      if (isStrict()) {
        return Answer.OVERFLOW;
      }
      if (bounds.overflow instanceof Overflow.DropNewest) {
        dropped++;
        return Answer.DROPPED;
      }
      makeRoom(frame);
      if (!fits(frame)) { // what waits gives way to nothing
        dropped++;
        return Answer.DROPPED;
      }
    }
    append(frame);
    events++;
    bytes += frame.bytes().length;
    return Answer.TAKEN;
  }

  /** Adds a mark or a parting event, which count for nothing and are never dropped. */
  void addUncounted(Frame frame) {
    append(frame);
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
    if (bounds.overflow instanceof Overflow.KeepLatest && key(frame) != null) {
      dropAll(waiting, sameKey(waiting, key(frame)));
    }
    for (Iterator<Frame> i = waiting.iterator(); !fits(frame) && i.hasNext(); ) {
      Frame oldest = i.next();
      if (oldest instanceof Frame.Message message && !message.kept()) {
        i.remove();
        drop(oldest);
      }
    }
    settle();
  }

  private static Object key(Frame frame) {
    return frame instanceof Frame.Message message ? message.key() : null;
  }

  /** Runs code of the application, and changes nothing: if that throws, all is as it was. */
  private static List<Frame> sameKey(ArrayDeque<Frame> waiting, Object key) {
    var same = new ArrayList<Frame>();
    for (Frame frame : waiting) {
      if (key.equals(key(frame))) {
        same.add(frame);
      }
    }
    return same;
  }

  /** In one pass: these are among those that wait, in the same order. */
  private void dropAll(ArrayDeque<Frame> waiting, List<Frame> frames) {
    if (!frames.isEmpty()) {
      var next = frames.iterator();
      var due = new Frame[] {next.next()};
      waiting.removeIf(
          frame -> {
            boolean drop = frame == due[0];
            if (drop) {
              due[0] = next.hasNext() ? next.next() : null;
            }
            return drop;
          });
      frames.forEach(this::drop);
    }
  }

  private void drop(Frame frame) {
    uncount(frame);
    dropped++;
  }

  private void uncount(Frame frame) {
    if (frame instanceof Frame.Message) {
      events--;
      bytes -= frame.bytes().length;
      if (free > 0) {
        free--;
        freeBytes -= frame.bytes().length;
      }
    }
    if (frame == first) {
      first = null;
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
