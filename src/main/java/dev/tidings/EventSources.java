package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

/**
 * A registry of open streams. It opens streams on exchanges, finds them by identifier, broadcasts to them, and ends
 * them.
 *
 * <p>{@link #getByIdentifier}, {@link #find} and {@link #all} return streams that have an identifier; {@link #streams}
 * and {@link #broadcast(Event)} also include streams without one. All methods may be called from any thread. Only
 * {@code open}, {@link #stop} and {@link #close} block on clients.
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
  private final Membership membership;
  private final Shutdown.Steps steps;
  private final Shutdown shutdown;

  /** Creates a registry that closes the ticker when it stops. */
  EventSources(Settings settings, Ticker ticker) {
    this(settings, ticker, new Threads(), new Random(), true);
  }

  /**
   * Creates a registry. The generator must be thread-safe. If {@code closesTicker} is false, the caller must close the
   * {@link #engine}.
   */
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
    this.membership = new Membership(engine, capacity, index);
    this.admission = new Admission(engine, index, settings.duplicates());
    this.steps = new Stopping(closesTicker);
    this.shutdown = new Shutdown(ticker, threads, steps);
  }

  /**
   * Creates a registry with the default settings.
   *
   * @return a registry with one daemon thread, which ends when the registry is closed
   */
  public static EventSources create() {
    return create(Settings.defaults());
  }

  /**
   * Creates a registry.
   *
   * @param settings limits, timeouts and policies of its streams
   * @return a registry with one daemon thread, which ends when the registry is closed
   */
  public static EventSources create(Settings settings) {
    return new EventSources(settings, Ticker.system(new Threads()));
  }

  // Opening.

  /**
   * Opens a stream without an identifier. {@link #open(HttpExchange, String)} describes the opening.
   *
   * @param exchange the request to answer with a stream
   * @return the stream
   * @throws IllegalStateException if the exchange already has a response or a stream, or if the server has no executor
   */
  public EventSource open(HttpExchange exchange) {
    return open(exchange, Optional.empty(), List.of(), false);
  }

  /**
   * Opens a stream. First reads and discards the rest of the request body, which blocks at most for
   * {@link Settings#withWriteDeadline}. Sends nothing yet. The caller must close the stream. {@link #handler} returns
   * a handler that does so; if your code throws, that handler sends an error response, or aborts the response if the
   * headers have been sent.
   *
   * <p>In the following cases, no stream is opened, and the returned stream has already ended:
   *
   * <ul>
   *   <li>The client disconnected, or the body did not arrive in time ({@link Ending#CLIENT_GONE}).
   *   <li>The body is larger than {@link Settings#withBodyLimit} ({@link Ending#REFUSED}). The client receives
   *       {@code 413}.
   *   <li>A limit is reached, the identifier is in use and {@link Duplicates#REFUSE} is set, or the registry is
   *       stopping ({@link Ending#REFUSED}). A GET or HEAD request that accepts {@code text/event-stream} receives
   *       {@code 200}; for GET, the stream consists of a {@code retry:}, so that an EventSource reconnects. Other
   *       requests receive {@code 503} with {@code Retry-After}.
   *   <li>The client reconnects after {@link EventSource#complete()}, or after its stream was replaced
   *       ({@link Ending#COMPLETED}). It receives {@code 204}.
   * </ul>
   *
   * <p>The stream of a HEAD request ends when its headers are sent. It is not in the registry and does not count
   * towards limits.
   *
   * @param exchange the request to answer with a stream; any method
   * @param identifier any text, compared exactly
   * @return the stream
   * @throws IllegalStateException if the exchange already has a response or a stream, or if the server has no executor,
   *     because the stream would block its only thread
   */
  public EventSource open(HttpExchange exchange, String identifier) {
    return open(exchange, Optional.of(identifier), List.of(), false);
  }

  /**
   * Opens a stream with the given headers, which were checked. {@code managed} is whether the end of its handler will
   * be reported.
   */
  EventSource open(
      HttpExchange exchange,
      Optional<String> identifier,
      List<Map.Entry<String, String>> headers,
      boolean managed) {
    JdkServer.requireExecutor(exchange);
    if (Response.isBegun(exchange)) {
      throw new IllegalStateException("this request has been answered");
    }
    JdkServer.warnOnce();
    boolean counts = settings.maxStreamsPerClient() < Integer.MAX_VALUE;
    Object client = counts ? settings.client().apply(exchange) : null;
    var member = new Member(membership, engine, exchange, identifier, client, settings.recheck());
    var stream = member.stream();
    if (managed) {
      stream.life().manage();
    }
    index.claim(member);
    boolean begun = false;
    try {
      stream.life().prepare();
      headers.forEach(header -> stream.appendHeader(header.getKey(), header.getValue()));
      admission.begin(member);
      stream.sender().endOpening();
      begun = true;
    } finally {
      if (!begun) { // application code threw, for example the equals method of a client
        stream.life().abandon();
      }
    }
    return stream;
  }

  /**
   * Returns a handler for an {@link HttpServer} of your own that answers requests with streams that have no identifier.
   * For each request, it reads the body, opens a stream, runs your handler, and closes the stream and the exchange.
   * The path of its context is a prefix without placeholders, so {@link SseRequest#path(String)} has no values.
   *
   * @param handler sends the events; {@link RequestHandler} describes the details
   * @return a handler for {@link HttpServer#createContext(String, HttpHandler)}
   */
  public HttpHandler handler(RequestHandler handler) {
    return handler(StreamRoute.of(handler));
  }

  /**
   * Returns a handler for an {@link HttpServer} of your own that answers requests with streams that have an identifier.
   * For each request, it reads the body, calls {@code id}, opens a stream, runs your handler, and closes the stream and
   * the exchange. The path of its context is a prefix without placeholders, so {@link SseRequest#path(String)} has no
   * values.
   *
   * @param id chooses the identifier, or refuses the request
   * @param handler sends the events; {@link RequestHandler} describes the details
   * @return a handler for {@link HttpServer#createContext(String, HttpHandler)}
   */
  public HttpHandler handler(StreamId id, RequestHandler handler) {
    return handler(StreamRoute.of(id, handler));
  }

  private HttpHandler handler(StreamRoute route) {
    return exchange -> {
      JdkServer.requireExecutor(exchange); // before anything blocks
      handling(exchange).run(route);
    };
  }

  // Finding.

  /**
   * Returns the open stream with this identifier.
   *
   * @param identifier compared exactly
   * @return the newest of these streams; empty if there is none
   */
  public Optional<EventSource> getByIdentifier(String identifier) {
    return index.find(identifier);
  }

  /**
   * Returns the open streams whose identifiers match.
   *
   * @param identifiers called once for each identifier, on this thread
   * @return a snapshot, in no particular order
   */
  public List<EventSource> find(Predicate<? super String> identifiers) {
    return index.find(Objects.requireNonNull(identifiers, "identifiers"));
  }

  /**
   * Returns the open streams that have an identifier. {@link #streams} also returns the others.
   *
   * @return a snapshot, in no particular order
   */
  public List<EventSource> all() {
    return index.find(identifier -> true);
  }

  /**
   * Returns all open streams, with and without an identifier.
   *
   * @return a snapshot, in no particular order
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
   * Returns the number of open streams, with and without an identifier. Streams that are being replaced are not
   * counted.
   *
   * @return zero or more, at most {@link Settings#withMaxStreams}
   */
  public int count() {
    return capacity.count();
  }

  /**
   * Returns the counts and the traffic of this registry. Takes time proportional to the number of open streams.
   *
   * @return a snapshot
   */
  public Stats stats() {
    return membership.stats();
  }

  // Sending.

  /**
   * Offers a message to every open stream. Does not block on clients.
   *
   * @param data any text
   * @return the number of streams that accepted the message
   * @throws IllegalArgumentException if the message is larger than {@link Settings#withMaxEventBytes}
   */
  public int broadcast(String data) {
    return broadcast(Event.of(data));
  }

  /**
   * Offers a named event to every open stream. Does not block on clients.
   *
   * @param name the event name, which the DOM calls type
   * @param data any text
   * @return the number of streams that accepted the event
   * @throws IllegalArgumentException if the name is empty or has a line break, or the event is larger than {@link
   *     Settings#withMaxEventBytes}
   */
  public int broadcast(String name, String data) {
    return broadcast(Event.of(name, data));
  }

  /**
   * Offers an event to every open stream, with and without an identifier. Does not block on clients:
   * {@link Settings#withOverflow} applies to streams whose outbox is full. The event is encoded once. A stream that is
   * open during the whole call is offered the event exactly once.
   *
   * @param event the event
   * @return the number of streams that accepted the event
   * @throws IllegalArgumentException if the event is larger than {@link Settings#withMaxEventBytes}
   */
  public int broadcast(Event event) {
    return deliver(engine.encode(event), index.streams());
  }

  /**
   * Offers an event to the open streams that match. Does not block on clients. The event is encoded once.
   *
   * @param event the event
   * @param to called once for each open stream, on this thread, without locks, so that it may block, send to streams
   *     and end them. {@code broadcast} throws its exceptions, after it has offered the event to the streams that
   *     matched before
   * @return the number of streams that accepted the event
   * @throws IllegalArgumentException if the event is larger than {@link Settings#withMaxEventBytes}
   */
  public int broadcast(Event event, Predicate<? super EventSource> to) {
    Objects.requireNonNull(to, "to");
    var frame = engine.encode(event);
    // In portions, so that the list stays short even for many streams.
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

  /**
   * Offers an event to the given streams, in their order. Streams that have ended are skipped. Does not block on
   * clients. The event is encoded once.
   *
   * @param event the event
   * @param to streams of this registry; a stream that is contained twice is offered the event twice
   * @return the number of streams that accepted the event
   * @throws IllegalArgumentException if a stream belongs to another registry, or if the event is larger than
   *     {@link Settings#withMaxEventBytes}; no stream is then offered the event
   */
  public int broadcast(Event event, Collection<EventSource> to) {
    var streams = List.copyOf(to); // the collection may change during the call
    for (EventSource stream : streams) {
      if (!stream.sender().isOf(engine)) {
        throw new IllegalArgumentException("a stream of another registry: " + stream);
      }
    }
    return deliver(engine.encode(event), streams);
  }

  /**
   * Sends a ping to each open stream now, so that tests can detect a disconnect without waiting for a heartbeat. A
   * second write follows within about a second. Like a heartbeat, this ping sends the headers if necessary. Does not
   * block on clients.
   *
   * @return the number of streams that accepted the ping; streams with queued events do not need one
   */
  public int ping() {
    return engine
        .writers()
        .deliver(
            index.streams(),
            (EventSource stream, Outbox.Starter to) -> stream.sender().pingNow(to));
  }

  private int deliver(Frame frame, Iterable<EventSource> streams) {
    return engine
        .writers()
        .deliver(streams, (EventSource stream, Outbox.Starter to) -> stream.sender().offer(frame, to));
  }

  // Ending.

  /**
   * Ends all open streams as {@link Ending#REVOKED}, with and without an identifier. Does not block: other threads
   * flush the accepted events. New streams may open during and after the call.
   *
   * @return the number of streams that this call ended
   */
  public int dropAll() {
    return (int) streams().stream().filter(stream -> stream.life().end(Ending.REVOKED)).count();
  }

  /**
   * Ends the open streams that match as {@link Ending#REVOKED}. Does not block: other threads flush the accepted
   * events. Clients may reconnect; refuse them in the handler or in an authenticator.
   *
   * @param which called once for each open stream, on this thread, before any stream is ended
   * @return the number of streams that this call ended
   */
  public int drop(Predicate<? super EventSource> which) {
    var matching = streams().stream().filter(which).toList();
    return (int) matching.stream().filter(stream -> stream.life().end(Ending.REVOKED)).count();
  }

  // Stopping.

  /** Stops the registry with a grace period of zero ({@link #stop}). */
  @Override
  public void close() {
    stop(Duration.ZERO);
  }

  /**
   * Stops the registry. New streams are refused. Each open stream is sent the {@link Settings#withFarewell farewell}
   * event and a {@code retry:} from the range of {@link Settings#withReconnect}, and handlers have the grace period to
   * finish. Then the remaining streams end as {@link Ending#STOPPING}; accepted events are flushed within 0.8 s, and
   * connections that are not flushed by then are aborted. Blocks until all streams are closed, at most for the grace
   * period plus one second.
   *
   * <p>Idempotent: a second call waits for the same stop, and shortens the grace period if its own is shorter. An
   * interrupt ends the grace period; the interrupt status stays set. If the handler of a stream calls this method, the
   * call returns at once, and the stop continues.
   *
   * @param grace zero or more; {@code ChronoUnit.FOREVER.getDuration()} means no time limit
   * @throws IllegalArgumentException if the grace period is negative
   */
  public void stop(Duration grace) {
    Checks.requireNotNegative("grace", grace);
    refuse();
    shutdown.begin(grace);
    if (!isInHandler()) {
      shutdown.await();
    }
  }

  /** Returns whether this thread opened a stream whose exchange is not closed. */
  private boolean isInHandler() {
    for (EventSource stream : index.streams()) {
      if (stream.sender().isOwn()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Returns whether a stop has begun.
   *
   * @return {@code true} once {@link SseServer#stop} or {@link #stop} has been called
   */
  public boolean isStopping() {
    return engine.isStopping();
  }

  /** Begins to refuse new streams. */
  void refuse() {
    engine.beginStop();
    capacity.shut();
  }

  /** Returns the steps of the stop, for a server that stops this registry. */
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
     * Includes streams that have ended but have not flushed their events. Otherwise, the stop of the server would wait
     * for them, or hang on TLS.
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
   * Adds a listener for opened streams. The listener runs exactly once for each stream, on the thread that opens the
   * stream, after the stream has entered the registry and before {@code open} returns. Exceptions are logged.
   *
   * @param listener receives the stream
   * @return a registration, which removes the listener when it is closed
   */
  public Registration onOpen(Consumer<? super EventSource> listener) {
    return membership.onOpen(Objects.requireNonNull(listener, "listener"));
  }

  /**
   * Adds a listener for ended streams. The listener runs exactly once for each stream, on a thread of its own, after
   * the stream has left the registry and the {@link #onOpen} listeners have run for it. Exceptions are logged.
   *
   * @param listener receives the stream and the reason why it ended
   * @return a registration, which removes the listener when it is closed
   */
  public Registration onEnd(BiConsumer<? super EventSource, ? super Ending> listener) {
    return membership.onEnd(Objects.requireNonNull(listener, "listener"));
  }

  // For the server.

  Engine engine() {
    return engine;
  }

  Handling handling(HttpExchange exchange) {
    return new Handling(
        exchange,
        engine,
        new SseRequest.Opener() {
          @Override
          public EventSource open(
              HttpExchange exchange,
              Optional<String> identifier,
              List<Map.Entry<String, String>> headers) {
            return EventSources.this.open(exchange, identifier, headers, true);
          }

          @Override
          public void refused() {
            membership.ended(Ending.REFUSED, false);
          }
        });
  }

  /** Sets the names of routes in warnings and recordings. Must be called before the first stream is opened. */
  void nameRoutes(Membership.Naming naming) {
    membership.nameRoutes(naming);
  }

  // For a cluster.

  /** Adds the observer of a cluster. Returns false if the registry is in a cluster. */
  boolean observe(Membership.Observer observer) {
    return membership.observe(observer);
  }

  void unobserve(Membership.Observer observer) {
    membership.unobserve(observer);
  }

  /** Returns whether a new stream replaces the older one with the same identifier. */
  boolean replacesDuplicates() {
    return settings.duplicates() == Duplicates.REPLACE;
  }

  /** Returns all open streams with this identifier. */
  List<EventSource> findAll(String identifier) {
    return index.findAll(identifier);
  }
}
