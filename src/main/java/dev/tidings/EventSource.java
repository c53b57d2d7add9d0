package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One open stream of events to one client.
 *
 * <p>The status and the headers go out with the first message or wait of the thread that opened the
 * stream, which is when {@code open} fires in a browser. What broadcasts, channels and listeners of the
 * opening send before that waits in the outbox, at the latest until the first ping is due, or until an
 * event has no room there, for which the stream would be ended; a direct {@link #send(Event)} or {@link
 * #offer(Event)} of another thread sends the headers after at most 100 ms. The stream lives until its one
 * {@link Ending}: the client goes, the application closes it, or one of the limits in {@link Settings}
 * ends it.
 *
 * <p>All methods may be called from any thread, at any time, also after the end. Messages go out in the
 * order of the calls, each as a whole. A client is known to be gone only because a write to it fails,
 * so every stream is pinged while it is silent.
 *
 * {@snippet file="Progress.java" region="progress"}
 */
public final class EventSource implements AutoCloseable {
  private static final long LONGEST_HEAD = Duration.ofSeconds(15).toNanos(); // to a request for it alone
  private static final long HEAD_DELAY = Duration.ofMillis(100).toNanos();

  private final EventSources sources;
  private final HttpExchange exchange;
  private final Optional<String> identifier;
  private final Object client; // whose place it takes; null where nobody counts them
  private final long opener = Thread.currentThread().threadId();
  private final Response response;
  private final Outbox outbox;
  private final Heartbeat heartbeat;
  private final Optional<Permit> permit; // empty if nothing limits it
  private final long opened;

  private volatile boolean committed; // set under the lock of response: no header can be added any more
  private volatile boolean opening = true; // whether the call that opens it goes on
  private volatile boolean failing; // set under the lock of response: the answer is a 500, and no stream
  private boolean hastened; // guarded by the lock of response: another thread sent before the head was out
  private volatile long lastMessage;
  private volatile long previousMessage; // the one before; near enough when several threads send
  private boolean placed; // guarded by the crowd's lock: whether it has a place there
  private volatile boolean admitted; // to the registry
  private volatile boolean listed; // admitted and not ended

  private volatile boolean farewellSaid; // set under the lock of response

  private final Life life;
  private final AtomicReference<Bookmark> bookmark = new AtomicReference<>(); // null outside channels

  EventSource(
      EventSources sources, HttpExchange exchange, Optional<String> identifier, Object client) {
    this.sources = sources;
    this.exchange = exchange;
    this.identifier = identifier;
    this.client = client;
    this.life = new Life(sources.listeners());
    this.response = new Response(exchange, sources.deadlines());
    var delivery = new Delivery(this, response, sources);
    this.outbox = new Outbox(delivery, sources.fanOut()::start, sources.settings());
    this.outbox.hold();
    this.opened = sources.ticker().now();
    this.lastMessage = opened;
    this.previousMessage = opened;
    this.heartbeat = new Heartbeat(this, sources.ticker(), sources.pulse());
    this.permit = Permit.of(this, sources);
  }

  // The header phase.

  /**
   * Adds a response header. Must come before the first message or wait of the thread that opened the
   * stream, and soon after the opening, as the head does not wait longer than until the first ping is
   * due, and only 100 ms if another thread sends to this stream directly. A header that takes longer to
   * look up is set before the opening: {@link SseRequest#appendHeader}. Does nothing once the stream
   * has ended.
   *
   * @param name a token; not one of those that the stream needs for itself: {@code Connection}, {@code
   *     Content-Length}, {@code Content-Type}, {@code Transfer-Encoding}
   * @param value one line of ISO-8859-1
   * @return this stream
   * @throws IllegalArgumentException if the name or the value breaks that rule (RFC 9110, 5.1, 5.5)
   * @throws IllegalStateException if the headers have been sent
   */
  public EventSource appendHeader(String name, String value) {
    synchronized (response) {
      if (!isOpen()) {
        return this;
      }
      if (committed) {
        throw new IllegalStateException(
            "headers go out with the first message, ping or wait; too late for: " + name);
      }
      response.addHeader(name, value);
      return this;
    }
  }

  /**
   * Ends the header phase: the head goes out with what waits, or with the first message. A request for the
   * headers only has got all that it asked for.
   */
  private void commit() {
    if (!committed) {
      synchronized (response) {
        if (failing) {
          return;
        }
        outbox.release(); // first, so that nobody sees the phase ended and the outbox held
        committed = true;
      }
      if (response.isHeadOnly()) {
        end(Ending.CLOSED);
      }
    }
    sayFarewell(); // before anything that a handler sends because of the stop
  }

  /** Whether this ended the header phase. */
  private boolean sealHeaders() {
    synchronized (response) {
      boolean sealed = !committed;
      committed = true;
      return sealed;
    }
  }

  /** Whether the head does not go out yet, and with it all that is sent. */
  boolean isHeld() {
    return !committed;
  }

  /**
   * Before a message that is sent to this stream directly: that of its own handler ends the header phase,
   * that of another thread does so soon. A listener of the opening, which runs on the handler's thread,
   * does not.
   *
   * @return whether anything may still be sent: the phase may have ended with the stream, for an answer
   *     that is no stream
   */
  private boolean admitMessage() {
    if (!committed) {
      if (!isOwn()) {
        hasten();
      } else if (!opening) {
        commit();
      }
    }
    sayFarewell();
    return listed;
  }

  /** A handler may block in a call whose answers another thread sends. */
  private void hasten() {
    synchronized (response) {
      if (committed || hastened || !listed) {
        return;
      }
      sources.ticker().schedule(HEAD_DELAY, this::commit);
      hastened = true; // once that is sure
    }
  }

  /** The call that opens it is about to return. */
  void endOpening() {
    opening = false;
  }

  /** Sends what waits for the head when there is no room for more: nothing is lost for a slow handler. */
  private Outbox.Answer sendWith(Supplier<Outbox.Answer> sending) {
    var answer = sending.get();
    if (answer == Outbox.Answer.HELD) {
      commit();
      answer = sending.get();
    }
    return answer;
  }

  /** Sends the headers, so that {@code open} fires, with a comment that carries them through proxies. */
  private void open() {
    if (!committed) {
      commit();
      var comment = heartbeat.probe();
      if (mayWrite()) {
        outbox.writeIfIdle(comment);
      } else {
        outbox.offerIfIdle(comment, sources.fanOut()::start);
      }
    }
  }

  /** Whether this thread, which is about to wait, may as well write: a guard has to be able to free it. */
  private static boolean mayWrite() {
    return Thread.currentThread().isVirtual() && !Thread.currentThread().isInterrupted();
  }

  // Sending.

  /**
   * Sends a message. Blocks only while the outbox is full, at most for the write deadline; after that
   * {@link Settings#overflow} decides. A thread that is interrupted while it waits keeps its status,
   * and the message is not taken.
   *
   * @param data the text, any text
   * @return whether the stream took it; false once the stream has ended, so that a handler loops {@code
   *     while (sse.send(…))}
   * @throws IllegalArgumentException if it is larger than {@link Settings#maxEventBytes(int)}
   */
  public boolean send(String data) {
    return send(Event.of(data));
  }

  /**
   * Sends a named event; otherwise as {@link #send(String)}.
   *
   * @param name the event type
   * @param data the text, any text
   * @return whether the stream took it; false once the stream has ended
   * @throws IllegalArgumentException if the name is empty or has a line break
   */
  public boolean send(String name, String data) {
    return send(Event.of(name, data));
  }

  /**
   * Sends an event; otherwise as {@link #send(String)}. It is encoded for this stream; to send one to many,
   * {@link EventSources#broadcast(Event, java.util.function.Predicate)} encodes it once.
   *
   * @param event the event
   * @return whether the stream took it; false once the stream has ended
   */
  public boolean send(Event event) {
    var frame = Frame.of(event, sources.settings());
    long limit = sources.deadlines().limit();
    return told(
        admitMessage()
            && took(
                sendWith(() -> outbox.put(frame, sources.ticker(), limit)), Ending.TOO_SLOW));
  }

  /**
   * Sends an event if that needs no waiting; otherwise {@link Settings#overflow} decides at once.
   *
   * @param event the event
   * @return whether the stream took it; false once the stream has ended
   */
  public boolean offer(Event event) {
    var frame = Frame.of(event, sources.settings());
    return told(admitMessage() && took(sendWith(() -> outbox.offer(frame)), Ending.OVERFLOW));
  }

  /**
   * Sends a message if that needs no waiting; otherwise as {@link #offer(Event)}.
   *
   * @param data the text, any text
   * @return whether the stream took it; false once the stream has ended
   */
  public boolean offer(String data) {
    return offer(Event.of(data));
  }

  /** A handler that goes on sending when its stream has ended is to be found. */
  private boolean told(boolean took) {
    if (took) {
      sources.loops().acquit();
    } else if (isOwn() && !isOpen()) {
      sources.loops().refused(this, () -> sources.route(exchange));
    }
    return took;
  }

  /** Takes the frame if there is room now; an overflow is the caller's to deal with. */
  Outbox.Answer offerIfFits(Frame frame, boolean message) {
    sayFarewell();
    var answer = listed ? outbox.offerIfFits(frame) : Outbox.Answer.CLOSED;
    if (answer == Outbox.Answer.TAKEN && message) {
      sentMessage();
    }
    return answer;
  }

  /** As one of many. */
  boolean offer(Frame frame, FanOut.Broadcast broadcast) {
    sayFarewell();
    return listed
        && took(sendWith(() -> outbox.offer(frame, broadcast::add)), Ending.OVERFLOW);
  }

  private boolean took(Outbox.Answer answer, Ending ifFull) {
    switch (answer) {
      case TAKEN -> sentMessage();
      case OVERFLOW -> end(ifFull);
      case DROPPED, HELD, CLOSED -> {}
    }
    return answer == Outbox.Answer.TAKEN;
  }

  private void sentMessage() {
    previousMessage = lastMessage;
    lastMessage = sources.ticker().now();
  }

  /**
   * Waits until all that was accepted before is with the operating system. Ends at the latest when the
   * stream does: the write deadline bounds each write, and so each 4,000 bytes or so, not all of it. An
   * interrupt does not end the wait; the status stays. Sends the headers if something waits for them.
   *
   * @return true once it is; false if the stream ended before that
   */
  public boolean flush() {
    if (!committed && outbox.traffic().waiting() > 0) {
      if (isOwn()) {
        commit(); // a listener of the opening waits for it too
      } else {
        hasten();
      }
    }
    return outbox.flush();
  }

  /** As {@link #flush()}, but does not send the headers, on which it waits too. */
  boolean awaitWritten() {
    return outbox.flush();
  }

  // Pings.

  /**
   * Sets another ping than the registry's heartbeat; it takes effect when the policy is started.
   *
   * @param setting told the policy, on this thread, before this method returns
   * @return this stream
   */
  public EventSource withPing(Consumer<? super PingPolicy> setting) {
    setting.accept(new PingPolicy(sources.settings().heartbeat(), this::startPings));
    return this;
  }

  private void startPings(PingPolicy policy) {
    var probe = policy.hasBlankLines() ? Frame.COMMENT : Frame.BARE_COMMENT;
    heartbeat.start(Frame.of(policy), probe, policy.interval());
  }

  void ping(Frame frame, FanOut.Broadcast broadcast) {
    commit();
    if (listed) {
      if (!tellPosition(frame, broadcast)) {
        outbox.offerIfIdle(frame, broadcast::add);
      }
    }
  }

  /** Whether a ping takes the position along, which it does if the client does not know it. */
  private boolean tellPosition(Frame ping, FanOut.Broadcast broadcast) {
    var last = bookmark.get();
    return last != null
        && last.tell(
            position -> outbox.offerIfIdle(List.of(position.parting()), ping, broadcast::add));
  }

  long lastMessage() {
    return lastMessage;
  }

  long previousMessage() {
    return previousMessage;
  }

  /** Whether somebody waits to send. */
  boolean isAwaited() {
    return outbox.isAwaited();
  }

  // Waiting and ending.

  /**
   * Waits until the stream has ended, and ends it as {@link Ending#IDLE} once nothing was sent for this
   * long. Each accepted message starts the time anew, a ping does not; before the first message it
   * counts from the opening. Sends the headers if nothing did.
   *
   * <p>An interrupt ends the stream as {@link Ending#INTERRUPTED}; the status stays.
   *
   * <p>While a thread is blocked in {@link #send(Event)}, the stream is not idle.
   *
   * @param idle how long the stream may be idle; zero ends it at once unless it has ended; more than 292
   *     years are for ever
   * @return why it ended; the stream has left the registry
   * @throws IllegalArgumentException if the duration is negative
   */
  public Ending waitForFail(Duration idle) {
    long limit = Time.nanos(Time.requireNotNegative("idle", idle));
    open();
    var watch = new IdleWatch(this, sources.ticker(), limit);
    watch.check();
    try {
      return await();
    } finally {
      watch.stop();
    }
  }

  /**
   * Waits until the stream has ended, however long that is; otherwise as {@link #waitForFail}.
   *
   * @return why it ended; the stream has left the registry
   */
  public Ending keepAlive() {
    open();
    return await();
  }

  private Ending await() {
    try {
      life.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      end(Ending.INTERRUPTED);
    }
    return life.ending().orElseThrow();
  }

  /**
   * Ends the stream as {@link Ending#CLOSED}, unless it has ended, and waits until what was accepted is
   * handed over, at most for the write deadline; after that the connection is cut. Idempotent. An
   * interrupt does not end the wait; the status stays.
   */
  @Override
  public void close() {
    end(Ending.CLOSED);
    if (isOwn()) {
      sources.loops().acquit();
    }
    awaitEnd();
  }

  /** Ends it since a check did not let it go on; many may end so at once, and return each in its time. */
  void revoke() {
    try {
      outbox.add(List.of(sources.retry()));
    } finally {
      end(Ending.REVOKED); // whatever happens, it must not go on
    }
  }

  /**
   * Ends the stream for good, as {@link Ending#COMPLETED}, unless it has ended: after a plain end a
   * browser reconnects, after this one it does not. Blocks as {@link #close()} does. Idempotent.
   *
   * <p>After all that was accepted, the client is sent an event that sets the last event id to a value
   * which is reserved for this. It is of the type {@code tidings:completed} and without text; scripts see
   * it only if they listen for that type, while some clients that are no browsers hand it on. When a
   * client comes back with that id, opening the stream answers {@code 204}, at which an EventSource gives
   * up (WHATWG HTML, 9.2.3). Nothing is kept in memory for that, so the client may come back to another
   * server.
   */
  public void complete() {
    commit();
    end(Ending.COMPLETED);
    awaitEnd();
  }

  /** Ends the stream without waiting; whether it had not ended before. */
  boolean end(Ending why) {
    return end(why, sources.deadlines().limit());
  }

  /** On another thread, for callers that hold a lock. */
  void endSoon(Ending why) {
    sources.ticker().schedule(0, () -> end(why));
  }

  /** As above; what was accepted has this many nanoseconds. */
  boolean end(Ending why, long nanos) {
    boolean first = life.end(why);
    boolean unheard = false; // whether nothing was sent, and the answer is to be another one
    var words = new ArrayList<Frame>();
    if (first) {
      listed = false;
      each(() -> endChannels(why, words));
      unheard = sealHeaders() && failing;
      each(
          heartbeat::stop,
          this::leaveChannels,
          () -> permit.ifPresent(Permit::stop),
          () -> sources.leave(this, why));
    }
    try {
      if (why.isForced()) {
        outbox.abort();
        response.guard().cut();
      } else {
        response.guard().finishWithin(nanos);
        if (unheard) {
          outbox.finishEmpty();
        } else if (first) { // who comes later must not finish before the words of the first are said
          outbox.finish(lastWords(why, words));
        }
      }
    } finally {
      if (first) {
        life.over();
      }
    }
    return first;
  }

  /** Takes all steps whatever one of them throws, or the stream would never come to its end. */
  private static void each(Runnable... steps) {
    for (Runnable step : steps) {
      try {
        step.run();
      } catch (Throwable e) {
        Log.failure("ending a stream", e);
      }
    }
  }

  /** Nothing of a channel is sent any more, but where the client is, if it may come back. */
  private void endChannels(Ending why, List<Frame> words) {
    var last = bookmark.get();
    if (last != null) {
      var position = last.end();
      if (!why.isForGood()) {
        position.ifPresent(words::add);
      }
    }
  }

  private List<Frame> lastWords(Ending why, List<Frame> words) {
    if (admitted) {
      synchronized (response) {
        words.addAll(farewell());
      }
      if (why.isForGood()) {
        words.add(Frame.COMPLETION);
      }
    }
    return words;
  }

  /** What is still to be said because of a stop; under the lock of response. */
  private List<Frame> farewell() {
    boolean due = sources.isStopping() && !farewellSaid;
    farewellSaid |= due;
    return due ? sources.farewell() : List.of();
  }

  /** Tells the client of a stop, if there is one, once; not before the headers may go out. */
  void sayFarewell() {
    if (sources.isStopping() && !farewellSaid && committed && isListed()) {
      synchronized (response) {
        outbox.add(farewell());
      }
    }
  }

  /** Waits until the exchange is closed. */
  void awaitEnd() {
    outbox.awaitEnd();
  }

  // The beginning.

  /** Sets the headers, once it is sure that the exchange is this stream's. */
  void prepare() {
    response.prepare();
  }

  boolean answersBody() {
    return response.answersBody();
  }

  /** The registry has it from now on; called once, before others can find it. */
  void admit() {
    sources.admitted();
    admitted = true;
    listed = true;
  }

  /** Gives it a place in the crowd, whose lock is held, or takes it. */
  void place(boolean placed) {
    this.placed = placed;
  }

  boolean hasPlace() {
    return placed;
  }

  boolean isAdmitted() {
    return admitted;
  }

  /** Whether it is one of the registry's open streams. */
  boolean isListed() {
    return listed;
  }

  /** Begins the life of a stream that was admitted. */
  void begin() {
    heartbeat.start(Frame.COMMENT, Frame.COMMENT, sources.settings().heartbeat());
    permit.ifPresent(Permit::start);
    life.opened(() -> sources.tellOpened(this), why -> sources.tellEnded(this, why));
  }

  /** Begins the short life of what is never admitted. */
  void beginUnlisted() {
    life.opened(() -> {}, why -> {});
  }

  /** Begins one whose client wants the headers only: it ends with them, also if its handler does nothing. */
  void beginHead() {
    beginUnlisted();
    long heartbeat = Time.nanos(sources.settings().heartbeat());
    sources.ticker().schedule(Math.min(heartbeat, LONGEST_HEAD), this::commit);
  }

  /** Ends it before it began, with this answer instead of the stream's. */
  void refuse(Refusal refusal) {
    response.refuse(refusal);
    commit();
    refusal.event().ifPresent(event -> outbox.offer(Frame.of(event)));
    end(Ending.REFUSED);
    beginUnlisted();
  }

  /** Its opening failed: unless others know of it already, the caller may answer otherwise. */
  void abandon() {
    beginUnlisted();
    if (admitted) {
      fail();
    } else {
      life.end(Ending.FAILED);
      life.over();
      sources.forget(this);
    }
  }

  /** Its handler failed: says so if nothing was sent yet, else ends it. */
  void fail() {
    synchronized (response) {
      if (!committed) {
        response.refuse(Refusal.with(500));
        farewellSaid = true; // that is no stream any more
        failing = true; // what others sent would become the text of that answer, and is dropped
      }
    }
    end(Ending.FAILED); // without the lock, which is taken under those of channels
    awaitEnd();
  }

  /** Ends it before it began, since its client was told not to come back. */
  void stayAway() {
    response.refuse(Refusal.forGood());
    end(Ending.COMPLETED);
    beginUnlisted();
  }

  // Listeners.

  /**
   * Runs the action exactly once when the stream has ended and left the registry, or soon if it has
   * already; on a thread of its own. What it throws is logged.
   *
   * @param action told why the stream ended
   */
  public void onEnd(Consumer<? super Ending> action) {
    life.onEnd(action);
  }

  // Channels.

  /** Where it stands in its channels; false if it is in others already. */
  boolean keep(Bookmark newOne) {
    return bookmark.compareAndSet(null, newOne);
  }

  private void leaveChannels() {
    var last = bookmark.get();
    if (last != null) {
      last.leaveAll();
    }
  }

  /** It is in none of these channels any more. */
  void lose(Bookmark old) {
    bookmark.compareAndSet(old, null);
  }

  // What it is.

  /**
   * Returns the id that the client got last before it reconnected: from the header {@code
   * Last-Event-ID} (WHATWG HTML, 9.2.4), else from the query parameter of {@link
   * Settings#lastEventIdParameter}, since a page cannot set the header. It is what the client says, so
   * it may be any text of any length.
   *
   * @return empty if the client has none
   */
  public Optional<String> lastEventId() {
    return LastEventId.of(exchange, sources.settings());
  }

  /**
   * Tells whether the stream has not ended.
   *
   * @return false from the moment of its ending
   */
  public boolean isOpen() {
    return life.ending().isEmpty();
  }

  /**
   * Returns why the stream ended.
   *
   * @return empty while it is open
   */
  public Optional<Ending> ending() {
    return life.ending();
  }

  /**
   * Returns what the stream is found by.
   *
   * @return empty if it was opened without an identifier
   */
  public Optional<String> identifier() {
    return identifier;
  }

  /**
   * Returns who was authenticated when the stream was opened.
   *
   * @return empty if its context has no authenticator
   */
  public Optional<HttpPrincipal> principal() {
    return Optional.ofNullable(exchange.getPrincipal());
  }

  /**
   * Tells whether a stop has begun, so that a handler may come to its end before it is cut.
   *
   * @return true from the beginning of {@link SseServer#stop} or {@link EventSources#stop}
   */
  public boolean isStopping() {
    return sources.isStopping();
  }

  /**
   * Returns how long ago the stream was opened.
   *
   * @return zero or more
   */
  public Duration age() {
    return Duration.ofNanos(sources.ticker().now() - opened);
  }

  /**
   * Returns what went through the stream so far.
   *
   * @return a snapshot
   */
  public Traffic traffic() {
    return outbox.traffic();
  }

  /** When it was opened, by the ticker. */
  long opened() {
    return opened;
  }

  HttpExchange exchange() {
    return exchange;
  }

  /** Whose place it takes; null where nobody counts them. */
  Object client() {
    return client;
  }

  /** Whether this thread opened it: that of its handler. */
  boolean isOwn() {
    return opener == Thread.currentThread().threadId();
  }

  @Override
  public String toString() {
    return "EventSource[" + identifier.map(Quoted::java).orElse("unidentified") + ", "
        + ending().map(Ending::name).orElse("open") + "]";
  }
}
