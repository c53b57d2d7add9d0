package dev.tidings.bench;

/** Counts of durations, in buckets that are at most 1.6 % wide. */
final class Histogram {
  private static final int BITS = 6;
  private static final int SUB = 1 << BITS;

  private final long[] counts = new long[(Long.SIZE - BITS) * SUB];
  private long total;
  private long max;

  void add(long nanos) {
    counts[bucket(Math.max(nanos, 0))]++;
    total++;
    max = Math.max(max, nanos);
  }

  void add(Histogram other) {
    for (int i = 0; i < counts.length; i++) {
      counts[i] += other.counts[i];
    }
    total += other.total;
    max = Math.max(max, other.max);
  }

  private static int bucket(long value) {
    int shift = Math.max(0, Long.SIZE - Long.numberOfLeadingZeros(value) - BITS - 1);
    return shift * SUB + (int) (value >>> shift);
  }

  private static long top(int bucket) {
    int shift = Math.max(0, bucket / SUB - 1);
    return ((long) (bucket - shift * SUB) + 1 << shift) - 1;
  }

  /** Returns the duration that this share of all durations does not exceed. */
  long quantile(double share) {
    long wanted = (long) Math.ceil(share * total);
    long seen = 0;
    for (int i = 0; i < counts.length; i++) {
      seen += counts[i];
      if (seen >= wanted && seen > 0) {
        return Math.min(top(i), max);
      }
    }
    return 0;
  }

  long max() {
    return max;
  }

  /** Returns how many durations are at least this long, within the width of a bucket. */
  long atLeast(long nanos) {
    long count = 0;
    for (int i = bucket(nanos); i < counts.length; i++) {
      count += counts[i];
    }
    return count;
  }
}
