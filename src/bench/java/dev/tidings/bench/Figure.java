package dev.tidings.bench;

import java.util.Locale;

/** The measured figures. */
enum Figure {
  EVENTS("events/s", 0),
  P50("p50 ms", 2),
  P99("p99 ms", 2),
  P999("p99.9 ms", 2),
  MAX("max ms", 2),
  CPU("CPU us/event", 2),
  CHURN_CPU("churn: CPU us/event, less joins and leaves", 2),
  CHURN_CPU_WHOLE("churn: CPU us/event", 2),
  CHURN_P99("churn: p99 ms", 2),
  JOINS("joins/s", 0),
  JOIN_CPU("CPU us/join and leave", 0),
  CONNECT_P99("connects: p99 ms", 2),
  CONNECT_TIME("connects: s", 1),
  RETURN_P50("return: p50 ms", 2),
  RETURN_P99("return: p99 ms", 2),
  RETURN_TIME("return: s", 1),
  CPU_TOTAL("CPU ms", 0),
  CORE("% of a core", 2),
  CONNECTS("connects/s", 0),
  HEAP("heap KiB/stream", 1),
  CHANNEL_HEAP("heap KiB/channel", 2),
  RESIDENT("RSS MiB", 0),
  THREADS("threads", 0),
  SOLO_MAX("ten streams: max ms", 2),
  SOLO_LATE("ten streams: 40 ms or more", 0),
  READS("reads/stream", 1),
  STALLED_ENDED("stalled streams ended", 0),
  LOST("lost", 0),
  DOUBLED("doubled", 0),
  DISORDERED("disordered", 0);

  private final String label;
  private final int digits;

  Figure(String label, int digits) {
    this.label = label;
    this.digits = digits;
  }

  String label() {
    return label;
  }

  String text(double value) {
    return String.format(Locale.ROOT, "%,." + digits + "f", value);
  }
}
