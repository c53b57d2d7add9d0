package dev.tidings;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/** Looks again and again after what goes on, and rests while there is nothing: an idle server is idle. */
final class Lookout {
  private final Ticker ticker;
  private final long period; // nanoseconds
  private final Runnable look;
  private final BooleanSupplier needed;
  private final AtomicBoolean watching = new AtomicBoolean(); // whether a look is scheduled

  /**
   * Creates one that rests.
   *
   * @param look runs on the ticker
   * @param needed whether there is anything to look after
   */
  Lookout(Ticker ticker, long period, Runnable look, BooleanSupplier needed) {
    this.ticker = ticker;
    this.period = period;
    this.look = look;
    this.needed = needed;
  }

  /** To be called once there is something to look after: the first look is a period from now or earlier. */
  void watch() {
    if (!watching.get() && watching.compareAndSet(false, true)) {
      boolean scheduled = false;
      try {
        ticker.schedule(period, this::lookOnce);
        scheduled = true;
      } finally {
        if (!scheduled) {
          watching.set(false); // or nobody would ever look again
        }
      }
    }
  }

  private void lookOnce() {
    try {
      look.run();
    } finally {
      watching.set(false);
      if (needed.getAsBoolean()) { // also what came before the line above, and so did not wake it
        watch();
      }
    }
  }
}
