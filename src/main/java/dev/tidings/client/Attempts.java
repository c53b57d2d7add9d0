package dev.tidings.client;

import java.time.Duration;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** The attempts since the last stream that sent an event or a comment, and the time of the next one. */
final class Attempts {
  private final Options options;
  private final Time time;
  private final RandomGenerator random;
  private Duration retry;
  private int failures;
  private long since = Time.NEVER;

  Attempts(Options options, Time time, RandomGenerator random) {
    this.options = options;
    this.time = time;
    this.random = random;
    this.retry = options.retry();
  }

  /** Called when an attempt is made, or when a stream is lost. */
  void begin() {
    if (since == Time.NEVER) {
      since = time.now();
    }
  }

  /** Called when a stream sends an event or a comment. */
  void end() {
    failures = 0;
    since = Time.NEVER;
  }

  /** Called when a stream was lost that was open this long. That time is no part of the outage. */
  void wasOpen(long nanos) {
    since = Time.plus(since, Duration.ofNanos(nanos));
  }

  void countFailure() {
    failures++;
  }

  int failures() {
    return failures;
  }

  /** Sets the reconnection time that the server has asked for, if it has. */
  void setRetry(Optional<Duration> retry) {
    this.retry = retry.map(Backoff::ofServer).orElse(this.retry);
  }

  /** Returns when the next attempt may be made, not before the server's {@code Retry-After}. */
  long nextAttempt(Duration retryAfter) {
    var delay = Backoff.delay(failures, retry, options.maxRetry(), random);
    return time.after(Backoff.greatest(delay, Backoff.least(retryAfter, options.maxRetry())));
  }

  /** Returns the reason why no further attempt is made; empty if one is made. */
  Optional<String> limit(long nextAttempt) {
    if (failures >= options.maxAttempts()) {
      return Optional.of("gave up after " + failures + " attempts (maxAttempts)");
    }
    if (Time.plus(since, options.maxOutage()) < nextAttempt) {
      return Optional.of("gave up after " + options.maxOutage() + " without a stream (maxOutage)");
    }
    return Optional.empty();
  }
}
