package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Channels by name: one for each room, document or user. A channel is created when its name is first used, and dropped
 * when it has not been needed for one to two minutes, or earlier if room is needed for others.
 *
 * {@snippet file="Rooms.java" region="join"}
 *
 * <p>A function creates the log of each channel. If the logs are shared between servers, so are the channels: an event
 * that is published on one server reaches the streams that have joined the channel of this name on any server, and
 * clients that reconnect later. A channel for each user, such as {@code user:42}, reaches all tabs of a user, on any
 * server.
 *
 * <p>A channel is needed while streams are in it, and, with a log of {@link EventLog#inMemory()}, while that holds events.
 * (A log that wraps one in memory is dropped with its events.) A client that returns to a channel whose history has been
 * dropped receives a gap event. If the log is {@link AutoCloseable}, it is
 * closed when its channel is dropped, before the function is called for this name again.
 *
 * <p>All methods may be called from any thread.
 */
public final class Channels implements AutoCloseable {
  private static final int MOST = 100_000;
  private static final long IDLE = Duration.ofMinutes(1).toNanos(); // also between two reports of an outage
  private static final long BETWEEN_FORCED = Duration.ofSeconds(1).toNanos(); // clients can ask for many new names

  private final Creation creation;
  private final int most;
  private final Ticker ticker;
  private final ChannelThreads threads = new ChannelThreads();
  private final Outages outages = new Outages(IDLE);
  private final ConcurrentHashMap<String, NamedChannel> named = new ConcurrentHashMap<>();
  private final AtomicInteger count = new AtomicInteger(); // of named, without those that are being dropped
  private final Interval forced = new Interval(BETWEEN_FORCED); // sweeps
  private final Interval warnings = new Interval(IDLE); // that there are too many channels
  private final Ticker.Lookout sweeps;
  private volatile boolean closed;

  /** Creates the channel of a name, which is not opened yet. */
  private interface Creation {
    NamedChannel create(String name);
  }

  Channels(Function<? super String, ? extends EventLog> logs, int most, Ticker ticker) {
    Objects.requireNonNull(logs, "logs");
    Checks.requireAtLeast("most", most, 1);
    this.creation = name -> new NamedChannel(name, logs, outages, threads);
    this.most = most;
    this.ticker = ticker;
    this.sweeps = new Ticker.Lookout(ticker, IDLE, new Sweeps());
  }

  /**
   * Creates a family of at most 100,000 channels, each with a history in memory that holds at most 1,000 events, 1 MiB,
   * and one hour of events.
   *
   * @return a family
   */
  public static Channels create() {
    return create(name -> EventLog.inMemory(1000, 1024 * 1024, Duration.ofHours(1)));
  }

  /**
   * Creates a family of at most 100,000 channels.
   *
   * @param logs called with a name to create the log of its channel, on the thread of a call that uses the name; it may
   *     block and throw, which only affects callers that use this name, and which they wait for even if they are
   *     interrupted. It must not use the channel of this name. Names usually come from clients, so encode them before
   *     they become part of a path or an address
   * @return a family
   */
  public static Channels create(Function<? super String, ? extends EventLog> logs) {
    return create(logs, MOST);
  }

  /**
   * Creates a family of channels.
   *
   * @param logs called with a name to create the log of its channel
   * @param most the largest number of channels that exist at a time, 1 or more
   * @return a family
   * @throws IllegalArgumentException if the number is too small
   */
  public static Channels create(Function<? super String, ? extends EventLog> logs, int most) {
    return new Channels(logs, most, Ticker.system(new Threads()));
  }

  // Joining.

  /**
   * Delivers all events of these channels to a stream, like {@link Channel#join(EventSource)} for one name, and like
   * {@link Channel#joinAll(EventSource, Channel...)} for several.
   *
   * @param stream the stream; one that has ended receives no events
   * @param names different names, each of 1 to 256 bytes in UTF-8
   * @throws IllegalStateException if the family is closed, or if the stream is already in a channel
   * @throws StatusException with status 400 if no name is given, if a name is empty, too long, or has a lone surrogate,
   *     if two names are equal, or if there are so many that ids could be too long; with status 503 if there are too many
   *     channels, after which the EventSource of a browser does not reconnect
   */
  public void join(EventSource stream, String... names) {
    join(stream, From.live(), names);
  }

  /**
   * Delivers all events of these channels to a stream, like {@link Channel#join(EventSource, From)}.
   *
   * @param stream the stream; one that has ended receives no events
   * @param from where to begin in each channel for which the client returns no id
   * @param names different names
   * @throws IllegalStateException if the family is closed, or if the stream is already in a channel
   * @throws StatusException as {@link #join(EventSource, String...)} describes
   * @throws UnsupportedOperationException if a log does not support this position ({@link From#since})
   */
  public void join(EventSource stream, From from, String... names) {
    joinAll(stream, channel -> channel.subscription().withFrom(from), names);
  }

  /**
   * Delivers the matching events of these channels to a stream, like
   * {@link Channel#join(EventSource, From, Predicate)}.
   *
   * @param stream the stream; one that has ended receives no events
   * @param from where to begin in each channel for which the client returns no id
   * @param filter called for each event
   * @param names different names
   * @throws IllegalStateException if the family is closed, or if the stream is already in a channel
   * @throws StatusException as {@link #join(EventSource, String...)} describes
   * @throws UnsupportedOperationException if a log does not support this position ({@link From#since})
   */
  public void join(EventSource stream, From from, Predicate<? super Event> filter, String... names) {
    joinAll(stream, channel -> channel.subscription().withFrom(from).withFilter(filter), names);
  }

  /**
   * Delivers all events of one of these channels to a stream, like {@link Channel#join(EventSource, From)}, with ids
   * that contain the name of the channel: {@code @kitchen=1795342825000-17}. So an id is unique among all channels of
   * the family, and a {@code Last-Event-ID} of this form identifies the channel to continue ({@link #resume}).
   *
   * <p>Streams may also join the channel by the other methods. All of them accept these ids.
   *
   * @param stream the stream; one that has ended receives no events
   * @param from where to begin, unless the client sends an id of this channel
   * @param name the name of the channel
   * @throws IllegalStateException if the family is closed, or if the stream is already in a channel
   * @throws StatusException with status 400 if the name is empty, too long, or has a lone surrogate; with status 503 if
   *     there are too many channels
   * @throws UnsupportedOperationException if the log does not support this position ({@link From#since})
   */
  public void joinNamed(EventSource stream, From from, String name) {
    use(name, channel -> {
      Channel.joinNamed(stream, channel.subscription().withFrom(from));
      return channel;
    });
  }

  /**
   * Continues the channel whose name the stream's last event id contains, if the client may read it: delivers the
   * events after this id, and then new ones, like {@link #joinNamed}. If the id contains no name, or one that is not
   * allowed, the stream joins no channel; the handler can then join another one or throw a {@link StatusException}.
   *
   * {@snippet file="Answers.java" region="resume"}
   *
   * @param stream the stream; one that has ended receives no events
   * @param allowed called with the name, which comes from the client and can be any text; returns whether the client
   *     may read this channel. A channel that does not exist is created, so accept only names that are in use
   * @return the name of the channel that the stream has joined, or empty
   * @throws IllegalStateException if the family is closed, or if the stream is already in a channel
   * @throws StatusException as {@link #joinNamed} describes, if the name is allowed
   */
  public Optional<String> resume(EventSource stream, Predicate<? super String> allowed) {
    var name = stream.lastEventId().flatMap(Positions::name).filter(allowed);
    name.ifPresent(its -> joinNamed(stream, From.live(), its));
    return name;
  }

  /** Subscribes to one of the channels. */
  private interface Subscribing {
    Subscription to(Channel channel);
  }

  private void joinAll(EventSource stream, Subscribing subscribing, String... names) {
    var used = new LinkedHashMap<String, NamedChannel>();
    try {
      var subscriptions = new ArrayList<Subscription>();
      long longestIds = 0;
      for (String name : ChannelNames.requireAll(names)) {
        used.put(name, enter(name));
        var channel = used.get(name).channel(); // may throw an exception of the application
        longestIds += channel.longestId();
        ChannelNames.requireRoom(subscriptions.size() + 1, longestIds); // before the others are created
        subscriptions.add(subscribing.to(channel));
      }
      ChannelNames.unlessInvalid(() -> Channel.joinEach(stream, subscriptions));
    } finally {
      used.forEach(this::leave);
    }
  }

  /**
   * Removes a stream from these channels. It stays open, like after {@link Channel#leave}.
   *
   * @param stream the stream
   * @param names the names; a channel that does not exist, or that the stream is not in, is ignored
   */
  public void leave(EventSource stream, String... names) {
    for (String name : names) {
      var channel = named.get(name);
      if (channel != null && channel.count() > 0) {
        channel.channel().leave(stream);
      }
    }
  }

  // Publishing.

  /** Uses a channel. */
  private interface Use<T> {
    T of(Channel channel);
  }

  private <T> T use(String name, Use<T> use) {
    ChannelNames.require(name);
    var channel = enter(name);
    try {
      return use.of(channel.channel());
    } finally {
      leave(name, channel);
    }
  }

  /**
   * Publishes an event to all streams that have joined the channel of this name, and to clients that reconnect later.
   * Does not block on clients; blocks while the log appends.
   *
   * @param channel the name of the channel, of 1 to 256 bytes in UTF-8
   * @param event the event; its id is replaced by the id that the log assigns
   * @return the id
   * @throws IllegalArgumentException as {@link Channel#publish(Event)} describes
   * @throws IllegalStateException if the family is closed
   * @throws StatusException with status 400 if the name is empty, too long, or has a lone surrogate; with status 503 if
   *     there are too many channels
   * @throws NotAppendedException if the event has certainly not been appended
   * @throws java.io.UncheckedIOException if the log cannot be reached; the event may have been appended
   * @throws UnsupportedOperationException if the log is read-only
   */
  public String publish(String channel, Event event) {
    return use(channel, its -> its.publish(event));
  }

  /**
   * Publishes an event, unless an event has been published in this channel with the same key
   * ({@link Channel#publish(Event, String)}).
   *
   * @param channel the name of the channel
   * @param event the event
   * @param key any text of 1 to 256 characters
   * @return the id of the event that was published with this key
   * @throws IllegalArgumentException as {@link #publish(String, Event)} describes, or if the key is empty or too long
   * @throws IllegalStateException if the family is closed
   * @throws StatusException as {@link #publish(String, Event)} describes
   * @throws NotAppendedException if the event has certainly not been appended
   * @throws java.io.UncheckedIOException if the log cannot be reached; the event may have been appended
   * @throws UnsupportedOperationException if the log does not support keys, or is read-only
   */
  public String publish(String channel, Event event, String key) {
    return use(channel, its -> its.publish(event, key));
  }

  /**
   * Publishes events in this order ({@link Channel#publishAll}).
   *
   * @param channel the name of the channel
   * @param events the events
   * @return their ids
   * @throws IllegalArgumentException as {@link #publish(String, Event)} describes
   * @throws IllegalStateException if the family is closed
   * @throws StatusException as {@link #publish(String, Event)} describes
   * @throws NotAppendedException if an event has certainly not been appended, nor those after it
   * @throws java.io.UncheckedIOException if the log cannot be reached; any number of the first events may have been
   *     appended
   * @throws UnsupportedOperationException if the log is read-only
   */
  public List<String> publishAll(String channel, List<Event> events) {
    return use(channel, its -> its.publishAll(events));
  }

  /**
   * Publishes all events of a publisher ({@link Channel#publishAll(Flow.Publisher)}). Blocks until the publisher completes.
   * The channel exists at least until then.
   *
   * @param channel the name of the channel
   * @param publisher the events
   * @return {@code true} if the publisher has completed, and all of its events have been published
   * @throws IllegalStateException if the family is closed
   * @throws StatusException as {@link #publish(String, Event)} describes
   * @throws UnpublishedException if events cannot be published
   * @throws java.util.concurrent.CompletionException if the publisher fails; the cause is the failure
   */
  public boolean publishAll(String channel, Flow.Publisher<? extends Event> publisher) {
    return use(channel, its -> its.publishAll(publisher));
  }

  /**
   * Completes the channel of this name ({@link Channel#complete()}).
   *
   * @param channel the name of the channel
   * @throws IllegalStateException if the family is closed
   * @throws StatusException as {@link #publish(String, Event)} describes
   * @throws NotAppendedException if the log rejects the completion
   * @throws java.io.UncheckedIOException if the log cannot be reached; the channel may be completed
   * @throws UnsupportedOperationException if the log is read-only
   */
  public void complete(String channel) {
    use(channel, its -> {
      its.complete();
      return its;
    });
  }

  /**
   * Returns the id of the end of a channel's log ({@link Channel#position()}).
   *
   * @param channel the name of the channel
   * @return the position
   * @throws IllegalStateException if the family is closed
   * @throws StatusException as {@link #publish(String, Event)} describes
   * @throws java.io.UncheckedIOException if the log cannot be reached
   */
  public String position(String channel) {
    return use(channel, Channel::position);
  }

  // Counting.

  /**
   * Returns the number of channels that exist in this process.
   *
   * @return zero or more
   */
  public int count() {
    return count.get();
  }

  /**
   * Returns the number of streams of this process in a channel.
   *
   * @param channel the name of the channel
   * @return zero or more
   */
  public int count(String channel) {
    var its = named.get(channel);
    return its == null ? 0 : its.count();
  }

  /**
   * Closes all channels, and their logs if these can be closed. The streams stay open. Blocks while logs are closed; an
   * interrupt ends the wait for those that another thread closes. Idempotent.
   */
  @Override
  public void close() {
    closed = true;
    ticker.close();
    named.forEach((name, channel) -> dropAnyway(name));
    for (NamedChannel channel : named.values()) { // those that a sweep drops
      try {
        channel.awaitDropped();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the channels are closed");
    }
  }

  // The life of a channel.

  /** Begins to use a channel, which exists until it is left. */
  private NamedChannel enter(String name) {
    while (true) {
      requireOpen();
      var known = named.get(name);
      if (known != null && !known.isBroken() && known.enter()) { // the usual case, without a lock of the map
        return begun(name, known);
      }
      var entered = new AtomicBoolean();
      var channel =
          named.compute(
              name,
              (key, present) -> {
                var its = present == null ? add(key) : present.isBroken() ? creation.create(key) : present;
                entered.set(its != null && its.enter());
                return its;
              });
      if (channel == null) {
        makeRoom();
      } else if (!entered.get()) {
        awaitDropped(channel);
      } else {
        return begun(name, channel);
      }
    }
  }

  /** Returns the channel, which a call has begun to use. */
  private NamedChannel begun(String name, NamedChannel channel) {
    if (closed) { // perhaps only after the close has seen all channels
      leave(name, channel);
      dropAnyway(name);
      requireOpen();
    }
    sweeps.watch();
    return channel;
  }

  /** Returns a new channel, or null if there are too many. Called in the bin of the name. */
  private NamedChannel add(String name) {
    if (count.incrementAndGet() > most) {
      count.decrementAndGet();
      return null;
    }
    return creation.create(name);
  }

  private static void awaitDropped(NamedChannel channel) {
    try {
      channel.awaitDropped();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a channel was dropped");
    }
  }

  /** Drops channels that are not needed. Fails if there are none. */
  private void makeRoom() {
    if (forced.isDue()) {
      var dropped = expire(true);
      if (!dropped.isEmpty()) {
        threads.sweeps().newThread(() -> dropped.forEach(this::drop)).start(); // logs may take time to close
      }
    }
    if (count.get() >= most) {
      if (warnings.isDue()) {
        Log.warning("there are " + most + " channels, the most that are allowed; new names are refused");
      }
      throw new StatusException(503, "too many channels");
    }
  }

  private void leave(String name, NamedChannel channel) {
    if (channel.leave() && named.remove(name, channel)) { // unless another call has replaced it
      count.decrementAndGet();
    }
  }

  private final class Sweeps implements Ticker.Lookout.Look {
    @Override
    public void look() {
      threads.sweeps().newThread(() -> expire(false).forEach(Channels.this::drop)).start();
    }

    @Override
    public boolean isNeeded() {
      return !closed && !named.isEmpty();
    }
  }

  /**
   * Returns the channels that are not needed, and were not at the last sweep either unless room is needed now. They are
   * to be dropped by the caller; until then, calls that use these names wait.
   */
  private Map<String, NamedChannel> expire(boolean now) {
    var expired = new HashMap<String, NamedChannel>();
    for (String name : named.keySet()) {
      named.computeIfPresent(name, (key, its) -> {
        if (its.expire(now)) {
          count.decrementAndGet();
          expired.put(key, its);
        }
        return its;
      });
    }
    return expired;
  }

  private void dropAnyway(String name) {
    var first = new AtomicBoolean();
    var channel =
        named.computeIfPresent(
            name,
            (key, its) -> {
              first.set(its.drop());
              if (first.get()) {
                count.decrementAndGet();
              }
              return its;
            });
    if (first.get()) {
      drop(name, channel);
    }
  }

  private void drop(String name, NamedChannel channel) {
    try {
      channel.close();
    } catch (Throwable e) {
      Log.failure("closing a channel", e);
    } finally {
      named.remove(name, channel);
      channel.closed();
    }
  }
}
