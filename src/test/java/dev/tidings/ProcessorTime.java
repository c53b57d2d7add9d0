package dev.tidings;

import java.lang.management.ManagementFactory;

/** What this thread computes, to tell work that is linear from work that is not, whatever else the machine does. */
final class ProcessorTime {
  private ProcessorTime() {}

  /** The least of five times, in nanoseconds. */
  static long least(Runnable work) {
    var threads = ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 5; i++) {
      long start = threads.getCurrentThreadCpuTime();
      work.run();
      least = Math.min(least, threads.getCurrentThreadCpuTime() - start);
    }
    return least;
  }
}
