package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Event;
import dev.tidings.redis.Status.Finding;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * The end of a log in memory, and whether that is known to be right. While the log is followed, bells add events, and it is
 * live: it holds the end of the log as soon as Redis announces it. What inquiries find fills and corrects it. After a
 * connection has failed, it serves no reader until it has been compared with the log. Nothing here blocks.
 */
final class Mirror {
  /** What a mirror needs from its feed. Called without a lock, except for the period. */
  interface Owner {
    /** Returns the period of contact to the server that has the log; empty during an outage. */
    Optional<Contact.Period> period();

    /** Called when readers may find more than before. */
    void changed();

    /** Called when Redis must be asked for what the ring lacks. */
    void refresh();
  }

  /**
   * What a reader finds at one time.
   *
   * @param live whether the next event will be announced
   * @param ring the events; null if nothing is known
   * @param compared whether Redis has certainly not lost any of them
   * @param seen the last number that a caller may know
   */
  record View(boolean live, Optional<Contact.Period> period, Ring ring, boolean compared, long seen) {
    /** Returns the events after an id; empty if Redis has to be asked. */
    Optional<List<Event>> after(String id, int most) {
      return ring == null || !compared ? Optional.empty() : Place.parse(id).flatMap(place -> ring.after(place, most));
    }

    /** Returns whether a reader finds the same as in another view. */
    boolean isAs(View other) {
      return other != null && ring == other.ring && period.equals(other.period);
    }
  }

  private final Owner owner;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile Ring ring; // null if nothing is known; set under lock
  private volatile Optional<Contact.Period> compared = Optional.empty(); // when the ring was last compared; set under lock
  private long unannounced; // the number of an event whose bell has not come; 0 if there is none; guarded by lock
  private volatile long seen; // the last number that a caller may know; set under lock
  private volatile boolean followed; // whether bells are wanted; set under lock
  private boolean confirmed; // whether Redis sends the bells; guarded by lock
  private long confirmedAt; // guarded by lock
  private volatile boolean live; // whether confirmed, and the ring was complete after that; set under lock

  Mirror(Owner owner) {
    this.owner = owner;
  }

  View view() {
    boolean bells = live; // first: a ring that is read later is at least as new
    var period = owner.period();
    boolean isCompared = period.isPresent() && period.equals(compared);
    return new View(bells, period, ring, isCompared, seen);
  }

  /** Returns whether nothing has changed since a view that a waiting reader has seen. */
  boolean isAs(View view) {
    return view.ring() == ring && view.live() == live;
  }

  /** Returns the place after the last event of the ring, without waiting for a change; empty if nothing is known. */
  Optional<Place> lately() {
    var held = ring;
    return held == null ? Optional.empty() : Optional.of(held.end());
  }

  /** Notes that an event with this number has been appended here. */
  void appended(long number) {
    if (number > seen) {
      lock.lock();
      try {
        seen = Math.max(seen, number);
      } finally {
        lock.unlock();
      }
    }
  }

  // Bells.

  boolean isFollowed() {
    return followed;
  }

  /** Notes that bells are wanted. Returns whether they were not before. */
  boolean follow() {
    if (followed) {
      return false;
    }
    lock.lock();
    try {
      boolean begins = !followed;
      followed = true;
      return begins;
    } finally {
      lock.unlock();
    }
  }

  /** Notes that bells are not wanted any longer, unless a reader has come that may have seen that they were. */
  boolean unfollow(BooleanSupplier isWanted) {
    lock.lock();
    try {
      followed = false;
      if (isWanted.getAsBoolean()) {
        followed = true;
        return false;
      }
      confirmed = false;
      live = false;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Notes that Redis sends bells from now on. What was appended before is found by an inquiry. */
  void confirmed(boolean refresh) {
    lock.lock();
    try {
      if (!followed) {
        return;
      }
      confirmed = true;
      confirmedAt = System.nanoTime();
    } finally {
      lock.unlock();
    }
    if (refresh) {
      owner.refresh();
    }
  }

  /** Notes that Redis sends no bells any longer. */
  void deaf() {
    lock.lock();
    try {
      confirmed = false;
      live = false;
    } finally {
      lock.unlock();
    }
    owner.changed();
  }

  /**
   * Takes a bell: {@code first last epoch} and perhaps the events. If a connection has failed since Redis was heard, the
   * bell may be of events that Redis has lost meanwhile, so Redis is asked.
   *
   * @param heard the {@link System#nanoTime} at which Redis, on the connection of the bells, certainly had not yet been
   *     restarted
   * @return whether no connection has failed since then
   */
  boolean bell(byte[] message, long heard) {
    if (!isSince(heard)) {
      owner.refresh();
      return false;
    }
    int[] spaces = new int[3];
    for (int i = 0, found = 0; i < message.length && found < 3; i++) {
      if (message[i] == ' ') {
        spaces[found++] = i;
      }
    }
    if (spaces[2] == 0) {
      owner.refresh();
      return true;
    }
    boolean complete = false;
    try {
      long first = Long.parseLong(new String(message, 0, spaces[0], UTF_8));
      long last = Long.parseLong(new String(message, spaces[0] + 1, spaces[1] - spaces[0] - 1, UTF_8));
      String epoch = new String(message, spaces[1] + 1, spaces[2] - spaces[1] - 1, UTF_8);
      complete = bell(first, last, epoch, Fields.unpack(message, spaces[2] + 1), heard);
    } catch (RuntimeException e) {
      // not a bell of ours
    }
    if (!complete) {
      owner.refresh();
    }
    return true;
  }

  private boolean isSince(long heard) {
    return owner.period().map(now -> now.hasBegunBy(heard)).orElse(false);
  }

  private boolean bell(long first, long last, String epoch, List<List<byte[]>> packed, long heard) {
    lock.lock();
    try {
      unannounced = last >= unannounced ? 0 : unannounced;
      if (ring == null || !isSince(heard)) {
        return false;
      }
      var end = ring.end();
      if (!end.word().equals(epoch) || end.number() != first - 1 || packed.size() != last - first + 1) {
        return end.word().equals(epoch) && end.number() >= last; // known by an inquiry
      }
      var events = new ArrayList<Event>(packed.size());
      for (int i = 0; i < packed.size(); i++) {
        events.add(Fields.event(packed.get(i), new Place(first + i, epoch).id()));
      }
      ring = ring.with(events);
    } finally {
      lock.unlock();
    }
    owner.changed();
    return true;
  }

  // What inquiries find.

  /**
   * Takes what an inquiry found.
   *
   * @param start the number after which the events are; -1 if only the status was asked for
   */
  void learn(Inquiry inquiry, Status status, long start, List<Event> events) {
    boolean more;
    lock.lock();
    try {
      var before = ring;
      boolean isCurrent = inquiry.period().isPresent() && inquiry.period().equals(owner.period());
      boolean isComplete = isCurrent && take(inquiry, status, start, events); // else Redis may have been restarted since
      if (isComplete && confirmed && inquiry.begun() - confirmedAt > 0) {
        live = true;
      }
      more = followed && confirmed && !isComplete && (before != ring || !isCurrent);
    } finally {
      lock.unlock();
    }
    owner.changed();
    if (more) {
      owner.refresh();
    }
  }

  /** Returns whether the ring then holds the end of the log. */
  private boolean take(Inquiry inquiry, Status status, long start, List<Event> events) {
    if (ring == null || inquiry.ringEnd().map(end -> compare(status, end)).orElse(false)) {
      compared = inquiry.period();
    }
    seen = Math.max(seen, status.last());
    if (start >= 0) {
      add(status, start, events);
    } else if (ring == null) {
      ring = Ring.at(status.place(status.last()));
    }
    if (ring != null) {
      ring = ring.without(Math.min(status.base(), ring.last()));
    }
    return ring != null && ring.last() >= status.last();
  }

  /**
   * Shortens or forgets the ring if the log has lost or dropped its end. Returns false if the ring has changed since it had
   * this end, so that it cannot be compared.
   */
  private boolean compare(Status status, Place end) {
    if (ring.after(end, 1).isEmpty()) {
      return false;
    }
    switch (status.find(end)) {
      case Finding.Covered() -> {}
      case Finding.Gap(long from, OptionalLong missed) -> {
        boolean isShorter = missed.isPresent() && missed.getAsLong() == 0 && from >= ring.start().number();
        ring = isShorter ? ring.until(from) : null;
        seen = status.last();
      }
      case Finding.Ahead _ -> {
        ring = null;
        seen = status.last();
      }
    }
    return true;
  }

  private void add(Status status, long start, List<Event> events) {
    long last = start + events.size();
    if (ring == null) {
      if (last == status.last()) {
        ring = Ring.at(status.place(start)).with(events);
      }
    } else if (start <= ring.last() && last > ring.last()) {
      if (ring.isAt(status.place(ring.last()))) {
        ring = ring.with(events.subList((int) (ring.last() - start), events.size()));
      }
    } else if (start < ring.start().number() && last >= ring.start().number()) {
      if (ring.start().equals(status.place(ring.start().number()))) {
        ring = ring.withOlder(status.place(start), events.subList(0, (int) (ring.start().number() - start)));
      }
    }
  }

  /**
   * Takes a status that was asked for at this time and in this period, when the ring had this end.
   *
   * @return whether a bell has not come since the last time
   */
  boolean verified(Optional<Status> status, Optional<Place> end, long asked, Optional<Contact.Period> period) {
    boolean same =
        status.isPresent() && end.isPresent() && status.get().place(status.get().last()).equals(end.get());
    boolean isDeaf;
    boolean isUsable = false; // for readers that wait, and could not use the ring before
    lock.lock();
    try {
      isDeaf = unannounced > 0 && live;
      boolean hasCome = status.map(its -> ring != null && ring.after(its.place(its.last()), 1).isPresent()).orElse(true);
      unannounced = same || hasCome || !live ? 0 : status.get().last(); // its bell may be on the way
      if (same) {
        var before = compared;
        boolean wasLive = live;
        ring = ring == null ? null : ring.without(Math.min(status.get().base(), ring.last()));
        compared = ring != null && ring.after(end.get(), 1).isPresent() ? period : compared;
        live |= confirmed && asked - confirmedAt > 0;
        isUsable = live != wasLive || !compared.equals(before);
      }
    } finally {
      lock.unlock();
    }
    if (!same) {
      owner.refresh();
    } else if (isUsable) { // else the threads of thousands of channels would wake for nothing
      owner.changed();
    }
    return isDeaf;
  }

  /** Returns the place after the last event of the ring; empty if nothing is known. */
  Optional<Place> end() {
    lock.lock(); // so that no bell of an earlier period is added after this
    try {
      return ring == null ? Optional.empty() : Optional.of(ring.end());
    } finally {
      lock.unlock();
    }
  }
}
