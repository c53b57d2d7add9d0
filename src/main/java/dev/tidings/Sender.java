package dev.tidings;

import java.time.Duration;
import java.util.function.Supplier;

/**
 * Puts events into the outbox of one stream, and decides when its head is sent: at the first message or wait of
 * the thread that opened the stream, at the first ping, 100 ms after a direct message of another thread, when
 * the outbox is full, or when the application requests it, whichever comes first.
 */
final class Sender implements Heartbeats.Beating, IdleTimeout.Watched {
  private static final long HEAD_DELAY = Duration.ofMillis(100).toNanos();

  private final Lifecycle life;
  private final Engine engine;
  private final Response response;
  private final Outbox outbox;
  private final Heartbeats.Heartbeat heartbeat;
  private final long opener = Thread.currentThread().threadId();

  private volatile boolean opening = true; // until the call that opens the stream returns
  private boolean hastened; // guarded by the monitor of response: another thread sent before the head
  private volatile long lastMessage;
  private volatile long previousMessage; // the one before; approximate when several threads send

  Sender(Lifecycle life, Engine engine, Response response, Outbox outbox) {
    this.life = life;
    this.engine = engine;
    this.response = response;
    this.outbox = outbox;
    this.heartbeat = engine.heartbeats().of(this);
    this.lastMessage = engine.ticker().now();
    this.previousMessage = lastMessage;
  }

  /** Returns whether the stream belongs to the registry of this engine. */
  boolean isOf(Engine engine) {
    return this.engine == engine;
  }

  // The header phase.

  void appendHeader(String name, String value) {
    synchronized (response) {
      if (!life.isOpen() || response.isReplaced()) {
        return;
      }
      if (!response.isHeld()) {
        throw new IllegalStateException(
            "headers go out with the first message, ping or wait; too late for: " + name);
      }
      response.addHeader(name, value);
    }
  }

  /**
   * Ends the header phase. The head is sent with the queued frames, or with the next frame if none is queued. Also
   * ends the stream of a HEAD request.
   */
  void commit() {
    if (response.isHeld()) {
      synchronized (response) {
        if (response.isReplaced()) {
          return;
        }
        outbox.release(); // first, so that no thread sees the phase ended and the outbox held
        response.commit();
      }
      if (response.isHeadOnly()) {
        life.end(Ending.CLOSED);
      }
    }
    life.sayFarewell(); // before anything that a handler sends because of the stop
  }

  /**
   * Called before a direct message to this stream. A message of the stream's own handler ends the header phase,
   * and one of another thread ends it soon. A message of a listener of the opening, which runs on the handler's
   * thread, does not end it.
   */
  private void beforeMessage() {
    if (response.isHeld()) {
      if (!isOwn()) {
        hasten();
      } else if (!opening) {
        commit();
      }
    }
    life.sayFarewell();
  }

  /** Commits soon: the handler may block in a call whose results another thread sends. */
  private void hasten() {
    synchronized (response) {
      if (!response.isHeld() || hastened || !life.isListed()) {
        return;
      }
      engine.ticker().schedule(HEAD_DELAY, this::commit);
      hastened = true; // only once the commit is scheduled
    }
  }

  /** Called when the call that opens the stream is about to return. */
  void endOpening() {
    opening = false;
  }

  /**
   * Sends a frame. If the outbox is held and full, sends the head and the queued events first, so that a slow
   * handler loses no event.
   */
  private Answer sendWith(Supplier<Answer> sending) {
    var answer = sending.get();
    if (answer == Answer.HELD) {
      commit();
      answer = sending.get();
    }
    return answer;
  }

  /**
   * Called before a wait. Sends the head, with a comment that carries it through proxies so that {@code open}
   * fires.
   */
  void beforeWait() {
    sendHeaders(mayWrite());
  }

  /** Sends the head now, with a comment that carries it through proxies. */
  void sendHeaders() {
    sendHeaders(false);
  }

  private void sendHeaders(boolean onThisThread) {
    if (response.isHeld()) {
      commit();
      var comment = heartbeat.probe();
      if (onThisThread) {
        outbox.writeIfIdle(comment);
      } else {
        outbox.offerIfIdle(comment, engine.writers());
      }
    }
  }

  /** Returns whether this thread, which is about to wait, can write: a guard must be able to interrupt the write. */
  private static boolean mayWrite() {
    return Thread.currentThread().isVirtual() && !Thread.currentThread().isInterrupted();
  }

  // Sending.

  /** Sends an event. Waits for room, at most for the write deadline. */
  boolean send(Event event) {
    var frame = engine.encode(event);
    beforeMessage();
    long limit = engine.deadlines().limit();
    var answer =
        life.isAccepting()
            ? sendWith(() -> outbox.put(frame, engine.ticker(), limit))
            : Answer.CLOSED;
    if (answer == Answer.DROPPED && Thread.currentThread().isInterrupted()) {
      interrupted();
    }
    return counted(took(answer, Ending.TOO_SLOW));
  }

  /** Called when a thread was interrupted before it could send. Ends the stream, if the thread opened it. */
  void interrupted() {
    if (isOwn()) {
      life.end(Ending.INTERRUPTED); // otherwise a response that lacks an event would end normally
    }
  }

  /** Sends an event without waiting for room. */
  boolean offer(Event event) {
    var frame = engine.encode(event);
    beforeMessage();
    return counted(
        life.isAccepting() && took(sendWith(() -> outbox.offer(frame)), Ending.OVERFLOW));
  }

  /** Reports the result of a send, to detect a handler that keeps sending after its stream has ended. */
  private boolean counted(boolean took) {
    if (took) {
      engine.loops().acquit();
    } else if (isOwn() && !life.isOpen()) {
      engine.loops().refused(life);
    }
    return took;
  }

  /** Called when the stream has ended before the calling thread could send. */
  void refused() {
    counted(false);
  }

  /** Sends a frame to the stream as one target of a broadcast. */
  boolean offer(Frame frame, Outbox.Starter writers) {
    life.sayFarewell();
    return life.isAccepting()
        && took(sendWith(() -> outbox.offer(frame, writers)), Ending.OVERFLOW);
  }

  /**
   * Accepts the frame if there is room now; the caller handles an overflow.
   *
   * @param message whether the frame restarts the idle time
   */
  Answer offerIfFits(Frame frame, boolean message, Outbox.Starter writers) {
    life.sayFarewell();
    var answer = life.isDelivering() ? outbox.offerIfFits(frame, writers) : Answer.CLOSED;
    if (answer == Answer.TAKEN && message) {
      sentMessage();
    }
    return answer;
  }

  private boolean took(Answer answer, Ending ifFull) {
    switch (answer) {
      case TAKEN -> sentMessage();
      case OVERFLOW -> life.end(ifFull);
      case DROPPED, HELD, CLOSED -> {}
    }
    return answer == Answer.TAKEN;
  }

  private void sentMessage() {
    previousMessage = lastMessage;
    lastMessage = engine.ticker().now();
  }

  /**
   * Waits until all events that were accepted or published before the call are written. Sends the headers if an
   * event waits for them.
   */
  boolean flush() {
    if (UserCode.isFilter()) {
      throw new IllegalStateException("the filter of a channel must not wait for what the channel delivers");
    }
    if (response.isHeld() && (life.isAttached() || outbox.traffic().waiting() > 0)) {
      if (isOwn()) {
        commit(); // even in a listener of the opening
      } else {
        hasten();
      }
    }
    boolean delivered = life.awaitPublished(engine.deadlines().limit());
    return outbox.flush() && delivered;
  }

  /** Waits until all accepted events are written. Waits for the headers, but does not send them. */
  boolean awaitWritten() {
    return outbox.flush();
  }

  Ticker ticker() {
    return engine.ticker();
  }

  Writers writers() {
    return engine.writers();
  }

  Traffic traffic() {
    return outbox.traffic();
  }

  // Pings.

  /** Sets the ping, the probe (the second write) and the interval. Does nothing after the end. */
  void startPings(Frame ping, Frame probe, Duration interval) {
    heartbeat.start(ping, probe, interval);
  }

  /** Sends a ping to the stream as one target of a delivery of pings. */
  boolean pingNow(Outbox.Starter writers) {
    var ping = life.isListed() ? heartbeat.pingNow() : null;
    return ping != null && ping(ping, writers);
  }

  void stopPings() {
    heartbeat.stop();
  }

  @Override
  public boolean ping(Frame frame, Outbox.Starter writers) {
    commit();
    return life.tellPosition(frame, writers) || outbox.offerIfIdle(frame, writers);
  }

  @Override
  public boolean isHeld() {
    return response.isHeld();
  }

  @Override
  public long lastMessage() {
    return lastMessage;
  }

  @Override
  public long previousMessage() {
    return previousMessage;
  }

  // Waiting.

  @Override
  public boolean isAwaited() {
    return outbox.isAwaited();
  }

  @Override
  public void idle() {
    life.end(Ending.IDLE);
  }

  /** Returns whether this thread opened the stream, and so runs its handler. */
  boolean isOwn() {
    return opener == Thread.currentThread().threadId();
  }

  /** Called by {@code EventSource.close}. A handler that closes its stream is not suspected of an endless loop. */
  void leave() {
    if (isOwn()) {
      engine.loops().acquit();
    }
  }
}
