package dev.tidings.bench;

import java.io.IOException;

/** Measures events that each go to one of many streams. Each must reach one stream, exactly once and in order. */
final class NamesRun extends CaseRun {
  NamesRun(Case test, Case.Times times, ServerProcess server, Sample.Builder sample)
      throws IOException {
    super(test, times, server, sample);
  }

  @Override
  void drive() throws IOException {
    connect(SOLO);
    publish(times.warmUp().dividedBy(2), test.window(), test.size());
    baseline();
    connect(test.streams() - SOLO);
    heap(); // before the histories of the channels have events
    publish(times.warmUp(), test.window(), test.size());
    measure();
  }

  @Override
  void begin(Publisher.Order order) {
    client.ledger().beginScattered(server.nextEvent(), order.size());
  }

  @Override
  void missing(long last) {
    client.ledger().missingScattered(last);
  }
}
