package dev.tidings.client;

import dev.tidings.Event;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;

/**
 * A client that receives the events of a stream, in blocking calls. When the stream ends or fails, it reconnects by
 * itself and continues after the last event.
 *
 * {@snippet file="HandlerTest.java" region="client"}
 *
 * <p><b>Events</b> are parsed according to the <a
 * href="https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation">WHATWG standard,
 * 9.2.6</a>. An event contains its data, its name unless that is {@code message}, and the {@code id} and the
 * {@code retry} of its block, if present. It contains no comments and other fields. Unlike in a browser, it does not
 * repeat the id of an earlier event; {@link #lastEventId()} returns that. The events {@code tidings:…} of a Tidings
 * server are not returned: they set the last event id, and {@code tidings:completed} ends the client, because the
 * server would answer each further request with 204. Events named {@code gap} are returned.
 *
 * <p><b>Reconnecting.</b> After a stream has ended, cleanly or not, the client waits for the reconnection time (3 s, or
 * the {@code retry:} of the server, at least 0.1 s) and sends the last event id in {@code Last-Event-ID}. Each attempt
 * that fails, or whose stream sends nothing, doubles this time, up to 30 s, and the delay is then random. The client
 * tries again after a failed connection, after a time limit, and after the status 408, 429 and 5xx, for which it obeys
 * {@code Retry-After}. A 204 ends the client. Any other status, and a {@code Content-Type} other than
 * {@code text/event-stream}, is an {@link EventClientException}. Attempts are not limited unless the builder sets a
 * limit. A request other than a GET without a body, such as a POST, is never repeated once it may have been sent: the
 * end of its stream ends the client, and its failure is an exception.
 *
 * <p><b>Redirects</b> are followed, at most 20, and never from https to http. Headers that the application has set, and
 * the last event id, are not sent to another origin.
 *
 * <p><b>Threads.</b> The thread that waits for an event does all work, including the attempts to reconnect. Between two
 * calls, at most two chunks of the response are received (over HTTP/2, up to 16 MiB by {@code HttpClient}), and nothing
 * else happens. The server is read as fast as events are taken. All methods may be called from any thread; each event is
 * returned once. {@code HttpClient} has a thread of its own, until this client has ended.
 *
 * <p>A module that uses this class must itself {@code require java.net.http}.
 */
public final class EventClient implements AutoCloseable, Iterable<Event> {
  private final Time time;
  private final Session session;
  private final ReentrantLock turn = new ReentrantLock();
  private Optional<Event> ahead = Optional.empty(); // received by an iterator, not yet returned; guarded by turn
  private volatile String lastEventId;

  private EventClient(Options options, Time time, RandomGenerator random) {
    this.time = time;
    this.session = new Session(options, time, random);
    this.lastEventId = options.lastEventId();
  }

  /**
   * Opens a stream. Blocks until the server has answered, at most a minute for each response, including 10 s for the
   * connection. So the stream is open on a Tidings server when this method returns, unless the server has answered with
   * 204 ({@link #isEnded()}).
   *
   * @param uri the address, http or https
   * @return the client
   * @throws EventClientException if the first attempt fails
   * @throws InterruptedException if this thread is interrupted
   * @throws IllegalArgumentException if the address is not valid
   */
  public static EventClient open(URI uri) throws InterruptedException {
    return builder(uri).open();
  }

  /**
   * Opens a stream that continues after an event. Otherwise like {@link #open(URI)}.
   *
   * @param uri the address
   * @param lastEventId an id that {@link #lastEventId()} has returned earlier
   * @return the client
   * @throws EventClientException if the first attempt fails
   * @throws InterruptedException if this thread is interrupted
   * @throws IllegalArgumentException if the address is not valid, or if the id is not ASCII
   */
  public static EventClient open(URI uri, String lastEventId) throws InterruptedException {
    return builder(uri).lastEventId(lastEventId).open();
  }

  /**
   * Returns a builder for a client with other options.
   *
   * @param uri the address, http or https
   * @return the builder
   * @throws IllegalArgumentException if the address is not valid
   */
  public static Builder builder(URI uri) {
    return new Builder(uri);
  }

  /**
   * Waits for the next event, without a time limit.
   *
   * @return the event; empty if the client has ended
   * @throws EventClientException if the client has failed
   * @throws InterruptedException if this thread is interrupted; no event is lost, and the client remains open
   */
  public Optional<Event> next() throws InterruptedException {
    turn.lockInterruptibly();
    try {
      return next(Time.NEVER);
    } finally {
      turn.unlock();
    }
  }

  /**
   * Waits for the next event. If none arrives in time, the client remains open, and a later call returns the event.
   *
   * @param timeout the longest wait; zero only returns an event that has arrived
   * @return the event; empty if none arrived in time, or if the client has ended, as {@link #isEnded()} shows
   * @throws EventClientException if the client has failed
   * @throws InterruptedException if this thread is interrupted; no event is lost, and the client remains open
   * @throws IllegalArgumentException if the timeout is negative
   */
  public Optional<Event> next(Duration timeout) throws InterruptedException {
    requireNotNegative("timeout", timeout);
    long deadline = time.after(timeout);
    if (!turn.tryLock(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS)) {
      return Optional.empty();
    }
    try {
      return next(deadline);
    } finally {
      turn.unlock();
    }
  }

  private Optional<Event> next(long deadline) throws InterruptedException {
    try {
      var event = ahead.isPresent() ? ahead : session.next(deadline);
      ahead = Optional.empty();
      return event;
    } finally {
      lastEventId = session.lastEventId(); // without an event, too: a block without data moves it
    }
  }

  /**
   * Returns an iterator over the events that arrive from now on. All iterators and calls of {@code next} take from the
   * same stream. {@code hasNext} waits for an event, and throws {@link EventClientException} if the client has failed.
   * It returns false if the client has ended, or if the thread is interrupted, whose interrupt status then stays set.
   *
   * @return an iterator
   */
  @Override
  public Iterator<Event> iterator() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return waitAhead().isPresent();
      }

      @Override
      public Event next() {
        return takeAhead().or(this::waitNext).orElseThrow(NoSuchElementException::new);
      }

      private Optional<Event> waitNext() {
        try {
          return EventClient.this.next();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return Optional.empty();
        }
      }
    };
  }

  /** Returns the event that an iterator has received, even if the thread is interrupted; empty if there is none. */
  private Optional<Event> takeAhead() {
    if (!turn.tryLock()) { // another thread takes it, or waits for one
      return Optional.empty();
    }
    try {
      var event = ahead;
      if (event.isPresent()) {
        ahead = Optional.empty();
        lastEventId = session.lastEventId();
      }
      return event;
    } finally {
      turn.unlock();
    }
  }

  private Optional<Event> waitAhead() {
    try {
      turn.lockInterruptibly();
      try {
        if (ahead.isEmpty()) {
          ahead = session.next(Time.NEVER);
        }
        return ahead;
      } finally {
        if (ahead.isEmpty()) {
          lastEventId = session.lastEventId(); // a block without data moves it
        }
        turn.unlock();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /**
   * Returns the last event id: that of the last returned event that had one, or of a later block without data. To
   * continue in another process, store it after an event has been processed.
   *
   * @return the id; empty if there is none
   */
  public Optional<String> lastEventId() {
    return Optional.of(lastEventId).filter(id -> !id.isEmpty());
  }

  /**
   * Returns whether no further event will arrive: the server has ended the stream for good, the client has been closed,
   * or it has failed.
   *
   * @return {@code true} if the client has ended
   */
  public boolean isEnded() {
    return session.isEnded();
  }

  /**
   * Ends the client and closes its connection. Does not block. A thread that waits for an event returns without one.
   * An {@code HttpClient} of the application stays open.
   */
  @Override
  public void close() {
    session.close();
  }

  private static Duration requireNotNegative(String what, Duration duration) {
    if (duration.isNegative()) {
      throw new IllegalArgumentException(what + " must not be negative: " + duration);
    }
    return duration;
  }

  /**
   * Sets the options of a client. A time that is longer than 292 years means no limit.
   *
   * <p>{@link #open()} is for programs and tests that need the stream at once: it waits for the server, and a failure
   * is an exception. {@link #build()} is for programs that may start before their server: it only creates the client.
   * The first call that waits for an event connects, and retries as after a lost stream.
   */
  public static final class Builder {
    private final URI uri;
    private String method = "GET";
    private Optional<BodyPublisher> body = Optional.empty();
    private final List<Options.Header> headers = new ArrayList<>();
    private Optional<HttpClient> client = Optional.empty();
    private String lastEventId = "";
    private Duration connectTimeout = Duration.ofSeconds(10);
    private Duration responseTimeout = Duration.ofMinutes(1);
    private Duration maxSilence = Duration.ofMinutes(2);
    private Duration retry = Duration.ofSeconds(3);
    private Duration maxRetry = Duration.ofMinutes(5);
    private int maxAttempts = Integer.MAX_VALUE;
    private Duration maxOutage = Duration.ofSeconds(Long.MAX_VALUE);
    private boolean reconnect = true;
    private int maxEventBytes = 16 * 1024 * 1024;

    private Builder(URI uri) {
      String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
      if (!scheme.equals("http") && !scheme.equals("https") || uri.getHost() == null) {
        throw new IllegalArgumentException("the address must be http or https, with a host");
      }
      this.uri = uri;
    }

    /**
     * Adds a header to each request. {@code Accept} and {@code Cache-Control} replace those of the client.
     *
     * @param name the name
     * @param value the value
     * @return this builder
     * @throws IllegalArgumentException if {@code HttpRequest} does not allow this header, or if it is
     *     {@code Last-Event-ID}; use {@link #lastEventId(String)} for that
     */
    public Builder header(String name, String value) {
      if (name.equalsIgnoreCase("Last-Event-ID")) {
        throw new IllegalArgumentException("Last-Event-ID is set by lastEventId");
      }
      HttpRequest.newBuilder().header(name, value); // checks both
      headers.add(new Options.Header(name, value));
      return this;
    }

    /**
     * Sends a POST with this body (default: a GET without a body). The request is not repeated once it may have been
     * sent.
     *
     * @param body the body, sent in UTF-8
     * @param contentType its media type
     * @return this builder
     */
    public Builder post(String body, String contentType) {
      return method("POST", BodyPublishers.ofString(body)).header("Content-Type", contentType);
    }

    /**
     * Sets the method and the body (default: a GET without a body). Any other request is not repeated once it may have
     * been sent.
     *
     * @param method the method
     * @param body the body
     * @return this builder
     * @throws IllegalArgumentException if the method is not valid
     */
    @SuppressWarnings("exports") // applications that use it require java.net.http
    public Builder method(String method, BodyPublisher body) {
      HttpRequest.newBuilder().method(method, body); // checks both
      this.method = method;
      boolean isPlainGet = method.equals("GET") && body.contentLength() == 0;
      this.body = isPlainGet ? Optional.empty() : Optional.of(body);
      return this;
    }

    /**
     * Uses this {@code HttpClient}, for TLS, proxies, authenticators or cookies, or to share its thread among many
     * clients. It is not closed by the client. Over HTTP/2, a request after a timeout may use the same connection
     * again. Its authenticator cannot answer for a request that is not repeated, such as a POST.
     *
     * @param client an {@code HttpClient} that follows no redirects itself, because it would send all headers to other
     *     origins
     * @return this builder
     * @throws IllegalArgumentException if it follows redirects
     */
    @SuppressWarnings("exports") // applications that use it require java.net.http
    public Builder client(HttpClient client) {
      if (client.followRedirects() != Redirect.NEVER) {
        throw new IllegalArgumentException("the HttpClient must not follow redirects: this client follows them");
      }
      this.client = Optional.of(client);
      return this;
    }

    /**
     * Sets the last event id of the first request (default: none).
     *
     * @param id an id that {@link EventClient#lastEventId()} has returned earlier; ASCII, because {@code HttpClient}
     *     cannot send other characters in a header
     * @return this builder
     * @throws IllegalArgumentException if the id is not ASCII, or has control characters
     */
    public Builder lastEventId(String id) {
      lastEventId = Target.requireSendable(id);
      return this;
    }

    /**
     * Sets the longest time to establish a connection (default: 10 s). Not used with an {@code HttpClient} of the
     * application, which has its own limit.
     *
     * @param timeout a time longer than zero
     * @return this builder
     * @throws IllegalArgumentException if the time is not longer than zero
     */
    public Builder connectTimeout(Duration timeout) {
      connectTimeout = requirePositive("connectTimeout", timeout);
      return this;
    }

    /**
     * Sets the longest time from the request to the head of the response (default: one minute). A Tidings server sends
     * it within one heartbeat.
     *
     * @param timeout a time longer than zero
     * @return this builder
     * @throws IllegalArgumentException if the time is not longer than zero
     */
    public Builder responseTimeout(Duration timeout) {
      responseTimeout = requirePositive("responseTimeout", timeout);
      return this;
    }

    /**
     * Sets the longest time without any byte of the stream, after which the client drops the connection and reconnects
     * (default: 2 min). Without it, a network that fails silently is never noticed. Comments count, and a Tidings
     * server sends one in each heartbeat (15 s); so set 45 s for such a server. Streams that are silent for longer than
     * the default are rare, because proxies end them after a minute.
     *
     * @param time a time longer than zero
     * @return this builder
     * @throws IllegalArgumentException if the time is not longer than zero
     */
    public Builder maxSilence(Duration time) {
      maxSilence = requirePositive("maxSilence", time);
      return this;
    }

    /**
     * Sets the reconnection time until the server sends a {@code retry:} (default: 3 s).
     *
     * @param time zero or longer
     * @return this builder
     * @throws IllegalArgumentException if the time is negative
     */
    public Builder retry(Duration time) {
      retry = requireNotNegative("retry", time);
      return this;
    }

    /**
     * Sets the longest time between two attempts, even if {@code retry:} or {@code Retry-After} asks for more (default:
     * 5 min).
     *
     * @param time zero or longer
     * @return this builder
     * @throws IllegalArgumentException if the time is negative
     */
    public Builder maxRetry(Duration time) {
      maxRetry = requireNotNegative("maxRetry", time);
      return this;
    }

    /**
     * Sets how many attempts may fail in succession before the client fails (default: no limit). An attempt counts as
     * failed until its stream has sent an event or a comment.
     *
     * @param attempts at least 1
     * @return this builder
     * @throws IllegalArgumentException if the number is less than 1
     */
    public Builder maxAttempts(int attempts) {
      maxAttempts = requireAtLeastOne("maxAttempts", attempts);
      return this;
    }

    /**
     * Sets how long the client tries to reconnect before it fails (default: no limit). The time in which a stream is
     * open does not count.
     *
     * @param time a time longer than zero
     * @return this builder
     * @throws IllegalArgumentException if the time is not longer than zero
     */
    public Builder maxOutage(Duration time) {
      maxOutage = requirePositive("maxOutage", time);
      return this;
    }

    /**
     * Sets whether the client reconnects (default: true). If it does not, a clean end of the stream ends the client,
     * and every failure is an exception.
     *
     * @param reconnect whether to reconnect
     * @return this builder
     */
    public Builder reconnect(boolean reconnect) {
      this.reconnect = reconnect;
      return this;
    }

    /**
     * Sets the largest event (default: 16 MiB). A larger one is an {@link EventClientException}. The memory of a client
     * is at most a small multiple of this.
     *
     * @param bytes the limit for the data of an event, and for the value of each field
     * @return this builder
     * @throws IllegalArgumentException if the number is less than 1
     */
    public Builder maxEventBytes(int bytes) {
      maxEventBytes = Math.min(requireAtLeastOne("maxEventBytes", bytes), Integer.MAX_VALUE - 1024); // arrays
      return this;
    }

    /**
     * Opens the stream. Blocks until the server has answered. Makes one attempt, so any failure is an exception.
     *
     * @return the client
     * @throws EventClientException if the attempt fails
     * @throws InterruptedException if this thread is interrupted
     */
    public EventClient open() throws InterruptedException {
      var client = build();
      boolean isOpen = false;
      try {
        client.session.open();
        isOpen = true;
        return client;
      } finally {
        if (!isOpen) {
          client.close();
        }
      }
    }

    /**
     * Creates the client without connecting. The first call that waits for an event connects.
     *
     * @return the client
     */
    public EventClient build() {
      return build(Time.system(), () -> ThreadLocalRandom.current().nextLong());
    }

    EventClient build(Time time, RandomGenerator random) {
      var options =
          new Options(
              uri, method, body, List.copyOf(headers), client, lastEventId, connectTimeout, responseTimeout, maxSilence,
              retry, maxRetry, maxAttempts, maxOutage, reconnect, maxEventBytes);
      return new EventClient(options, time, random);
    }

    private static Duration requirePositive(String what, Duration duration) {
      if (!Objects.requireNonNull(duration, what).isPositive()) {
        throw new IllegalArgumentException(what + " must be longer than zero: " + duration);
      }
      return duration;
    }

    private static int requireAtLeastOne(String what, int value) {
      if (value < 1) {
        throw new IllegalArgumentException(what + " must be at least 1: " + value);
      }
      return value;
    }
  }
}
