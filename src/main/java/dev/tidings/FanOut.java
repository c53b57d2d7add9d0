package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The writers of one registry: for a stream that sends by itself a virtual thread of its own; for the
 * streams that a broadcast makes ready one thread for each block of them, since to schedule a thread
 * costs about half as much as the write. A block whose thread hangs on a client that does not read
 * goes on with more threads, a moment later.
 */
final class FanOut {
  private static final int BLOCK = 64;
  private static final long STANDSTILL = Duration.ofMillis(10).toNanos();

  private final ThreadFactory threads = Thread.ofVirtual().name("tidings-writer").factory();
  private final Set<Block> blocks = ConcurrentHashMap.newKeySet(); // those under way
  private final Lookout lookout;

  FanOut(Ticker ticker) {
    this.lookout = new Lookout(ticker, STANDSTILL, this::look, () -> !blocks.isEmpty());
  }

  /** Runs the writer of one outbox on a thread of its own. */
  void start(Outbox outbox) {
    threads.newThread(() -> outbox.write(new ArrayList<>(1))).start();
  }

  /** For one broadcast, used by one thread. */
  Broadcast broadcast() {
    return new Broadcast();
  }

  /** Collects the outboxes that are ready to be written, and starts a thread for each full block. */
  final class Broadcast {
    private Block block = new Block();

    void add(Outbox outbox) {
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
    blocks.add(block);
    threads.newThread(() -> run(block)).start();
    lookout.watch();
  }

  private void run(Block block) {
    block.writeAll();
    blocks.remove(block);
  }

  private void look() {
    for (Block block : blocks) {
      for (int i = block.missing(); i > 0; i--) {
        threads.newThread(() -> run(block)).start();
      }
    }
  }

  /** Some outboxes, which however many threads take one by one. */
  private static final class Block {
    private final Outbox[] outboxes = new Outbox[BLOCK];
    private int size; // written before a thread takes from it
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
        outboxes[i].write(batch);
      }
    }

    /**
     * How many more threads it needs: none unless nobody took from it since the last look, though
     * something is left; then one, and with each standstill twice as many, since clients that got the
     * same hang at the same event. A block that nobody has begun waits for a processor, and more threads
     * would wait with it.
     */
    int missing() {
      int now = next.get();
      boolean still = now > 0 && now == seen && now < size;
      seen = now;
      more = still ? Math.clamp(2L * more, 1, size - now) : more;
      return still ? more : 0;
    }
  }
}
