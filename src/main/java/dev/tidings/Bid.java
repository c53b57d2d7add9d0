package dev.tidings;

/**
 * The claim of one stream of this node.
 *
 * <pre>
 * from       to         by                                      effect
 * ---------  ---------  --------------------------------------  --------------------------------------------
 * PROVING    PENDING    the client has proved to be connected   the claim waits to be appended
 * PENDING    IN_FLIGHT  the node has read the log to its end    the claim is being appended, or it is not
 *                                                               known whether it was; nothing is decided
 * IN_FLIGHT  CLAIMED    the claim passes in the log             the stream has its place in the log
 * PROVING,   PROVING    a claim of another node passes          the stream yields: its client has to prove
 *  PENDING,                                                     anew that it is connected, and the stream
 *  IN_FLIGHT                                                    claims nothing until then
 * CLAIMED    -          a claim of another node passes, whose   the stream ends as REPLACED
 *                       node had read the claim of this stream
 * any        LATER      a gap in the log, a rejected claim, or  the client proves anew that it is connected,
 *                       no room to queue the claim              at a random time within 10 s
 * any        OVER       the stream ends                         a claim that is not in the log is withdrawn
 * </pre>
 *
 * <p>Guarded by the lock of {@link Claims}.
 */
final class Bid implements Proof.Waiting {
  private enum State {
    LATER,
    PROVING,
    PENDING,
    IN_FLIGHT,
    CLAIMED,
    OVER
  }

  /** The effect of a claim that passes in the log. */
  enum Effect {
    NONE,
    YIELDS,
    REPLACED
  }

  /** The claims of a node. */
  interface Owner {
    /** Called on the writer's thread, without locks, when the client has proved to be connected. Must not block. */
    void proved(Bid bid, Proof proof);
  }

  private final Owner owner;
  private final EventSource stream;
  private final String identifier;
  private State state = State.OVER;
  private Proof proof; // null unless PROVING
  private long since; // when the proof began
  private long number; // of the claim; set with IN_FLIGHT
  private long place; // in the log; set with CLAIMED

  Bid(Owner owner, EventSource stream, String identifier) {
    this.owner = owner;
    this.stream = stream;
    this.identifier = identifier;
  }

  EventSource stream() {
    return stream;
  }

  String identifier() {
    return identifier;
  }

  // Proving.

  /** Begins a proof at this time. */
  void prove(long now) {
    state = State.PROVING;
    since = now;
    proof = new Proof(this, now);
    stream.life().prove(proof);
  }

  boolean isProving() {
    return state == State.PROVING;
  }

  /** Returns whether a proof has begun at this time or earlier, and has not succeeded. */
  boolean isProvingSince(long time) {
    return isProving() && since - time <= 0;
  }

  @Override
  public void proved(Proof proof) {
    owner.proved(this, proof);
  }

  /** Makes the claim pending. Does nothing and returns false if the proof is obsolete. */
  boolean accept(Proof its) {
    if (proof != its) {
      return false;
    }
    leave(State.PENDING);
    return true;
  }

  /** Waits for a random time. Does nothing and returns false if it already does. */
  boolean defer() {
    boolean changes = state != State.LATER;
    leave(State.LATER);
    return changes;
  }

  boolean isDeferred() {
    return state == State.LATER;
  }

  /** Withdraws the claim. */
  void end() {
    leave(State.OVER);
  }

  private void leave(State next) {
    state = next;
    if (proof != null) {
      proof = null;
      stream.life().prove(null);
    }
  }

  // Appending.

  boolean isPending() {
    return state == State.PENDING;
  }

  boolean isInFlight() {
    return state == State.IN_FLIGHT;
  }

  boolean isInFlight(long its) {
    return isInFlight() && number == its;
  }

  /** Called when the claim is about to be appended with this number. */
  void append(long its) {
    state = State.IN_FLIGHT;
    number = its;
  }

  // Passing.

  /**
   * Applies a claim of another node.
   *
   * @param seen the place up to which that node had read the log; -1 if it cannot be compared
   */
  Effect passOther(long seen) {
    return switch (state) {
      case LATER, OVER -> Effect.NONE;
      case PROVING, PENDING, IN_FLIGHT -> Effect.YIELDS;
      case CLAIMED -> seen >= place ? Effect.REPLACED : Effect.NONE;
    };
  }

  /**
   * Applies a claim of this node, at this place. Claims of earlier streams, and earlier attempts of this one, have no
   * effect.
   *
   * @param seen the place up to which this node had read the log; -1 if no node can compare it
   */
  Effect passOwn(long its, long seen, long at) {
    if (!isInFlight(its)) {
      return Effect.NONE;
    }
    if (seen < 0) {
      return Effect.YIELDS;
    }
    state = State.CLAIMED;
    place = at;
    return Effect.NONE;
  }
}
