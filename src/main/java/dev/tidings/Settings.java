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
 * What a registry of streams can be told. Immutable: each method with an argument returns a changed
 * copy.
 *
 * {@snippet file="Broadcast.java" region="settings"}
 *
 * {@snippet file="Deploy.java" region="settings"}
 */
public final class Settings {
  private static final Settings DEFAULTS = new Settings();

  private Duration heartbeat = Duration.ofSeconds(15);
  private Duration writeDeadline = Duration.ofSeconds(10);
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
   * Returns the defaults, which each method names.
   *
   * @return the settings to start from
   */
  public static Settings defaults() {
    return DEFAULTS;
  }

  /**
   * Sets how long a stream may be silent before it is pinged with a comment (default: 15 s). A client
   * that closed is noticed within this and a second. {@link EventSource#withPing} sets another one for
   * a single stream.
   *
   * @param heartbeat longer than zero
   * @return changed settings
   * @throws IllegalArgumentException if it is not longer than zero
   */
  public Settings heartbeat(Duration heartbeat) {
    Checks.requirePositive("heartbeat", heartbeat);
    return with(copy -> copy.heartbeat = heartbeat);
  }

  /**
   * Returns the heartbeat.
   *
   * @return how long a stream may be silent
   */
  public Duration heartbeat() {
    return heartbeat;
  }

  /**
   * Sets how long a write may take before its stream ends as {@link Ending#TOO_SLOW} (default: 10 s),
   * how long {@code send} waits for room, and how long {@code close} has to hand over what was
   * accepted. A write is at most 4,000 bytes, so that a slow client that reads all the time lives.
   *
   * @param writeDeadline longer than zero
   * @return changed settings
   * @throws IllegalArgumentException if it is not longer than zero
   */
  public Settings writeDeadline(Duration writeDeadline) {
    Checks.requirePositive("writeDeadline", writeDeadline);
    return with(copy -> copy.writeDeadline = writeDeadline);
  }

  /**
   * Returns the write deadline.
   *
   * @return how long a write may take
   */
  public Duration writeDeadline() {
    return writeDeadline;
  }

  /**
   * Sets how many events may wait in the outbox of one stream behind the first one, which is always
   * taken (default: 1024).
   *
   * @param queueEvents 1 or more
   * @return changed settings
   * @throws IllegalArgumentException if it is less than 1
   */
  public Settings queueEvents(int queueEvents) {
    Checks.requireAtLeast("queueEvents", queueEvents, 1);
    return with(copy -> copy.queueEvents = queueEvents);
  }

  /**
   * Returns the bound in events.
   *
   * @return how many events may wait in an outbox
   */
  public int queueEvents() {
    return queueEvents;
  }

  /**
   * Sets how many bytes may wait in the outbox of one stream behind the first event, which is always
   * taken, however large it is (default: 1 MiB). So a stream holds at most one event, what is being
   * written (one event, or up to 4,000 bytes), and this; {@link #maxEventBytes(int)} bounds an event.
   *
   * @param queueBytes 1 or more
   * @return changed settings
   * @throws IllegalArgumentException if it is less than 1
   */
  public Settings queueBytes(long queueBytes) {
    Checks.requireAtLeast("queueBytes", queueBytes, 1);
    return with(copy -> copy.queueBytes = queueBytes);
  }

  /**
   * Returns the bound in bytes.
   *
   * @return how many bytes may wait in an outbox
   */
  public long queueBytes() {
    return queueBytes;
  }

  /**
   * Sets how large an event may be that is sent, offered or broadcast (default: {@link
   * Integer#MAX_VALUE}, no limit). A larger one is an {@link IllegalArgumentException}, and no stream
   * gets it. The events of a channel are bounded by what is published, and are not refused here.
   *
   * @param maxEventBytes bytes as they are sent, field names and line breaks included; 1 or more
   * @return changed settings
   * @throws IllegalArgumentException if it is less than 1
   */
  public Settings maxEventBytes(int maxEventBytes) {
    Checks.requireAtLeast("maxEventBytes", maxEventBytes, 1);
    return with(copy -> copy.maxEventBytes = maxEventBytes);
  }

  /**
   * Returns the bound of one event.
   *
   * @return bytes
   */
  public int maxEventBytes() {
    return maxEventBytes;
  }

  /**
   * Sets what happens when an outbox is full (default: {@link Overflow#disconnect()}).
   *
   * @param overflow the choice
   * @return changed settings
   */
  public Settings overflow(Overflow overflow) {
    Objects.requireNonNull(overflow, "overflow");
    return with(copy -> copy.overflow = overflow);
  }

  /**
   * Returns what happens when an outbox is full.
   *
   * @return the choice
   */
  public Overflow overflow() {
    return overflow;
  }

  /**
   * Sets what happens when a stream opens with an identifier that is in use (default: {@link
   * Duplicates#REPLACE}).
   *
   * @param duplicates the choice
   * @return changed settings
   */
  public Settings duplicates(Duplicates duplicates) {
    Objects.requireNonNull(duplicates, "duplicates");
    return with(copy -> copy.duplicates = duplicates);
  }

  /**
   * Returns what happens to duplicates.
   *
   * @return the choice
   */
  public Duplicates duplicates() {
    return duplicates;
  }

  /**
   * Sets how much of a request body is read (default: 1 MiB): by {@link SseRequest#text()}, by {@link
   * SseRequest#bytes()}, and by a stream that opens on a request whose body nobody has read.
   *
   * @param bodyLimit bytes, 0 or more
   * @return changed settings
   * @throws IllegalArgumentException if it is negative
   */
  public Settings bodyLimit(int bodyLimit) {
    Checks.requireAtLeast("bodyLimit", bodyLimit, 0);
    return with(copy -> copy.bodyLimit = bodyLimit);
  }

  /**
   * Returns the limit of a request body.
   *
   * @return bytes
   */
  public int bodyLimit() {
    return bodyLimit;
  }

  /**
   * Sets the query parameter that {@link EventSource#lastEventId()} reads where the request has no
   * {@code Last-Event-ID} (default: {@code lastEventId}).
   *
   * @param lastEventIdParameter compared exactly with decoded names; an empty one is never read
   * @return changed settings
   * @throws IllegalArgumentException if it has a lone surrogate, as no decoded name has
   */
  public Settings lastEventIdParameter(String lastEventIdParameter) {
    Checks.requireWellFormed("lastEventIdParameter", lastEventIdParameter);
    return with(copy -> copy.lastEventIdParameter = lastEventIdParameter);
  }

  /**
   * Returns the query parameter of the last event id.
   *
   * @return its name
   */
  public String lastEventIdParameter() {
    return lastEventIdParameter;
  }

  /**
   * Sets how many streams may be open at once (default: {@link Integer#MAX_VALUE}, no limit). Who comes
   * when there is no room is refused, as {@link EventSources#open(HttpExchange, String)} says; nobody is
   * ended for it. A stream that replaces one with its own identifier takes its place.
   *
   * @param maxStreams 1 or more
   * @return changed settings
   * @throws IllegalArgumentException if it is less than 1
   */
  public Settings maxStreams(int maxStreams) {
    Checks.requireAtLeast("maxStreams", maxStreams, 1);
    return with(copy -> copy.maxStreams = maxStreams);
  }

  /**
   * Returns the limit of all streams.
   *
   * @return how many streams may be open at once
   */
  public int maxStreams() {
    return maxStreams;
  }

  /**
   * Sets how many streams one client may have open at once (default: {@link Integer#MAX_VALUE}, no
   * limit); otherwise as {@link #maxStreams(int)}.
   *
   * @param maxStreamsPerClient 1 or more
   * @return changed settings
   * @throws IllegalArgumentException if it is less than 1
   */
  public Settings maxStreamsPerClient(int maxStreamsPerClient) {
    Checks.requireAtLeast("maxStreamsPerClient", maxStreamsPerClient, 1);
    return with(copy -> copy.maxStreamsPerClient = maxStreamsPerClient);
  }

  /**
   * Returns the limit of one client's streams.
   *
   * @return how many streams one client may have open at once
   */
  public int maxStreamsPerClient() {
    return maxStreamsPerClient;
  }

  /**
   * Sets who a request's client is, for {@link #maxStreamsPerClient(int)} (default: the remote IP
   * address, which behind a proxy is the proxy's).
   *
   * @param client asked once for each stream that is to open, on the thread that opens it, if there is
   *     a limit for each client; two requests are of one client if the answers are equal (whose {@code
   *     equals} and {@code hashCode} must not block), and nobody's if the answer is null, for whom no
   *     such limit holds. What it throws reaches who opens
   * @return changed settings
   */
  public Settings client(Function<? super HttpExchange, ?> client) {
    Objects.requireNonNull(client, "client");
    return with(copy -> copy.client = client);
  }

  /**
   * Returns who a request's client is.
   *
   * @return the function
   */
  public Function<? super HttpExchange, ?> client() {
    return client;
  }

  /**
   * Sets between which times a client shall wait before it reconnects, when it is refused or the
   * registry stops (default: 1 s to 5 s). Each is told a time of its own, evenly distributed over the
   * range, so that they do not return all at once.
   *
   * @param least zero or more; counted in whole milliseconds
   * @param most not shorter than the least
   * @return changed settings
   * @throws IllegalArgumentException if they break that rule
   */
  public Settings reconnect(Duration least, Duration most) {
    Checks.requireNotNegative("least", least);
    if (most.compareTo(least) < 0) {
      throw new IllegalArgumentException(
          "most must not be shorter than least, " + least + ": " + most);
    }
    return with(
        copy -> {
          copy.leastReconnect = least;
          copy.mostReconnect = most;
        });
  }

  /**
   * Returns the shortest time before a client reconnects.
   *
   * @return how long it is told to wait at least
   */
  public Duration leastReconnect() {
    return leastReconnect;
  }

  /**
   * Returns the longest time before a client reconnects.
   *
   * @return how long it is told to wait at most
   */
  public Duration mostReconnect() {
    return mostReconnect;
  }

  /**
   * Sets how long a stream may be open before it ends as {@link Ending#EXPIRED} (default: {@link
   * ChronoUnit#FOREVER}). Each stream is given a time of its own, evenly distributed over the last tenth
   * of this, so that those that opened at once do not end at once.
   *
   * @param maxLifetime longer than zero; more than 292 years are for ever
   * @return changed settings
   * @throws IllegalArgumentException if it is not longer than zero
   */
  public Settings maxLifetime(Duration maxLifetime) {
    Checks.requirePositive("maxLifetime", maxLifetime);
    return with(copy -> copy.maxLifetime = maxLifetime);
  }

  /**
   * Returns the largest lifetime.
   *
   * @return how long a stream may be open
   */
  public Duration maxLifetime() {
    return maxLifetime;
  }

  /**
   * Sets a check that is asked again and again whether a stream may go on (default: none), such as
   * whether the token that opened it is still valid. It is asked once in each {@link #heartbeat}, first
   * at a random time within the first one, also while messages flow, on a virtual thread where it may
   * block; never twice at once for one stream. When it answers false, or throws, which is logged, or
   * does not answer within {@link #recheckDeadline(Duration)}, the stream ends as {@link
   * Ending#REVOKED}, with a {@code retry:} from the range of {@link #reconnect}. When the stream ends
   * while the check is asked, its thread is interrupted.
   *
   * @param recheck whether the stream may go on
   * @return changed settings
   */
  public Settings recheck(Predicate<? super EventSource> recheck) {
    var check = Optional.<Predicate<? super EventSource>>of(recheck);
    return with(copy -> copy.recheck = check);
  }

  /**
   * Sets how long a {@link #recheck} may take (default: 30 s). One that has not answered by then is as
   * one that said no, with a warning: a check that hangs must not keep streams open.
   *
   * @param recheckDeadline longer than zero; more than 292 years mean no limit
   * @return changed settings
   * @throws IllegalArgumentException if it is not longer than zero
   */
  public Settings recheckDeadline(Duration recheckDeadline) {
    Checks.requirePositive("recheckDeadline", recheckDeadline);
    return with(copy -> copy.recheckDeadline = recheckDeadline);
  }

  /**
   * Returns how long a check may take.
   *
   * @return the deadline
   */
  public Duration recheckDeadline() {
    return recheckDeadline;
  }

  /**
   * Returns the check.
   *
   * @return empty if there is none
   */
  public Optional<Predicate<? super EventSource>> recheck() {
    return recheck;
  }

  /**
   * Sets the event that each stream is sent when a stop begins (default: none), before a {@code retry:}
   * from the range of {@link #reconnect}.
   *
   * @param farewell the event
   * @return changed settings
   */
  public Settings farewell(Event farewell) {
    var event = Optional.of(farewell);
    return with(copy -> copy.farewell = event);
  }

  /**
   * Returns the farewell event.
   *
   * @return empty if there is none
   */
  public Optional<Event> farewell() {
    return farewell;
  }

  /** For the streams. */
  Engine.Values values() {
    return new Engine.Values(
        heartbeat,
        writeDeadline,
        new FrameQueue.Bounds(queueEvents, queueBytes, overflow),
        maxEventBytes,
        lastEventIdParameter,
        leastReconnect,
        mostReconnect,
        maxLifetime,
        recheckDeadline,
        farewell);
  }
}
