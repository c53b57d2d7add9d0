package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/**
 * The positions of one stream in its channels, and hence the ids that its client receives. An id is chosen and
 * sent in one atomic step, so that no later event carries an earlier position.
 *
 * <p>The lock is the monitor of this object, because each additional object per stream slows down a delivery to
 * thousands of streams. The locks of the outbox and of the response are acquired under it.
 */
final class Cursor implements Attachment {
  private static final long LONGEST_ANSWER = Duration.ofSeconds(1).toNanos();
  private static final long PAUSE = Duration.ofMillis(100).toNanos(); // after a failed call

  private final EventSource stream;
  private final Sender sender; // the stream's
  // The fields below are guarded by this.
  private final List<Subscriber> subscribers = new ArrayList<>(1); // those that have not left
  private Positions positions;
  private boolean moved; // whether the client's last id is outdated
  private boolean ended; // whether nothing more is sent
  private List<Goal<Subscriber>> goals = List.of(); // those for which a close or a flush waits

  /** Creates the cursor of a stream that is at these positions. */
  Cursor(EventSource stream, Positions positions) {
    this.stream = stream;
    this.sender = stream.sender();
    this.positions = positions;
  }

  EventSource stream() {
    return stream;
  }

  Sender sender() {
    return sender;
  }

  /** Adds this subscriber. Returns whether the client has a position in its channel. */
  synchronized boolean enter(Subscriber subscriber) {
    subscribers.add(subscriber);
    boolean known = positions.of(subscriber.name()).isPresent();
    moved |= !known;
    return known;
  }

  /** Sets the start positions in these channels, in which the client has none, in one atomic step. */
  synchronized void begin(Map<Subscriber, String> latest) {
    var ids = new LinkedHashMap<String, String>();
    latest.forEach(
        (subscriber, id) -> {
          if (!subscriber.hasLeft()) {
            ids.put(subscriber.name(), id);
          }
        });
    positions = ids.isEmpty() ? positions : positions.with(ids);
  }

  /** Removes this subscriber, to which nothing more is sent. Detaches this cursor if no subscriber is left. */
  synchronized void leave(Subscriber subscriber) {
    subscriber.markLeft();
    subscribers.remove(subscriber);
    goals.forEach(goal -> goal.leave(subscriber));
    positions = positions.without(subscriber.name());
    if (subscribers.isEmpty()) {
      stream.life().detach(this);
    }
  }

  /**
   * Removes this subscriber, which has received all events of a completed channel. Its position is kept, so that a
   * client that reconnects continues there. Returns whether it was the last subscriber.
   */
  synchronized boolean complete(Subscriber subscriber) {
    if (subscriber.hasLeft()) {
      return false;
    }
    subscriber.markLeft();
    subscribers.remove(subscriber);
    goals.forEach(goal -> goal.arrive(subscriber));
    return subscribers.isEmpty();
  }

  /** Leaves all channels, because the stream has ended. */
  @Override
  public void leave() {
    List<Subscriber> left;
    synchronized (this) {
      left = List.copyOf(subscribers);
    }
    left.forEach(Subscriber::leave);
  }

  synchronized boolean isIn(Subscriber subscriber) {
    return !subscriber.hasLeft() && stream.life().isDelivering() && !isAtEnd(subscriber);
  }

  /** Returns whether the subscriber has received everything up to its last goal. */
  private boolean isAtEnd(Subscriber subscriber) {
    for (Goal<Subscriber> goal : goals) { // no java.util.stream: this runs for each event of each stream
      if (goal.isEndOf(subscriber)) {
        return true;
      }
    }
    return false;
  }

  /** Returns the position in this channel; empty if it is not known yet, or if the stream has left the channel. */
  synchronized Optional<String> position(Subscriber subscriber) {
    return positions.of(subscriber.name());
  }

  /** Advances past an event that is not sent. */
  synchronized void skip(Subscriber subscriber, String id) {
    if (!subscriber.hasLeft() && !isAtEnd(subscriber)) {
      positions = positions.with(subscriber.name(), id);
      moved = true;
      pass(subscriber, id);
    }
  }

  private void pass(Subscriber subscriber, String id) {
    if (!goals.isEmpty()) {
      goals.forEach(goal -> goal.pass(subscriber, id));
    }
  }

  /** Sends the entry if there is room now, and advances if the outbox accepted it. Never waits. */
  synchronized Answer offer(Subscriber subscriber, LogEntry entry, Outbox.Starter writers) {
    if (ended || subscriber.hasLeft() || isAtEnd(subscriber)) {
      return Answer.CLOSED;
    }
    var step = entry.step(positions, subscriber.name());
    var answer = sender.offerIfFits(step.frame(), entry.isMessage(), writers);
    if (answer == Answer.TAKEN) {
      positions = step.to();
      moved = false;
      if (entry.isGap()) {
        goals.forEach(goal -> goal.passGap(subscriber));
      }
      pass(subscriber, entry.id());
    }
    return answer;
  }

  /**
   * Sends an entry to a live subscriber. It has no room for a gap if a place that it has to reach may be in the gap;
   * only a subscriber that reads the log itself finds out.
   */
  synchronized Answer offerLive(Subscriber subscriber, LogEntry entry, Outbox.Starter writers) {
    return entry.isGap() && !places(subscriber).isEmpty() ? Answer.OVERFLOW : offer(subscriber, entry, writers);
  }

  /** Sends the position in this channel, if it is known and there is room now. Never waits. */
  synchronized Answer offerPosition(Subscriber subscriber, Outbox.Starter writers) {
    var position = positions.of(subscriber.name());
    return position.isEmpty()
        ? Answer.CLOSED
        : offer(subscriber, LogEntry.position(position.get()), writers);
  }

  /**
   * Sends the position if it is due and there is room now. Returns whether the client knows the position. Never
   * waits.
   */
  synchronized boolean tell() {
    boolean told =
        isDue() && sender.offerIfFits(position().frame(), false, sender.writers()) == Answer.TAKEN;
    moved &= !told;
    return !moved;
  }

  @Override
  public synchronized boolean tell(Telling telling) {
    boolean told = isDue() && telling.tell(Frame.parting(position().frame()));
    moved &= !told;
    return told;
  }

  @Override
  public synchronized Optional<Frame> end() {
    boolean due = isDue();
    ended = true;
    goals.forEach(Goal::fail);
    return due ? Optional.of(Frame.parting(position().frame())) : Optional.empty();
  }

  // Delivery of events that were published before a close or a flush.

  @Override
  public CompletableFuture<Boolean> deliverPublished(boolean last, long nanos) {
    var goal = new Goal<Subscriber>(last);
    var asked = set(goal);
    asked.forEach(subscriber -> subscriber.askLatest(new Question(goal, subscriber)));
    var late = sender.ticker().schedule(nanos, goal::fail);
    return goal.reached()
        .whenComplete(
            (reached, e) -> {
              late.cancel();
              forget(goal);
            });
  }

  /** Asks a log for its latest id, and asks again if the log fails. */
  private final class Question implements Inquiry.Asker {
    private final Goal<Subscriber> goal;
    private final Subscriber subscriber;
    private Ticker.Timer unanswered; // null until the first call; used by one call at a time

    Question(Goal<Subscriber> goal, Subscriber subscriber) {
      this.goal = goal;
      this.subscriber = subscriber;
    }

    /** Starts the time limit at the first call, since the thread may have waited for a processor before that. */
    @Override
    public void begin() {
      if (unanswered == null) {
        unanswered = sender.ticker().schedule(LONGEST_ANSWER, goal::fail);
      }
    }

    @Override
    public void tell(Optional<String> latest) {
      if (latest.isEmpty() && unanswered != null) {
        sender.ticker().schedule(PAUSE, this::askAgain);
        return;
      }
      if (unanswered != null) {
        unanswered.cancel();
      }
      if (!answer(goal, subscriber, latest)) {
        subscriber.askLatest(new Question(goal, subscriber));
      }
    }

    private void askAgain() {
      if (!goal.reached().isDone()) {
        subscriber.askLatest(this);
      }
    }
  }

  /**
   * Adds the goal, and returns the subscribers whose logs have to be queried. Each starts at its current position. A
   * subscriber without a position receives later events only, and is not part of the goal.
   */
  private synchronized List<Subscriber> set(Goal<Subscriber> goal) {
    var asked = new ArrayList<Subscriber>();
    for (Subscriber subscriber : subscribers) {
      positions
          .of(subscriber.name())
          .ifPresent(
              id -> {
                goal.add(subscriber, id);
                asked.add(subscriber);
              });
    }
    goals = Stream.concat(goals.stream(), Stream.of(goal)).toList();
    if (ended) {
      goal.fail();
    } else {
      goal.begin();
    }
    return asked;
  }

  /**
   * Sets the latest id of a log; without one, the goal fails. Returns false if the log has to be asked again, because
   * the subscriber has passed a gap or too many events since.
   */
  private synchronized boolean answer(Goal<Subscriber> goal, Subscriber subscriber, Optional<String> latest) {
    if (latest.isEmpty() || goal.reached().isDone()) {
      goal.fail();
      return true;
    }
    boolean clear = goal.place(subscriber, latest.get());
    if (!clear) {
      goal.add(subscriber, positions.of(subscriber.name()).orElseThrow()); // present: it has not left
    }
    return clear;
  }

  private synchronized void forget(Goal<Subscriber> goal) {
    goals = goals.stream().filter(other -> other != goal || other.isLast()).toList();
  }

  /** Returns the places that the subscriber still has to reach. */
  synchronized List<String> places(Subscriber subscriber) {
    return goals.stream().flatMap(goal -> goal.place(subscriber).stream()).toList();
  }

  /** Marks this place as reached, because the log has dropped all events up to it. */
  synchronized void arrive(Subscriber subscriber, String place) {
    for (Goal<Subscriber> goal : goals) {
      if (goal.place(subscriber).filter(place::equals).isPresent()) {
        goal.arrive(subscriber);
      }
    }
  }

  /** Returns whether the client knows the positions. */
  synchronized boolean isTold() {
    return !moved;
  }

  private boolean isDue() {
    return !ended && moved && !subscribers.isEmpty() && !positions.isEmpty();
  }

  private LogEntry position() {
    return LogEntry.position(positions.id());
  }
}
