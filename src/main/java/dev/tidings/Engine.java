package dev.tidings;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.random.RandomGenerator;

/** The parts and values that all streams of one registry share. Closed by its creator. */
final class Engine implements AutoCloseable {

  /** What a stream has to know of the settings; see there. */
  record Values(
      Duration heartbeat,
      Duration writeDeadline,
      FrameQueue.Bounds queue,
      int maxEventBytes,
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
  private final Optional<Frame> farewell;
  private volatile boolean stopping;

  /** The generator has to be thread-safe. */
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

  /** Runs a listener of the application on a thread of its own. */
  void tell(String what, Runnable listener) {
    listeners.newThread(() -> UserCode.runOnOwnThread(what, listener)).start();
  }

  Frame encode(Event event) {
    return Frame.of(event, values.maxEventBytes(), values.queue().overflow());
  }

  /** Tells one client when to come back. */
  Frame retry() {
    return Frame.parting(Event.empty().withRetry(jitter.reconnect()));
  }

  /** The last words to one client because of a stop. */
  List<Frame> farewell() {
    var retry = retry();
    return farewell.map(event -> List.of(event, retry)).orElseGet(() -> List.of(retry));
  }

  /** From now on streams say farewell. */
  void beginStop() {
    stopping = true;
  }

  boolean isStopping() {
    return stopping;
  }

  /** After this no time passes, so nothing may block that only time would end. */
  @Override
  public void close() {
    deadlines.close();
    ticker.close();
  }
}
