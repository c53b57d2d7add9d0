package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Decides which stream keeps an identifier that streams of several nodes have. The order of the control log decides, so
 * that all nodes agree without clocks, and a client is told to stay away only if a later connection is alive.
 *
 * <pre>
 * state    to         by                                        effect
 * -------  ---------  ----------------------------------------  ------------------------------------------
 * PROVING  PENDING    the client has proved to be connected     the claim waits to be appended
 * PENDING  IN_FLIGHT  the node has read the log to its end      the claim is being appended, or it is not
 *                                                               known whether it was; nothing is decided
 * IN_FLIGHT CLAIMED   the claim passes in the log               the stream has its place in the log
 * PROVING, PROVING    a claim of another node passes            the stream yields: it has to prove anew that
 *  PENDING,                                                     its client is connected, and claims nothing
 *  IN_FLIGHT                                                    until then
 * CLAIMED  OVER       a claim of another node passes, whose     the stream ends as REPLACED
 *                     node had read the claim of this stream
 * any      LATER      a gap in the log, or no room              proves anew, at a random time within 10 s
 * any      OVER       the stream ends                           a claim that is not in the log is withdrawn
 * </pre>
 *
 * <p>A claim states how far its node had read the log when it was appended. Two claims of which neither node had read
 * the other's are concurrent: the first in the log stays, and the stream of the second one yields. So a claim that was
 * delayed on its way to the log ends no stream that proved to be connected later.
 *
 * <p>All fields of this object and of its bids are guarded by one lock, under which no stream is ended or pinged.
 */
final class Claims implements Membership.Observer, Ticker.Lookout.Look {
  private static final long SPREAD = Duration.ofSeconds(10).toNanos();
  private static final long LONGEST_HEARTBEAT = Duration.ofMinutes(1).toNanos();
  private static final long PATIENCE = Duration.ofSeconds(1).toNanos(); // after a heartbeat

  private enum State {
    LATER,
    PROVING,
    PENDING,
    IN_FLIGHT,
    CLAIMED,
    OVER
  }

  /** The claim of one stream of this node. */
  final class Bid implements Proof.Waiting {
    private final EventSource stream;
    private final String identifier;
    private State state = State.PROVING;
    private Proof proof; // null unless PROVING
    private long since; // when the proof began
    private long number; // of the claim; set with IN_FLIGHT
    private long place; // in the log; set with CLAIMED

    private Bid(EventSource stream, String identifier) {
      this.stream = stream;
      this.identifier = identifier;
    }

    @Override
    public void proved(Proof proof) {
      Claims.this.proved(this, proof);
    }
  }

  /** Appends claims. */
  interface Appending {
    /** Queues a claim. Returns whether there was room. Called under the lock; must neither block nor throw. */
    boolean offer(Bid bid);
  }

  private final String node;
  private final boolean replaces;
  private final Engine engine;
  private final Appending appending;
  private final long patience; // nanoseconds, after which a proof needs a ping
  private final Ticker.Lookout lookout;
  private final AtomicBoolean unfit = new AtomicBoolean(); // whether a warning was logged
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition moved = lock.newCondition(); // of the position, or closed
  // The fields below are guarded by lock.
  private final Map<String, Bid> bids = new HashMap<>(); // by identifier, of open streams
  private final Places places = new Places();
  private String position; // the last id that was passed; null before the first
  private long numbers; // of claims
  private boolean closed;

  /** Creates the claims of a node. If {@code replaces} is false, its streams neither claim nor yield. */
  Claims(String node, boolean replaces, Engine engine, Appending appending) {
    this.node = node;
    this.replaces = replaces;
    this.engine = engine;
    this.appending = appending;
    this.patience = Math.min(Checks.nanos(engine.values().heartbeat()), LONGEST_HEARTBEAT) + PATIENCE;
    this.lookout = new Ticker.Lookout(engine.ticker(), patience, this);
  }

  // The streams.

  @Override
  public void opened(EventSource stream) {
    if (replaces) {
      stream.identifier().ifPresent(identifier -> opened(stream, identifier));
    }
  }

  private void opened(EventSource stream, String identifier) {
    if (!Command.fits(identifier)) {
      if (unfit.compareAndSet(false, true)) {
        Log.warning(
            "a stream is not replaced by streams of other nodes, because its identifier is too long or has a lone"
                + " surrogate: " + Quoted.java(identifier));
      }
      return;
    }
    lock.lock();
    try {
      var present = bids.get(identifier);
      if (!closed && stream.isOpen() && (present == null || present.stream != stream)) {
        var bid = new Bid(stream, identifier);
        bids.put(identifier, bid);
        prove(bid);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void left(EventSource stream) {
    stream.identifier().ifPresent(identifier -> left(stream, identifier));
  }

  private void left(EventSource stream, String identifier) {
    lock.lock();
    try {
      var bid = bids.get(identifier);
      if (bid != null && bid.stream == stream) {
        bids.remove(identifier);
        bid.state = State.OVER;
        disprove(bid);
      }
    } finally {
      lock.unlock();
    }
  }

  private void prove(Bid bid) {
    bid.state = State.PROVING;
    bid.since = engine.ticker().now();
    bid.proof = new Proof(bid, bid.since);
    bid.stream.life().prove(bid.proof);
    lookout.watch();
  }

  private static void disprove(Bid bid) {
    bid.proof = null;
    bid.stream.life().prove(null);
  }

  private void proved(Bid bid, Proof proof) {
    lock.lock();
    try {
      if (bid.proof == proof) { // otherwise the proof is of no use any more
        disprove(bid);
        bid.state = State.PENDING;
        if (!appending.offer(bid)) {
          defer(bid);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Proves anew, at a random time, that the client is connected. */
  private void defer(Bid bid) {
    if (bid.state != State.LATER) { // otherwise the time is set
      bid.state = State.LATER;
      disprove(bid);
      engine.ticker().schedule(engine.jitter().within(SPREAD), () -> resume(bid));
    }
  }

  private void resume(Bid bid) {
    boolean resumed;
    lock.lock();
    try {
      resumed = bid.state == State.LATER && !closed;
      if (resumed) {
        prove(bid);
      }
    } finally {
      lock.unlock();
    }
    if (resumed) {
      ping(List.of(bid.stream));
    }
  }

  /** Sends pings and soon their second writes, except to streams whose handlers may still add headers. */
  private void ping(List<EventSource> streams) {
    engine
        .writers()
        .deliver(
            streams,
            (EventSource stream, Outbox.Starter to) ->
                !stream.sender().isHeld() && stream.sender().pingNow(to));
  }

  /** Pings streams that have messages so often that they are not pinged, but not often enough for a proof. */
  @Override
  public void look() {
    var unproved = new ArrayList<EventSource>();
    lock.lock();
    try {
      long now = engine.ticker().now();
      for (Bid bid : bids.values()) {
        if (bid.state == State.PROVING && now - bid.since >= patience) {
          unproved.add(bid.stream);
        }
      }
    } finally {
      lock.unlock();
    }
    ping(unproved);
  }

  @Override
  public boolean isNeeded() {
    lock.lock();
    try {
      return bids.values().stream().anyMatch(bid -> bid.state == State.PROVING);
    } finally {
      lock.unlock();
    }
  }

  // The log, on the thread that follows it.

  /** Sets the position from which the log is followed. */
  void start(String id) {
    lock.lock();
    try {
      move(id);
    } finally {
      lock.unlock();
    }
  }

  /** What a claim that passes means for the stream of this node that has the same identifier. */
  private enum Effect {
    NONE,
    YIELD,
    REPLACED
  }

  /** Applies a command, which has this id in the log. Returns the stream that has to end as REPLACED. */
  Optional<EventSource> pass(String id, Command command) {
    EventSource stream = null;
    var effect = Effect.NONE;
    lock.lock();
    try {
      move(id);
      var bid = command instanceof Command.Claim claim ? bids.get(claim.identifier()) : null;
      if (bid != null) {
        stream = bid.stream;
        effect = pass((Command.Claim) command, bid);
      }
    } finally {
      lock.unlock();
    }
    if (effect == Effect.YIELD) {
      ping(List.of(stream));
    }
    return effect == Effect.REPLACED ? Optional.of(stream) : Optional.empty();
  }

  private Effect pass(Command.Claim claim, Bid bid) {
    var seen = places.number(claim.seen());
    var effect =
        claim.node().equals(node) ? passOwn(claim, bid, seen.isPresent()) : passOther(bid, seen.orElse(-1));
    if (effect == Effect.YIELD) {
      prove(bid);
    }
    return effect;
  }

  private static Effect passOther(Bid bid, long seen) {
    return switch (bid.state) {
      case LATER, OVER -> Effect.NONE;
      case PROVING, PENDING, IN_FLIGHT -> Effect.YIELD;
      case CLAIMED -> seen >= bid.place ? Effect.REPLACED : Effect.NONE;
    };
  }

  /** Claims of earlier streams of this node, and earlier attempts of the same stream, have no effect. */
  private Effect passOwn(Command.Claim claim, Bid bid, boolean inTime) {
    if (bid.state != State.IN_FLIGHT || bid.number != claim.number()) {
      return Effect.NONE;
    }
    if (!inTime) { // no node can compare it
      return Effect.YIELD;
    }
    bid.state = State.CLAIMED;
    bid.place = places.last();
    return Effect.NONE;
  }

  /** Called when commands are missing before this id. */
  void gap(String id) {
    lock.lock();
    try {
      places.reset(id);
      position = id;
      bids.values().forEach(this::defer);
      moved.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void move(String id) {
    places.pass(id);
    position = id;
    moved.signalAll();
  }

  /** Returns the id up to which commands are applied; empty if there is none yet. */
  Optional<String> position() {
    lock.lock();
    try {
      return Optional.ofNullable(position);
    } finally {
      lock.unlock();
    }
  }

  // Appending, on the thread that does so.

  /** Returns the position up to which commands are applied, once there is one other than this; null for any. */
  String awaitPosition(String old) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (position == null || position.equals(old)) {
        moved.await();
      }
      return position;
    } finally {
      lock.unlock();
    }
  }

  /** Returns those of these pending claims that are still wanted. The caller appends them. */
  List<Command.Claim> begin(List<Bid> pending) {
    return begin(pending, State.PENDING);
  }

  /** Returns those of these claims that are not in the log, although they may have been appended. */
  List<Command.Claim> beginAgain(List<Bid> unknown) {
    return begin(unknown, State.IN_FLIGHT);
  }

  private List<Command.Claim> begin(List<Bid> some, State expected) {
    var claims = new ArrayList<Command.Claim>();
    lock.lock();
    try {
      for (Bid bid : some) {
        if (bid.state == expected && !closed) {
          bid.state = State.IN_FLIGHT;
          bid.number = ++numbers;
          claims.add(new Command.Claim(bid.identifier, node, bid.number, position));
        }
      }
    } finally {
      lock.unlock();
    }
    return claims;
  }

  /** Called when these claims have certainly not been appended. */
  void rejected(List<Command.Claim> claims) {
    lock.lock();
    try {
      for (Command.Claim claim : claims) {
        var bid = bids.get(claim.identifier());
        if (bid != null && bid.state == State.IN_FLIGHT && bid.number == claim.number()) {
          defer(bid);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Makes no more claims. */
  void close() {
    lock.lock();
    try {
      closed = true;
      bids.values().forEach(bid -> bid.state = State.OVER);
      bids.values().forEach(Claims::disprove);
      bids.clear();
    } finally {
      lock.unlock();
    }
  }
}
