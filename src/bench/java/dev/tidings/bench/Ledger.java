package dev.tidings.bench;

import java.util.function.LongConsumer;

/**
 * What all streams together received in one phase: each reader has to get each event once and in order.
 * Tells when all have got one.
 */
final class Ledger {
  private static final int RING = 4096; // more than can be outstanding

  private final LongConsumer complete;
  private final int[] got = new int[RING];
  private boolean acknowledged;
  private int readers;
  private int size;
  private long first;
  private long oldest; // not yet with all readers
  private Histogram latency = new Histogram();
  private long received;
  private long reads;
  private long lost;
  private long doubled;
  private long disordered;

  Ledger(LongConsumer complete) {
    this.complete = complete;
  }

  /** A phase begins; all of the one before has arrived or is lost. It may go without telling. */
  void begin(long first, int readers, int size, boolean acknowledged) {
    this.acknowledged = acknowledged;
    this.first = first;
    this.oldest = first;
    this.readers = readers;
    this.size = size;
    java.util.Arrays.fill(got, 0);
    latency = new Histogram();
    received = 0;
    reads = 0;
  }

  /** Returns the number that is expected next by the stream that got this one. */
  long received(long number, long expected, long published, long now) {
    if (number < expected) {
      if (number == expected - 1) {
        doubled++;
      } else {
        disordered++;
      }
      return expected;
    }
    lost += expected == Stream.ANY ? 0 : number - expected;
    received++;
    latency.add(now - published);
    int place = (int) (number & RING - 1);
    if (acknowledged && ++got[place] == readers && number == oldest) {
      while (got[(int) (oldest & RING - 1)] == readers) {
        got[(int) (oldest & RING - 1)] = 0;
        complete.accept(oldest++);
      }
    }
    return number + 1;
  }

  void read() {
    reads++;
  }

  /** At the end of a phase: a stream that expects this one has not got what came up to the last. */
  void missing(long expected, long last) {
    if (expected == Stream.ANY) {
      return; // it came after all of them
    }
    lost += Math.max(0, last - expected + 1);
  }

  /** Whether all readers have all up to this one. */
  boolean isComplete(long last) {
    return received >= (long) readers * (last - first + 1);
  }

  int size() {
    return size;
  }

  Histogram latency() {
    return latency;
  }

  /** Events, over all streams, in this phase. */
  long received() {
    return received;
  }

  /** Reads from sockets in this phase. */
  long reads() {
    return reads;
  }

  /** From the beginning, as are those that follow. */
  long lost() {
    return lost;
  }

  long doubled() {
    return doubled;
  }

  long disordered() {
    return disordered;
  }
}
