package dev.tidings;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Sends the events of a source to a stream, until either ends. Used by one thread. */
final class StreamFeed {
  private final Lifecycle life;
  private final Source source;
  private final Breakable wait = new Breakable();
  private Optional<Event> unsent = Optional.empty();

  StreamFeed(Lifecycle life, Source source) {
    this.life = life;
    this.source = source;
  }

  /** Sends the events. Returns whether the source has ended, and the stream has accepted all of them. */
  boolean run() {
    life.sender().beforeWait();
    life.addWait(wait);
    try {
      return sendAll();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      life.sender().interrupted();
      return false;
    } finally {
      life.removeWait(wait);
      source.close();
    }
  }

  private boolean sendAll() throws InterruptedException {
    List<Event> taken = new ArrayList<>(1);
    boolean all = true;
    while (true) {
      var more = life.isOpen() ? source.take(taken, 1, wait) : Optional.<Boolean>empty();
      if (more.isEmpty()) {
        life.sender().refused(); // a loop of such calls does not end by itself
        return false;
      }
      if (!more.get()) {
        return all;
      }
      unsent = Optional.of(taken.removeLast());
      if (!life.sender().send(unsent.get())) {
        if (!life.isOpen() || Thread.currentThread().isInterrupted()) {
          return false;
        }
        all = false; // the overflow policy has dropped the event
      }
      unsent = Optional.empty();
    }
  }

  /** Returns the event that was taken and that the stream has not accepted before the end or an interrupt. */
  Optional<Event> unsent() {
    return unsent;
  }
}
