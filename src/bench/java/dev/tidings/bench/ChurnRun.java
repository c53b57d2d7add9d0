package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;

/**
 * Measures the cost of visitors for the streams that stay. The cost of the connects themselves is measured
 * while nothing is published, and subtracted.
 */
final class ChurnRun extends CaseRun {
  private static final int TURNS = 2; // quiet and busy alternate, so that compilation affects both

  /** The sums of several turns. */
  private static final class Tally {
    private final Histogram latency = new Histogram();
    private long processor; // nanoseconds
    private long nanos;
    private long events;
    private long joined;

    double microsPerEvent(double lessNanos) {
      return (processor - lessNanos) / 1e3 / events;
    }
  }

  private final LoadClient guests;
  private final Churn churn;

  ChurnRun(Case test, Case.Times times, ServerProcess server, Sample.Builder sample)
      throws IOException {
    super(test, times, server, sample);
    guests = new LoadClient(server.port(), server.acks(), "/events");
    churn = new Churn(guests, times.visitors());
  }

  @Override
  void drive() throws IOException {
    try (guests) {
      connect(SOLO);
      publish(times.warmUp().dividedBy(2), 1, test.size());
      connect(test.streams() - SOLO);
      client.accompany(churn);
      publish(times.warmUp(), 1, test.size());
      measure(new Tally(), true); // compiles the joins, and brings the visitors
      var quiet = new Tally();
      var busy = new Tally();
      for (int i = 0; i < TURNS; i++) {
        measure(quiet, false);
        measure(busy, true);
      }
      double nanosPerJoin = nanosPerJoin();
      sample.set(Figure.EVENTS, quiet.events / (quiet.nanos / 1e9));
      sample.set(Figure.P50, millis(quiet.latency.quantile(0.5)));
      sample.set(Figure.P99, millis(quiet.latency.quantile(0.99)));
      sample.set(Figure.CPU, quiet.microsPerEvent(0));
      sample.set(Figure.CHURN_CPU_WHOLE, busy.microsPerEvent(0));
      sample.set(Figure.CHURN_CPU, busy.microsPerEvent(nanosPerJoin * busy.joined));
      sample.set(Figure.CHURN_P99, millis(busy.latency.quantile(0.99)));
      sample.set(Figure.JOINS, busy.joined / (busy.nanos / 1e9));
      sample.set(Figure.JOIN_CPU, nanosPerJoin / 1e3);
    } finally {
      settle(guests);
    }
  }

  private void measure(Tally tally, boolean joins) throws IOException {
    churn.ledger().begin(server.nextEvent(), 0, test.size(), false);
    if (joins) {
      churn.begin();
    }
    var cpu = server.processorTime();
    long start = System.nanoTime();
    publish(times.measured().dividedBy(TURNS), 1, test.size());
    tally.nanos += System.nanoTime() - start;
    tally.processor += server.processorTime().minus(cpu).toNanos();
    tally.events += client.ledger().received() + churn.ledger().received();
    tally.joined += joins ? churn.joined() : 0;
    tally.latency.add(client.ledger().latency());
    churn.end();
    long last = server.nextEvent() - 1;
    client.readUntil(() -> churn.hasAll(last), deadline(times.patience()));
    churn.missing(last);
  }

  /**
   * Returns the cost of a join and a leave while nothing is published. The server then notices a leave by a
   * ping, so the full cost shows only after a cycle of pings. The cost of the pings is subtracted.
   */
  private double nanosPerJoin() throws IOException {
    read(times.cycle()); // the first pings, and compilation for them
    long idle = processorOf(times.cycle());
    churn.begin();
    read(times.cycle().multipliedBy(6).dividedBy(5));
    long before = churn.joined();
    long used = processorOf(times.cycle());
    long joined = churn.joined() - before;
    churn.end();
    return joined == 0 ? 0 : Math.max(0, (double) (used - idle) / joined);
  }

  private long processorOf(Duration duration) throws IOException {
    var cpu = server.processorTime();
    read(duration);
    return server.processorTime().minus(cpu).toNanos();
  }
}
