package dev.tidings;

/** Looks after the limit of one wait on a stream, at the moments when it could be reached. */
final class IdleWatch {
  private final EventSource stream;
  private final Ticker ticker;
  private final long limit; // nanoseconds
  private Ticker.Timer timer = () -> {}; // guarded by this
  private boolean stopped; // guarded by this

  IdleWatch(EventSource stream, Ticker ticker, long limit) {
    this.stream = stream;
    this.ticker = ticker;
    this.limit = limit;
  }

  /** Ends the stream if it is idle; otherwise looks again when it could be. */
  void check() {
    long left = limit - (ticker.now() - stream.lastMessage());
    if (left > 0 || limit > 0 && stream.isAwaited()) { // who waits to send is not idle
      again(left > 0 ? left : limit);
    } else {
      stream.end(Ending.IDLE);
    }
  }

  private synchronized void again(long nanos) {
    if (!stopped) {
      timer = ticker.schedule(nanos, this::check);
    }
  }

  /** The wait is over. */
  synchronized void stop() {
    stopped = true;
    timer.cancel();
  }
}
