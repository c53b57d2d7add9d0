package dev.tidings.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.tidings.Channel;
import dev.tidings.Duplicates;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.EventSource;
import dev.tidings.EventSources;
import dev.tidings.Settings;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** What the library does without a network, where only its own time counts: a command of its own. */
final class InProcess {
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final CountDownLatch NOTHING = new CountDownLatch(0);

  /**
   * How many of what.
   *
   * @param streams that have one identifier, or each its own
   * @param few and {@code many} that are stopped
   * @param events of the history
   * @param readers of the same history
   * @param again how often one alone reads a history, since processor time comes in steps of 10 ms
   */
  private record Sizes(int streams, int few, int many, int events, int readers, int again) {
    static Sizes full() {
      return new Sizes(Integer.getInteger("streams", 80_000), 10_000, 50_000, 1_000, 200, 10);
    }

    static final Sizes SHORT = new Sizes(2_000, 200, 1_000, 50, 20, 2);
  }

  /** Of one measurement, per thing. */
  private record Cost(double wallMicros, double processorMicros) {}

  private final Sizes sizes;
  private final int rounds;

  private InProcess(Sizes sizes, int rounds) {
    this.sizes = sizes;
    this.rounds = rounds;
  }

  public static void main(String[] args) throws Exception {
    boolean small = Boolean.getBoolean("short");
    System.out.println(Machine.description());
    var run =
        small
            ? new InProcess(Sizes.SHORT, 1)
            : new InProcess(Sizes.full(), Integer.getInteger("rounds", 3));
    run.all();
    System.exit(0);
  }

  /** In miniature, to see that it works. */
  static void shortly() throws Exception {
    new InProcess(Sizes.SHORT, 1).all();
  }

  private interface Measurement {
    Cost run() throws Exception;
  }

  private void all() throws Exception {
    System.setProperty("sun.net.httpserver.nodelay", "true"); // or the library complains
    Exception[] failure = {null};
    // On a virtual thread, as a handler is.
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                identifiers();
                stops();
                histories("memory", EventLog::inMemory);
                histories("another log", () -> new CountingLog(EventLog.inMemory()));
              } catch (Exception e) {
                failure[0] = e;
              }
            })
        .join();
    if (failure[0] != null) {
      throw failure[0];
    }
  }

  // One identifier.

  private void identifiers() throws Exception {
    int count = sizes.streams();
    joinAndLeave(Math.min(count, 5_000), false);
    joinAndLeave(Math.min(count, 5_000), true);
    var costs = alternately(() -> joinAndLeave(count, false), () -> joinAndLeave(count, true));
    report("join and leave, " + count + " streams: one identifier by distinct ones", costs, 1.5, true);
  }

  private static Cost joinAndLeave(int count, boolean same) throws Exception {
    var closed = new CountDownLatch(count);
    var exchanges = exchanges(count, closed);
    try (var sources = EventSources.create(Settings.defaults().duplicates(Duplicates.COEXIST))) {
      return measure(
          count,
          () -> {
            var streams = new ArrayList<EventSource>(count);
            for (int i = 0; i < count; i++) {
              streams.add(sources.open(exchanges.get(i), same ? "same" : "stream " + i));
            }
            require(sources.all().size() == count, "not all streams are there");
            Collections.shuffle(streams, new Random(1)); // neither the oldest nor the newest first
            streams.forEach(EventSource::close);
            await(closed);
            require(sources.count() == 0, "streams are left");
          });
    }
  }

  // A stop.

  private void stops() throws Exception {
    stop(sizes.few());
    stop(sizes.few());
    var costs = alternately(() -> stop(sizes.few()), () -> stop(sizes.many()));
    report("stop, a stream: of " + sizes.many() + " by of " + sizes.few(), costs, 1.5, false);
  }

  /** Until the last exchange is closed, which may be later than the stop returns. */
  private static Cost stop(int count) throws Exception {
    var closed = new CountDownLatch(count);
    var exchanges = exchanges(count, closed);
    var sources = EventSources.create();
    exchanges.forEach(sources::open);
    var cost =
        measure(
            count,
            () -> {
              sources.stop(Duration.ZERO);
              await(closed);
            });
    long cut = exchanges.stream().filter(exchange -> exchange.written() == 0).count();
    if (cut > 0) {
      System.out.println("  of " + count + " streams that were stopped " + cut + " were told nothing");
    }
    return cost;
  }

  // A history.

  private void histories(String name, Supplier<EventLog> logs) throws Exception {
    for (int i = 0; i < 3; i++) {
      replay(logs, sizes.readers() / 10, 1);
    }
    var read = new AtomicLong();
    var costs =
        alternately(
            () -> replay(logs, 1, sizes.again()),
            () -> {
              CountingLog.READ.set(0);
              var cost = replay(logs, sizes.readers(), 1);
              read.set(CountingLog.READ.get());
              return cost;
            });
    report(
        "history in " + name + ", a stream: of " + sizes.readers() + " by one alone", costs, 0.25, true);
    if (read.get() > 0) {
      System.out.printf(
          Locale.ROOT,
          "  the log was asked for %.1f histories by %d streams%n",
          (double) read.get() / sizes.events(),
          sizes.readers());
    }
  }

  /** Each time of a log that nobody has read before. */
  private Cost replay(Supplier<EventLog> logs, int readers, int times) throws Exception {
    double wall = 0;
    double processor = 0;
    for (int i = 0; i < times; i++) {
      var log = logs.get();
      String before = log.latest();
      for (int event = 0; event < sizes.events(); event++) {
        log.append(Event.of("x\n".repeat(500))); // 4 KB whose encoding is dear
      }
      var cost = replay(log, before, readers);
      wall += cost.wallMicros() / times;
      processor += cost.processorMicros() / times;
    }
    return new Cost(wall, processor);
  }

  private static Cost replay(EventLog log, String before, int readers) throws Exception {
    long bytes = 0;
    for (String after = before; !after.equals(log.latest()); ) {
      for (Event event : log.read(after, 1_000, Duration.ZERO).events()) {
        bytes += event.encode().length(); // ASCII
        after = event.id().orElseThrow();
      }
    }
    var written = new CountDownLatch(readers);
    long wanted = bytes;
    var channel = Channel.create(log);
    try (channel;
        var sources = EventSources.create()) {
      return measure(
          readers,
          () -> {
            for (int i = 0; i < readers; i++) {
              var exchange = new FakeExchange(wanted, written, NOTHING).lastEventId(before);
              var stream = sources.open(exchange);
              channel.join(stream);
              Thread.ofVirtual().start(stream::keepAlive);
            }
            await(written);
          });
    }
  }

  /** A log that a user wrote, and that counts the events that are read from it. */
  private record CountingLog(EventLog log) implements EventLog {
    static final AtomicLong READ = new AtomicLong();

    @Override
    public String append(Event event) {
      return log.append(event);
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      var reading = log.read(after, most, wait);
      READ.addAndGet(reading.events().size());
      return reading;
    }

    @Override
    public String latest() {
      return log.latest();
    }
  }

  // Measuring.

  private static List<FakeExchange> exchanges(int count, CountDownLatch closed) {
    var exchanges = new ArrayList<FakeExchange>(count);
    for (int i = 0; i < count; i++) {
      exchanges.add(new FakeExchange(closed));
    }
    return exchanges;
  }

  private interface Work {
    void run() throws Exception;
  }

  private static Cost measure(int things, Work work) throws Exception {
    System.gc(); // what was before is not to be paid for here
    long processor = SYSTEM.getProcessCpuTime();
    long start = System.nanoTime();
    work.run();
    long nanos = System.nanoTime() - start;
    return new Cost(nanos / 1e3 / things, (SYSTEM.getProcessCpuTime() - processor) / 1e3 / things);
  }

  /** First the base and then the other, or the other way round in each second round. */
  private List<List<Cost>> alternately(Measurement base, Measurement other) throws Exception {
    var costs = List.<List<Cost>>of(new ArrayList<>(), new ArrayList<>());
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < 2; i++) {
        int which = (i + round) % 2;
        costs.get(which).add((which == 0 ? base : other).run());
      }
    }
    return costs;
  }

  private static void report(String what, List<List<Cost>> costs, double limit, boolean processor) {
    var wall = costs.stream().map(list -> median(list, Cost::wallMicros)).toList();
    var used = costs.stream().map(list -> median(list, Cost::processorMicros)).toList();
    var judged = processor ? used : wall;
    double ratio = judged.get(1) / judged.get(0);
    System.out.printf(
        Locale.ROOT,
        "%-66s %6.2f   <= %.2f  %s%n  processor time %.1f us to %.1f us, time %.1f us to %.1f us%n",
        what,
        ratio,
        limit,
        ratio <= limit ? "met" : "NOT MET",
        used.get(1),
        used.get(0),
        wall.get(1),
        wall.get(0));
  }

  private static double median(List<Cost> costs, java.util.function.ToDoubleFunction<Cost> of) {
    var sorted = costs.stream().mapToDouble(of).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  private static void await(CountDownLatch latch) throws InterruptedException {
    require(
        latch.await(LIMIT.toSeconds(), TimeUnit.SECONDS), latch.getCount() + " are not there after " + LIMIT);
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalStateException(otherwise);
    }
  }
}
