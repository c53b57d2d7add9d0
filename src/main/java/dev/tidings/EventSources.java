package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

/**
 * The open streams: opens them on exchanges, finds them by identifier, sends to all of them, ends them.
 *
 * <p>{@link #getByIdentifier}, {@link #find} and {@link #all} see the streams that have an identifier;
 * {@link #streams} and {@link #broadcast} see every stream. All methods may be called from any thread;
 * only {@link #open}, {@link #stop} and {@link #close} block.
 *
 * {@snippet file="OwnServer.java" region="open"}
 */
public final class EventSources implements AutoCloseable {
  private static final int PORTION = 1024; // streams
  private static final Duration STOP_LIMIT = Duration.ofMillis(800);
  private static final Duration STOP_SLACK = Duration.ofMillis(500); // what is cut has ended by then

  private final Settings settings;
  private final Ticker ticker;
  private final Deadlines deadlines;
  private final Executor listeners;
  private final ThreadFactory recheckThreads;
  private final FanOut fanOut;
  private final Pulse pulse;
  private final EndlessLoops loops;
  private final Spread spread;
  private final Crowd crowd;
  private final Registry registry;
  private final Admission admission;
  private final List<Consumer<? super EventSource>> openListeners = new CopyOnWriteArrayList<>();
  private final List<BiConsumer<? super EventSource, ? super Ending>> endListeners =
      new CopyOnWriteArrayList<>();
  private final LongAdder opened = new LongAdder();
  private final LongAdder refused = new LongAdder();
  private final Map<Ending, LongAdder> ended = new ConcurrentHashMap<>();
  private final Optional<Frame> farewell;
  private final Stop stop;
  private volatile boolean stopping;
  private volatile Function<HttpExchange, String> route =
      exchange -> exchange.getHttpContext().getPath();

  /** One that has the ticker for itself. */
  EventSources(Settings settings, Ticker ticker) {
    this(settings, ticker, new Threads(), new Random(), true);
  }

  /** The generator has to be thread-safe; who owns the ticker closes it. */
  EventSources(
      Settings settings,
      Ticker ticker,
      Threads threads,
      RandomGenerator random,
      boolean ownsTicker) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.ticker = ticker;
    this.deadlines = new Deadlines(ticker, settings.writeDeadline());
    var listenerThreads = threads.numbered("tidings-listener-");
    this.listeners = task -> listenerThreads.newThread(task).start();
    this.recheckThreads = threads.numbered("tidings-recheck-");
    this.fanOut = new FanOut(ticker, threads.virtual("tidings-writer"));
    this.pulse = new Pulse(ticker, fanOut);
    this.loops = new EndlessLoops(ticker);
    this.spread = new Spread(settings, random);
    this.crowd = new Crowd(settings);
    this.registry = new Registry(crowd);
    this.admission = new Admission(settings, registry, deadlines, spread);
    this.farewell = settings.farewell().map(event -> Frame.parting(WireFormat.bytes(event)));
    this.stop = new Stop(ticker, threads, () -> runStop(ownsTicker));
  }

  /**
   * Creates a registry with the default settings.
   *
   * @return a registry, whose one daemon thread ends with {@link #close}
   */
  public static EventSources create() {
    return create(Settings.defaults());
  }

  /**
   * Creates a registry.
   *
   * @param settings what holds for its streams
   * @return a registry, whose one daemon thread ends with {@link #close}
   */
  public static EventSources create(Settings settings) {
    return new EventSources(settings, Ticker.system(new Threads()));
  }

  // Opening.

  /**
   * Opens a stream without an identifier; otherwise as {@link #open(HttpExchange, String)}.
   *
   * @param exchange the request to answer with a stream
   * @return the stream
   * @throws IllegalStateException as there
   */
  public EventSource open(HttpExchange exchange) {
    return open(exchange, Optional.empty(), List.of());
  }

  /**
   * Opens a stream. What the handler has not read of the request's body is read and thrown away first,
   * which may block, at most for the write deadline. Nothing is sent yet.
   *
   * <p>The stream that is returned has ended already if the client went away ({@link
   * Ending#CLIENT_GONE}), if its body was larger than {@link Settings#bodyLimit} (413), or if the
   * client was told before to stay away ({@link Ending#COMPLETED}: {@code 204}; see {@link
   * EventSource#complete()}). It has ended as {@link Ending#REFUSED} too if there is no room ({@link
   * Settings#maxStreams(int)}, {@link Settings#maxStreamsPerClient(int)}), if the identifier is in use
   * and {@link Duplicates#REFUSE} is set, or if the registry stops: a GET that accepts {@code
   * text/event-stream}, as an EventSource sends it, gets {@code 200}, a {@code retry:} and an end, so
   * that it comes back; all others get {@code 503} with {@code Retry-After}. A HEAD request gets a
   * stream that ends with its headers, is in no registry and takes no room. What {@link
   * Settings#client} throws reaches the caller, and no stream is opened.
   *
   * @param exchange the request to answer with a stream; any method
   * @param identifier what the stream can be found by: any text, compared exactly
   * @return the stream
   * @throws IllegalStateException if a response has been started or a stream opened on this exchange,
   *     or if the server runs its handlers on its own dispatcher thread, which a stream would stop
   */
  public EventSource open(HttpExchange exchange, String identifier) {
    return open(exchange, Optional.of(identifier), List.of());
  }

  /** With headers that were checked, besides the stream's own. */
  EventSource open(
      HttpExchange exchange, Optional<String> identifier, List<Map.Entry<String, String>> headers) {
    JdkServer.requireExecutor(exchange);
    if (Response.isBegun(exchange)) {
      throw new IllegalStateException("this request has been answered");
    }
    JdkServer.warnOnce();
    boolean counts = settings.maxStreamsPerClient() < Integer.MAX_VALUE;
    Object client = counts ? settings.client().apply(exchange) : null;
    var stream = new EventSource(this, exchange, identifier, client);
    registry.claim(exchange, stream);
    boolean begun = false;
    try {
      stream.prepare();
      headers.forEach(header -> stream.appendHeader(header.getKey(), header.getValue()));
      admission.begin(stream, exchange);
      stream.endOpening();
      begun = true;
    } finally {
      if (!begun) { // the user's code threw, say where clients are compared
        stream.abandon();
      }
    }
    return stream;
  }

  // Finding.

  /**
   * Returns the open stream with this identifier.
   *
   * @param identifier compared exactly
   * @return the stream; the newest if there are several; empty if there is none
   */
  public Optional<EventSource> getByIdentifier(String identifier) {
    return registry.find(identifier);
  }

  /**
   * Returns the open streams whose identifiers match.
   *
   * @param identifiers asked once for each identifier, on this thread
   * @return a snapshot, in no order
   */
  public List<EventSource> find(Predicate<? super String> identifiers) {
    return registry.find(Objects.requireNonNull(identifiers, "identifiers"));
  }

  /**
   * Returns the open streams that have an identifier.
   *
   * @return a snapshot, in no order
   */
  public List<EventSource> all() {
    return registry.find(identifier -> true);
  }

  /**
   * Returns all open streams, those without an identifier too.
   *
   * @return a snapshot, in no order
   */
  public List<EventSource> streams() {
    return registry.claimed().stream().filter(EventSource::isListed).toList();
  }

  /**
   * Returns how many streams are open, those without an identifier too; of two that replace each other
   * only the newer one counts.
   *
   * @return zero or more, never more than {@link Settings#maxStreams(int)}
   */
  public int count() {
    return crowd.count();
  }

  /**
   * Returns how many streams have been opened since the registry was created.
   *
   * @return zero or more
   */
  public long opened() {
    return opened.sum();
  }

  /**
   * Returns how many streams have ended since the registry was created, by their endings; {@link
   * Ending#REFUSED} counts those that were turned away, but not clients that came back after {@link
   * EventSource#complete()}, who are no streams.
   *
   * @return a snapshot
   */
  public Map<Ending, Long> ended() {
    var counts = new EnumMap<Ending, Long>(Ending.class);
    ended.forEach((why, count) -> counts.put(why, count.sum()));
    if (refused.sum() > 0) {
      counts.put(Ending.REFUSED, refused.sum());
    }
    return counts;
  }

  // Sending.

  /**
   * Offers a message to every open stream; otherwise as {@link #broadcast(Event)}.
   *
   * @param data the text, any text
   * @return how many streams took it
   */
  public int broadcast(String data) {
    return broadcast(Event.of(data));
  }

  /**
   * Offers an event to every open stream, those without an identifier too. Never waits for a client:
   * {@link Settings#overflow} decides about a stream whose outbox is full. A stream that is open during
   * the whole call gets the event exactly once.
   *
   * @param event encoded once for all
   * @return how many streams took it
   * @throws IllegalArgumentException if it is larger than {@link Settings#maxEventBytes(int)}
   */
  public int broadcast(Event event) {
    return broadcast(event, stream -> true);
  }

  /**
   * Offers an event to the open streams that match; otherwise as {@link #broadcast(Event)}.
   *
   * @param event encoded once for all
   * @param to asked once for each stream, on this thread, while nothing of the library is held: it may
   *     block, and may send to streams or end them. If it throws, that reaches the caller; the streams
   *     that it chose before are offered the event
   * @return how many streams took it
   * @throws IllegalArgumentException if it is larger than {@link Settings#maxEventBytes(int)}
   */
  public int broadcast(Event event, Predicate<? super EventSource> to) {
    Objects.requireNonNull(to, "to");
    var frame = Frame.of(event, settings);
    var streams = registry.claimedInOrder();
    // In portions, so that many streams need no list of as many.
    var chosen = new ArrayList<EventSource>(Math.min(streams.size(), PORTION));
    int took = 0;
    try {
      for (EventSource stream : streams) {
        if (stream.isListed() && to.test(stream)) {
          chosen.add(stream);
        }
        if (chosen.size() == PORTION) {
          took += offer(frame, chosen);
        }
      }
    } finally {
      took += offer(frame, chosen); // also when the predicate throws
    }
    return took;
  }

  /** Offers it to these, and empties the list. Runs no code of the user's. */
  private int offer(Frame frame, List<EventSource> streams) {
    var broadcast = fanOut.broadcast();
    int took = 0;
    try {
      for (EventSource stream : streams) {
        took += stream.offer(frame, broadcast) ? 1 : 0;
      }
    } finally {
      streams.clear();
      broadcast.flush();
    }
    return took;
  }

  // Ending.

  /**
   * Ends all open streams as {@link Ending#CLOSED}, those without an identifier too, without waiting:
   * what they accepted is still handed over. Streams may open meanwhile and afterwards.
   *
   * @return how many ended by this call
   */
  public int dropAll() {
    return (int) streams().stream().filter(stream -> stream.end(Ending.CLOSED)).count();
  }

  /**
   * Ends all open streams that match as {@link Ending#REVOKED}, those without an identifier too, without
   * waiting: what they accepted is still handed over. A client may come back; whether it gets in again
   * is for the handler to say.
   *
   * @param which asked once for each stream, on this thread, before any ends
   * @return how many ended by this call
   */
  public int drop(Predicate<? super EventSource> which) {
    var matching = streams().stream().filter(which).toList();
    return (int) matching.stream().filter(stream -> stream.end(Ending.REVOKED)).count();
  }

  // Stopping.

  /**
   * Stops at once: as {@link #stop} without time of grace.
   */
  @Override
  public void close() {
    stop(Duration.ZERO);
  }

  /**
   * Refuses new streams, sends each open one the {@link Settings#farewell farewell} event and a {@code
   * retry:} from the range of {@link Settings#reconnect}, and gives them this time to come to their own
   * end. Then it ends the rest as {@link Ending#STOPPING}, hands over what was accepted, and cuts
   * who does not take it within 0.8 seconds. Blocks until all streams have ended, which may be early;
   * returns within the time of grace and a second.
   *
   * <p>Idempotent: a second call waits for the same stop, and shortens the grace if its own is shorter.
   * An interrupt ends the grace; the status stays. Called by a handler whose stream is open, it returns
   * at once, since it would wait for itself, and the stop goes on.
   *
   * @param grace zero or more; more than 292 years are until each stream has reached its own end
   * @throws IllegalArgumentException if it is negative
   */
  public void stop(Duration grace) {
    Time.requireNotNegative("grace", grace);
    refuse();
    stop.begin(grace);
    if (streams().stream().noneMatch(EventSource::isOwn)) {
      stop.await();
    }
  }

  /**
   * Tells whether a stop has begun.
   *
   * @return true from the beginning of {@link SseServer#stop} or {@link #stop}
   */
  public boolean isStopping() {
    return stopping;
  }

  private void runStop(boolean ownsTicker) {
    sayFarewell();
    crowd.whenEmpty(stop::endGrace);
    stop.awaitGrace();
    endRest();
    awaitEnd();
    if (ownsTicker) {
      closeTicker();
    }
  }

  /** After this no time passes, so nothing may block that only time would end. */
  void closeTicker() {
    deadlines.close();
    ticker.close();
  }

  /** Lets nobody in any more. */
  void refuse() {
    stopping = true;
    crowd.shut();
  }

  void sayFarewell() {
    streams().forEach(EventSource::sayFarewell);
  }

  List<Frame> farewell() {
    var retry = retry();
    return farewell.map(event -> List.of(event, retry)).orElseGet(() -> List.of(retry));
  }

  /** Tells one client when to come back. */
  Frame retry() {
    return Frame.parting(WireFormat.bytes(Event.empty().withRetry(spread.reconnect())));
  }

  /**
   * Ends who is left, without waiting; what was accepted has its limit. So has what those accepted who
   * ended before and have not handed it over: the server's stop would wait for them, or hang on TLS.
   */
  void endRest() {
    registry.claimed().stream()
        .filter(stream -> stream.isListed() || !stream.isOpen())
        .forEach(stream -> stream.end(Ending.STOPPING, STOP_LIMIT.toNanos()));
  }

  /** Waits until all is handed over or cut, which the deadlines bound. */
  void awaitEnd() {
    try {
      crowd.awaitEmpty(STOP_LIMIT.plus(STOP_SLACK).toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // Listeners.

  /**
   * Adds a listener for streams that open. It runs exactly once for each, on the thread that opens it,
   * when the stream is in the registry and before {@code open} returns. What it throws is logged.
   *
   * @param listener told the stream
   */
  public void onOpen(Consumer<? super EventSource> listener) {
    openListeners.add(Objects.requireNonNull(listener, "listener"));
  }

  /**
   * Adds a listener for streams that end. It runs exactly once for each, on a thread of its own, when
   * the stream has left the registry and the listeners of its opening have run. What it throws is
   * logged.
   *
   * @param listener told the stream and why it ended
   */
  public void onEnd(BiConsumer<? super EventSource, ? super Ending> listener) {
    endListeners.add(Objects.requireNonNull(listener, "listener"));
  }

  void tellOpened(EventSource stream) {
    openListeners.forEach(
        listener -> UserCode.run("a listener of openings", () -> listener.accept(stream)));
  }

  void tellEnded(EventSource stream, Ending why) {
    for (var listener : endListeners) {
      listeners.execute(
          () -> UserCode.runOnOwnThread("a listener of endings", () -> listener.accept(stream, why)));
    }
  }

  // For the streams.

  void admitted() {
    opened.increment();
  }

  /** The stream has ended: nobody finds it any more. */
  void leave(EventSource stream, Ending why) {
    if (stream.isAdmitted()) {
      ended.computeIfAbsent(why, key -> new LongAdder()).increment();
      stream.identifier().ifPresent(identifier -> registry.leave(identifier, stream));
      crowd.leave(stream);
    } else if (why == Ending.REFUSED) {
      refused.increment();
    }
  }

  /** The stream's exchange is closed. */
  void forget(EventSource stream) {
    registry.release(stream.exchange());
    if (stream.isAdmitted()) {
      crowd.gone();
    }
  }

  /** What may block on a client, on a thread that is not a stream's writer. */
  Guard newGuard() {
    return deadlines.newGuard();
  }

  Settings settings() {
    return settings;
  }

  EndlessLoops loops() {
    return loops;
  }

  /** Says by what requests are told apart in warnings; to be called before the first one. */
  void nameRoutes(Function<HttpExchange, String> route) {
    this.route = route;
  }

  String route(HttpExchange exchange) {
    return route.apply(exchange);
  }

  Spread spread() {
    return spread;
  }

  Ticker ticker() {
    return ticker;
  }

  Deadlines deadlines() {
    return deadlines;
  }

  /** Runs each listener's task on a thread of its own. */
  Executor listeners() {
    return listeners;
  }

  ThreadFactory recheckThreads() {
    return recheckThreads;
  }

  FanOut fanOut() {
    return fanOut;
  }

  Pulse pulse() {
    return pulse;
  }
}
