package dev.tidings;

import java.time.Duration;

/** A log that does what another one does, where a test does not say otherwise. */
class ForwardingLog implements EventLog {
  private final EventLog log;

  ForwardingLog(EventLog log) {
    this.log = log;
  }

  @Override
  public String append(Event event) {
    return log.append(event);
  }

  @Override
  public Reading read(String after, int most, Duration wait) throws InterruptedException {
    return log.read(after, most, wait);
  }

  @Override
  public String latest() {
    return log.latest();
  }
}
