package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;

/**
 * What it costs those who stay that others come and go. The connects themselves cost too: how much, is
 * measured where nothing is published, and taken off.
 */
final class ChurnRun extends CaseRun {
  private static final int TURNS = 2; // quiet and not, so that what the JVM still compiles hits both

  /** What was used in several turns. */
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
      measure(new Tally(), true); // the joins are compiled too, and the visitors there
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
   * What a join and a leave cost while nothing is published: a leave is noticed by a ping then, so all of
   * it takes a cycle of pings to be there, and what the pings cost is taken off.
   */
  private double nanosPerJoin() throws IOException {
    read(times.cycle()); // the first pings, and what the JVM compiles for them
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
