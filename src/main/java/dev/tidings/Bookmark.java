package dev.tidings;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

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

  Bookmark(EventSource stream, boolean several) {
    this.stream = stream;
    this.several = several;
  }

  EventSource stream() {
    return stream;
  }

  /** From now on the stream is in this channel, at this position if it is known. */
  void enter(Channel channel, Optional<String> position) {
    lock.lock();
    try {
      channels.put(channel.name(), channel);
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
      positions.put(name, id);
    } finally {
      lock.unlock();
    }
  }

  /** Sends if there is room now, and moves on if it was taken. Never waits. */
  Outbox.Answer offer(String name, Entry entry) {
    lock.lock();
    try {
      if (!channels.containsKey(name)) {
        return Outbox.Answer.CLOSED;
      }
      String before = positions.put(name, entry.id());
      var answer = stream.offerIfFits(several ? entry.frame(id()) : entry.frame());
      if (answer != Outbox.Answer.TAKEN) {
        positions.put(name, before);
      }
      return answer;
    } finally {
      lock.unlock();
    }
  }
}
