package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;

/** Measures the latency of events at a fixed rate: published on one server, and received from the same or another one. */
final class LatencyRun extends CaseRun {
  private static final int PACE = 1; // milliseconds between events

  LatencyRun(Case test, Case.Times times, ServerProcess server, ServerProcess reading, Sample.Builder sample)
      throws IOException {
    super(test, times, server, reading, sample);
  }

  @Override
  void drive() throws IOException {
    connect(test.streams());
    publish(times.warmUp());
    publish(times.measured());
    sample.set(Figure.P50, millis(client.ledger().latency().quantile(0.5)));
    sample.set(Figure.P99, millis(client.ledger().latency().quantile(0.99)));
  }

  private void publish(Duration duration) throws IOException {
    long count = duration.toMillis() / PACE;
    publish(new Publisher.Order(server.nextEvent(), Duration.ofMinutes(2).toMillis(), count, 0, test.size(), PACE));
  }
}
