package dev.tidings;

/** The limit of one wait on a stream: looks at the moments when it could be reached. */
final class IdleTimeout {

  /** A stream with such a limit. Called on the ticker's thread or the waiting one; never blocks. */
  interface Watched {
    /** When the last message was sent, by the ticker. */
    long lastMessage();

    /** Whether some thread waits to send. */
    boolean isAwaited();

    /** Ends as {@link Ending#IDLE}. */
    void idle();
  }

  private final Watched stream;
  private final Ticker ticker;
  private final long limit; // nanoseconds
  private Ticker.Timer timer = () -> {}; // guarded by this
  private boolean stopped; // guarded by this

  IdleTimeout(Watched stream, Ticker ticker, long limit) {
    this.stream = stream;
    this.ticker = ticker;
    this.limit = limit;
  }

  /** Ends the stream if it is idle; otherwise looks again when it could be. */
  void check() {
    long left = limit - (ticker.now() - stream.lastMessage());
    if (left > 0 || limit > 0 && stream.isAwaited()) { // a stream to which a thread waits to send is not idle
      again(left > 0 ? left : limit);
    } else {
      stream.idle();
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
