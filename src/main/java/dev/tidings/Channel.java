package dev.tidings;

import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
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
 *     thread reads the log for all streams that are up to date. If the log is in memory, and there are at most 64
 *     streams and no filters, there is no such thread: the thread that publishes queues the event for the streams. Each
 *     stream that is catching up has a virtual thread of its own.
 */
public final class Channel implements AutoCloseable {
  private static final String GAP = "gap";
  private static final Duration PAUSE = Duration.ofSeconds(1);
  // The limits of isFar for logs whose size is not known.
  private static final long TENTH_OF_OTHERS = 100; // events
  private static final long TENTH_OF_AGE_OF_OTHERS = Duration.ofMinutes(1).toNanos();

  private final String name;
  private final EventLog log;
  private final LogReader reader;
  private final Publishing publishing;
  private final ChannelThreads threads;
  private final Inquiry inquiry;
  private final Tail tail;
  private final EntryCache cache = new EntryCache();
  private final ConcurrentHashMap<EventSource, Subscriber> subscribers = new ConcurrentHashMap<>();
  private final LogEntry.Gaps gaps;
  private final EndSignal ended = new EndSignal(); // closed, or completed by this object
  private volatile boolean closed;

  Channel(String name, EventLog log, String gapName, Duration pause) {
    this(name, log, gapName, new LogReader(log, pause), new ChannelThreads());
  }

  private Channel(String name, EventLog log, String gapName, LogReader reader, ChannelThreads threads) {
    this.name = Objects.requireNonNull(name, "name");
    this.gaps = new LogEntry.Gaps(gapName, name);
    this.log = Objects.requireNonNull(log, "log");
    this.reader = reader;
    this.publishing = new Publishing(name, log, reader);
    this.threads = threads;
    this.inquiry = new Inquiry(log, reader, threads.replays());
    this.tail = new Tail(reader, threads.tails(), gaps, cache);
  }

  /** Creates a channel of a family, whose threads it shares. */
  static Channel of(String name, EventLog log, Outages outages, ChannelThreads threads) {
    return new Channel(name, log, GAP, new LogReader(log, PAUSE, outages), threads);
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
   * @throws IllegalArgumentException if the event name begins with {@code tidings:}, which is reserved; or if the log
   *     returned an id that {@link EventLog} does not allow: then the event has been appended, but cannot be delivered
   * @throws IllegalStateException if the channel is closed
   * @throws NotAppendedException if the event has certainly not been appended, for example because the channel is
   *     completed
   * @throws java.io.UncheckedIOException if the log cannot be reached; the event may have been appended, or may still
   *     be appended later
   * @throws UnsupportedOperationException if the log is read-only
   */
  public String publish(Event event) {
    requireOpen();
    return publishing.publish(event);
  }

  /**
   * Publishes an event, unless an event has been published with the same key. So an application can repeat a call that
   * has thrown an {@code UncheckedIOException}, on any server that shares the log. A log remembers keys for a limited
   * time ({@link EventLog#append(Event, String)}).
   *
   * @param event the event
   * @param key any text of 1 to 256 characters, such as the number of an order
   * @return the id of the event that was published with this key
   * @throws IllegalArgumentException as {@link #publish(Event)} describes, or if the key is empty or too long
   * @throws IllegalStateException if the channel is closed
   * @throws NotAppendedException if the event has certainly not been appended
   * @throws java.io.UncheckedIOException if the log cannot be reached; the event may have been appended
   * @throws UnsupportedOperationException if the log does not support keys, or is read-only
   */
  public String publish(Event event, String key) {
    requireOpen();
    return publishing.publish(event, key);
  }

  /**
   * Publishes events in this order, faster than one by one if the log is on another machine. Events of other callers
   * may come between them. Does not block on clients; blocks while the log appends.
   *
   * @param events the events
   * @return their ids
   * @throws IllegalArgumentException as {@link #publish(Event)} describes
   * @throws IllegalStateException if the channel is closed
   * @throws NotAppendedException if an event has certainly not been appended, nor those after it; its
   *     {@link NotAppendedException#index() index} is the number of events before it, which have been appended
   * @throws java.io.UncheckedIOException if the log cannot be reached; any number of the first events may have been
   *     appended
   * @throws UnsupportedOperationException if the log is read-only
   */
  public List<String> publishAll(List<Event> events) {
    requireOpen();
    return publishing.publishAll(events);
  }

  /**
   * Publishes all events of a publisher. Blocks until the publisher completes, the channel is closed or completed by this
   * object, or this thread is interrupted (the interrupt status stays set); then the subscription is cancelled, and events
   * that have arrived and have not been appended are discarded. Requests at most 256 events that have not been appended.
   * Events that have arrived are appended together.
   *
   * {@snippet file="FanOut.java" region="publish"}
   *
   * @param publisher the events; its {@code subscribe} and {@code request} are called on this thread, which is
   *     interrupted briefly if another thread closes the channel during the call
   * @return {@code true} if the publisher has completed, and all of its events have been published
   * @throws IllegalStateException if the channel is closed
   * @throws UnpublishedException if events cannot be published; the cause is the exception that
   *     {@link #publishAll(List)} describes, and {@link UnpublishedException#events()} are the events that have arrived
   *     but have not been published
   * @throws java.util.concurrent.CompletionException if the publisher fails, or sends more than was requested or null;
   *     the cause is the failure. Earlier events have been published
   */
  public boolean publishAll(Flow.Publisher<? extends Event> publisher) {
    return publishAll(new PublisherSource(publisher, ChannelFeed.MOST));
  }

  /**
   * Publishes the events of a queue. Blocks until the channel is closed or completed by this object, or this thread is
   * interrupted (the interrupt status stays set); then no more events are taken from the queue. Events that are in the
   * queue are appended together, at most 256.
   *
   * @param queue the events; other threads may take some too. Its {@code take} must respond to an interrupt, like those
   *     of the JDK's queues
   * @throws IllegalStateException if the channel is closed
   * @throws UnpublishedException if events cannot be published; the cause is the exception that
   *     {@link #publishAll(List)} describes, and {@link UnpublishedException#events()} are the events that were taken
   *     but not published
   */
  public void publishAll(BlockingQueue<? extends Event> queue) {
    publishAll(new QueueSource(queue, Optional.empty()));
  }

  /**
   * Publishes the events of a queue, like {@link #publishAll(BlockingQueue)}, up to an end element, which is taken but
   * not published.
   *
   * @param queue the events
   * @param end the object that ends the queue, such as {@code Event.of("end")}; compared by identity, not with
   *     {@code equals}
   * @return {@code true} if the end element has been taken, and all events before it have been published
   * @throws IllegalStateException if the channel is closed
   * @throws UnpublishedException if events cannot be published
   */
  public boolean publishAll(BlockingQueue<? extends Event> queue, Event end) {
    return publishAll(new QueueSource(queue, Optional.of(end)));
  }

  private boolean publishAll(Source source) {
    requireOpen();
    return new ChannelFeed(this::publishAll, ended, source).run();
  }

  /**
   * Publishes a message. Does not block on clients; blocks while the log appends.
   *
   * @param data any text
   * @return the id
   * @throws IllegalArgumentException if the log returned an id that {@link EventLog} does not allow
   * @throws IllegalStateException if the channel is closed
   * @throws NotAppendedException if the event has certainly not been appended
   * @throws java.io.UncheckedIOException if the log cannot be reached; the event may have been appended
   * @throws UnsupportedOperationException if the log is read-only
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
   * @throws IllegalArgumentException if the name is empty, has a line break, or begins with {@code tidings:}; or if the
   *     log returned an id that {@link EventLog} does not allow
   * @throws IllegalStateException if the channel is closed
   * @throws NotAppendedException if the event has certainly not been appended
   * @throws java.io.UncheckedIOException if the log cannot be reached; the event may have been appended
   * @throws UnsupportedOperationException if the log is read-only
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
    ended.end();
  }

  // Joining.

  /**
   * Returns the id of the end of the log, at which a stream can begin later ({@link From#exactly}). Blocks while the log
   * returns it.
   *
   * @return the position
   * @throws IllegalStateException if the channel is closed
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  public String position() {
    requireOpen();
    return From.live().in(log);
  }

  /**
   * Returns a subscription to all events of this channel, for {@link #joinAll(EventSource, Subscription...)}.
   *
   * @return a subscription that begins at {@link From#live()}
   */
  public Subscription subscription() {
    return new Subscription(this, From.live(), Optional.empty());
  }

  /**
   * Delivers all events to a stream, starting after its {@link EventSource#lastEventId()}, or else with the next event.
   * {@link #join(EventSource, From, Predicate)} describes the details.
   *
   * @param stream the stream; one that has ended receives no events
   * @throws IllegalStateException if the channel is closed, or if the stream is already in a channel
   */
  public void join(EventSource stream) {
    join(stream, subscription());
  }

  /**
   * Delivers the matching events to a stream, starting after its {@link EventSource#lastEventId()}, or else with the
   * next event. {@link #join(EventSource, From, Predicate)} describes the details.
   *
   * @param stream the stream; one that has ended receives no events
   * @param filter called for each event
   * @throws IllegalStateException if the channel is closed, or if the stream is already in a channel
   */
  public void join(EventSource stream, Predicate<? super Event> filter) {
    join(stream, subscription().withFilter(filter));
  }

  /**
   * Delivers all events to a stream, starting after its {@link EventSource#lastEventId()}, or else from this position.
   * {@link #join(EventSource, From, Predicate)} describes the details.
   *
   * @param stream the stream; one that has ended receives no events
   * @param from where to begin
   * @throws IllegalStateException if the channel is closed, or if the stream is already in a channel
   * @throws UnsupportedOperationException if the log does not support this position ({@link From#since})
   */
  public void join(EventSource stream, From from) {
    join(stream, subscription().withFrom(from));
  }

  /**
   * Delivers the matching events to a stream. Starts after its {@link EventSource#lastEventId()}, unless the position is
   * {@linkplain From#exactly exact}. If the stream has no such id, starts from this position; the client is then first
   * sent its position, as an event {@code tidings:position} with empty data. From {@link From#live()}, the stream
   * receives the events that are published after this method has returned.
   *
   * <p>The stream stays in the channel until it ends or leaves. A handler must not return before then, so it usually
   * waits in {@code keepAlive()}. Joining does not send the headers: until the headers are sent, events are queued. Do
   * not send other events with an id on this stream, because the client would return that id as its position.
   *
   * <p>Does not block on the client. Without a last event id, blocks while the log returns the position, at most one
   * second. If the log has not returned it by then, this method returns, and the delivery begins when the log can be
   * reached again: from {@link From#live()} at the id of the last event that this channel has delivered, published, or
   * started a stream from. If there is none, the client receives a gap event whose {@code after} is empty, and then the
   * events that are published later.
   *
   * @param stream the stream; one that has ended receives no events
   * @param from where to begin
   * @param filter called for each event, for some events repeatedly, on threads of the channel, so it must not block.
   *     If it calls {@code close} or {@code complete}, these do not wait; {@code flush} throws an
   *     {@code IllegalStateException}. If the filter throws, the exception is logged and the event does not match
   * @throws IllegalStateException if the channel is closed, or if the stream is already in a channel; use
   *     {@link #joinAll(EventSource, Channel...)} to join several
   * @throws UnsupportedOperationException if the log does not support this position ({@link From#since})
   */
  public void join(EventSource stream, From from, Predicate<? super Event> filter) {
    join(stream, subscription().withFrom(from).withFilter(filter));
  }

  private void join(EventSource stream, Subscription subscription) {
    join(stream, subscription, Positions.ofOne());
  }

  /** Delivers events to a stream. Each id that it sends contains the name of the channel. */
  static void joinNamed(EventSource stream, Subscription subscription) {
    var channel = subscription.channel();
    channel.join(stream, subscription, Positions.ofNamed(channel.name, channel.longestId()));
  }

  private void join(EventSource stream, Subscription subscription, Positions nowhere) {
    requireOpen();
    var at =
        subscription.from().isExact()
            ? nowhere
            : stream.lastEventId()
                .flatMap(id -> Positions.in(name, id))
                .map(position -> nowhere.with(name, position))
                .orElse(nowhere);
    begin(attach(stream, at), List.of(subscription));
  }

  /**
   * Delivers all events of several channels to a stream. Each id that the client receives contains its positions in all
   * of these channels. A client that reconnects continues at these positions. From a channel that its id does not
   * contain, it receives new events only. Blocks while the logs return positions, at most one second in all
   * ({@link #join(EventSource, From, Predicate)}).
   *
   * <p>An id has at most 4,000 bytes. For each channel, it contains a key of 6 characters (more if two keys would be
   * equal), an id of the log, and two separators. A stream can therefore join 85 channels with logs in memory,
   * or 55 channels with logs whose ids may have 64 characters ({@link EventLog#maxIdLength}).
   *
   * {@snippet file="Resume.java" region="several"}
   *
   * @param stream the stream; one that has ended receives no events
   * @param channels channels with different names
   * @throws IllegalArgumentException if no channel is given, if a channel has no name, if two channels have the same
   *     name, or if ids could exceed 4,000 bytes
   * @throws IllegalStateException if a channel is closed, or if the stream is already in a channel
   */
  public static void joinAll(EventSource stream, Channel... channels) {
    joinAll(stream, Arrays.stream(channels).map(Channel::subscription).toArray(Subscription[]::new));
  }

  /**
   * Delivers events of several channels to a stream, like {@link #joinAll(EventSource, Channel...)}, with a position and
   * a filter for each channel.
   *
   * {@snippet file="Resume.java" region="subscriptions"}
   *
   * @param stream the stream; one that has ended receives no events
   * @param subscriptions subscriptions to channels with different names
   * @throws IllegalArgumentException if no subscription is given, if a channel has no name, if two channels have the
   *     same name, or if ids could exceed 4,000 bytes
   * @throws IllegalStateException if a channel is closed, or if the stream is already in a channel
   * @throws UnsupportedOperationException if a log does not support a position ({@link From#since})
   */
  public static void joinAll(EventSource stream, Subscription... subscriptions) {
    if (subscriptions.length == 0) { // an empty cursor would prevent the stream from joining a channel
      throw new IllegalArgumentException("at least one channel is required");
    }
    var longestIds = new LinkedHashMap<String, Integer>();
    var exact = new HashSet<String>();
    for (Subscription subscription : subscriptions) {
      var channel = subscription.channel();
      channel.requireOpen();
      boolean differs =
          !channel.name.isEmpty()
              && longestIds.putIfAbsent(channel.name, channel.longestId()) == null;
      if (!differs) {
        throw new IllegalArgumentException(
            "the channels of a stream must have different names: " + Quoted.java(channel.name));
      }
      if (subscription.from().isExact()) {
        exact.add(channel.name);
      }
    }
    var nowhere = Positions.ofSeveral(longestIds);
    var names = new LinkedHashSet<>(longestIds.keySet());
    names.removeAll(exact);
    var at = stream.lastEventId().map(id -> nowhere.with(Positions.split(id, names))).orElse(nowhere);
    begin(attach(stream, at), List.of(subscriptions));
  }

  /** Returns the length of the longest id of its log. */
  int longestId() {
    return log.maxIdLength();
  }

  /** Delivers events of one or of several channels to a stream. */
  static void joinEach(EventSource stream, List<Subscription> subscriptions) {
    if (subscriptions.size() == 1) {
      var only = subscriptions.getFirst();
      only.channel().join(stream, only);
    } else {
      joinAll(stream, subscriptions.toArray(Subscription[]::new));
    }
  }

  /** Begins the delivery. The first id that is sent already contains the positions in all channels. */
  private static void begin(Cursor cursor, List<Subscription> subscriptions) {
    // The cursor contains all subscribers before the stream can leave the first channel.
    var subscribers = subscriptions.stream().map(one -> new Subscriber(one, cursor)).toList();
    subscribers.forEach(Subscriber::enter);
    var questions = new LinkedHashMap<Subscriber, Inquiry.Question>(); // all logs are asked at the same time
    var starts = new LinkedHashMap<Subscriber, String>();
    boolean found = false;
    try {
      long asked = System.nanoTime();
      subscribers.forEach(subscriber -> subscriber.start().ifPresent(its -> questions.put(subscriber, its)));
      questions.forEach((subscriber, its) -> its.await(asked).ifPresent(id -> starts.put(subscriber, id)));
      found = true;
    } finally {
      if (!found) {
        subscribers.forEach(Subscriber::leave);
      }
    }
    cursor.begin(starts);
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

  /** Removes a subscriber that has received all events of the channel, which is completed. */
  void leaveCompleted(Subscriber subscriber) {
    subscribers.remove(subscriber.stream(), subscriber);
    tail.drop(subscriber);
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
    ended.end();
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

  /** Returns the object that asks the log for positions. */
  Inquiry inquiry() {
    return inquiry;
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

  LogEntry.Gaps gaps() {
    return gaps;
  }

  LogReader reader() {
    return reader;
  }

  ChannelThreads threads() {
    return threads;
  }

  Tail tail() {
    return tail;
  }

  /** Returns the cache of entries that replays share. */
  EntryCache cache() {
    return cache;
  }

  // For its family.

  /** Returns whether no stream is in the channel, and nothing is lost if the channel and its log are discarded. */
  boolean isDisposable() {
    return subscribers.isEmpty() && (!(log instanceof BoundedLog bounded) || bounded.isDisposable());
  }

  /** Closes the channel, and its log if that can be closed. Logs an exception of the log. */
  void dispose() {
    close();
    if (log instanceof AutoCloseable closeable) {
      try {
        closeable.close();
      } catch (Throwable e) {
        Log.failure("closing the log of a channel", e);
      }
    }
  }
}
