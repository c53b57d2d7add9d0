package dev.tidings.bench;

import java.io.IOException;
import java.util.ArrayDeque;

/** Clients that join at a fixed rate; for each one that joins the oldest one leaves. */
final class Churn implements LoadClient.Companion {
  private static final double RATE = 100; // a second
  private static final int MOST_WAITING = 200; // for their heads; a slow server gets no more joins

  private final LoadClient client;
  private final int population;
  private final ArrayDeque<Stream> visitors = new ArrayDeque<>();
  private boolean open;
  private long start; // System.nanoTime
  private long joined;

  /** With a client that has nothing else to do. */
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

  /** Nobody joins or leaves any more; who is there stays. */
  void end() {
    open = false;
  }

  /** Since the beginning. */
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

  /** Whether those who are there have got this one, or came after it. */
  boolean hasAll(long last) {
    return visitors.stream()
        .allMatch(stream -> stream.expected() == Stream.ANY || stream.expected() > last);
  }

  /** Those who are there have lost what they have not got up to this one. */
  void missing(long last) {
    visitors.forEach(stream -> ledger().missing(stream.expected(), last));
  }
}
