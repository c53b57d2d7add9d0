package dev.tidings;

import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.function.Predicate;

/**
 * Events that are published once and go to many streams, with a history, so that a client that was cut
 * off goes on where it was: nothing lost, nothing twice, everything in order, however many publish
 * meanwhile.
 *
 * {@snippet file="Resume.java" region="channel"}
 *
 * <p>A stream that joins gets what its {@link EventSource#lastEventId()} does not have yet, and then
 * what is published; without such an id, what is published from then on. A client that is slower than
 * the channel lags behind, reads the history at its own speed and holds up nobody; it is cut only if a
 * write exceeds the write deadline. What the history no longer holds is told to it by one
 * <em>gap</em> event for each loss, in the place where the lost ones would be.
 *
 * <p>All methods may be called from any thread.
 *
 * @implNote The stream's overflow policy does not decide about a channel's events, which never give
 *     way. The log is read by one virtual thread for all streams that are up to date, and one for each
 *     stream that is not.
 */
public final class Channel implements AutoCloseable {
  private static final Duration PAUSE = Duration.ofSeconds(1);
  private static final int TURNS = 16 * Runtime.getRuntime().availableProcessors();
  // Of logs that do not say what they hold.
  private static final long TENTH_OF_OTHERS = 100; // events
  private static final long TENTH_OF_AGE_OF_OTHERS = Duration.ofMinutes(1).toNanos();

  private final String name;
  private final EventLog log;
  private final LogReader reader;
  private final ThreadFactory replayThreads;
  private final Tail tail;
  private final EntryCache cache = new EntryCache();
  private final Semaphore turns = new Semaphore(TURNS, true);
  private final ConcurrentHashMap<EventSource, Subscriber> subscribers = new ConcurrentHashMap<>();
  private volatile String gapName = "gap";
  private volatile boolean closed;

  Channel(String name, EventLog log, Duration pause) {
    this.name = Objects.requireNonNull(name, "name");
    this.log = Objects.requireNonNull(log, "log");
    this.reader = new LogReader(log, pause);
    var threads = new Threads();
    this.replayThreads = threads.numbered("tidings-replay-");
    this.tail = new Tail(reader, threads.virtual("tidings-channel"));
  }

  /**
   * Creates a channel without a name, with its history in memory ({@link EventLog#inMemory()}).
   *
   * @return a channel
   */
  public static Channel create() {
    return create(EventLog.inMemory());
  }

  /**
   * Creates a channel without a name.
   *
   * @param log its history; several channels, on several machines, may share one
   * @return a channel
   */
  public static Channel create(EventLog log) {
    return new Channel("", log, PAUSE);
  }

  /**
   * Creates a channel with a name, so that a stream can be in several.
   *
   * @param name any text, not empty; the same after a restart, since it is part of the ids that clients
   *     of {@link #joinAll} have
   * @param log its history
   * @return a channel
   * @throws IllegalArgumentException if the name is empty or has a lone surrogate
   */
  public static Channel create(String name, EventLog log) {
    if (name.isEmpty()) {
      throw new IllegalArgumentException("the name of a channel must not be empty");
    }
    return new Channel(Checks.requireWellFormed("name of a channel", name), log, PAUSE);
  }

  /**
   * Sets the name of the event that tells a client of a gap in its history (default: {@code gap}). Its
   * data is a JSON object: {@code after} is the id that the client had, {@code from} the id after which
   * it goes on, {@code missed} how many events are lost, if that is known, and {@code channel} the name
   * of this channel, if it has one.
   *
   * @param gapName the event type
   * @return this channel
   * @throws IllegalArgumentException if the name is empty or has CR, LF or a lone surrogate
   */
  public Channel gapName(String gapName) {
    WireFormat.checkName(gapName);
    this.gapName = Checks.requireWellFormed("gapName", gapName);
    return this;
  }

  /**
   * Publishes an event to all streams that have joined, and to those that come back later. Never waits
   * for a client; it blocks for as long as the log takes to append.
   *
   * @param event its id, if it has one, is replaced
   * @return its id
   * @throws IllegalStateException if the channel is closed
   * @throws IllegalArgumentException if the log gave an id that breaks the rule of {@link EventLog}; the
   *     event is appended, but no stream can be given it
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  public String publish(Event event) {
    requireOpen();
    String id = log.append(event);
    WireFormat.checkLogId(id);
    return id;
  }

  /**
   * Publishes a message; otherwise as {@link #publish(Event)}.
   *
   * @param data the text, any text
   * @return its id
   * @throws IllegalStateException if the channel is closed
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  public String publish(String data) {
    return publish(Event.of(data));
  }

  // Joining.

  /**
   * Lets a stream have all events; otherwise as {@link #join(EventSource, Predicate)}.
   *
   * @param stream the stream
   * @throws IllegalStateException as there
   */
  public void join(EventSource stream) {
    join(stream, Optional.empty());
  }

  /**
   * Lets a stream have the events that match, from its {@link EventSource#lastEventId()} on or, if it
   * has none, all that are published once this method has returned: then its client is told its position
   * at once, by an event of the type {@code tidings:position} without text, which scripts see only if
   * they listen for that type, while some clients that are no browsers hand it on. The stream is in the
   * channel until it ends or leaves; its handler waits meanwhile, as in {@code keepAlive()}. Joining does
   * not send the headers: what the channel has for the stream waits for the handler's first message or
   * wait, as {@link EventSource} says. Whatever else is sent on the stream should have no id, since the
   * client would take that for its position.
   *
   * <p>Does not wait for the client. Without a last event id it asks the log for its latest id; if the
   * log cannot be reached, the stream begins where the log is when it can be.
   *
   * @param stream the stream; one that has ended gets nothing
   * @param filter asked for each event, of some twice, on threads of the channel, so it has to be quick;
   *     events at which it throws, which is logged, do not match
   * @throws IllegalStateException if the channel is closed, or if the stream has joined a channel; of
   *     two channels by themselves it would get ids that tell the position in only one of them, so for
   *     several there is {@link #joinAll}
   */
  public void join(EventSource stream, Predicate<? super Event> filter) {
    join(stream, Optional.of(filter));
  }

  private void join(EventSource stream, Optional<Predicate<? super Event>> filter) {
    requireOpen();
    var cursor = attach(stream, false);
    var subscriber =
        new Subscriber(this, cursor, stream.lastEventId().map(Positions::bounded), filter);
    begin(List.of(subscriber));
  }

  /**
   * Lets a stream have all events of several channels; otherwise as {@link #join(EventSource)}. The
   * ids that its client gets tell its position in each of them. If the client comes back, it goes on in
   * each where it was, and begins anew in a channel that was not among them.
   *
   * {@snippet file="Resume.java" region="several"}
   *
   * @param stream the stream; one that has ended gets nothing
   * @param channels with different names
   * @throws IllegalArgumentException if there is no channel, if one has no name, if two have the same, or
   *     if ids of these could have more than 4,000 bytes: 70 with each name in percent-encoding
   * @throws IllegalStateException if a channel is closed, or if the stream has joined a channel
   */
  public static void joinAll(EventSource stream, Channel... channels) {
    if (channels.length == 0) { // the stream would be taken for one that has joined, for ever
      throw new IllegalArgumentException("at least one channel must be named");
    }
    var names = new HashSet<String>();
    for (Channel channel : channels) {
      channel.requireOpen();
      if (channel.name.isEmpty() || !names.add(channel.name)) {
        throw new IllegalArgumentException(
            "channels of one stream need names that differ: " + Quoted.java(channel.name));
      }
    }
    Positions.requireFit(names);
    var cursor = attach(stream, true);
    var positions = stream.lastEventId().map(id -> Positions.split(id, names));
    begin( // all are in the cursor before the first one may be left again
        Arrays.stream(channels)
            .map(
                channel ->
                    new Subscriber(
                        channel,
                        cursor,
                        positions.flatMap(of -> Optional.ofNullable(of.get(channel.name))),
                        Optional.empty()))
            .toList());
  }

  /** All positions are in the ids before the first event. */
  private static void begin(List<Subscriber> subscribers) {
    subscribers.forEach(Subscriber::enter);
    subscribers.forEach(Subscriber::ask);
    subscribers.forEach(Subscriber::begin);
  }

  private static Cursor attach(EventSource stream, boolean several) {
    var cursor = new Cursor(stream, several);
    if (!stream.life().attach(cursor)) {
      throw new IllegalStateException(
          "this stream has joined a channel; to be in several, use Channel.joinAll(stream, …)");
    }
    return cursor;
  }

  /** For a subscriber that is in its cursor. */
  void enter(Subscriber subscriber) {
    subscribers.put(subscriber.stream(), subscriber);
    if (closed || !subscriber.stream().isOpen()) { // it may have been looked for before it was here
      leave(subscriber.stream());
    }
  }

  /**
   * Takes a stream out of the channel. The stream stays open; when this has returned, nothing more is
   * sent to it. Does nothing if the stream is not in the channel.
   *
   * @param stream the stream
   */
  public void leave(EventSource stream) {
    var subscriber = subscribers.remove(stream);
    if (subscriber != null) {
      subscriber.stop();
    }
  }

  /**
   * Returns how many streams are in the channel.
   *
   * @return zero or more
   */
  public int count() {
    return subscribers.size();
  }

  /**
   * Closes the channel: nothing more is published or sent, and its threads end. The streams stay open,
   * and so does the log. Does not wait. Idempotent.
   */
  @Override
  public void close() {
    closed = true;
    reader.close();
    tail.close();
    List.copyOf(subscribers.keySet()).forEach(this::leave);
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the channel is closed");
    }
  }

  // For its subscribers.

  /** What can be known now; whoever follows asks again. */
  Optional<String> latest() {
    try {
      String id = log.latest();
      WireFormat.checkLogId(id);
      return Optional.of(id);
    } catch (Throwable e) {
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt(); // the application's thread
      }
      reader.failed(e);
      return Optional.empty();
    }
  }

  /**
   * Whether a client that is cut now might come back too late: since it was told its position so many
   * events were not for it, or so much time has passed.
   */
  boolean isFar(long skipped, long nanos) {
    return log instanceof MemoryEventLog memory
        ? memory.isTenth(skipped, nanos)
        : skipped >= TENTH_OF_OTHERS || nanos >= TENTH_OF_AGE_OF_OTHERS;
  }

  String name() {
    return name;
  }

  String gapName() {
    return gapName;
  }

  LogReader reader() {
    return reader;
  }

  ThreadFactory replayThreads() {
    return replayThreads;
  }

  Tail tail() {
    return tail;
  }

  /** The entries that its replays share. */
  EntryCache cache() {
    return cache;
  }

  /** How many replays may send at a time. */
  Semaphore turns() {
    return turns;
  }
}
