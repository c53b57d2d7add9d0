package dev.tidings.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

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
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** A separate command: measures the library without a network, where only its own time counts. */
final class InProcess {
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final CountDownLatch NOTHING = new CountDownLatch(0);

  /**
   * The sizes of the measurements.
   *
   * @param streams the number of streams with one identifier, or with different ones
   * @param few the smaller number of streams that are stopped; {@code many} is the larger one
   * @param events the number of events in the history
   * @param readers the number of streams that read the same history
   * @param again how often a history is encoded, because processor time has steps of 10 ms
   */
  private record Sizes(int streams, int few, int many, int events, int readers, int again) {
    static Sizes full() {
      return new Sizes(Integer.getInteger("streams", 80_000), 10_000, 50_000, 1_000, 200, 20);
    }

    static final Sizes SHORT = new Sizes(2_000, 200, 1_000, 50, 20, 2);
  }

  /** The result of one measurement, per stream or per encoding. */
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

  /** Runs all in miniature, to check that it works. */
  static void shortly() throws Exception {
    new InProcess(Sizes.SHORT, 1).all();
  }

  private interface Measurement {
    Cost run() throws Exception;
  }

  private void all() throws Exception {
    System.setProperty("sun.net.httpserver.nodelay", "true"); // otherwise the library logs a warning
    var parts =
        new FutureTask<Void>(
            () -> {
              identifiers();
              stops();
              histories("memory", EventLog::inMemory);
              histories("another log", () -> new CountingLog(EventLog.inMemory()));
              return null;
            });
    Thread.ofVirtual().start(parts); // like a handler
    parts.get();
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
    try (var sources = EventSources.create(Settings.defaults().withDuplicates(Duplicates.COEXIST))) {
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
    int times = sizes.many() / sizes.few(); // the same number of streams in total
    stop(sizes.few(), times);
    var costs = alternately(() -> stop(sizes.few(), times), () -> stop(sizes.many(), 1));
    report("stop, a stream: of " + sizes.many() + " by of " + sizes.few(), costs, 1.5, false);
  }

  /** Measures until the last exchange is closed, which may be after the stop returns. */
  private static Cost stop(int count, int times) throws Exception {
    double wall = 0;
    double processor = 0;
    for (int i = 0; i < times; i++) {
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
      wall += cost.wallMicros() / times;
      processor += cost.processorMicros() / times;
      long cut = exchanges.stream().filter(exchange -> exchange.written() == 0).count();
      if (cut > 0) {
        System.out.println("  of " + count + " streams that were stopped " + cut + " were told nothing");
      }
    }
    return new Cost(wall, processor);
  }

  // A history.

  private void histories(String name, Supplier<EventLog> logs) throws Exception {
    for (int i = 0; i < 4; i++) { // until the code is compiled
      encode(sizes.again());
      replay(logs, sizes.readers() / 4);
    }
    var read = new AtomicLong();
    var costs =
        alternately(
            () -> encode(sizes.again()),
            () -> {
              var cost = replay(logs, sizes.readers());
              read.set(CountingLog.READ.get());
              return cost;
            });
    report(
        "history in " + name + ", one of " + sizes.readers() + " streams by encoding it", costs, 0.25, true);
    if (read.get() > 0) {
      System.out.printf(
          Locale.ROOT,
          "  the log was asked for %.1f histories by %d streams%n",
          (double) read.get() / sizes.events(),
          sizes.readers());
    }
  }

  /** A history that has not been read yet. */
  private record History(EventLog log, String before, long bytes) {

    static History of(EventLog log, int events) throws InterruptedException {
      String before = log.latest();
      for (int i = 0; i < events; i++) {
        log.append(Event.of("x\n".repeat(500))); // 4 KB that are expensive to encode
      }
      long bytes = 0;
      for (String after = before; !after.equals(log.latest()); ) {
        for (Event event : log.read(after, events, Duration.ZERO).events()) {
          bytes += event.encode().length(); // ASCII
          after = event.id().orElseThrow();
        }
      }
      return new History(log, before, bytes);
    }
  }

  /** Measures encoding the history, which must not be repeated for each stream. */
  private Cost encode(int times) throws Exception {
    var history = History.of(EventLog.inMemory(), sizes.events());
    var events = history.log().read(history.before(), sizes.events(), Duration.ZERO).events();
    return measure(
        times,
        () -> {
          long bytes = 0;
          for (int i = 0; i < times; i++) {
            for (Event event : events) {
              bytes += event.encode().getBytes(UTF_8).length;
            }
          }
          require(bytes == history.bytes() * times, "not all was encoded");
        });
  }

  private Cost replay(Supplier<EventLog> logs, int readers) throws Exception {
    var history = History.of(logs.get(), sizes.events());
    CountingLog.READ.set(0);
    return measure(readers, () -> replay(history, readers));
  }

  private static void replay(History history, int readers) throws InterruptedException {
    var written = new CountDownLatch(readers);
    try (var channel = Channel.create(history.log());
        var sources = EventSources.create()) {
      for (int i = 0; i < readers; i++) {
        var exchange =
            new FakeExchange(history.bytes(), written, NOTHING).lastEventId(history.before());
        var stream = sources.open(exchange);
        channel.join(stream);
        Thread.ofVirtual().start(stream::keepAlive);
      }
      await(written);
    }
  }

  /** A user-defined log that counts the events read from it. */
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
    System.gc(); // so that earlier garbage is not counted here
    long processor = SYSTEM.getProcessCpuTime();
    long start = System.nanoTime();
    work.run();
    long nanos = System.nanoTime() - start;
    return new Cost(nanos / 1e3 / things, (SYSTEM.getProcessCpuTime() - processor) / 1e3 / things);
  }

  /** Runs the base and the other measurement, in alternating order. */
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
        !Double.isFinite(ratio) ? "not measured" : ratio <= limit ? "met" : "NOT MET",
        used.get(1),
        used.get(0),
        wall.get(1),
        wall.get(0));
  }

  private static double median(List<Cost> costs, ToDoubleFunction<Cost> of) {
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
