package dev.tidings;

/**
 * Limits how often an outage is logged. Many logs may share a store, and then all of them fail at the same time.
 * Thread-safe.
 */
final class Outages implements LogReader.Report {
  private final Interval quiet;

  /** Creates a limit: after an outage has been logged, others are not logged for this many nanoseconds. */
  Outages(long quiet) {
    this.quiet = new Interval(quiet);
  }

  /** Logs that a log has begun to fail, at DEBUG if another outage has just been logged. */
  @Override
  public void failed(Throwable why) {
    if (why instanceof LogAwayException || quiet.isDue()) {
      LogReader.log(why);
    } else {
      Log.debug(() -> "the log of another channel: " + Quoted.java(why));
    }
  }
}
