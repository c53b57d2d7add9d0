package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Limits, timeouts and policies for the streams of a registry. Immutable: each {@code with} method returns a changed
 * copy. {@code ChronoUnit.FOREVER.getDuration()} means no time limit.
 *
 * {@snippet file="Broadcast.java" region="settings"}
 *
 * {@snippet file="Deploy.java" region="settings"}
 */
public final class Settings {
  private static final Settings DEFAULTS = new Settings();

  private Duration heartbeat = Duration.ofSeconds(15);
  private Duration writeDeadline = Duration.ofMinutes(2);
  private Duration closeWithin = Duration.ofSeconds(10);
  private int queueEvents = 1024;
  private long queueBytes = 1024 * 1024;
  private int maxEventBytes = Integer.MAX_VALUE;
  private Overflow overflow = Overflow.disconnect();
  private Duplicates duplicates = Duplicates.REPLACE;
  private int bodyLimit = 1024 * 1024;
  private String lastEventIdParameter = "lastEventId";
  private int maxStreams = Integer.MAX_VALUE;
  private int maxStreamsPerClient = Integer.MAX_VALUE;
  private Function<? super HttpExchange, ?> client =
      exchange -> exchange.getRemoteAddress().getAddress();
  private Duration leastReconnect = Duration.ofSeconds(1);
  private Duration mostReconnect = Duration.ofSeconds(5);
  private Duration maxLifetime = ChronoUnit.FOREVER.getDuration();
  private Optional<Predicate<? super EventSource>> recheck = Optional.empty();
  private Duration recheckDeadline = Duration.ofSeconds(30);
  private Optional<Event> farewell = Optional.empty();

  private Settings() {}

  private Settings(Settings other) {
    heartbeat = other.heartbeat;
    writeDeadline = other.writeDeadline;
    closeWithin = other.closeWithin;
    queueEvents = other.queueEvents;
    queueBytes = other.queueBytes;
    maxEventBytes = other.maxEventBytes;
    overflow = other.overflow;
    duplicates = other.duplicates;
    bodyLimit = other.bodyLimit;
    lastEventIdParameter = other.lastEventIdParameter;
    maxStreams = other.maxStreams;
    maxStreamsPerClient = other.maxStreamsPerClient;
    client = other.client;
    leastReconnect = other.leastReconnect;
    mostReconnect = other.mostReconnect;
    maxLifetime = other.maxLifetime;
    recheck = other.recheck;
    recheckDeadline = other.recheckDeadline;
    farewell = other.farewell;
  }

  private Settings with(Consumer<Settings> change) {
    var copy = new Settings(this);
    change.accept(copy);
    return copy;
  }

  /**
   * Returns the default settings.
   *
   * @return the settings whose values the {@code with} methods document as defaults
   */
  public static Settings defaults() {
    return DEFAULTS;
  }

  // Time.

  /**
   * Sets the heartbeat interval (default: 15 s). If nothing was sent on a stream for this time, a comment is sent,
   * because only a write can detect a disconnect. A disconnect is detected within this time plus 1 s. The interval
   * should be shorter than the timeout of any intermediary.
   *
   * @param heartbeat longer than zero
   * @return a changed copy
   * @throws IllegalArgumentException if the duration is zero or negative
   */
  public Settings withHeartbeat(Duration heartbeat) {
    Checks.requirePositive("heartbeat", heartbeat);
    return with(copy -> copy.heartbeat = heartbeat);
  }

  /**
   * Sets how long one write may block before the stream ends as {@link Ending#TOO_SLOW}, and how long {@code
   * send} waits for room in the outbox (default: 2 min).
   *
   * <p>A write has at most 4,000 bytes, but a slow client can block it for a long time: on Linux, the kernel buffers up
   * to 4 MiB for a connection ({@code net.ipv4.tcp_wmem}), and a full buffer accepts bytes only after a third of it, up
   * to 1.3 MB, has been acknowledged. At 20 KB/s, that takes 65 s. A client that reads at least 1.3 MB per write
   * deadline (11 KB/s by default) therefore never exceeds it. If a client stops reading, its stream ends at most this
   * time plus 1 s after the buffer is full.
   *
   * @param writeDeadline longer than zero
   * @return a changed copy
   * @throws IllegalArgumentException if the duration is zero or negative
   */
  public Settings withWriteDeadline(Duration writeDeadline) {
    Checks.requirePositive("writeDeadline", writeDeadline);
    return with(copy -> copy.writeDeadline = writeDeadline);
  }

  /**
   * Sets how long a stream that ends, for example by {@code close} or {@code complete}, may take to flush accepted
   * events (default: 10 s). This includes the time in which channels deliver earlier events. After this time, the
   * connection is aborted.
   *
   * @param closeWithin longer than zero
   * @return a changed copy
   * @throws IllegalArgumentException if the duration is zero or negative
   */
  public Settings withCloseWithin(Duration closeWithin) {
    Checks.requirePositive("closeWithin", closeWithin);
    return with(copy -> copy.closeWithin = closeWithin);
  }

  /**
   * Sets how long a stream may be open before it ends as {@link Ending#EXPIRED} (default: {@link ChronoUnit#FOREVER}).
   * The lifetime of each stream is 90 % to 100 % of this, chosen at random, so that streams that opened together do not
   * end together.
   *
   * @param maxLifetime longer than zero
   * @return a changed copy
   * @throws IllegalArgumentException if the duration is zero or negative
   */
  public Settings withMaxLifetime(Duration maxLifetime) {
    Checks.requirePositive("maxLifetime", maxLifetime);
    return with(copy -> copy.maxLifetime = maxLifetime);
  }

  /**
   * Sets the range of the {@code retry:} or {@code Retry-After} time that is sent when a client is refused, the
   * registry stops, a recheck fails, a stream expires, or a {@link Cluster} ends a stream because it was replaced or
   * the log was not reached (default: 1 s to 5 s). The time is random for each client, so that clients do not all
   * reconnect at once.
   *
   * @param least zero or more; truncated to milliseconds
   * @param most not less than {@code least}; truncated to milliseconds
   * @return a changed copy
   * @throws IllegalArgumentException if {@code least} is negative, or if {@code most} is less than {@code least}
   */
  public Settings withReconnect(Duration least, Duration most) {
    Checks.requireNotNegative("least", least);
    if (Objects.requireNonNull(most, "most").compareTo(least) < 0) {
      throw new IllegalArgumentException(
          "most must not be shorter than least, " + least + ": " + most);
    }
    return with(
        copy -> {
          copy.leastReconnect = least;
          copy.mostReconnect = most;
        });
  }

  // The outbox of a stream.

  /**
   * Sets how many events may be queued in the outbox of a stream behind the first queued event (default: 1024). The
   * first event is always accepted.
   *
   * @param queueEvents 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the value is less than 1
   */
  public Settings withQueueEvents(int queueEvents) {
    Checks.requireAtLeast("queueEvents", queueEvents, 1);
    return with(copy -> copy.queueEvents = queueEvents);
  }

  /**
   * Sets how many bytes may be queued in the outbox of a stream behind the first queued event (default: 1 MiB). The
   * first event is always accepted, regardless of its size. The outbox therefore holds at most this many bytes, the
   * first event, and the event or the batch of up to 4,000 bytes that is being written. With
   * {@link Overflow#disconnect()}, events that were queued before the headers were sent no longer count afterwards.
   *
   * @param queueBytes 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the value is less than 1
   */
  public Settings withQueueBytes(long queueBytes) {
    Checks.requireAtLeast("queueBytes", queueBytes, 1);
    return with(copy -> copy.queueBytes = queueBytes);
  }

  /**
   * Sets the policy for a full outbox (default: {@link Overflow#disconnect()}).
   *
   * @param overflow the policy
   * @return a changed copy
   */
  public Settings withOverflow(Overflow overflow) {
    Objects.requireNonNull(overflow, "overflow");
    return with(copy -> copy.overflow = overflow);
  }

  /**
   * Sets the largest size of an event that is sent, offered or broadcast (default: {@link Integer#MAX_VALUE}, no
   * limit). For a larger event, an {@link IllegalArgumentException} is thrown, and no stream receives the event. Events
   * of channels are not checked.
   *
   * @param maxEventBytes the size of the encoded event, including field names and line breaks; 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the value is less than 1
   */
  public Settings withMaxEventBytes(int maxEventBytes) {
    Checks.requireAtLeast("maxEventBytes", maxEventBytes, 1);
    return with(copy -> copy.maxEventBytes = maxEventBytes);
  }

  // Admission.

  /**
   * Sets the policy for a new stream whose identifier is in use (default: {@link Duplicates#REPLACE}).
   *
   * @param duplicates the policy
   * @return a changed copy
   */
  public Settings withDuplicates(Duplicates duplicates) {
    Objects.requireNonNull(duplicates, "duplicates");
    return with(copy -> copy.duplicates = duplicates);
  }

  /**
   * Sets the largest size of a request body in bytes (default: 1 MiB). It applies to {@link SseRequest#text()},
   * {@link SseRequest#bytes()}, and the opening of a stream, which reads the rest of the body. A larger body is refused
   * with 413.
   *
   * @param bodyLimit 0 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the limit is negative
   */
  public Settings withBodyLimit(int bodyLimit) {
    Checks.requireAtLeast("bodyLimit", bodyLimit, 0);
    return with(copy -> copy.bodyLimit = bodyLimit);
  }

  /**
   * Sets the query parameter that {@link EventSource#lastEventId()} reads when the request has no {@code
   * Last-Event-ID} header (default: {@code lastEventId}).
   *
   * @param lastEventIdParameter the decoded name, compared exactly; if empty, no parameter is read
   * @return a changed copy
   * @throws IllegalArgumentException if the name has a lone surrogate, which no decoded name contains
   */
  public Settings withLastEventIdParameter(String lastEventIdParameter) {
    Checks.requireWellFormed("lastEventIdParameter", lastEventIdParameter);
    return with(copy -> copy.lastEventIdParameter = lastEventIdParameter);
  }

  /**
   * Sets how many streams may be open at once (default: {@link Integer#MAX_VALUE}, no limit). When the limit is
   * reached, new streams are refused ({@link EventSources#open(HttpExchange, String)}); open streams are never evicted.
   * A stream that replaces an older stream with the same identifier is admitted even when the limit is reached.
   *
   * @param maxStreams 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the value is less than 1
   */
  public Settings withMaxStreams(int maxStreams) {
    Checks.requireAtLeast("maxStreams", maxStreams, 1);
    return with(copy -> copy.maxStreams = maxStreams);
  }

  /**
   * Sets how many streams one client may have open at once (default: {@link Integer#MAX_VALUE}, no limit). When
   * the limit is reached, new streams of that client are refused.
   *
   * @param maxStreamsPerClient 1 or more
   * @return a changed copy
   * @throws IllegalArgumentException if the value is less than 1
   */
  public Settings withMaxStreamsPerClient(int maxStreamsPerClient) {
    Checks.requireAtLeast("maxStreamsPerClient", maxStreamsPerClient, 1);
    return with(copy -> copy.maxStreamsPerClient = maxStreamsPerClient);
  }

  /**
   * Sets how requests are assigned to clients for {@link #withMaxStreamsPerClient} (default: by remote IP address,
   * which is the address of the proxy if there is one).
   *
   * @param client called once for each request that opens a stream, on the thread that opens it, if there is a limit
   *     per client. Two requests belong to the same client if the returned objects are equal; their {@code equals} and
   *     {@code hashCode} methods must not block. If it returns null, no limit applies. {@code open} throws its
   *     exceptions
   * @return a changed copy
   */
  public Settings withClient(Function<? super HttpExchange, ?> client) {
    Objects.requireNonNull(client, "client");
    return with(copy -> copy.client = client);
  }

  /**
   * Sets a check that is repeated while a stream is open (default: none), for example whether the token of its request
   * is still valid. The check runs on a virtual thread: once per heartbeat, first at a random time within the first
   * heartbeat, and when the registry's {@link Cluster} has missed commands. It may block, and is never called
   * concurrently for one stream. If the check returns false, throws, or does not return within
   * {@link #withRecheckDeadline}, the stream ends as {@link Ending#REVOKED} with a {@code retry:} from the range of
   * {@link #withReconnect}. Exceptions are logged. If the stream ends while the check runs, the thread of the check is
   * interrupted.
   *
   * @param recheck returns whether the stream may stay open
   * @return a changed copy
   */
  public Settings withRecheck(Predicate<? super EventSource> recheck) {
    var check = Optional.<Predicate<? super EventSource>>of(recheck);
    return with(copy -> copy.recheck = check);
  }

  /**
   * Sets how long a {@link #withRecheck check} may take (default: 30 s). After that, the stream ends as if the
   * check had returned false, and a warning is logged.
   *
   * @param recheckDeadline longer than zero
   * @return a changed copy
   * @throws IllegalArgumentException if the duration is zero or negative
   */
  public Settings withRecheckDeadline(Duration recheckDeadline) {
    Checks.requirePositive("recheckDeadline", recheckDeadline);
    return with(copy -> copy.recheckDeadline = recheckDeadline);
  }

  /**
   * Sets the event that is sent to each open stream when a stop begins (default: none). A {@code retry:} from the range
   * of {@link #withReconnect} follows it.
   *
   * @param farewell the event
   * @return a changed copy
   */
  public Settings withFarewell(Event farewell) {
    var event = Optional.of(farewell);
    return with(copy -> copy.farewell = event);
  }

  // For the registry and its streams.

  int maxStreams() {
    return maxStreams;
  }

  int maxStreamsPerClient() {
    return maxStreamsPerClient;
  }

  Duplicates duplicates() {
    return duplicates;
  }

  Function<? super HttpExchange, ?> client() {
    return client;
  }

  Optional<Predicate<? super EventSource>> recheck() {
    return recheck;
  }

  Engine.Values values() {
    return new Engine.Values(
        heartbeat,
        writeDeadline,
        closeWithin,
        new FrameQueue.Bounds(queueEvents, queueBytes, overflow),
        maxEventBytes,
        bodyLimit,
        lastEventIdParameter,
        leastReconnect,
        mostReconnect,
        maxLifetime,
        recheckDeadline,
        farewell);
  }
}
