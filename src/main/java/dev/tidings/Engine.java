package dev.tidings;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.random.RandomGenerator;

/** The services and values that all streams of one registry share. Closed by its creator. */
final class Engine implements AutoCloseable {

  /** The part of {@link Settings} that streams need. */
  record Values(
      Duration heartbeat,
      Duration writeDeadline,
      Duration closeWithin,
      FrameQueue.Bounds queue,
      int maxEventBytes,
      int bodyLimit,
      String lastEventIdParameter,
      Duration leastReconnect,
      Duration mostReconnect,
      Duration maxLifetime,
      Duration recheckDeadline,
      Optional<Event> farewell) {}

  private final Values values;
  private final Ticker ticker;
  private final Deadlines deadlines;
  private final Writers writers;
  private final Heartbeats heartbeats;
  private final Jitter jitter;
  private final EndlessLoops loops;
  private final ThreadFactory listeners;
  private final ThreadFactory rechecks;
  private final ThreadFactory closers;
  private final long closeWithin;
  private final Optional<Frame> farewell;
  private volatile boolean stopping;

  /** Creates the services of a registry. The generator must be thread-safe. */
  Engine(Values values, Ticker ticker, Threads threads, RandomGenerator random) {
    this.values = values;
    this.ticker = ticker;
    this.deadlines = new Deadlines(ticker, values.writeDeadline());
    this.writers = new Writers(ticker, threads.virtual("tidings-writer"));
    this.heartbeats = new Heartbeats(ticker, writers);
    this.jitter = new Jitter(random, values.leastReconnect(), values.mostReconnect());
    this.loops = new EndlessLoops(ticker);
    this.listeners = threads.numbered("tidings-listener-");
    this.rechecks = threads.numbered("tidings-recheck-");
    this.closers = threads.numbered("tidings-closer-");
    this.closeWithin = Checks.nanos(values.closeWithin());
    this.farewell = values.farewell().map(Frame::parting);
  }

  Values values() {
    return values;
  }

  Ticker ticker() {
    return ticker;
  }

  Deadlines deadlines() {
    return deadlines;
  }

  Writers writers() {
    return writers;
  }

  Heartbeats heartbeats() {
    return heartbeats;
  }

  Jitter jitter() {
    return jitter;
  }

  EndlessLoops loops() {
    return loops;
  }

  ThreadFactory rechecks() {
    return rechecks;
  }

  /** Returns the time in nanoseconds that a stream has to flush accepted events once it ends. */
  long closeWithin() {
    return closeWithin;
  }

  /** Runs a task on a thread of its own, because the task may wait for channels. */
  void closer(Runnable closing) {
    closers.newThread(closing).start();
  }

  /** Runs a listener of the application on a thread of its own. */
  void tell(String what, Runnable listener) {
    listeners.newThread(() -> UserCode.runOnOwnThread(what, listener)).start();
  }

  Frame encode(Event event) {
    return Frame.of(event, values.maxEventBytes(), values.queue().overflow());
  }

  /** Returns a random {@code retry:} for one client. */
  Frame retry() {
    return Frame.parting(Event.empty().withRetry(jitter.reconnect()));
  }

  /** Returns the farewell event, if there is one, and a {@code retry:} for one client. */
  List<Frame> farewell() {
    var retry = retry();
    return farewell.map(event -> List.of(event, retry)).orElseGet(() -> List.of(retry));
  }

  /** Makes streams send the farewell from now on. */
  void beginStop() {
    stopping = true;
  }

  boolean isStopping() {
    return stopping;
  }

  /** Aborts blocking calls and stops the ticker. No timeout expires after this. */
  @Override
  public void close() {
    deadlines.close();
    ticker.close();
  }
}
