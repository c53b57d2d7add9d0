package dev.tidings;

import java.time.Duration;

/** A log that forwards to another one, except for the methods that a test overrides. */
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
