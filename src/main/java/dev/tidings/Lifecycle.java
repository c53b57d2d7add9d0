package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The one state machine of a stream: its phases, its one ending, those that wait for it, and those that are
 * told of it.
 *
 * <pre>
 * from      to      by                          what happens then
 * --------  ------  --------------------------  -----------------------------------------------------
 * -         CLAIMED the constructor             nobody else knows the stream
 * CLAIMED   OPEN    admit, the registry's lock  the outbox takes events; the registry finds the stream
 * CLAIMED   APART   apart, the opening thread   it is never in the registry: HEAD, or another answer
 * CLAIMED,  ENDED   end, any thread; the first  channels are asked for the last position, the head is
 *  APART,            call wins                  sealed, pings and lease stop, the owner forgets the
 *  OPEN                                         identifier and the place, the last words are queued or
 *                                               the connection is aborted; waits return; listeners run
 * ENDED     CLOSED  ended, the last writer      the owner forgets the exchange
 * CLAIMED,  CLOSED  abandon, the opening thread nothing was written: the exchange is its caller's again
 *  APART
 * </pre>
 *
 * Phase and ending change under the monitor of this, under which nothing else is done. Whether the head is
 * held, sent or replaced is the state of {@link Response}.
 *
 * <p>It is long since every way into and out of a phase is here, which is what it is for.
 */
final class Lifecycle implements Outbox.Owner, Lease.Holder, EndlessLoops.Looping {
  private static final long LONGEST_HEAD = Duration.ofSeconds(15).toNanos(); // of a request for it alone

  private enum Phase {
    CLAIMED,
    APART,
    OPEN,
    ENDED,
    CLOSED
  }

  /** Where a stream is registered. */
  interface Owner {
    /** It has been admitted. Under the registry's lock; must neither block nor throw. */
    void admitted();

    /** It has opened: runs listeners of the application, on the opening thread, which they may block. */
    void opened();

    /** It has ended: forgets the identifier and the place. Any thread; must neither block nor throw. */
    void ended(Ending why, boolean wasOpen);

    /** Runs the listeners of endings, each on a thread of its own. Any thread; must not block. */
    void tellEnded(Ending why);

    /** Its exchange is closed. On the last writer's thread; must neither block nor throw. */
    void closed(boolean wasOpen);

    /** By what requests like this are told apart in warnings. On the handler's thread. */
    String route();
  }

  private final Engine engine;
  private final Optional<String> identifier;
  private final Owner owner;
  private final Response response;
  private final Outbox outbox;
  private final Sender sender;
  private final Optional<Lease> lease; // empty if nothing limits it
  private final AtomicReference<Attachment> attachment = new AtomicReference<>(); // null outside channels

  private volatile Phase phase = Phase.CLAIMED; // set under the monitor of this
  private volatile Ending ending; // set under the monitor of this, with the phase; null before
  private volatile boolean wasOpen; // set under the monitor of this, with the phase
  private volatile boolean farewellSaid; // set under the monitor of response

  private final CountDownLatch over = new CountDownLatch(1);
  private final CompletableFuture<Consumer<Ending>> openedTold = new CompletableFuture<>();
  private final CompletableFuture<Ending> endedTold = new CompletableFuture<>();

  /** The check is asked again and again whether the stream may go on. */
  Lifecycle(
      Engine engine,
      HttpExchange exchange,
      Optional<String> identifier,
      Owner owner,
      Optional<BooleanSupplier> check) {
    this.engine = engine;
    this.identifier = identifier;
    this.owner = owner;
    this.response = new Response(exchange, engine.deadlines());
    this.outbox = new Outbox(response, this, engine.writers(), engine.values().queue());
    this.sender = new Sender(this, engine, response, outbox);
    this.lease = Lease.of(this, engine, check);
  }

  Sender sender() {
    return sender;
  }

  // The beginning.

  /** Sets the headers, once it is sure that the exchange is this stream's. */
  void prepare() {
    response.prepare();
  }

  /** The registry has it from now on; called once, under its lock, before others can find it. */
  void admit() {
    synchronized (this) {
      phase = Phase.OPEN;
      wasOpen = true;
    }
    outbox.open();
    owner.admitted();
  }

  /** Begins the life of a stream that was admitted. */
  void begin() {
    sender.startPings(Frame.COMMENT, Frame.COMMENT, engine.values().heartbeat());
    lease.ifPresent(Lease::start);
    owner.opened();
    openedTold.complete(owner::tellEnded);
  }

  /** It is no stream of the registry, and nobody is told of its end. */
  void apart() {
    synchronized (this) {
      phase = phase == Phase.CLAIMED ? Phase.APART : phase;
    }
    openedTold.complete(why -> {});
  }

  /** Begins one whose client wants the headers only: it ends with them, also if its handler does nothing. */
  void beginHead() {
    apart();
    long heartbeat = Checks.nanos(engine.values().heartbeat());
    engine.ticker().schedule(Math.min(heartbeat, LONGEST_HEAD), sender::commit);
  }

  /** Ends it before it began, with this answer instead of a stream. */
  void refuse(Refusal refusal, Ending why) {
    apart();
    response.refuse(refusal);
    end(why, engine.deadlines().limit(), refusal.event().map(Frame::parting));
  }

  /** Its opening failed: unless others know of it already, the caller may answer otherwise. */
  void abandon() {
    if (wasOpen) {
      openedTold.complete(why -> {}); // the listeners of its opening did not all run
      fail();
    } else {
      apart();
      close(Ending.FAILED);
      over();
      owner.closed(false);
    }
  }

  private synchronized void close(Ending why) {
    ending = ending == null ? why : ending;
    phase = Phase.CLOSED;
  }

  // The end.

  /** Ends the stream without waiting; whether it had not ended before. */
  boolean end(Ending why) {
    return end(why, engine.deadlines().limit());
  }

  /** Ends it on another thread, for callers that hold a lock. */
  void endSoon(Ending why) {
    engine.ticker().schedule(0, () -> end(why));
  }

  /** As {@link #end(Ending)}; what was accepted has this many nanoseconds to be written. */
  boolean end(Ending why, long nanos) {
    return end(why, nanos, Optional.empty());
  }

  private boolean end(Ending why, long nanos, Optional<Frame> answer) {
    boolean first = endAs(why);
    var words = new ArrayList<Frame>();
    boolean replaced = false;
    if (first) {
      answer.ifPresent(words::add);
      each(() -> endAttachment(why, words));
      response.commit();
      replaced = response.isReplaced();
      each(
          sender::stopPings,
          this::leaveChannels,
          () -> lease.ifPresent(Lease::stop),
          () -> owner.ended(why, wasOpen));
    }
    try {
      if (why.isForced()) {
        outbox.abort();
        response.guard().cut();
      } else {
        response.guard().finishWithin(nanos);
        if (replaced) {
          outbox.finishEmpty();
        } else if (first) { // a later call must not finish before the words of the first are queued
          outbox.finish(lastWords(why, words));
        }
      }
    } finally {
      if (first) {
        over();
      }
    }
    return first;
  }

  private synchronized boolean endAs(Ending why) {
    if (ending != null) {
      return false;
    }
    ending = why;
    phase = Phase.ENDED;
    return true;
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
  private void endAttachment(Ending why, List<Frame> words) {
    var channels = attachment.get();
    if (channels != null) {
      var position = channels.end();
      if (!why.isForGood()) {
        position.ifPresent(words::add);
      }
    }
  }

  private void leaveChannels() {
    var channels = attachment.get();
    if (channels != null) {
      channels.leave();
    }
  }

  private List<Frame> lastWords(Ending why, List<Frame> words) {
    if (wasOpen) {
      synchronized (response) {
        words.addAll(farewell());
        farewellSaid = true;
      }
      if (why.isForGood()) {
        words.add(Frame.COMPLETION);
      }
    }
    return words;
  }

  /** What is still to be said because of a stop; the caller has the monitor of response. */
  private List<Frame> farewell() {
    return engine.isStopping() && !farewellSaid ? engine.farewell() : List.of();
  }

  /** Tells the client of a stop, if there is one, once; not before the headers may go out. */
  void sayFarewell() {
    if (engine.isStopping() && !farewellSaid && !response.isHeld() && isListed()) {
      synchronized (response) {
        outbox.add(farewell());
        farewellSaid = true; // not before: who sees it sends what comes after
      }
    }
  }

  /** Its handler failed: answers so if nothing was sent yet, else ends it. Waits until it is closed. */
  void fail() {
    synchronized (response) {
      if (response.replace(Refusal.with(500))) {
        farewellSaid = true; // that is no stream any more, and what others sent is dropped
      }
    }
    end(Ending.FAILED); // without the monitor, which is taken under those of channels
    awaitEnd();
  }

  /** Ends it since a check did not let it go on; many may end so at once, and return each in its time. */
  @Override
  public void revoke() {
    try {
      outbox.add(List.of(engine.retry()));
    } finally {
      end(Ending.REVOKED); // whatever happens, it must not go on
    }
  }

  @Override
  public void expire() {
    end(Ending.EXPIRED);
  }

  /** Waits until the exchange is closed. */
  void awaitEnd() {
    outbox.awaitEnd();
  }

  /** Waits until it has ended. An interrupt ends it; the status stays. */
  Ending await() {
    try {
      over.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      end(Ending.INTERRUPTED);
    }
    return ending;
  }

  /** Lets those go who wait for the end, and has it told once the opening was. */
  private void over() {
    over.countDown();
    openedTold.thenAccept(
        tell -> {
          endedTold.complete(ending);
          tell.accept(ending);
        });
  }

  void onEnd(Consumer<? super Ending> action) {
    endedTold.thenAccept(why -> engine.tell("a listener of a stream", () -> action.accept(why)));
  }

  // The outbox.

  @Override
  public void failed(Throwable cause) {
    if (cause instanceof IOException) {
      Log.debug(() -> this + ": " + Quoted.java(cause));
    } else {
      Log.failure("writing to " + this, cause);
    }
    end(endingBy(cause));
  }

  private static Ending endingBy(Throwable cause) {
    if (cause instanceof Deadlines.CutOffException) {
      return Ending.TOO_SLOW;
    }
    // That can only be the thread that waits on the stream, which wrote its first bytes.
    return Thread.currentThread().isInterrupted() ? Ending.INTERRUPTED : Ending.CLIENT_GONE;
  }

  @Override
  public void ended() {
    synchronized (this) {
      phase = Phase.CLOSED;
    }
    owner.closed(wasOpen);
  }

  // Channels.

  /** What gives the client its position; false if there is something already. */
  boolean attach(Attachment channels) {
    return attachment.compareAndSet(null, channels);
  }

  void detach(Attachment channels) {
    attachment.compareAndSet(channels, null);
  }

  /** Sends a ping with the position before it, if the client does not know that; whether it did. */
  boolean tellPosition(Frame ping, Outbox.Starter writers) {
    var channels = attachment.get();
    return channels != null
        && channels.tell(position -> outbox.offerIfIdle(List.of(position), ping, writers));
  }

  // What it is.

  /** Whether it is one of the registry's open streams. */
  boolean isListed() {
    return phase == Phase.OPEN;
  }

  @Override
  public boolean isOpen() {
    return ending == null;
  }

  @Override
  public Optional<Ending> ending() {
    return Optional.ofNullable(ending);
  }

  @Override
  public String route() {
    return owner.route();
  }

  @Override
  public String toString() {
    return "EventSource[" + identifier.map(Quoted::java).orElse("unidentified") + ", "
        + ending().map(Ending::name).orElse("open") + "]";
  }
}
