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
 * that all nodes agree without clocks, and a client is stopped from reconnecting only if a later connection was alive.
 *
 * <p>A claim states how far its node had read the log when it was appended. Two claims of which neither node had read
 * the other's are concurrent: the first in the log stays, and the stream of the second one yields. So a claim that was
 * delayed on its way to the log ends no stream that proved to be connected later. {@link Bid} has the states.
 *
 * <p>All fields of this object and of its bids are guarded by one lock, under which no stream is ended or pinged.
 */
final class Claims implements Membership.Observer, Bid.Owner, Ticker.Lookout.Look {
  private static final long SPREAD = Duration.ofSeconds(10).toNanos();
  private static final long LONGEST_HEARTBEAT = Duration.ofMinutes(1).toNanos();
  private static final long PATIENCE = Duration.ofSeconds(1).toNanos(); // after a heartbeat

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
  private final Condition moved = lock.newCondition(); // of the position
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
      if (!closed && stream.isOpen() && (present == null || present.stream() != stream)) {
        if (present != null) { // it is being replaced, but has not left yet
          present.end();
        }
        var bid = new Bid(this, stream, identifier);
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
      if (bid != null && bid.stream() == stream) {
        bids.remove(identifier);
        bid.end();
      }
    } finally {
      lock.unlock();
    }
  }

  private void prove(Bid bid) {
    bid.prove(engine.ticker().now());
    lookout.watch();
  }

  @Override
  public void proved(Bid bid, Proof proof) {
    lock.lock();
    try {
      if (bid.accept(proof) && !appending.offer(bid)) {
        defer(bid);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Proves again, at a random time, that the client is connected. */
  private void defer(Bid bid) {
    if (bid.defer()) { // otherwise the time is set
      engine.ticker().schedule(engine.jitter().within(SPREAD), () -> resume(bid));
    }
  }

  private void resume(Bid bid) {
    boolean resumes;
    lock.lock();
    try {
      resumes = bid.isDeferred();
      if (resumes) {
        prove(bid);
      }
    } finally {
      lock.unlock();
    }
    if (resumes) {
      ping(List.of(bid.stream()));
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
    List<EventSource> unproved;
    lock.lock();
    try {
      long latest = engine.ticker().now() - patience;
      unproved = bids.values().stream().filter(bid -> bid.isProvingSince(latest)).map(Bid::stream).toList();
    } finally {
      lock.unlock();
    }
    ping(unproved);
  }

  @Override
  public boolean isNeeded() {
    lock.lock();
    try {
      return bids.values().stream().anyMatch(Bid::isProving);
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

  /** Applies a command, which has this id in the log. Returns the stream that has to end as REPLACED. */
  Optional<EventSource> pass(String id, Command command) {
    Optional<Bid> bid = Optional.empty();
    var effect = Bid.Effect.NONE;
    lock.lock();
    try {
      move(id);
      if (command instanceof Command.Claim claim) {
        bid = Optional.ofNullable(bids.get(claim.identifier()));
        effect = bid.map(its -> pass(claim, its)).orElse(effect);
      }
    } finally {
      lock.unlock();
    }
    var stream = bid.map(Bid::stream);
    if (effect == Bid.Effect.YIELDS) {
      ping(stream.stream().toList());
    }
    return effect == Bid.Effect.REPLACED ? stream : Optional.empty();
  }

  private Bid.Effect pass(Command.Claim claim, Bid bid) {
    long seen = places.number(claim.seen());
    var effect =
        claim.node().equals(node) ? bid.passOwn(claim.number(), seen, places.last()) : bid.passOther(seen);
    if (effect == Bid.Effect.YIELDS) {
      prove(bid);
    }
    return effect;
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

  /** Waits until there is a position up to which commands are applied, other than this one, and returns it. */
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

  /**
   * Returns the claims that the caller has to append now: those of the pending bids that are still wanted, and those of
   * the unknown ones that are not in the log, although they may have been appended.
   */
  List<Command.Claim> begin(List<Bid> pending, List<Bid> unknown) {
    var claims = new ArrayList<Command.Claim>();
    lock.lock();
    try {
      unknown.stream().filter(Bid::isInFlight).map(this::begin).forEach(claims::add);
      pending.stream().filter(Bid::isPending).map(this::begin).forEach(claims::add);
    } finally {
      lock.unlock();
    }
    return claims;
  }

  private Command.Claim begin(Bid bid) {
    bid.append(++numbers);
    return new Command.Claim(bid.identifier(), node, numbers, position);
  }

  /** Called when these claims have certainly not been appended. */
  void rejected(List<Command.Claim> claims) {
    lock.lock();
    try {
      for (Command.Claim claim : claims) {
        var bid = bids.get(claim.identifier());
        if (bid != null && bid.isInFlight(claim.number())) {
          defer(bid);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Withdraws all claims, and stops making new ones. */
  void close() {
    lock.lock();
    try {
      closed = true;
      bids.values().forEach(Bid::end);
      bids.clear();
    } finally {
      lock.unlock();
    }
  }
}
