package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The writers of one registry. A stream to which an event is sent directly gets a virtual thread of its own.
 * The streams that a delivery makes ready share one thread per block, since scheduling a thread costs about
 * half as much as a write. A block gets more threads a moment later if its thread blocks on a client that does
 * not read, or if its thread could not be started.
 */
final class Writers implements Outbox.Starter, Ticker.Lookout.Look {
  private static final int BLOCK = 64;
  private static final long STANDSTILL = Duration.ofMillis(10).toNanos();

  private final ThreadFactory threads;
  private final Set<Block> blocks = ConcurrentHashMap.newKeySet(); // in progress
  private final AtomicBoolean failing = new AtomicBoolean(); // whether the last thread could not be started
  private final Ticker.Lookout lookout;

  /**
   * Creates the writers. The factory must create virtual threads, since an interrupt unblocks their writes on
   * any server.
   */
  Writers(Ticker ticker, ThreadFactory threads) {
    this.threads = threads;
    this.lookout = new Ticker.Lookout(ticker, STANDSTILL, this);
  }

  /** Runs the writer of one outbox on a thread of its own. */
  @Override
  public void start(Outbox outbox) {
    if (!startThread(() -> outbox.write(new ArrayList<>(1)))) {
      var block = new Block();
      block.add(outbox);
      keep(block);
    }
  }

  /** Starts a thread. Returns false if that failed; the outboxes then still have to get a writer. */
  private boolean startThread(Runnable task) {
    try {
      threads.newThread(task).start();
      failing.lazySet(false);
      return true;
    } catch (Throwable e) {
      if (failing.compareAndSet(false, true)) { // once, not for each attempt
        Log.failure("starting a writer", e);
      }
      return false;
    }
  }

  /** Offers something to one target of a delivery. */
  interface Offering<T> {
    /**
     * Called on the thread of the delivery. Must not block, or run code of the application other than the
     * {@code equals} of keys, because earlier targets are waiting for their writers.
     *
     * @param writers starts the writer of the outbox if it is ready now
     * @return whether the target accepted it
     */
    boolean offer(T target, Outbox.Starter writers);
  }

  /**
   * Offers something to each target, and writes the outboxes that became ready in blocks. Used for broadcasts, pings
   * and channels.
   *
   * @return the number of targets that accepted it
   */
  <T> int deliver(Iterable<? extends T> targets, Offering<T> offering) {
    var delivery = new Delivery();
    int took = 0;
    try {
      for (T target : targets) {
        took += offer(target, offering, delivery) ? 1 : 0;
      }
    } finally {
      delivery.flush();
    }
    return took;
  }

  /** Offers to one target. An exception must not keep the other targets from their offers. */
  private static <T> boolean offer(T target, Offering<T> offering, Delivery delivery) {
    try {
      return offering.offer(target, delivery);
    } catch (Throwable e) {
      Log.failure("an offer to a stream", e);
      return false;
    }
  }

  /** Collects the outboxes that are ready to be written, and starts a thread for each full block. */
  private final class Delivery implements Outbox.Starter {
    private Outbox first; // null if there is none; without a block while it is the only one
    private Block block; // null while there is at most one outbox

    @Override
    public void start(Outbox outbox) {
      if (first == null) {
        first = outbox;
        return;
      }
      if (block == null) {
        block = new Block();
        block.add(first);
      }
      if (block.add(outbox)) {
        flush();
      }
    }

    /** Starts a thread for the collected outboxes. */
    void flush() {
      if (block != null) {
        begin(block);
      } else if (first != null) {
        Writers.this.start(first);
      }
      first = null;
      block = null;
    }
  }

  private void begin(Block block) {
    block.begun = startThread(() -> run(block));
    keep(block);
  }

  private void keep(Block block) {
    blocks.add(block);
    if (block.isThrough()) { // all was taken before the block was added
      blocks.remove(block);
    }
    lookout.watch();
  }

  private void run(Block block) {
    block.writeAll();
    blocks.remove(block);
  }

  @Override
  public void look() {
    for (Block block : blocks) {
      for (int i = block.missing(); i > 0; i--) {
        block.begun |= startThread(() -> run(block));
      }
    }
  }

  @Override
  public boolean isNeeded() {
    return !blocks.isEmpty();
  }

  /** A block of outboxes, which any number of threads take one by one. */
  private static final class Block {
    private final Outbox[] outboxes = new Outbox[BLOCK];
    private int size; // set before a thread takes from it
    private volatile boolean begun; // whether a thread was started for it
    private final AtomicInteger next = new AtomicInteger();
    private int seen = -1; // owned by the ticker: the value of next at the last check
    private int more; // owned by the ticker: number of threads added at the last standstill

    /** Adds an outbox. Returns whether the block is full. */
    boolean add(Outbox outbox) {
      outboxes[size++] = outbox;
      return size == BLOCK;
    }

    void writeAll() {
      var batch = new ArrayList<Frame>();
      for (int i; (i = next.getAndIncrement()) < size; ) {
        write(outboxes[i], batch);
      }
    }

    /** Writes one outbox. A failure must not keep the other outboxes of the block from being written. */
    private static void write(Outbox outbox, List<Frame> batch) {
      try {
        outbox.write(batch);
      } catch (Throwable e) {
        Log.failure("a writer", e);
      }
    }

    boolean isThrough() {
      return next.get() >= size;
    }

    /**
     * Returns the number of additional threads that the block needs. It needs none if outboxes were taken since
     * the last check, or if none are left. Otherwise it needs one, and twice as many at each further
     * standstill, since clients that receive the same events block at the same event. If no outbox was taken
     * yet, the thread waits for a processor and more threads would not help, unless no thread could be started.
     */
    int missing() {
      int now = next.get();
      if (!begun) {
        return 1;
      }
      boolean still = now > 0 && now == seen && now < size;
      seen = now;
      more = still ? Math.clamp(2L * more, 1, size - now) : more;
      return still ? more : 0;
    }
  }
}
