package dev.tidings.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.FileLogSettings;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;

/** A separate command: measures the log in files relative to the log in memory, and to a bare file. */
final class FileLogs {
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final FileLogSettings DEFAULTS = FileLogSettings.defaults();
  private static final Event EVENT = Event.of("x".repeat(100));
  private static final int ENTRY_BYTES = 24 + 1 + 4 + 100;
  private static final int HISTORY = 100_000; // events

  private final boolean small = Boolean.getBoolean("short");
  private final int rounds = small ? 1 : Integer.getInteger("rounds", 5);
  private final long nanos = Duration.ofMillis(small ? 100 : 2000).toNanos();
  private final Map<String, List<Rate>> results = new TreeMap<>();
  private Path directory;

  /** The result of one measurement. */
  private record Rate(double perSecond, double processorMicros) {}

  /** Something that is done repeatedly by several threads. */
  private interface Work {
    void once() throws Exception;
  }

  private interface Measured {
    Rate run() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    System.out.println(Machine.description());
    new FileLogs().run();
    System.exit(0);
  }

  private void run() throws Exception {
    var target = Path.of(System.getProperty("target", "target"));
    Files.createDirectories(target);
    directory = Files.createTempDirectory(target, "logs");
    var cases = new ArrayList<Map.Entry<String, Measured>>();
    for (int threads : new int[] {1, 64}) {
      String suffix = " by " + threads + (threads == 1 ? " thread" : " threads");
      cases.add(Map.entry("memory" + suffix, () -> memory(threads)));
      cases.add(Map.entry("file, never" + suffix, () -> file(threads, ChronoUnit.FOREVER.getDuration())));
      cases.add(Map.entry("file, 100 ms" + suffix, () -> file(threads, Duration.ofMillis(100))));
      cases.add(Map.entry("file, each batch" + suffix, () -> file(threads, Duration.ZERO)));
    }
    cases.add(Map.entry("bare write", () -> bare(false)));
    cases.add(Map.entry("bare write and force", () -> bare(true)));
    cases.add(Map.entry("history from memory", this::historyFromMemory));
    cases.add(Map.entry("history from files", this::historyFromFiles));
    cases.add(Map.entry("open, per event", this::open));
    for (int round = -1; round < rounds; round++) {
      for (int i = 0; i < cases.size(); i++) {
        var next = cases.get((i + Math.max(0, round) * 4) % cases.size()); // each round starts elsewhere
        var rate = next.getValue().run();
        if (round >= 0) { // the first is the warm-up
          results.computeIfAbsent(next.getKey(), key -> new ArrayList<>()).add(rate);
        }
      }
    }
    report();
  }

  private void report() {
    results.forEach(
        (name, rates) ->
            System.out.printf(
                Locale.ROOT,
                "%-32s %,12.0f /s (%,.0f to %,.0f)  %8.2f us of processor time%n",
                name,
                median(name, Rate::perSecond),
                rates.stream().mapToDouble(Rate::perSecond).min().orElseThrow(),
                rates.stream().mapToDouble(Rate::perSecond).max().orElseThrow(),
                median(name, Rate::processorMicros)));
    for (String suffix : List.of(" by 1 thread", " by 64 threads")) {
      for (String kind : List.of("file, never", "file, 100 ms", "file, each batch")) {
        ratio(kind + suffix, "memory" + suffix);
      }
    }
    ratio("file, never by 1 thread", "bare write");
    ratio("file, each batch by 1 thread", "bare write and force");
    ratio("file, each batch by 64 threads", "bare write and force");
    ratio("history from files", "history from memory");
  }

  private void ratio(String one, String other) {
    System.out.printf(
        Locale.ROOT,
        "%-32s : %-22s %6.2f of the rate, %6.2f of the processor time%n",
        one,
        other,
        median(one, Rate::perSecond) / median(other, Rate::perSecond),
        median(one, Rate::processorMicros) / median(other, Rate::processorMicros));
  }

  private double median(String name, ToDoubleFunction<Rate> of) {
    var sorted = results.get(name).stream().mapToDouble(of).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  // Appending.

  private Rate memory(int threads) throws Exception {
    var log = EventLog.inMemory(100_000, 64 * 1024 * 1024, Duration.ofHours(24));
    return measure(threads, () -> log.append(EVENT));
  }

  private Rate file(int threads, Duration forceWithin) throws Exception {
    var folder = Files.createTempDirectory(directory, "log");
    try (var log = EventLog.inFile(folder, DEFAULTS.withForceWithin(forceWithin))) {
      return measure(threads, () -> log.append(EVENT));
    } finally {
      delete(folder);
    }
  }

  /** Appends the bytes of an entry to a file. */
  private Rate bare(boolean force) throws Exception {
    var path = directory.resolve("bare");
    byte[] entry = new byte[ENTRY_BYTES];
    Arrays.fill(entry, (byte) 'x');
    try (var file = new RandomAccessFile(path.toFile(), "rw")) {
      return measure(
          1,
          () -> {
            file.write(entry);
            if (force) {
              file.getFD().sync();
            }
          });
    } finally {
      Files.delete(path);
    }
  }

  private Rate measure(int threads, Work work) throws Exception {
    System.gc();
    var done = new LongAdder();
    long processor = SYSTEM.getProcessCpuTime();
    long begin = System.nanoTime();
    var all = new ArrayList<Thread>();
    for (int i = 0; i < threads; i++) {
      all.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      for (long count = 1; System.nanoTime() - begin < nanos; count++) {
                        work.once();
                        done.increment();
                        if (count % 64 == 0) {
                          Thread.yield(); // otherwise virtual threads that never block run one after the other
                        }
                      }
                    } catch (Exception e) {
                      throw new IllegalStateException(e);
                    }
                  }));
    }
    for (var thread : all) {
      thread.join();
    }
    return rate(done.sum(), begin, processor);
  }

  private static Rate rate(long count, long begin, long processor) {
    double seconds = (System.nanoTime() - begin) / 1e9;
    return new Rate(count / seconds, (SYSTEM.getProcessCpuTime() - processor) / 1e3 / count);
  }

  // Reading.

  private Rate historyFromMemory() throws Exception {
    return history(EventLog.inMemory(HISTORY, 64 * 1024 * 1024, Duration.ofHours(24)));
  }

  private Rate historyFromFiles() throws Exception {
    var folder = Files.createTempDirectory(directory, "log");
    try (var log = EventLog.inFile(folder, DEFAULTS.withForceWithin(ChronoUnit.FOREVER.getDuration()))) {
      return history(log);
    } finally {
      delete(folder);
    }
  }

  private Rate history(EventLog log) throws Exception {
    String start = log.latest();
    for (int i = 0; i < HISTORY; i += 1000) {
      log.appendAll(Collections.nCopies(1000, EVENT));
    }
    System.gc();
    long processor = SYSTEM.getProcessCpuTime();
    long begin = System.nanoTime();
    long count = 0;
    while (System.nanoTime() - begin < nanos) {
      String at = start;
      for (var events = log.read(at, 512, Duration.ZERO).events(); !events.isEmpty(); events = log.read(at, 512, Duration.ZERO).events()) {
        at = events.getLast().id().orElseThrow();
        count += events.size();
      }
    }
    return rate(count, begin, processor);
  }

  private Rate open() throws Exception {
    var folder = Files.createTempDirectory(directory, "log");
    try (var log = EventLog.inFile(folder)) {
      log.appendAll(Collections.nCopies(HISTORY, EVENT));
    }
    System.gc();
    long processor = SYSTEM.getProcessCpuTime();
    long begin = System.nanoTime();
    EventLog.inFile(folder).close();
    var rate = rate(HISTORY, begin, processor);
    delete(folder);
    return rate;
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }
}
