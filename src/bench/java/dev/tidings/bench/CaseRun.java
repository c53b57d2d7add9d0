package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;

/** Runs one case against one server: opens the streams, warms up, measures. */
class CaseRun {
  static final int SOLO = 10;
  private static final int FILLER = 65_536;
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(60);

  /** Thrown when the server no longer delivers events to all streams. */
  static final class StuckException extends IOException {
    private static final long serialVersionUID = 1;

    StuckException(String message) {
      super(message);
    }
  }

  final Case test;
  final Case.Times times;
  final ServerProcess server;
  private final ServerProcess reading; // the server of the streams
  final LoadClient client;
  final Sample.Builder sample;
  private final long openedBefore;
  private long baseline; // heap

  CaseRun(Case test, Case.Times times, ServerProcess server, Sample.Builder sample)
      throws IOException {
    this(test, times, server, server, sample);
  }

  /** Creates a run that publishes on one server, and opens its streams on another one. */
  CaseRun(Case test, Case.Times times, ServerProcess server, ServerProcess reading, Sample.Builder sample)
      throws IOException {
    this.test = test;
    this.times = times;
    this.server = server;
    this.reading = reading;
    this.sample = sample;
    this.openedBefore = reading.ask("opened");
    String many = "/many?count=" + times.many() + "&size=" + test.size();
    this.client =
        new LoadClient(
            reading.port(), server.acks(), test.kind() == Case.Kind.SINGLE ? many : "/events");
  }

  static CaseRun of(Case test, Case.Times times, ServerProcess server, Sample.Builder sample)
      throws IOException {
    return switch (test.kind()) {
      case CHURN -> new ChurnRun(test, times, server, sample);
      case RETURN -> new ReturnRun(test, times, server, sample);
      case NAMES -> new NamesRun(test, times, server, sample);
      case CHANNELS -> new IdleChannelsRun(test, times, server, sample);
      case FANOUT, IDLE, CONNECT, SINGLE, WAYS -> new CaseRun(test, times, server, sample);
    };
  }

  /** Stores its figures in the sample, even if it fails. */
  final void run() throws IOException {
    try (client) {
      drive();
      sample.set(Figure.RESIDENT, server.status("VmRSS") / 1024.0);
      sample.set(Figure.THREADS, server.status("Threads"));
    } finally {
      settle(client);
    }
  }

  void drive() throws IOException {
    switch (test.kind()) {
      case FANOUT, WAYS -> fanOut();
      case IDLE -> idle();
      case CONNECT -> connects();
      case SINGLE -> single();
      case CHURN, RETURN, NAMES, CHANNELS ->
          throw new IllegalStateException("not done here: " + test.kind());
    }
  }

  /** Adds the lost, duplicated and disordered events of its streams to the sample. */
  final void settle(LoadClient client) {
    sample.add(Figure.LOST, client.ledger().lost());
    sample.add(Figure.DOUBLED, client.ledger().doubled());
    sample.add(Figure.DISORDERED, client.ledger().disordered());
    if (client.cut() > 0 && test.kind() != Case.Kind.SINGLE) {
      sample.trouble(client.cut() + " readers were cut off");
    }
  }

  private void fanOut() throws IOException {
    connect(SOLO);
    publish(times.warmUp().dividedBy(4), 1, test.size());
    publish(times.warmUp().dividedBy(4), 1, test.size());
    if (test.isLarge()) {
      sample.set(Figure.SOLO_MAX, millis(client.ledger().latency().max()));
      sample.set(Figure.SOLO_LATE, client.ledger().latency().atLeast(40_000_000));
    }
    baseline();
    if (test.stalled() > 0) {
      stall();
    }
    connect(test.streams() - SOLO - test.stalled());
    publish(times.warmUp(), test.window(), test.size());
    measure();
    heap();
    if (test.stalled() > 0) {
      sample.set(Figure.STALLED_ENDED, client.endedOfStalled(times.patience().toNanos() / 5));
    }
  }

  final void measure() throws IOException {
    var cpu = server.processorTime();
    long start = System.nanoTime();
    publish(times.measured(), test.window(), test.size());
    double seconds = (System.nanoTime() - start) / 1e9;
    var ledger = client.ledger();
    var used = server.processorTime().minus(cpu);
    sample.set(Figure.EVENTS, ledger.received() / seconds);
    sample.set(Figure.P50, millis(ledger.latency().quantile(0.5)));
    sample.set(Figure.P99, millis(ledger.latency().quantile(0.99)));
    sample.set(Figure.P999, millis(ledger.latency().quantile(0.999)));
    sample.set(Figure.MAX, millis(ledger.latency().max()));
    sample.set(Figure.CPU, used.toNanos() / 1e3 / ledger.received());
  }

  /** Fills the sockets of clients that never read, and sends somewhat more, so that writes to them block. */
  private void stall() throws IOException {
    client.connectStalled(test.stalled());
    awaitOpened(SOLO + test.stalled());
    long count = (LoadClient.capacity() + 4 * FILLER) / FILLER;
    publish(new Publisher.Order(server.nextEvent(), 60_000, count, 0, FILLER, 20));
  }

  /** Measures idle streams. The number of reads shows that the pings arrive. */
  private void idle() throws IOException {
    connect(test.streams());
    client.ledger().begin(server.nextEvent(), 0, test.size(), false);
    read(times.ping()); // the first pings, and compilation for them and for the connects
    client.ledger().begin(server.nextEvent(), 0, test.size(), false);
    var cpu = server.processorTime();
    read(times.idle());
    sample.set(Figure.CPU_TOTAL, server.processorTime().minus(cpu).toMillis());
    sample.set(Figure.READS, (double) client.ledger().reads() / test.streams());
  }

  private void connects() throws IOException {
    for (int i = 0; i < times.connectWarmUps(); i++) {
      warmUpConnects();
    }
    read(times.warmUp().dividedBy(4));
    baseline();
    var cpu = server.processorTime();
    long start = System.nanoTime();
    client.connect(test.streams(), server.nextEvent(), deadline(CONNECT_LIMIT));
    double seconds = (System.nanoTime() - start) / 1e9;
    awaitOpened((times.connectWarmUps() + 1) * test.streams());
    sample.set(Figure.CONNECTS, test.streams() / seconds);
    sample.set(Figure.CPU_TOTAL, server.processorTime().minus(cpu).toMillis());
    heapOf(test.streams());
  }

  private void warmUpConnects() throws IOException {
    long before = server.ask("opened") - openedBefore;
    try (var warmUp = new LoadClient(server.port(), server.acks(), "/events")) {
      warmUp.connect(test.streams(), server.nextEvent(), deadline(CONNECT_LIMIT));
      awaitOpened(before + test.streams());
    }
    // A server that still holds the closed streams notices by these events that the clients are gone.
    for (int i = 0; i < 3; i++) {
      publish(new Publisher.Order(server.nextEvent(), 1_000, 1, 0, test.size(), 100));
    }
  }

  /** Measures the last one of several consecutive streams. */
  private void single() throws IOException {
    for (int i = 0; i < 4; i++) {
      client.ledger().begin(1, 1, test.size(), false);
      var cpu = server.processorTime();
      long start = System.nanoTime();
      client.connect(1, 1, deadline(CONNECT_LIMIT));
      var stream = client.streams().getLast();
      boolean ended = client.readUntil(stream::isOver, deadline(CONNECT_LIMIT));
      double seconds = (System.nanoTime() - start) / 1e9;
      client.ledger().missing(stream.expected(), times.many());
      if (!ended) {
        throw new StuckException("the stream did not end");
      }
      sample.set(Figure.EVENTS, times.many() / seconds);
      sample.set(Figure.READS, client.ledger().reads());
      double used = server.processorTime().minus(cpu).toNanos() / 1e3;
      sample.set(Figure.CPU, used / times.many());
    }
  }

  final void connect(int count) throws IOException {
    client.connect(count, server.nextEvent(), deadline(CONNECT_LIMIT));
    awaitOpened(client.readers() + (baseline > 0 ? test.stalled() : 0));
  }

  private void awaitOpened(long count) throws IOException {
    long deadline = deadline(CONNECT_LIMIT);
    while (reading.ask("opened") < openedBefore + count) {
      if (System.nanoTime() > deadline) {
        throw new IOException("the server has not opened " + count + " streams");
      }
      read(Duration.ofMillis(10));
    }
  }

  final void publish(Duration duration, int window, int size) throws IOException {
    publish(new Publisher.Order(server.nextEvent(), duration.toMillis(), Long.MAX_VALUE / 2, window, size, 0));
  }

  /** Publishes events, and returns when all readers have received all of them. The client checks them. */
  final void publish(Publisher.Order order) throws IOException {
    var ledger = client.ledger();
    begin(order);
    server.order(order.toString());
    long limit = order.paceMillis() > 0 ? order.count() * order.paceMillis() * 2 : order.millis();
    String[] answer = awaitPublished(client, Duration.ofMillis(limit).plus(times.patience()));
    long last = Long.parseLong(answer[0]);
    boolean all =
        client.readUntil(() -> ledger.isComplete(last), deadline(times.patience()));
    if (answer[1].equals("stuck") || !all) {
      missing(last);
      throw new StuckException("not all events arrived");
    }
  }

  /** Begins a phase of the client's ledger. */
  void begin(Publisher.Order order) {
    client.ledger().begin(server.nextEvent(), client.readers(), order.size(), order.window() > 0);
  }

  /** Reads until the publisher has reported the end of the order. */
  final String[] awaitPublished(LoadClient reader, Duration limit) throws IOException {
    long deadline = deadline(limit);
    String[] answer = null;
    while (answer == null) {
      answer = server.poll("published");
      reader.turn();
      if (System.nanoTime() > deadline) {
        missing(client.streams().stream().mapToLong(Stream::expected).max().orElse(1) - 1);
        throw new StuckException("the publisher is stuck");
      }
    }
    server.published(Long.parseLong(answer[0]));
    return answer;
  }

  /** Counts as lost the events up to this one that a stream has not received. */
  void missing(long last) {
    client.streams().forEach(stream -> client.ledger().missing(stream.expected(), last));
  }

  final void read(Duration duration) throws IOException {
    long end = deadline(duration);
    client.readUntil(() -> System.nanoTime() >= end, Long.MAX_VALUE);
  }

  /** Measures the heap before the streams or channels whose heap is measured. */
  final void baseline() throws IOException {
    baseline = server.heap(times.collections());
  }

  final void heap() throws IOException {
    heapOf(test.streams() - SOLO);
  }

  private void heapOf(int streams) throws IOException {
    sample.set(Figure.HEAP, heapOfEach(streams));
  }

  /** Returns the heap in KiB that each of these streams or channels has added. */
  final double heapOfEach(int count) throws IOException {
    return (server.heap(times.collections()) - baseline) / 1024.0 / count;
  }

  static double millis(long nanos) {
    return nanos / 1e6;
  }

  static long deadline(Duration from) {
    return System.nanoTime() + from.toNanos();
  }
}
