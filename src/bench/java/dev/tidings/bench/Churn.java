package dev.tidings.bench;

import java.io.IOException;
import java.util.ArrayDeque;

/** Visitors: clients that join at a fixed rate. For each one that joins, the oldest one leaves. */
final class Churn implements LoadClient.Companion {
  private static final double RATE = 100; // a second
  private static final int MOST_WAITING = 200; // for their heads; beyond that, none joins a slow server

  private final LoadClient client;
  private final int population;
  private final ArrayDeque<Stream> visitors = new ArrayDeque<>();
  private boolean open;
  private long start; // System.nanoTime
  private long joined;

  /** Uses a client that has no other streams. */
  Churn(LoadClient client, int population) {
    this.client = client;
    this.population = population;
  }

  Ledger ledger() {
    return client.ledger();
  }

  void begin() {
    open = true;
    start = System.nanoTime();
    joined = 0;
  }

  /** Stops joins and leaves. The present visitors stay. */
  void end() {
    open = false;
  }

  /** Returns how many have joined since the last {@link #begin}. */
  long joined() {
    return joined;
  }

  @Override
  public void poll() throws IOException {
    client.poll();
    if (!open) {
      return;
    }
    double due = (System.nanoTime() - start) / 1e9 * RATE;
    while (joined < due && visitors.size() < population + MOST_WAITING) {
      visitors.add(client.begin(Stream.ANY));
      joined++;
    }
    while (visitors.size() > population && visitors.peek().hasHead()) {
      visitors.poll().leave();
    }
  }

  /** Returns whether the present visitors have received this event, or joined after it. */
  boolean hasAll(long last) {
    return visitors.stream()
        .allMatch(stream -> stream.expected() == Stream.ANY || stream.expected() > last);
  }

  /** Counts as lost the events up to this one that present visitors have not received. */
  void missing(long last) {
    visitors.forEach(stream -> ledger().missing(stream.expected(), last));
  }
}
