package dev.tidings.bench;

import java.io.IOException;
import java.time.Duration;

/** Measures channels that hold an event and that no stream has joined. */
final class IdleChannelsRun extends CaseRun {
  private static final int SWEEPS = 3; // one a minute, by the family of channels

  IdleChannelsRun(Case test, Case.Times times, ServerProcess server, Sample.Builder sample)
      throws IOException {
    super(test, times, server, sample);
  }

  @Override
  void drive() throws IOException {
    server.createChannels(SOLO, test.size());
    baseline();
    server.createChannels(test.streams() - SOLO, test.size());
    sample.set(Figure.CHANNEL_HEAP, heapOfEach(test.streams() - SOLO));
    read(times.ping()); // compilation
    var idle = times.idle().multipliedBy(SWEEPS);
    var cpu = server.processorTime();
    read(idle);
    Duration used = server.processorTime().minus(cpu);
    sample.set(Figure.CPU_TOTAL, used.toMillis());
    sample.set(Figure.CORE, 100.0 * used.toNanos() / idle.toNanos());
  }
}
