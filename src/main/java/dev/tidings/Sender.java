package dev.tidings;

import java.time.Duration;
import java.util.function.Supplier;

/**
 * The way of events into the outbox of one stream, and when its head goes out: with the first message, ping
 * or wait of the thread that opened the stream; soon after a direct message of another thread; when a held
 * event has no room; at the latest at the first heartbeat.
 */
final class Sender implements Heartbeats.Beating, IdleTimeout.Watched {
  private static final long HEAD_DELAY = Duration.ofMillis(100).toNanos();

  private final Lifecycle life;
  private final Engine engine;
  private final Response response;
  private final Outbox outbox;
  private final Heartbeats.Heartbeat heartbeat;
  private final long opener = Thread.currentThread().threadId();

  private volatile boolean opening = true; // whether the call that opens it goes on
  private boolean hastened; // guarded by the monitor of response: another thread sent before the head was out
  private volatile long lastMessage;
  private volatile long previousMessage; // the one before; near enough when several threads send

  Sender(Lifecycle life, Engine engine, Response response, Outbox outbox) {
    this.life = life;
    this.engine = engine;
    this.response = response;
    this.outbox = outbox;
    this.heartbeat = engine.heartbeats().of(this);
    this.lastMessage = engine.ticker().now();
    this.previousMessage = lastMessage;
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
   * Ends the header phase: the head goes out with what waits, or with the first message. A request for the
   * headers only has got all that it asked for.
   */
  void commit() {
    if (response.isHeld()) {
      synchronized (response) {
        if (response.isReplaced()) {
          return;
        }
        outbox.release(); // first, so that nobody sees the phase ended and the outbox held
        response.commit();
      }
      if (response.isHeadOnly()) {
        life.end(Ending.CLOSED);
      }
    }
    life.sayFarewell(); // before anything that a handler sends because of the stop
  }

  /**
   * Before a message that is sent to this stream directly: that of its own handler ends the header phase,
   * that of another thread does so soon. A listener of the opening, which runs on the handler's thread,
   * does not.
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

  /** A handler may block in a call whose answers another thread sends. */
  private void hasten() {
    synchronized (response) {
      if (!response.isHeld() || hastened || !life.isListed()) {
        return;
      }
      engine.ticker().schedule(HEAD_DELAY, this::commit);
      hastened = true; // once that is sure
    }
  }

  /** The call that opens it is about to return. */
  void endOpening() {
    opening = false;
  }

  /** Sends what waits for the head when there is no room for more: nothing is lost for a slow handler. */
  private Answer sendWith(Supplier<Answer> sending) {
    var answer = sending.get();
    if (answer == Answer.HELD) {
      commit();
      answer = sending.get();
    }
    return answer;
  }

  /** Before a wait: sends the head, so that {@code open} fires, with a comment that carries it through proxies. */
  void beforeWait() {
    if (response.isHeld()) {
      commit();
      var comment = heartbeat.probe();
      if (mayWrite()) {
        outbox.writeIfIdle(comment);
      } else {
        outbox.offerIfIdle(comment, engine.writers());
      }
    }
  }

  /** Whether this thread, which is about to wait, may as well write: a guard has to be able to free it. */
  private static boolean mayWrite() {
    return Thread.currentThread().isVirtual() && !Thread.currentThread().isInterrupted();
  }

  // Sending.

  /** Waits for room, at most for the write deadline. */
  boolean send(Event event) {
    var frame = engine.encode(event);
    beforeMessage();
    long limit = engine.deadlines().limit();
    return counted(
        life.isListed()
            && took(sendWith(() -> outbox.put(frame, engine.ticker(), limit)), Ending.TOO_SLOW));
  }

  /** Never waits. */
  boolean offer(Event event) {
    var frame = engine.encode(event);
    beforeMessage();
    return counted(
        life.isListed() && took(sendWith(() -> outbox.offer(frame)), Ending.OVERFLOW));
  }

  /** A handler that goes on sending when its stream has ended is to be found. */
  private boolean counted(boolean took) {
    if (took) {
      engine.loops().acquit();
    } else if (isOwn() && !life.isOpen()) {
      engine.loops().refused(life);
    }
    return took;
  }

  /** As one target of a broadcast. */
  boolean offer(Frame frame, Outbox.Starter writers) {
    life.sayFarewell();
    return life.isListed()
        && took(sendWith(() -> outbox.offer(frame, writers)), Ending.OVERFLOW);
  }

  /**
   * Takes the frame if there is room now; an overflow is the caller's to deal with.
   *
   * @param message whether the stream is not idle for it
   */
  Answer offerIfFits(Frame frame, boolean message, Outbox.Starter writers) {
    life.sayFarewell();
    var answer = life.isListed() ? outbox.offerIfFits(frame, writers) : Answer.CLOSED;
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

  /** Waits until all that was accepted before is written. Sends the headers if something waits for them. */
  boolean flush() {
    if (response.isHeld() && outbox.traffic().waiting() > 0) {
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

  Writers writers() {
    return engine.writers();
  }

  Traffic traffic() {
    return outbox.traffic();
  }

  // Pings.

  /** Pings like this from now on; the probe is the second write. Does nothing after the end. */
  void startPings(Frame ping, Frame probe, Duration interval) {
    heartbeat.start(ping, probe, interval);
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

  /** Whether this thread opened it: that of its handler. */
  boolean isOwn() {
    return opener == Thread.currentThread().threadId();
  }

  /** A handler that leaves its stream does not loop over it. */
  void leave() {
    if (isOwn()) {
      engine.loops().acquit();
    }
  }
}
