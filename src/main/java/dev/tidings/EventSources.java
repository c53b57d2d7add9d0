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
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
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

  private final Settings settings;
  private final Engine engine;
  private final Capacity capacity;
  private final StreamIndex index;
  private final Admission admission;
  private final Membership membership = new Membership();
  private final List<Consumer<? super EventSource>> openListeners = new CopyOnWriteArrayList<>();
  private final List<BiConsumer<? super EventSource, ? super Ending>> endListeners =
      new CopyOnWriteArrayList<>();
  private final LongAdder opened = new LongAdder();
  private final LongAdder refused = new LongAdder();
  private final Map<Ending, LongAdder> ended = new ConcurrentHashMap<>();
  private final Shutdown.Steps steps;
  private final Shutdown shutdown;
  private volatile Naming naming = exchange -> exchange.getHttpContext().getPath();

  /** One that has the ticker for itself. */
  EventSources(Settings settings, Ticker ticker) {
    this(settings, ticker, new Threads(), new Random(), true);
  }

  /** The generator has to be thread-safe. If it does not close the ticker, {@link #engine} is to be closed. */
  EventSources(
      Settings settings,
      Ticker ticker,
      Threads threads,
      RandomGenerator random,
      boolean closesTicker) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.engine = new Engine(settings.values(), ticker, threads, random);
    this.capacity = new Capacity(settings.maxStreams(), settings.maxStreamsPerClient());
    this.index = new StreamIndex(capacity);
    this.admission = new Admission(engine, index, settings.bodyLimit(), settings.duplicates());
    this.steps = new Stopping(closesTicker);
    this.shutdown = new Shutdown(ticker, threads, steps);
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
    var member = new Member(membership, engine, exchange, identifier, client, settings.recheck());
    var stream = member.stream();
    index.claim(member);
    boolean begun = false;
    try {
      stream.life().prepare();
      headers.forEach(header -> stream.appendHeader(header.getKey(), header.getValue()));
      admission.begin(member);
      stream.sender().endOpening();
      begun = true;
    } finally {
      if (!begun) { // code of the application threw, say where clients are compared
        stream.life().abandon();
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
    return index.find(identifier);
  }

  /**
   * Returns the open streams whose identifiers match.
   *
   * @param identifiers asked once for each identifier, on this thread
   * @return a snapshot, in no order
   */
  public List<EventSource> find(Predicate<? super String> identifiers) {
    return index.find(Objects.requireNonNull(identifiers, "identifiers"));
  }

  /**
   * Returns the open streams that have an identifier.
   *
   * @return a snapshot, in no order
   */
  public List<EventSource> all() {
    return index.find(identifier -> true);
  }

  /**
   * Returns all open streams, those without an identifier too.
   *
   * @return a snapshot, in no order
   */
  public List<EventSource> streams() {
    var open = new ArrayList<EventSource>();
    for (EventSource stream : index.streams()) {
      if (stream.life().isListed()) {
        open.add(stream);
      }
    }
    return List.copyOf(open);
  }

  /**
   * Returns how many streams are open, those without an identifier too; of two that replace each other
   * only the newer one counts.
   *
   * @return zero or more, never more than {@link Settings#maxStreams(int)}
   */
  public int count() {
    return capacity.count();
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
    return deliver(engine.encode(event), index.streams());
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
    var frame = engine.encode(event);
    // In portions, so that many streams need no list of as many.
    var chosen = new ArrayList<EventSource>();
    int took = 0;
    try {
      for (EventSource stream : index.streams()) {
        if (stream.life().isListed() && to.test(stream)) {
          chosen.add(stream);
        }
        if (chosen.size() == PORTION) {
          var portion = List.copyOf(chosen);
          chosen.clear();
          took += deliver(frame, portion);
        }
      }
    } finally {
      took += deliver(frame, chosen); // also when the predicate throws
    }
    return took;
  }

  private int deliver(Frame frame, Iterable<EventSource> streams) {
    return engine
        .writers()
        .deliver(streams, (EventSource stream, Outbox.Starter to) -> stream.sender().offer(frame, to));
  }

  // Ending.

  /**
   * Ends all open streams as {@link Ending#CLOSED}, those without an identifier too, without waiting:
   * what they accepted is still handed over. Streams may open meanwhile and afterwards.
   *
   * @return how many ended by this call
   */
  public int dropAll() {
    return (int) streams().stream().filter(stream -> stream.life().end(Ending.CLOSED)).count();
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
    return (int) matching.stream().filter(stream -> stream.life().end(Ending.REVOKED)).count();
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
    Checks.requireNotNegative("grace", grace);
    refuse();
    shutdown.begin(grace);
    if (streams().stream().noneMatch(stream -> stream.sender().isOwn())) {
      shutdown.await();
    }
  }

  /**
   * Tells whether a stop has begun.
   *
   * @return true from the beginning of {@link SseServer#stop} or {@link #stop}
   */
  public boolean isStopping() {
    return engine.isStopping();
  }

  /** Admits no more streams. */
  void refuse() {
    engine.beginStop();
    capacity.shut();
  }

  /** The steps of a stop, for that of a server. */
  Shutdown.Steps steps() {
    return steps;
  }

  private final class Stopping implements Shutdown.Steps {
    private final boolean closesTicker;

    Stopping(boolean closesTicker) {
      this.closesTicker = closesTicker;
    }

    @Override
    public void sayFarewell() {
      for (EventSource stream : index.streams()) {
        stream.life().sayFarewell();
      }
    }

    @Override
    public void whenEmpty(Gate.Emptied emptied) {
      capacity.gate().whenEmpty(emptied);
    }

    /**
     * Also those that ended before and have not written what they accepted: the server's stop would wait for
     * them, or hang on TLS.
     */
    @Override
    public void endStreams(Duration limit) {
      for (EventSource stream : index.streams()) {
        if (stream.life().isListed() || !stream.isOpen()) {
          stream.life().end(Ending.STOPPING, limit.toNanos());
        }
      }
    }

    @Override
    public void awaitStreams(Duration limit) {
      try {
        capacity.gate().awaitEmpty(limit.toNanos());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public void close() {
      if (closesTicker) {
        engine.close();
      }
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

  /** What becomes of the registry when a stream opens, ends and is closed. */
  private final class Membership implements Member.Registry {
    @Override
    public void admitted() {
      opened.increment();
    }

    @Override
    public void opened(EventSource stream) {
      openListeners.forEach(
          listener -> UserCode.run("a listener of openings", () -> listener.accept(stream)));
    }

    /** Nobody finds the stream any more. */
    @Override
    public void ended(Member member, Ending why, boolean wasOpen) {
      if (wasOpen) {
        ended.computeIfAbsent(why, key -> new LongAdder()).increment();
        index.leave(member);
        capacity.leave(member);
      } else if (why == Ending.REFUSED) {
        refused.increment();
      }
    }

    @Override
    public void tellEnded(EventSource stream, Ending why) {
      endListeners.forEach(
          listener -> engine.tell("a listener of endings", () -> listener.accept(stream, why)));
    }

    @Override
    public void closed(Member member, boolean wasOpen) {
      index.release(member);
      if (wasOpen) {
        capacity.gate().leave();
      }
    }

    @Override
    public String route(HttpExchange exchange) {
      return naming.route(exchange);
    }
  }

  // For the server.

  /** Says by what requests are told apart in warnings. */
  interface Naming {
    /** Called on the handler's thread; must neither block nor throw. */
    String route(HttpExchange exchange);
  }

  Settings settings() {
    return settings;
  }

  Engine engine() {
    return engine;
  }

  /** To be called before the first warning. */
  void nameRoutes(Naming naming) {
    this.naming = naming;
  }
}
