package dev.tidings.client;

import dev.tidings.Event;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpResponse.ResponseInfo;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Locale;
import java.util.Optional;
import java.util.Queue;
import java.util.random.RandomGenerator;

/**
 * The state machine of a client, which connects, follows redirects, reads, and reconnects. Everything happens on the
 * thread that waits for an event, in steps, so that a wait can end after any step and continue later. Only
 * {@link #close} and the getters may be called by other threads. The class is long because the steps of one state
 * machine share its fields.
 *
 * <pre>
 *  PAUSING ─► CONNECTING ─► STREAMING       the response is a stream
 *     ▲           │  └────► REFUSED         its text is read
 *     └───────────┴──────────── lost: the attempt failed, or the stream has ended
 *  any ─► ENDED: by 204, by the event of completion, by a failure for good, or by close
 * </pre>
 */
final class Session {
  private static final int MOST_REDIRECTS = 20; // like browsers (WHATWG Fetch, 4.4)
  private static final String RESERVED = "tidings:"; // events of the library, not of the application
  private static final String COMPLETED = "tidings:completed";

  private enum Phase {
    PAUSING,
    CONNECTING,
    STREAMING,
    REFUSED
  }

  private final Options options;
  private final Time time;
  private final Attempts attempts;
  private final Transport transport;

  // Owned by the thread that has the turn of the client.
  private Phase phase = Phase.PAUSING;
  private boolean isFirst; // whether open() waits for the first response
  private long attemptAt; // the end of the pause
  private Target target;
  private int redirects;
  private long requestedAt;
  private int status; // of the last response, 0 before it
  private long openedAt; // the beginning of the stream
  private final RefusalText refusal = new RefusalText();
  private EventParser parser;
  private final Queue<ByteBuffer> unread = new ArrayDeque<>();

  private volatile String lastEventId;
  private volatile EventClientException failure;
  private volatile boolean isEnded; // set once, with the monitor of this held
  private Connection connection; // guarded by this

  Session(Options options, Time time, RandomGenerator random) {
    this.options = options;
    this.time = time;
    this.attempts = new Attempts(options, time, random);
    this.transport = new Transport(options);
    this.lastEventId = options.lastEventId();
  }

  String lastEventId() {
    return lastEventId;
  }

  boolean isEnded() {
    return isEnded;
  }

  /** Makes the first attempt, and throws if it fails. */
  void open() throws InterruptedException {
    isFirst = true;
    while (!isEnded && phase != Phase.STREAMING) {
      step(Time.NEVER);
    }
    isFirst = false;
    throwFailure();
  }

  /** Returns the next event; empty if the deadline passes first, or if the client has ended. */
  Optional<Event> next(long deadline) throws InterruptedException {
    try {
      return receive(deadline);
    } catch (Error e) {
      drop(e);
      throw e;
    }
  }

  private Optional<Event> receive(long deadline) throws InterruptedException {
    boolean isLast = false; // a server that sends without a pause must not keep the caller after the deadline
    while (!isEnded) {
      var event = parse();
      if (event != null) {
        return Optional.of(event);
      }
      if (Thread.interrupted()) { // nor after an interrupt, which is otherwise noticed in a wait
        throw new InterruptedException();
      }
      if (!isEnded && (isLast || !step(deadline))) {
        break;
      }
      isLast = !unread.isEmpty() && time.now() >= deadline;
    }
    throwFailure();
    return Optional.empty();
  }

  private void throwFailure() {
    if (failure != null) {
      throw failure.again();
    }
  }

  /** Returns the next event for the application from the data that has arrived; null if there is none. */
  private Event parse() {
    try {
      while (!isEnded && !unread.isEmpty()) {
        var event = parser.next(unread.element());
        lastEventId = parser.lastEventId();
        if (parser.isAlive()) {
          attempts.end();
        }
        if (event == null) {
          unread.remove();
        } else if (event.name().orElse("").equals(COMPLETED)) {
          end(null); // the response ends here, and the server would answer each other request with 204
        } else if (!event.name().orElse("").startsWith(RESERVED)) {
          return event;
        }
      }
    } catch (EventClientException e) { // too large
      end(e);
    }
    return null;
  }

  /** Waits for one change, and reacts to it; returns false if the deadline passes first. */
  private boolean step(long deadline) throws InterruptedException {
    try {
      return switch (phase) {
        case PAUSING -> pause(deadline);
        case CONNECTING -> awaitHead(deadline);
        case STREAMING -> awaitChunk(deadline);
        case REFUSED -> awaitRefusal(deadline);
      };
    } catch (IOException e) {
      lost(e, Duration.ZERO);
      return true;
    }
  }

  private boolean pause(long deadline) throws IOException, InterruptedException {
    synchronized (this) {
      long until = Math.min(deadline, attemptAt);
      while (!isEnded && time.now() < until) {
        time.await(this, until);
      }
    }
    if (time.now() < attemptAt && !isEnded) {
      return false;
    }
    redirects = 0;
    request(Target.first(options));
    return true;
  }

  private void request(Target target) throws IOException {
    this.target = target;
    phase = Phase.CONNECTING;
    status = 0;
    requestedAt = time.now();
    attempts.begin();
    try {
      var next = new Connection(transport.client(), target.request(lastEventId), time);
      boolean isLate;
      synchronized (this) {
        isLate = isEnded;
        connection = next;
      }
      if (isLate) {
        next.cancel();
      }
    } catch (UncheckedIOException e) { // no HttpClient, for example if there are too many open files
      throw e.getCause();
    } catch (RuntimeException e) {
      end(new EventClientException("cannot send a request to " + target.name() + ": " + e.getMessage(), e));
    }
  }

  private synchronized Connection connection() {
    return connection;
  }

  private long responseDeadline() {
    return Time.plus(requestedAt, options.responseTimeout());
  }

  private boolean awaitHead(long deadline) throws IOException, InterruptedException {
    long limit = responseDeadline();
    var head = connection().head(Math.min(deadline, limit));
    if (isEnded) {
      return true;
    }
    if (head == null) {
      if (time.now() < limit) {
        return false;
      }
      transport.renew();
      throw new HttpTimeoutException("no response within " + options.responseTimeout());
    }
    status = head.statusCode();
    switch (status) {
      case 200 -> accept(head);
      case 204 -> end(null);
      case 301, 302, 303, 307, 308 -> redirect(head);
      default -> {
        boolean isTransient = status == 408 || status == 429 || status >= 500 && status <= 599;
        if (isTransient && isRetried(true)) {
          var wait = head.headers().firstValue("Retry-After").map(value -> Backoff.retryAfter(value, time.instant()));
          lost(new IOException("status " + status), wait.orElse(Duration.ZERO));
        } else {
          phase = Phase.REFUSED;
        }
      }
    }
    return true;
  }

  private void accept(ResponseInfo head) {
    String type = head.headers().firstValue("Content-Type").orElse("");
    String encoding = head.headers().firstValue("Content-Encoding").orElse("identity");
    if (!type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT).equals("text/event-stream")) {
      end(refused("the Content-Type is not text/event-stream: " + RefusalText.printable(type), 200, ""));
    } else if (!encoding.equalsIgnoreCase("identity")) {
      end(refused("the Content-Encoding is not supported: " + RefusalText.printable(encoding), 200, ""));
    } else {
      parser = new EventParser(options.maxEventBytes(), lastEventId);
      openedAt = time.now();
      phase = Phase.STREAMING;
    }
  }

  private void redirect(ResponseInfo head) throws IOException {
    connection().cancel();
    String location = head.headers().firstValue("Location").orElse("");
    if (location.isEmpty() || ++redirects > MOST_REDIRECTS) {
      String reason = location.isEmpty() ? "a redirect has no Location" : "more than " + MOST_REDIRECTS + " redirects";
      end(refused(reason, head.statusCode(), ""));
      return;
    }
    Target next;
    try {
      next = target.redirected(head.statusCode(), location);
    } catch (IOException e) {
      end(refused(e.getMessage(), head.statusCode(), ""));
      return;
    }
    request(next);
  }

  private boolean awaitRefusal(long deadline) throws InterruptedException {
    long limit = responseDeadline();
    boolean isWhole = false;
    try {
      switch (connection().await(Math.min(deadline, limit))) {
        case CHUNK -> connection().take().forEach(refusal::add);
        case END -> isWhole = true;
        case NOTHING -> {
          if (!isEnded && time.now() < limit) {
            return false;
          }
          isWhole = true;
        }
      }
    } catch (IOException e) {
      isWhole = true;
    }
    if (isWhole || refusal.isFull()) {
      String text = refusal.text();
      String quoted = text.isBlank() ? "" : ": " + RefusalText.printable(text.strip());
      end(refused("status " + status + quoted, status, text));
    }
    return true;
  }

  private EventClientException refused(String reason, int status, String body) {
    return new EventClientException(target.name() + ": " + reason, null, status, body);
  }

  private boolean awaitChunk(long deadline) throws IOException, InterruptedException {
    var from = connection();
    long limit = silenceDeadline(from);
    switch (from.await(Math.min(deadline, limit))) {
      case CHUNK -> unread.addAll(from.take());
      case END -> lost(null, Duration.ZERO);
      case NOTHING -> {
        if (isEnded) {
          return true;
        }
        if (time.now() < silenceDeadline(from)) {
          return false;
        }
        transport.renew();
        throw new HttpTimeoutException("the server has sent nothing for " + options.maxSilence());
      }
    }
    return true;
  }

  private long silenceDeadline(Connection from) {
    return Time.plus(from.lastArrival(), options.maxSilence());
  }

  /**
   * Drops the stream after an error, such as a lack of memory, because a part of what has arrived may be missing. All
   * after the last event is received again from the next stream.
   */
  private void drop(Error error) {
    boolean isSent = phase != Phase.PAUSING;
    phase = Phase.PAUSING;
    unread.clear();
    parser = null; // may occupy the memory
    if (!isRetried(isSent)) {
      end(new EventClientException(options.uri().getHost() + ": the stream was lost", error));
      return;
    }
    cancel();
    attempts.countFailure();
    attempts.begin();
    attemptAt = attempts.nextAttempt(Duration.ZERO);
  }

  private void cancel() {
    var last = connection();
    if (last != null) {
      last.cancel();
    }
  }

  /** Returns whether another attempt may be made. */
  private boolean isRetried(boolean isSent) {
    return !isFirst && options.reconnect() && (options.isRepeatable() || !isSent);
  }

  /**
   * Ends the attempt or the stream, and decides whether to reconnect; the reason is null for an end without a failure.
   */
  private void lost(IOException reason, Duration retryAfter) {
    cancel();
    if (isEnded) {
      return;
    }
    boolean wasStream = phase == Phase.STREAMING;
    unread.clear();
    if (wasStream) {
      attempts.setRetry(parser.retry());
      if (!(reason instanceof HttpTimeoutException)) { // a stream that is silent for too long was lost before
        attempts.wasOpen(time.now() - openedAt);
      }
    }
    if (!wasStream || !parser.isAlive()) {
      attempts.countFailure();
    }
    boolean isRefused = reason instanceof ConnectException || reason instanceof HttpConnectTimeoutException;
    boolean isSent = redirects > 0 || !isRefused; // the server that redirected it has received it
    if (!isRetried(isSent) || transport.isTerminated()) {
      end(reason == null ? null : failed(reason, wasStream ? "the stream was lost" : "cannot connect"));
      return;
    }
    attempts.begin();
    attemptAt = attempts.nextAttempt(retryAfter);
    var limit = attempts.limit(attemptAt);
    if (limit.isPresent()) {
      end(failed(reason, limit.get()));
    } else {
      phase = Phase.PAUSING;
      log(reason);
    }
  }

  private EventClientException failed(IOException reason, String what) {
    String why = reason == null ? "" : ": " + RefusalText.printable(reason.toString());
    return new EventClientException(target.name() + ": " + what + why, reason, status == 200 ? 0 : status, "");
  }

  /** Logs the first failure of an outage as a warning, and the others at DEBUG. */
  private void log(IOException reason) {
    var level = reason != null && attempts.failures() == 1 ? System.Logger.Level.WARNING : System.Logger.Level.DEBUG;
    ClientLog.log(level, () -> failed(reason, "reconnecting").getMessage());
  }

  /** Ends the client; the first end wins. Called by any thread. */
  private void end(EventClientException failure) {
    Connection last;
    synchronized (this) {
      if (isEnded) {
        return;
      }
      this.failure = failure;
      isEnded = true;
      last = connection;
      notifyAll();
    }
    if (last != null) {
      last.cancel();
    }
    transport.close();
  }

  /** Ends the client, and wakes the thread that waits for an event. */
  void close() {
    end(null);
  }
}
