package dev.tidings;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * The queued frames of an outbox. It enforces the bounds, and chooses the frames to drop. The first queued event is
 * always accepted and does not count. So no event is too large, and an event that only waits for its writer does not
 * block the next one. A batch that was taken for writing does not count either, since its size has a bound of its
 * own. The outbox thus holds at most one event, one batch and as many events as the bounds allow. If the policy is to
 * end the stream on overflow, events that were queued before the head was committed are excluded from the bounds
 * afterwards, and may take up as much space again. Parting frames and marks never count. Not thread-safe.
 */
final class FrameQueue {

  /**
   * The limits of one queue.
   *
   * @param events the maximum number of queued events
   * @param bytes the maximum size of the queued events in total
   * @param overflow the policy beyond these limits
   */
  record Bounds(int events, long bytes, Overflow overflow) {}

  private final Bounds bounds;
  private Frame only; // the queued frame if there is only one, the usual case; else null
  private ArrayDeque<Frame> queue; // the queued frames if there are more; else null
  private Frame first; // the first queued event; null if it has to be searched for
  private int events; // number of queued events
  private long bytes; // of the queued events
  private int free; // number of the oldest events that are excluded because they waited for the head
  private long freeBytes; // of the excluded events
  private int taken; // number of events in the batch being written
  private long takenBytes; // of the batch being written
  private long dropped;
  private final Waits waits = Recorder.CURRENT.recordsStreams() ? new Waits() : null;

  FrameQueue(Bounds bounds) {
    this.bounds = bounds;
  }

  /** Returns whether the event is within the bounds, or only excluded events are queued before it. */
  boolean fits(Frame frame) {
    if (events == free) {
      return true;
    }
    int counted = events - Math.max(free, 1);
    long countedBytes = bytes - (free > 0 ? freeBytes : first().bytes().length);
    return counted < bounds.events && countedBytes + frame.bytes().length <= bounds.bytes;
  }

  /** Returns whether an event that does not fit ends the stream. */
  boolean isStrict() {
    return bounds.overflow.choice() == Overflow.Choice.DISCONNECT;
  }

  /** Excludes the queued events from the bounds, since they could not be written until now. */
  void free() {
    if (isStrict()) { // other policies keep the bounds by dropping
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

  /** Adds the frame, or applies the overflow policy if it does not fit. */
  Answer add(Frame frame) {
    if (!fits(frame)) {
      if (isStrict()) {
        return Answer.OVERFLOW;
      }
      if (bounds.overflow.choice() == Overflow.Choice.DROP_NEWEST) {
        dropped++;
        return Answer.DROPPED;
      }
      makeRoom(frame);
      if (!fits(frame)) { // the remaining events must not be dropped
        dropped++;
        return Answer.DROPPED;
      }
    }
    append(frame);
    events++;
    bytes += frame.bytes().length;
    return Answer.TAKEN;
  }

  /** Adds a mark or a parting frame, which does not count and is never dropped on overflow. */
  void addUncounted(Frame frame) {
    append(frame);
  }

  private void append(Frame frame) {
    if (waits != null) {
      waits.added(System.nanoTime());
    }
    if (queue != null) {
      queue.add(frame);
    } else if (only == null) {
      only = frame;
    } else {
      unsettle().add(frame);
    }
  }

  /** Returns the queued frames as a deque. The caller has to call {@link #settle} if the deque may become empty. */
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

  /** Releases the deque if it is empty: in thousands of streams, its array may have grown large. */
  private void settle() {
    if (queue.isEmpty()) {
      queue = null;
    }
  }

  private void makeRoom(Frame frame) {
    var waiting = unsettle();
    if (bounds.overflow.choice() == Overflow.Choice.KEEP_LATEST && key(frame) != null) {
      dropAll(waiting, sameKey(waiting, key(frame)));
    }
    int index = 0;
    for (Iterator<Frame> i = waiting.iterator(); !fits(frame) && i.hasNext(); ) {
      Frame oldest = i.next();
      if (oldest instanceof Frame.Message message && !message.kept()) {
        i.remove();
        drop(oldest, index);
      } else {
        index++;
      }
    }
    settle();
  }

  private static Object key(Frame frame) {
    return frame instanceof Frame.Message message ? message.key() : null;
  }

  /**
   * Returns the frames with this key. Runs the application's {@code equals} before anything is changed, so that
   * an exception has no effect.
   */
  private static List<Frame> sameKey(ArrayDeque<Frame> waiting, Object key) {
    var same = new ArrayList<Frame>();
    for (Frame frame : waiting) {
      if (key.equals(key(frame))) {
        same.add(frame);
      }
    }
    return same;
  }

  /** Drops these queued frames in one pass; they must be in the order of the queue. */
  private void dropAll(ArrayDeque<Frame> waiting, List<Frame> frames) {
    if (!frames.isEmpty()) {
      var next = frames.iterator();
      var due = new Frame[] {next.next()};
      var index = new int[1];
      waiting.removeIf( // an iterator would move the rest of the queue for each frame
          frame -> {
            boolean drop = frame == due[0];
            if (drop) {
              drop(frame, index[0]);
              due[0] = next.hasNext() ? next.next() : null;
            } else {
              index[0]++;
            }
            return drop;
          });
    }
  }

  private void drop(Frame frame, int index) {
    if (waits != null) {
      waits.dropped(index);
    }
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

  /** Moves the oldest frames to the batch: as many as fit into this number of bytes, but at least one. */
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
    if (waits != null) {
      waits.taken(System.nanoTime());
    }
    if (frame.bytes().length > 0) { // parting frames count as events here
      taken++;
      takenBytes += frame.bytes().length;
    }
  }

  /** Forgets the batch, which is written or lost. */
  void release() {
    taken = 0;
    takenBytes = 0;
  }

  /** Returns the number of events in the batch. */
  int taken() {
    return taken;
  }

  long takenBytes() {
    return takenBytes;
  }

  /** Removes and returns all queued frames. */
  List<Frame> clear() {
    var waiting = List.copyOf(unsettle());
    waiting.forEach(this::uncount);
    queue = null;
    if (waits != null) {
      waits.cleared();
    }
    return waiting;
  }

  boolean isEmpty() {
    return only == null && queue == null;
  }

  /** Returns whether an event is queued that is not a ping. */
  boolean hasEvents() {
    return isEvent(only) || queue != null && queue.stream().anyMatch(FrameQueue::isEvent);
  }

  private static boolean isEvent(Frame frame) {
    return frame instanceof Frame.Message message && !message.isPing();
  }

  /** Returns whether nothing is queued or being written. */
  boolean isIdle() {
    return isEmpty() && taken == 0;
  }

  /** Returns the number of events that are queued or being written. */
  int unwritten() {
    return events + taken;
  }

  long dropped() {
    return dropped;
  }

  /** Returns the longest wait of a frame that was taken, in nanoseconds; zero for streams that are not recorded. */
  long largestWait() {
    return waits == null ? 0 : waits.largest();
  }
}
