package dev.tidings;

import static org.junit.jupiter.api.Assertions.fail;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.Locale;

/** The processor time of this thread, which tells linear work from other work, however busy the machine is. */
final class ProcessorTime {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final Duration BOUND = Duration.ofSeconds(10);
  private static final long MEASURABLE = 100_000; // nanoseconds

  private ProcessorTime() {}

  /**
   * Asserts that work on a text sixteen times as long takes at most three times sixteen times as long; quadratic
   * work takes 256 times as long. Both are measured in turn, and again until it holds, since the time of compilation
   * varies.
   */
  static void assertLinear(Runnable sixteenth, Runnable whole) {
    long leastOfSixteenth = Long.MAX_VALUE;
    long leastOfWhole = Long.MAX_VALUE;
    long start = System.nanoTime();
    do {
      leastOfSixteenth = Math.min(leastOfSixteenth, measure(sixteenth));
      leastOfWhole = Math.min(leastOfWhole, measure(whole));
      if (leastOfWhole <= 3 * 16 * Math.max(leastOfSixteenth, MEASURABLE)) {
        return;
      }
    } while (System.nanoTime() - start < BOUND.toNanos());
    double ratio = (double) leastOfWhole / leastOfSixteenth;
    fail(String.format(Locale.ROOT, "the whole takes %.0f times as long as a sixteenth", ratio));
  }

  private static long measure(Runnable work) {
    long start = THREADS.getCurrentThreadCpuTime();
    work.run();
    return THREADS.getCurrentThreadCpuTime() - start;
  }
}
