package dev.tidings;

import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;

/** The threads of one channel, or of the channels of a family. Thread-safe. */
final class ChannelThreads {
  private static final int TURNS = 16 * Runtime.getRuntime().availableProcessors();

  private final ThreadFactory replays;
  private final ThreadFactory tails;
  private final ThreadFactory sweeps;
  private final Semaphore turns = new Semaphore(TURNS, true);

  ChannelThreads() {
    var threads = new Threads();
    this.replays = threads.numbered("tidings-replay-");
    this.tails = threads.virtual("tidings-channel");
    this.sweeps = threads.virtual("tidings-channels");
  }

  /** Returns the threads that catch up, each for one stream, and those that ask a log for a position. */
  ThreadFactory replays() {
    return replays;
  }

  /** Returns the threads that follow logs, each for one channel. */
  ThreadFactory tails() {
    return tails;
  }

  /** Returns the threads that drop channels that are not needed. */
  ThreadFactory sweeps() {
    return sweeps;
  }

  /** Returns the semaphore that limits the number of replays that compute at the same time. */
  Semaphore turns() {
    return turns;
  }
}
