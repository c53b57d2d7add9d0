package dev.tidings;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where one stream stands in its channels, and so the ids that its client gets. It decides and sends in one
 * step, so that no later event carries an earlier position.
 *
 * <p>The lock is the monitor, since a delivery to thousands pays for each object that it touches of each
 * stream; the locks of the outbox and of the response are taken under it.
 */
final class Cursor implements Attachment {
  private final EventSource stream;
  private final Sender sender; // the stream's
  // What follows is guarded by this.
  private final List<Subscriber> subscribers = new ArrayList<>(1); // those that have not left
  private Positions positions;
  private boolean moved; // whether the client's last id is behind
  private boolean ended; // nothing more is sent

  Cursor(EventSource stream, boolean several) {
    this.stream = stream;
    this.sender = stream.sender();
    this.positions = Positions.none(several);
  }

  EventSource stream() {
    return stream;
  }

  Sender sender() {
    return sender;
  }

  /** From now on the stream is in this channel, at this position if its client has one. */
  synchronized void enter(Subscriber subscriber, Optional<String> position) {
    subscribers.add(subscriber);
    moved |= position.isEmpty();
    position.ifPresent(id -> positions = positions.with(subscriber.name(), id));
  }

  /** From now on nothing of this channel is sent. */
  synchronized void leave(Subscriber subscriber) {
    subscriber.markLeft();
    subscribers.remove(subscriber);
    positions = positions.without(subscriber.name());
    if (subscribers.isEmpty()) {
      stream.life().detach(this);
    }
  }

  /** The stream has ended. */
  @Override
  public void leave() {
    List<Subscriber> left;
    synchronized (this) {
      left = List.copyOf(subscribers);
    }
    left.forEach(Subscriber::leave);
  }

  synchronized boolean isIn(Subscriber subscriber) {
    return !subscriber.hasLeft() && stream.isOpen();
  }

  /** Empty if it is not known yet, or if the stream has left. */
  synchronized Optional<String> position(Subscriber subscriber) {
    return positions.of(subscriber.name());
  }

  /** Moves on past an event that is not sent. */
  synchronized void skip(Subscriber subscriber, String id) {
    if (!subscriber.hasLeft()) {
      positions = positions.with(subscriber.name(), id);
      moved = true;
    }
  }

  /** Sends if there is room now, and moves on if it was taken. Never waits. */
  synchronized Answer offer(Subscriber subscriber, LogEntry entry, Outbox.Starter writers) {
    if (ended || subscriber.hasLeft()) {
      return Answer.CLOSED;
    }
    var step = entry.step(positions, subscriber.name());
    var answer = sender.offerIfFits(step.frame(), entry.isMessage(), writers);
    if (answer == Answer.TAKEN) {
      positions = step.to();
      moved = false;
    }
    return answer;
  }

  /** Sends the position in this channel, if there is one and room now. Never waits. */
  synchronized Answer offerPosition(Subscriber subscriber, Outbox.Starter writers) {
    var position = positions.of(subscriber.name());
    return position.isEmpty()
        ? Answer.CLOSED
        : offer(subscriber, LogEntry.position(position.get()), writers);
  }

  /** Whether its client knows where it is, which it is told if there is room now. Never waits. */
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
    return due ? Optional.of(Frame.parting(position().frame())) : Optional.empty();
  }

  private boolean isDue() {
    return !ended && moved && !subscribers.isEmpty() && !positions.isEmpty();
  }

  private LogEntry position() {
    return LogEntry.position(positions.id());
  }
}
