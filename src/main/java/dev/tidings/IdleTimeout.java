package dev.tidings;

/** The idle limit of one wait on a stream. It is checked whenever the stream could have reached it. */
final class IdleTimeout {

  /** A stream with an idle limit. Called on the ticker's thread or the waiting thread; never blocks. */
  interface Watched {
    /** Returns when the last message was sent, in the ticker's time. */
    long lastMessage();

    /** Returns whether a thread waits to send. */
    boolean isAwaited();

    /** Ends the stream as {@link Ending#IDLE}. */
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

  /** Ends the stream if it is idle; otherwise schedules the next check. */
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

  /** Called when the wait is over. */
  synchronized void stop() {
    stopped = true;
    timer.cancel();
  }
}
