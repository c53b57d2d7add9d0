package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The state machine of a stream: its phases and its ending. Also holds the threads that wait for the ending, and the
 * listeners that are notified of it.
 *
 * <pre>
 * from      to      by                          effect
 * --------  ------  --------------------------  -----------------------------------------------------
 * -         CLAIMED the constructor             no other thread knows the stream
 * CLAIMED   OPEN    admit, the registry's lock  the outbox accepts events; the registry lists the stream
 * CLAIMED   APART   apart, the opening thread   it is never in the registry: HEAD, or another response
 * OPEN      CLOSING close, any thread           the owner forgets the identifier and the place; waits
 *                                               return; the outbox accepts only events that channels had
 *                                               published before; a handler that closed it can still fail
 * CLAIMED,  ENDED   end, any thread; the first  channels are asked for the last position; the head is
 *  APART,            call wins                  committed; pings and lease stop; the owner forgets the
 *  OPEN                                         identifier and the place; the last frames are queued, or
 *                                               the connection is aborted; waits return; listeners run
 * CLOSING   ENDED   settle, when the events are as from OPEN, but the owner has already forgotten the
 *                    delivered, and a handler   identifier and the place, and waits have returned
 *                    that closed it returned or
 *                    its time is over; or end,
 *                    if Ending.endsClosing
 * ENDED     CLOSED  ended, the last writer      the owner forgets the exchange
 * CLAIMED,  CLOSED  abandon, the opening thread nothing was written: the caller can respond instead
 *  APART
 * </pre>
 *
 * Phase and ending change under the monitor of this object, under which nothing else is done, except that a lease is
 * created. {@link Response} has the state of the head: held, committed or replaced.
 *
 * <p>The class is long because its purpose is to contain every transition into and out of a phase.
 */
final class Lifecycle implements Outbox.Owner, Lease.Holder, EndlessLoops.Looping {
  private static final CompletableFuture<Boolean> NOTHING = CompletableFuture.completedFuture(true);
  private static final long LONGEST_HEAD = Duration.ofSeconds(15).toNanos(); // of a HEAD request

  private enum Phase {
    CLAIMED,
    APART,
    OPEN,
    CLOSING,
    ENDED,
    CLOSED
  }

  /** The registry of a stream. */
  interface Owner {
    /** Called under the registry's lock when the stream has been admitted. Must neither block nor throw. */
    void admitted();

    /** Runs listeners of the application on the opening thread, which they may block. */
    void opened();

    /** Forgets the identifier and the place of the stream. Called on any thread; must neither block nor throw. */
    void left();

    /** Counts the ending. Called on any thread; must neither block nor throw. */
    void ended(Ending why, boolean wasOpen);

    /** Runs the listeners of endings, each on a thread of its own. Called on any thread; must not block. */
    void tellEnded(Ending why);

    /**
     * Called when the exchange is closed, or if the opening fails. Called on the last writer's thread or the
     * opening thread; must neither block nor throw.
     */
    void closed(boolean wasOpen);

    /** Returns the route of the request, for warnings and recordings. Called on the handler's thread. */
    String route();
  }

  private final Engine engine;
  private final Optional<String> identifier;
  private final Owner owner;
  private final Response response;
  private final Outbox outbox;
  private final Sender sender;
  private final AtomicReference<Attachment> attachment = new AtomicReference<>(); // null outside channels

  private volatile Lease lease; // null without a lifetime, a check or a time of day; set under the monitor of this
  private volatile Phase phase = Phase.CLAIMED; // set under the monitor of this
  private volatile Ending ending; // set under the monitor of this, with the phase; null before
  private volatile boolean wasOpen; // set under the monitor of this, with the phase
  private volatile boolean farewellSaid; // set under the monitor of response
  private Optional<Frame> answer = Optional.empty(); // sent instead of a stream; guarded by the monitor of response
  private volatile boolean managed; // whether the end of its handler is reported; set on opening
  private volatile CompletableFuture<Boolean> delivered = NOTHING; // completed by channels; set with CLOSING
  private boolean lingering; // guarded by this: whether the handler closed its own stream
  private volatile Ticker.Timer lingered = () -> {}; // limits how long the stream lingers

  private final long opened; // in the ticker's time
  private Recorder.Life record; // null if the stream is not recorded; set on admission

  private final EndSignal over = new EndSignal();
  private final CompletableFuture<Consumer<Ending>> openedTold = new CompletableFuture<>();
  private final EndListeners listeners;

  /** Creates the lifecycle of a stream. The check, which is repeated, returns whether the stream may stay open. */
  Lifecycle(
      Engine engine,
      HttpExchange exchange,
      Optional<String> identifier,
      Owner owner,
      Optional<BooleanSupplier> check) {
    this.engine = engine;
    this.opened = engine.ticker().now();
    this.identifier = identifier;
    this.owner = owner;
    this.response = new Response(exchange, identifier, engine.deadlines());
    this.outbox = new Outbox(response, this, engine.writers(), engine.values().queue());
    this.sender = new Sender(this, engine, response, outbox);
    this.listeners = new EndListeners(engine);
    this.lease = Lease.of(this, engine, check).orElse(null);
  }

  Sender sender() {
    return sender;
  }

  // The beginning.

  /** Sets the headers, once the exchange is claimed for this stream. */
  void prepare() {
    response.prepare();
  }

  /** Opens the stream in the registry. Called once, under the registry's lock, before others can find it. */
  void admit() {
    if (Recorder.CURRENT.recordsStreams()) {
      record = Recorder.CURRENT.open(owner.route());
    }
    synchronized (this) {
      phase = Phase.OPEN;
      wasOpen = true;
    }
    outbox.open();
    owner.admitted();
  }

  /** Starts a stream that was admitted. */
  void begin() {
    sender.startPings(Frame.COMMENT, Frame.COMMENT, engine.values().heartbeat());
    startLease();
    owner.opened();
    openedTold.complete(owner::tellEnded);
  }

  private void startLease() {
    var its = lease;
    if (its != null) {
      its.start();
    }
  }

  /** Keeps the stream out of the registry, whose listeners are not notified of its end. */
  void apart() {
    synchronized (this) {
      phase = phase == Phase.CLAIMED ? Phase.APART : phase;
    }
    openedTold.complete(why -> {});
  }

  /** Starts the stream of a HEAD request. It ends once its headers are sent, even if its handler does nothing. */
  void beginHead() {
    apart();
    long heartbeat = Checks.nanos(engine.values().heartbeat());
    engine.ticker().schedule(Math.min(heartbeat, LONGEST_HEAD), sender::commit);
  }

  /** Ends the stream before it begins, with this response instead. */
  void refuse(Refusal refusal, Ending why) {
    apart();
    replace(refusal);
    end(why);
  }

  /** Replaces the stream with this refusal, if the head is held. */
  private void replace(Refusal refusal) {
    synchronized (response) {
      if (response.replace(refusal)) {
        farewellSaid = true; // no longer a stream; events that others sent are dropped
        answer = refusal.body();
      }
    }
  }

  /** Called when the opening failed. Unless the stream was admitted, the caller can respond instead. */
  void abandon() {
    if (wasOpen) {
      openedTold.complete(why -> {}); // the listeners of its opening did not all run
      fail(Refusal.with(500, "opening the stream failed"));
    } else {
      apart();
      forget(Ending.FAILED);
      over();
      owner.closed(false);
    }
  }

  private synchronized void forget(Ending why) {
    ending = ending == null ? why : ending;
    phase = Phase.CLOSED;
  }

  // The end.

  /**
   * How the response of a stream ends.
   *
   * @param late whether the time of day has come after which no event is written
   */
  private record Manner(boolean forced, boolean whole, boolean forGood, boolean late) {}

  private Manner manner(Ending why) {
    boolean late = isOver();
    // A client that has not received all events may reconnect, unless another stream has replaced its own.
    boolean forGood = why.isForGood() && (!late || why == Ending.REPLACED);
    return new Manner(why.isForced(), why.isWhole(response.isGet()), forGood, late);
  }

  /** Not all published events could be delivered. A client that reconnects receives the rest. */
  private Manner partly() {
    return new Manner(false, false, false, isOver());
  }

  /** Ends the stream without waiting; returns whether this call ended it. */
  boolean end(Ending why) {
    return end(why, engine.closeWithin());
  }

  /** Ends the stream on another thread, for callers that hold a lock. */
  void endSoon(Ending why) {
    engine.ticker().schedule(0, () -> end(why));
  }

  /** Ends the stream like {@link #end(Ending)}, but accepted events have this many nanoseconds to be flushed. */
  boolean end(Ending why, long nanos) {
    if (endAs(why)) {
      conclude(manner(why), nanos, owner::left);
      return true;
    }
    if (why.endsClosing() && endClosing(why)) {
      conclude(mannerOfClosing(why), nanos, () -> {});
    } else if (why.isForced()) {
      breakOff();
    } else if (phase != Phase.CLOSING) {
      response.guard().finishWithin(nanos);
    }
    return false;
  }

  private synchronized boolean endAs(Ending why) {
    if (ending != null) {
      return false;
    }
    ending = why;
    phase = Phase.ENDED;
    return true;
  }

  /**
   * Ends the closing, if the stream is closing; returns whether it did. If the handler closed the stream and
   * then fails, the ending becomes FAILED. If another thread closed it, a failure of the handler has no effect,
   * unless the response was replaced.
   */
  private synchronized boolean endClosing(Ending why) {
    boolean failed = why == Ending.FAILED;
    if (phase != Phase.CLOSING || failed && !lingering && !response.isReplaced()) {
      return false;
    }
    phase = Phase.ENDED;
    ending = failed && lingering ? why : ending;
    return true;
  }

  /** Returns how the response ends if this ending concludes the closing of the stream. */
  private Manner mannerOfClosing(Ending why) {
    if (why.isForced() || ending == Ending.FAILED) {
      return manner(why);
    }
    return delivered.getNow(false) ? manner(ending) : partly();
  }

  private void conclude(Manner manner, long nanos, Runnable leaving) {
    var words = new ArrayList<Frame>();
    each(() -> endAttachment(manner, words));
    response.commit();
    boolean replaced = response.isReplaced();
    each(
        sender::stopPings,
        lingered::cancel, // the timer would retain the exchange
        this::leaveChannels,
        this::stopLease,
        wasOpen ? leaving : () -> {},
        () -> owner.ended(ending, wasOpen));
    boolean finishes = false;
    try {
      if (manner.forced()) {
        breakOff();
      } else {
        limit(nanos);
        if (replaced) {
          outbox.finishInstead(answer());
        } else if (manner.late()) {
          outbox.cutShort(lastWordsOfLate(manner), manner.whole());
        } else {
          outbox.finish(lastWords(manner, words), manner.whole());
        }
      }
      finishes = true;
    } finally {
      if (!finishes) {
        breakOff(); // otherwise the exchange would stay open, and threads would wait for its end
      }
      over();
    }
  }

  /**
   * Limits the time for the remaining writes. If the handler closed the stream itself, the limit is renewed,
   * because the handler may have used up the earlier one.
   */
  private void limit(long nanos) {
    if (hasLingered()) {
      response.guard().finishAnew(nanos);
    } else {
      response.guard().finishWithin(nanos);
    }
  }

  private synchronized boolean hasLingered() {
    return lingering;
  }

  private void stopLease() {
    var its = lease;
    if (its != null) {
      its.stop();
    }
  }

  private List<Frame> answer() {
    synchronized (response) {
      return answer.stream().toList();
    }
  }

  private void breakOff() {
    outbox.abort();
    response.guard().cut();
  }

  /** Runs all steps even if one of them throws; otherwise the stream would never end. */
  private static void each(Runnable... steps) {
    for (Runnable step : steps) {
      try {
        step.run();
      } catch (Throwable e) {
        Log.failure("ending a stream", e);
      }
    }
  }

  /** Stops the delivery of channels, and adds the position if the client may reconnect. */
  private void endAttachment(Manner manner, List<Frame> words) {
    var channels = attachment.get();
    if (channels != null) {
      var position = channels.end();
      if (!manner.forGood()) {
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

  private List<Frame> lastWords(Manner manner, List<Frame> words) {
    if (wasOpen) {
      synchronized (response) {
        words.addAll(farewell());
        farewellSaid = true;
      }
      if (manner.forGood()) {
        words.add(Frame.COMPLETION);
      }
    }
    return words;
  }

  /** Returns no event of the application, not even the farewell, and no position, since the events before it are lost. */
  private List<Frame> lastWordsOfLate(Manner manner) {
    var words = new ArrayList<Frame>();
    if (wasOpen) {
      synchronized (response) {
        farewellSaid = true;
      }
      each(() -> words.add(engine.retry()));
      if (manner.forGood()) {
        words.add(Frame.COMPLETION);
      }
    }
    return words;
  }

  // Closing.

  /**
   * Ends the stream as CLOSED or COMPLETED, once the events that its channels had published before are delivered.
   * Waits until the exchange is closed. If a managed handler closes its own stream as CLOSED, this method waits at most
   * until accepted events are written, and the stream ends when the handler returns, or when the time limit expires.
   * In a filter, this method does not wait.
   */
  void close(Ending why) {
    boolean begins = beginClosing(why, managed && why == Ending.CLOSED && sender.isOwn());
    if (UserCode.isFilter()) { // a filter would wait for itself, and for a client
      engine.closer(this::settle);
    } else if (isLingering()) {
      flush();
      if (begins) {
        lingerNoLongerThan(engine.closeWithin()); // counts from now; the handler may be about to fail
      }
    } else {
      settle();
      awaitEnd();
    }
  }

  /** Called when the handler has returned. Waits until the exchange is closed. */
  void returned() {
    beginClosing(Ending.CLOSED, false);
    settle();
    awaitEnd();
  }

  /** Begins the closing and the delivery of published events, or ends the stream; returns whether it began. */
  private boolean beginClosing(Ending why, boolean lingers) {
    expireIfOver();
    boolean begins = closeAs(why, lingers);
    if (begins) {
      response.guard().finishWithin(engine.closeWithin());
      each(owner::left, outbox::beginClosing, over::end, this::deliverPublished);
    } else {
      end(why);
    }
    return begins;
  }

  /** Waits until the events of a closing stream are written, unless its response can still be replaced. */
  private void flush() {
    if (isAttached()) {
      sender.commit(); // a channel delivers no more than a few events while the head is held
    }
    if (!response.isHeld()) {
      delivered.join();
      outbox.flush();
    }
  }

  /** Returns false if the stream is not open, or if it can end at once. */
  private synchronized boolean closeAs(Ending why, boolean lingers) {
    if (phase != Phase.OPEN || !lingers && attachment.get() == null) {
      return false;
    }
    ending = why;
    phase = Phase.CLOSING;
    lingering = lingers;
    delivered = new CompletableFuture<>();
    return true;
  }

  private void lingerNoLongerThan(long nanos) {
    lingered = engine.ticker().schedule(nanos, () -> engine.closer(this::settle));
    if (phase != Phase.CLOSING) {
      lingered.cancel(); // the closing may have ended before the timer was set
    }
  }

  private synchronized boolean isLingering() {
    return phase == Phase.CLOSING && lingering;
  }

  private void deliverPublished() {
    boolean asked = false;
    try {
      published(true, engine.closeWithin()).thenAccept(delivered::complete);
      asked = true;
    } finally {
      if (!asked) {
        delivered.complete(false);
      }
    }
  }

  private CompletableFuture<Boolean> published(boolean last, long nanos) {
    var channels = attachment.get();
    return channels == null ? NOTHING : channels.deliverPublished(last, nanos);
  }

  /**
   * Waits, at most this long, until events that its channels have published are in the outbox. Returns whether
   * they are.
   */
  boolean awaitPublished(long nanos) {
    return published(false, nanos).join();
  }

  /** Ends the closing, if the stream is closing, once the published events are in the outbox or were not delivered. */
  private void settle() {
    if (phase == Phase.CLOSING) {
      limit(engine.closeWithin());
      sender.commit();
      delivered.join();
      if (endClosing(ending)) {
        conclude(mannerOfClosing(ending), engine.closeWithin(), () -> {});
      }
    }
  }

  /**
   * Returns the farewell, if a stop has begun and the farewell was not sent. The caller holds the monitor of
   * response. If the farewell cannot be made, there is none, because neither a stream nor a stop may fail for it.
   */
  private List<Frame> farewell() {
    var words = new ArrayList<Frame>();
    if (engine.isStopping() && !farewellSaid) {
      each(() -> words.addAll(engine.farewell()));
    }
    return words;
  }

  /** Sends the farewell once, if a stop has begun and the head is not held. */
  void sayFarewell() {
    if (engine.isStopping() && !farewellSaid && !response.isHeld() && isListed()) {
      synchronized (response) {
        outbox.add(farewell());
        farewellSaid = true; // set last: a thread that sees the flag sends later events
      }
    }
  }

  /**
   * Called when the handler failed. Responds with this refusal if the head is still held; otherwise flushes accepted
   * events and aborts the response. If another thread has closed the stream, the failure has no effect on the
   * response. Waits until the exchange is closed.
   */
  void fail(Refusal refusal) {
    if (!isClosedByAnother()) {
      replace(refusal);
      end(Ending.FAILED); // outside the monitor of response, which is acquired under those of channels
    }
    settle();
    awaitEnd();
  }

  private synchronized boolean isClosedByAnother() {
    return phase == Phase.CLOSING && !lingering;
  }

  /**
   * Ends the stream because a check failed. Many streams may be revoked at once, so each client gets a {@code
   * retry:} of its own.
   */
  @Override
  public void revoke() {
    endWithRetry(Ending.REVOKED);
  }

  /** Ends the stream like {@link #end(Ending)}, but first sends a {@code retry:}, for a client that reconnects. */
  boolean endWithRetry(Ending why) {
    boolean ended;
    try {
      outbox.add(List.of(engine.retry()));
    } finally {
      ended = end(why); // even after an exception
    }
    return ended;
  }

  @Override
  public void expire() {
    if (isOver()) {
      end(Ending.EXPIRED);
    } else {
      endWithRetry(Ending.EXPIRED);
    }
  }

  /** Ends the stream at this time of day; {@link Instant#MAX} means never. Does nothing after the end. */
  void expireAt(Instant time) {
    if (isOpen()) {
      var its = lease();
      its.expireAt(time);
      if (hasEnded()) {
        its.stop(); // the stream may have ended before its lease was created
      }
    }
  }

  private synchronized Lease lease() {
    if (lease == null) {
      lease = Lease.unlimited(this, engine);
    }
    return lease;
  }

  private boolean hasEnded() {
    var now = phase;
    return now == Phase.ENDED || now == Phase.CLOSED;
  }

  /** Returns whether the time of day has come after which no event is accepted or written. */
  private boolean isOver() {
    var its = lease;
    return its != null && its.isOver();
  }

  /** Ends the stream if its time of day has come, which no timer has noticed if the clock has jumped. */
  private boolean expireIfOver() {
    boolean over = isOver();
    if (over && !hasEnded()) {
      expire();
    }
    return over;
  }

  @Override
  public void beforeWrite() {
    if (expireIfOver()) {
      outbox.discard();
    }
  }

  /** Waits until the exchange is closed. */
  void awaitEnd() {
    outbox.awaitEnd();
  }

  /** Waits until the stream is closing or has ended. An interrupt ends the stream; the interrupt status stays set. */
  Ending await() {
    try {
      over.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      end(Ending.INTERRUPTED);
    }
    return ending;
  }

  /** Ends this wait when the stream is closing or has ended. */
  void addWait(Breakable wait) {
    over.add(wait);
  }

  void removeWait(Breakable wait) {
    over.remove(wait);
  }

  /** Returns the number of waits that will be ended. */
  int waits() {
    return over.waits();
  }

  /** Declares that {@link #returned} or {@link #fail} will report the end of the handler. */
  void manage() {
    managed = true;
  }

  /** Wakes the waiting threads, and runs the listeners once those of the opening have run. */
  private void over() {
    over.end();
    openedTold.thenAccept(
        tell -> {
          listeners.tell(ending);
          tell.accept(ending);
        });
  }

  Registration onEnd(Consumer<? super Ending> action) {
    return listeners.add(action::accept);
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
    // Only a thread that waits on the stream, and wrote the first bytes itself, can be interrupted here.
    return Thread.currentThread().isInterrupted() ? Ending.INTERRUPTED : Ending.CLIENT_GONE;
  }

  @Override
  public void ended() {
    synchronized (this) {
      phase = Phase.CLOSED;
    }
    try {
      record();
    } finally {
      owner.closed(wasOpen);
    }
  }

  /** Records the life of the stream. A recording that began after the stream was opened has only its end. */
  private void record() {
    var life = record == null && wasOpen ? Recorder.CURRENT.late() : record;
    if (life != null) {
      life.end(identifier, ending, age(), outbox.traffic(), outbox.largestWait());
    }
  }

  /** Returns the time since the stream was opened, in nanoseconds. */
  long age() {
    return engine.ticker().now() - opened;
  }

  // Channels.

  /** Sets the channels; returns false if they are already set. */
  boolean attach(Attachment channels) {
    return attachment.compareAndSet(null, channels);
  }

  void detach(Attachment channels) {
    attachment.compareAndSet(channels, null);
  }

  /** Sends the position and a ping, if the client does not know the position. Returns whether they were sent. */
  boolean tellPosition(Frame ping, Outbox.Starter writers) {
    var channels = attachment.get();
    return channels != null
        && channels.tell(position -> outbox.offerIfIdle(List.of(position), ping, writers));
  }

  // Clusters.

  /** Reports the writes from now on to this proof that the client is connected; null for none. */
  void prove(Proof proof) {
    response.prove(proof);
  }

  /** Runs a check of the lease now, if the stream has one. {@link Lease#checkNow} describes the details. */
  void checkNow(Lease.Checked checked) {
    var its = lease;
    if (its == null) {
      checked.checked();
    } else {
      its.checkNow(checked);
    }
  }

  // State.

  /** Returns whether channels may deliver to the stream. Called by threads that may hold locks of a channel. */
  boolean isDelivering() {
    var now = phase;
    boolean delivering = now == Phase.OPEN || now == Phase.CLOSING;
    if (delivering && isOver()) {
      endSoon(Ending.EXPIRED);
      return false;
    }
    return delivering;
  }

  /** Returns whether the stream accepts events. Called without locks, since this may end the stream. */
  boolean isAccepting() {
    return isListed() && !expireIfOver();
  }

  boolean isAttached() {
    return attachment.get() != null;
  }

  /** Returns whether the stream is or was one of the registry's open streams. */
  boolean wasOpen() {
    return wasOpen;
  }

  /** Returns whether the stream is one of the registry's open streams. */
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
