package dev.tidings;

import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.function.Predicate;

/**
 * Publishes events to many streams and keeps a history. A client that reconnects receives the events that it missed and
 * then new events, exactly once and in order.
 *
 * {@snippet file="Resume.java" region="channel"}
 *
 * <p>A stream that joins receives the events after its {@link EventSource#lastEventId()}. Without such an id, it
 * receives only events that are published later. A client that is slower than the channel receives the history at its
 * own speed and does not delay others; slowness ends its stream only if a write exceeds
 * {@link Settings#withWriteDeadline}. If events that a client missed are no longer in the history, the client receives
 * one <em>gap</em> event in their place.
 *
 * <p>{@link EventSource#close()}, {@link EventSource#complete()} and {@link EventSource#flush()} first deliver the
 * events that were published before the call. So does the library when it closes a stream whose handler has returned.
 * Other endings stop the delivery at once.
 *
 * <p>All methods may be called from any thread.
 *
 * @implNote A full outbox never drops events of channels: the overflow policy does not apply to them. One virtual
 *     thread reads the log for all streams that are up to date. Each stream that is catching up has a virtual thread
 *     of its own.
 */
public final class Channel implements AutoCloseable {
  private static final String GAP = "gap";
  private static final Duration PAUSE = Duration.ofSeconds(1);
  private static final int TURNS = 16 * Runtime.getRuntime().availableProcessors();
  // The limits of isFar for logs whose size is not known.
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
  private final String gapName;
  private volatile boolean closed;

  Channel(String name, EventLog log, String gapName, Duration pause) {
    this.name = Objects.requireNonNull(name, "name");
    this.gapName = gapName;
    this.log = Objects.requireNonNull(log, "log");
    this.reader = new LogReader(log, pause);
    var threads = new Threads();
    this.replayThreads = threads.numbered("tidings-replay-");
    this.tail = new Tail(reader, threads.virtual("tidings-channel"));
  }

  /**
   * Creates a channel without a name and with a history in memory ({@link EventLog#inMemory()}).
   *
   * @return a channel
   */
  public static Channel create() {
    return create(EventLog.inMemory());
  }

  /**
   * Creates a channel without a name.
   *
   * @param log the history; channels may share a log, also across processes
   * @return a channel
   */
  public static Channel create(EventLog log) {
    return new Channel("", log, GAP, PAUSE);
  }

  /**
   * Creates a channel with a name, so that a stream can join several channels ({@link #joinAll}).
   *
   * @param name any text, not empty; must be the same after a restart, because the ids of {@link #joinAll} depend on it
   * @param log the history
   * @return a channel
   * @throws IllegalArgumentException if the name is empty or has a lone surrogate
   */
  public static Channel create(String name, EventLog log) {
    return create(name, log, GAP);
  }

  /**
   * Creates a channel with a name and an event name for gaps (default: {@code gap}). The data of a gap event is a JSON
   * object: {@code after} is the position of the client before the gap, {@code from} is the id after which the stream
   * continues, {@code missed} is the number of lost events if it is known, and {@code channel} is the name of this
   * channel.
   *
   * @param name any text, not empty; must be the same after a restart, because the ids of {@link #joinAll} depend on it
   * @param log the history
   * @param gapName the event name for gaps
   * @return a channel
   * @throws IllegalArgumentException if a name is empty or has a lone surrogate, or if {@code gapName} has CR or LF
   */
  public static Channel create(String name, EventLog log, String gapName) {
    if (name.isEmpty()) {
      throw new IllegalArgumentException("the name of a channel must not be empty");
    }
    WireFormat.checkName(gapName);
    return new Channel(
        Checks.requireWellFormed("name of a channel", name),
        log,
        Checks.requireWellFormed("gapName", gapName),
        PAUSE);
  }

  /**
   * Publishes an event to all streams that have joined, and to clients that reconnect later. Does not block on clients;
   * blocks while the log appends.
   *
   * @param event the event; its id is replaced by the id that the log assigns
   * @return the id
   * @throws IllegalStateException if the channel is closed
   * @throws IllegalArgumentException if the log returned an id that {@link EventLog} does not allow; the event has been
   *     appended, but cannot be delivered
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  public String publish(Event event) {
    requireOpen();
    String id = log.append(event);
    WireFormat.checkLogId(id);
    return id;
  }

  /**
   * Publishes a message. Does not block on clients; blocks while the log appends.
   *
   * @param data any text
   * @return the id
   * @throws IllegalArgumentException if the log returned an id that {@link EventLog} does not allow
   * @throws IllegalStateException if the channel is closed
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  public String publish(String data) {
    return publish(Event.of(data));
  }

  /**
   * Publishes a named event. Does not block on clients; blocks while the log appends.
   *
   * @param name the event name, which the DOM calls type
   * @param data any text
   * @return the id
   * @throws IllegalArgumentException if the name is empty or has a line break, or if the log returned an id that
   *     {@link EventLog} does not allow
   * @throws IllegalStateException if the channel is closed
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  public String publish(String name, String data) {
    return publish(Event.of(name, data));
  }

  /**
   * Completes the channel, for all servers that share its log: no more events can be published, and each stream is
   * completed once it has received the events before ({@link EventSource#complete()}). So is each stream that joins
   * later, for as long as the log keeps the completion. A stream in several channels leaves this channel, and is
   * completed with the last of them. Does nothing if the channel has been completed. Does not block on clients; blocks
   * while the log appends.
   *
   * @throws IllegalStateException if the channel is closed
   * @throws NotAppendedException if the log rejects the completion
   * @throws java.io.UncheckedIOException if the log cannot be reached; the channel may be completed
   * @throws UnsupportedOperationException if the log is read-only
   */
  public void complete() {
    requireOpen();
    log.append(LogEntry.COMPLETION);
  }

  // Joining.

  /**
   * Delivers all events to a stream. {@link #join(EventSource, Predicate)} describes the details.
   *
   * @param stream the stream; one that has ended receives nothing
   * @throws IllegalStateException if the channel is closed, or if the stream is already in a channel
   */
  public void join(EventSource stream) {
    join(stream, Optional.empty());
  }

  /**
   * Delivers the matching events to a stream, starting after its {@link EventSource#lastEventId()}. If the stream has
   * no such id, delivers the events that are published after this method has returned; the client is then first sent
   * its position, as an event {@code tidings:position} with empty data. The stream stays in the channel until it ends
   * or leaves. A handler must not return before then, so it usually waits in {@code keepAlive()}. Joining does not send
   * the headers: until the headers are sent, events are queued. Do not send other events with an id on this stream,
   * because the client would return that id as its position.
   *
   * <p>Does not block on the client. Without a last event id, blocks while the log returns its latest id. If the log
   * cannot be reached, delivery starts at the id that is the latest when the log can be reached again.
   *
   * @param stream the stream; one that has ended receives nothing
   * @param filter called for each event, for some events repeatedly, on threads of the channel, so it must not block.
   *     If it calls {@code close} or {@code complete}, these do not wait; {@code flush} throws an
   *     {@code IllegalStateException}. If the filter throws, the exception is logged and the event does not match
   * @throws IllegalStateException if the channel is closed, or if the stream is already in a channel; use
   *     {@link #joinAll} to join several
   */
  public void join(EventSource stream, Predicate<? super Event> filter) {
    join(stream, Optional.of(filter));
  }

  private void join(EventSource stream, Optional<Predicate<? super Event>> filter) {
    requireOpen();
    var at =
        stream
            .lastEventId()
            .map(id -> Positions.ofOne().with(name, Positions.bounded(id)))
            .orElse(Positions.ofOne());
    var cursor = attach(stream, at);
    begin(cursor, List.of(new Subscriber(this, cursor, filter)));
  }

  /**
   * Delivers all events of several channels to a stream. Each id that the client receives contains its positions in all
   * of these channels. A client that reconnects continues at these positions. From a channel that its id does not
   * contain, it receives new events only.
   *
   * <p>An id has at most 4,000 bytes. For each channel, it contains a key of 6 characters (more if two keys would be
   * equal), an id of the log, and two separators. A stream can therefore join 85 channels with logs in memory,
   * or 55 channels with logs whose ids may have 64 characters ({@link EventLog#maxIdLength}).
   *
   * {@snippet file="Resume.java" region="several"}
   *
   * @param stream the stream; one that has ended receives nothing
   * @param channels channels with different names
   * @throws IllegalArgumentException if no channel is given, if a channel has no name, if two channels have the same
   *     name, or if ids could exceed 4,000 bytes
   * @throws IllegalStateException if a channel is closed, or if the stream is already in a channel
   */
  public static void joinAll(EventSource stream, Channel... channels) {
    if (channels.length == 0) { // an empty cursor would prevent the stream from joining a channel
      throw new IllegalArgumentException("at least one channel is required");
    }
    var longestIds = new LinkedHashMap<String, Integer>();
    for (Channel channel : channels) {
      channel.requireOpen();
      boolean differs =
          !channel.name.isEmpty()
              && longestIds.putIfAbsent(channel.name, channel.log.maxIdLength()) == null;
      if (!differs) {
        throw new IllegalArgumentException(
            "the channels of a stream must have different names: " + Quoted.java(channel.name));
      }
    }
    var nowhere = Positions.ofSeveral(longestIds);
    var names = longestIds.keySet();
    var at = stream.lastEventId().map(id -> nowhere.with(Positions.split(id, names))).orElse(nowhere);
    var cursor = attach(stream, at);
    begin( // the cursor contains all subscribers before the stream can leave the first channel
        cursor,
        Arrays.stream(channels)
            .map(channel -> new Subscriber(channel, cursor, Optional.empty()))
            .toList());
  }

  /** Begins the delivery. The first id that is sent already contains the positions in all channels. */
  private static void begin(Cursor cursor, List<Subscriber> subscribers) {
    subscribers.forEach(Subscriber::enter);
    var latest = new LinkedHashMap<Subscriber, String>();
    subscribers.forEach(subscriber -> subscriber.start().ifPresent(id -> latest.put(subscriber, id)));
    cursor.begin(latest);
    subscribers.forEach(Subscriber::begin);
  }

  private static Cursor attach(EventSource stream, Positions positions) {
    var cursor = new Cursor(stream, positions);
    if (!stream.life().attach(cursor)) {
      throw new IllegalStateException(
          "this stream has joined a channel; to join several, use Channel.joinAll(stream, …)");
    }
    return cursor;
  }

  /** Adds a subscriber that its cursor already contains. */
  void enter(Subscriber subscriber) {
    subscribers.put(subscriber.stream(), subscriber);
    if (closed || !subscriber.stream().isOpen()) { // the stream may have been removed before it was added
      leave(subscriber.stream());
    }
  }

  /**
   * Removes a stream from the channel. The stream stays open. It accepts no more events of the channel after this
   * method has returned; events that it accepted before are still sent. Does nothing if the stream is not in the
   * channel.
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
   * Returns the number of streams in the channel.
   *
   * @return zero or more
   */
  public int count() {
    return subscribers.size();
  }

  /**
   * Closes the channel. No more events are published or delivered, and the threads of the channel end. The streams and
   * the log stay open. Does not block. Idempotent.
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

  /** Returns the latest id of the log; empty if the log fails. The caller then has to ask again later. */
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
   * Receives the latest id of a log. Called on a separate thread, or on the asking thread if no thread can be started;
   * must neither block nor throw.
   */
  interface Asker {
    /** Called immediately before the log is called. */
    void begin();

    /** Receives the latest id; empty if the log failed. */
    void tell(Optional<String> latest);
  }

  /** Asks the log for its latest id on a separate thread. Never blocks. */
  void askLatest(Asker asker) {
    try {
      replayThreads.newThread(() -> tellLatest(asker)).start();
    } catch (Throwable e) {
      Log.failure("asking the log of a channel", e);
      asker.tell(Optional.empty());
    }
  }

  private void tellLatest(Asker asker) {
    var latest = Optional.<String>empty();
    try {
      asker.begin();
      latest = latest();
    } finally {
      asker.tell(latest);
    }
  }

  /**
   * Returns whether the log may drop a client's position before the client reconnects. Both arguments count from when
   * that position was sent.
   */
  boolean isFar(long skipped, long nanos) {
    return log instanceof BoundedLog bounded
        ? bounded.isTenth(skipped, nanos)
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

  /** Returns the cache of entries that replays share. */
  EntryCache cache() {
    return cache;
  }

  /** Returns the semaphore that limits the number of replays that compute at the same time. */
  Semaphore turns() {
    return turns;
  }
}
