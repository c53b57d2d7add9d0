package dev.tidings;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/**
 * Where one stream stands in its channels, and so the ids that its client gets: of one channel its own
 * ids, of several all their positions in one, since a client has only one last event id. It decides
 * and sends under one lock, so that no later event carries an earlier position.
 */
final class Bookmark {
  private final EventSource stream;
  private final boolean several;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Channel> channels = new LinkedHashMap<>(); // guarded by lock: by name
  private final Map<String, String> positions = new LinkedHashMap<>(); // guarded by lock: by name
  private boolean moved; // guarded by lock: whether the client's last id is behind
  private boolean ended; // guarded by lock: nothing more is sent

  Bookmark(EventSource stream, boolean several) {
    this.stream = stream;
    this.several = several;
  }

  EventSource stream() {
    return stream;
  }

  /** From now on the stream is in this channel, at this position if its client has one. */
  void enter(Channel channel, Optional<String> position) {
    lock.lock();
    try {
      channels.put(channel.name(), channel);
      moved |= position.isEmpty();
      position.ifPresent(id -> positions.put(channel.name(), id));
    } finally {
      lock.unlock();
    }
  }

  /** From now on nothing of this channel is sent. */
  void leave(String name) {
    lock.lock();
    try {
      channels.remove(name);
      if (channels.isEmpty()) {
        stream.lose(this);
      }
    } finally {
      lock.unlock();
    }
  }

  /** The stream has ended. */
  void leaveAll() {
    List<Channel> left;
    lock.lock();
    try {
      left = List.copyOf(channels.values());
    } finally {
      lock.unlock();
    }
    left.forEach(channel -> channel.leave(stream));
  }

  boolean isIn(String name) {
    lock.lock();
    try {
      return channels.containsKey(name) && stream.isOpen();
    } finally {
      lock.unlock();
    }
  }

  Optional<String> position(String name) {
    lock.lock();
    try {
      return Optional.ofNullable(positions.get(name));
    } finally {
      lock.unlock();
    }
  }

  private String id() {
    var present = new LinkedHashMap<>(positions);
    present.keySet().retainAll(channels.keySet());
    return Positions.join(present);
  }

  /** Moves on past what is not sent. */
  void skip(String name, String id) {
    lock.lock();
    try {
      if (channels.containsKey(name)) {
        positions.put(name, id);
        moved = true;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Sends if there is room now, and moves on if it was taken. Never waits. */
  Outbox.Answer offer(String name, Entry entry) {
    lock.lock();
    try {
      if (ended || !channels.containsKey(name)) {
        return Outbox.Answer.CLOSED;
      }
      String before = positions.put(name, entry.id());
      var answer =
          stream.offerIfFits(several ? entry.frame(id()) : entry.frame(), entry.isMessage());
      if (answer == Outbox.Answer.TAKEN) {
        moved = false;
      } else {
        positions.put(name, before);
      }
      return answer;
    } finally {
      lock.unlock();
    }
  }

  /** Whether its client knows where it is, which it is told if there is room now. Never waits. */
  boolean tell() {
    lock.lock();
    try {
      tell(position -> stream.offerIfFits(position.frame(), false) == Outbox.Answer.TAKEN);
      return !moved;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Has the client told where it is, if it does not know: by an action that takes it, or refuses
   * it, under the lock of this. Returns whether it took it.
   */
  boolean tell(Predicate<Entry> action) {
    lock.lock();
    try {
      boolean told = !ended && moved && !channels.isEmpty() && action.test(position());
      moved &= !told;
      return told;
    } finally {
      lock.unlock();
    }
  }

  /** Sends nothing more; returns what is still to be told, if the client does not know where it is. */
  Optional<Frame> end() {
    lock.lock();
    try {
      boolean due = !ended && moved && !channels.isEmpty();
      ended = true;
      return due ? Optional.of(position().parting()) : Optional.empty();
    } finally {
      lock.unlock();
    }
  }

  private Entry position() {
    return Entry.position(several ? id() : positions.values().iterator().next());
  }
}
