package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** Measures many clients that reconnect at once to a channel, while a few live streams receive events. */
final class ReturnRun extends CaseRun {
  private static final int PACE = 100; // milliseconds between events
  private static final int LIVE_SHARE = 10; // one live stream for this many returning clients
  private static final Duration LIMIT = Duration.ofMinutes(2);

  ReturnRun(Case test, Case.Times times, ServerProcess server, Sample.Builder sample)
      throws IOException {
    super(test, times, server, sample);
  }

  @Override
  void drive() throws IOException {
    connect(SOLO);
    publish(times.warmUp().dividedBy(2), 1, test.size());
    connect(test.streams() / LIVE_SHARE - SOLO);
    publish(times.warmUp(), 1, test.size());
    for (int i = 0; i < 2; i++) {
      comeBack(test.streams() / 5, times.behind(), (returning, nanos, cpu) -> {}); // compiles this path
    }
    alone();
    comeBack(test.streams(), 0, this::tellOfConnects);
    comeBack(test.streams(), times.behind(), this::tell);
  }

  /** Stores the figures of a return. Some events published meanwhile have not arrived yet. */
  private interface Teller {
    void tell(LoadClient returning, long nanos, Duration processor);
  }

  /** Measures the live streams while no client reconnects. */
  private void alone() throws IOException {
    long count = Math.max(1, times.measured().toMillis() / PACE);
    publish(new Publisher.Order(server.nextEvent(), 60_000, count, 0, test.size(), PACE));
    sample.set(Figure.P50, millis(client.ledger().latency().quantile(0.5)));
    sample.set(Figure.P99, millis(client.ledger().latency().quantile(0.99)));
  }

  /** Reconnects {@code count} clients that have missed {@code behind} events. */
  private void comeBack(int count, int behind, Teller teller) throws IOException {
    String position = server.position();
    long first = server.nextEvent();
    if (behind > 0) {
      long minute = Duration.ofMinutes(1).toMillis();
      publish(new Publisher.Order(first, minute, behind, 1, test.size(), 0));
    }
    try (var returning = LoadClient.returning(server.port(), server.acks(), position)) {
      returning.accompany(client::poll);
      try {
        comeBack(returning, count, first, teller);
      } finally {
        settle(returning);
      }
    }
  }

  /** Reconnects the clients, and waits until each of them has caught up. */
  private void comeBack(LoadClient returning, int count, long first, Teller teller)
      throws IOException {
    long missed = server.nextEvent() - 1;
    client.ledger().begin(server.nextEvent(), client.readers(), test.size(), false);
    returning.ledger().begin(first, count, test.size(), false);
    var order =
        new Publisher.Order(
            server.nextEvent(), LIMIT.toMillis(), Long.MAX_VALUE / 2, 0, test.size(), PACE);
    server.order(order.toString());
    var cpu = server.processorTime();
    long start = System.nanoTime();
    long deadline = deadline(LIMIT);
    returning.connect(count, first, deadline);
    returning.readUntil(() -> haveAll(returning, missed), deadline);
    teller.tell(returning, System.nanoTime() - start, server.processorTime().minus(cpu));
    server.order("stop");
    long last = Long.parseLong(awaitPublished(returning, times.patience())[0]);
    boolean all =
        returning.readUntil(
            () -> haveAll(returning, last) && client.ledger().isComplete(last),
            deadline(times.patience()));
    if (!all) {
      for (var reader : List.of(client, returning)) {
        reader.streams().forEach(stream -> reader.ledger().missing(stream.expected(), last));
      }
      throw new StuckException("not all events arrived");
    }
  }

  /** Checks the total first, which is cheap. Some clients may be further ahead than others. */
  private static boolean haveAll(LoadClient returning, long last) {
    return returning.ledger().isComplete(last)
        && returning.streams().stream().allMatch(stream -> stream.expected() > last);
  }

  /** Stores the effect of the connects alone on the live streams, without a history. */
  private void tellOfConnects(LoadClient returning, long nanos, Duration processor) {
    sample.set(Figure.CONNECT_P99, millis(client.ledger().latency().quantile(0.99)));
    sample.set(Figure.CONNECT_TIME, nanos / 1e9);
  }

  private void tell(LoadClient returning, long nanos, Duration processor) {
    var live = client.ledger();
    long events = live.received() + returning.ledger().received();
    sample.set(Figure.EVENTS, events / (nanos / 1e9));
    sample.set(Figure.CPU, processor.toNanos() / 1e3 / events);
    sample.set(Figure.RETURN_P50, millis(live.latency().quantile(0.5)));
    sample.set(Figure.RETURN_P99, millis(live.latency().quantile(0.99)));
    sample.set(Figure.RETURN_TIME, nanos / 1e9);
  }
}
