package dev.tidings.bench;

import java.util.function.LongConsumer;

/**
 * Records the events that all streams together received in one phase. Each reader must receive each event
 * exactly once and in order. Reports each event that all readers have received.
 */
final class Ledger {
  private static final int RING = 4096; // more than the largest number of outstanding events

  private final LongConsumer complete;
  private final int[] got = new int[RING];
  private boolean acknowledged;
  private boolean scattered; // whether each event goes to one stream
  private int readers;
  private int size;
  private long first;
  private long oldest; // the oldest event that some reader has not received
  private Histogram latency = new Histogram();
  private long received;
  private long reads;
  private long lost;
  private long doubled;
  private long disordered;

  Ledger(LongConsumer complete) {
    this.complete = complete;
  }

  /**
   * Begins a phase, after all events of the previous one have arrived or are lost.
   *
   * @param acknowledged whether events that all readers have received are reported
   */
  void begin(long first, int readers, int size, boolean acknowledged) {
    this.acknowledged = acknowledged;
    this.scattered = false;
    this.first = first;
    this.oldest = first;
    this.readers = readers;
    this.size = size;
    java.util.Arrays.fill(got, 0);
    latency = new Histogram();
    received = 0;
    reads = 0;
  }

  /** Begins a phase in which each event reaches only one of the streams, and is reported then. */
  void beginScattered(long first, int size) {
    begin(first, 1, size, true);
    scattered = true;
  }

  /** Records an event, and returns the number that its stream expects next. */
  long received(long number, long expected, long published, long now) {
    if (number < expected) {
      if (number == expected - 1) {
        doubled++;
      } else {
        disordered++;
      }
      return expected;
    }
    int place = (int) (number & RING - 1);
    if (scattered && (number < oldest || got[place] > 0)) {
      doubled++; // another stream has received it
      return number + 1;
    }
    lost += expected == Stream.ANY || scattered ? 0 : number - expected;
    received++;
    latency.add(now - published);
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

  /** Counts the events that a stream has lost at the end of a phase: from the expected one to the last. */
  void missing(long expected, long last) {
    if (expected == Stream.ANY) {
      return; // it joined after all of them
    }
    lost += Math.max(0, last - expected + 1);
  }

  /** Counts the events up to the last one that no stream has received. */
  void missingScattered(long last) {
    lost += Math.max(0, last - first + 1 - received);
  }

  /** Returns whether all readers have received all events up to this one. */
  boolean isComplete(long last) {
    return received >= (long) readers * (last - first + 1);
  }

  int size() {
    return size;
  }

  Histogram latency() {
    return latency;
  }

  /** Returns the number of events that all streams received in this phase. */
  long received() {
    return received;
  }

  /** Returns the number of reads from sockets in this phase. */
  long reads() {
    return reads;
  }

  /** Returns the number of lost events. This count and the next two are over all phases. */
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
