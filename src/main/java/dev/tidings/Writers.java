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
 * The writers of one registry: for a stream that sends by itself a virtual thread of its own; for the
 * streams that a delivery makes ready one thread for each block of them, since to schedule a thread
 * costs about half as much as the write. A block whose thread hangs on a client that does not read
 * goes on with more threads, a moment later; so does one whose thread could not be started.
 */
final class Writers implements Outbox.Starter, Ticker.Lookout.Look {
  private static final int BLOCK = 64;
  private static final long STANDSTILL = Duration.ofMillis(10).toNanos();

  private final ThreadFactory threads;
  private final Set<Block> blocks = ConcurrentHashMap.newKeySet(); // those under way
  private final AtomicBoolean failing = new AtomicBoolean(); // whether no thread could be started
  private final Ticker.Lookout lookout;

  /** The factory makes virtual threads, which an interrupt frees from any server's write. */
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

  /** False if there is no thread to be had, which must not cost anybody a writer. */
  private boolean startThread(Runnable task) {
    try {
      threads.newThread(task).start();
      failing.lazySet(false);
      return true;
    } catch (Throwable e) {
      if (failing.compareAndSet(false, true)) { // not with each attempt
        Log.failure("starting a writer", e);
      }
      return false;
    }
  }

  /** Offers something to one target of a delivery. */
  interface Offering<T> {
    /**
     * Called on the thread of the delivery. Must not block, run code of the application other than the
     * {@code equals} of its keys, or hold a lock over it: streams that were offered before wait for their
     * writers meanwhile.
     *
     * @param writers where an outbox goes that is ready now
     * @return whether the target took it
     */
    boolean offer(T target, Outbox.Starter writers);
  }

  /**
   * Offers something to each of these, and has what became ready written in blocks. The only way in which
   * many streams are sent something: broadcasts, pings and channels.
   *
   * @return how many took it
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

  /** Whatever becomes of one must not keep the others from theirs. */
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
    private Block block = new Block();

    @Override
    public void start(Outbox outbox) {
      if (block.add(outbox)) {
        flush();
      }
    }

    /** Starts what is collected. */
    void flush() {
      if (block.size > 0) {
        begin(block);
        block = new Block();
      }
    }
  }

  private void begin(Block block) {
    block.begun = startThread(() -> run(block));
    keep(block);
  }

  private void keep(Block block) {
    blocks.add(block);
    if (block.isThrough()) { // before it was kept
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

  /** Some outboxes, which however many threads take one by one. */
  private static final class Block {
    private final Outbox[] outboxes = new Outbox[BLOCK];
    private int size; // written before a thread takes from it
    private volatile boolean begun; // whether a thread takes from it, now or soon
    private final AtomicInteger next = new AtomicInteger();
    private int seen = -1; // owned by the ticker: how far it was at the last look
    private int more; // owned by the ticker: how many threads it got at the last standstill

    /** Whether it is full now. */
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

    /** What kills one writer must not keep the others of its block from being written. */
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
     * How many more threads it needs: none unless nobody took from it since the last look, though
     * something is left; then one, and with each standstill twice as many, since clients that got the
     * same hang at the same event. A block that nobody has begun waits for a processor, and more threads
     * would wait with it, unless its thread could not be started.
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
