package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Event;
import dev.tidings.EventLog.Reading;
import dev.tidings.redis.Status.Finding;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A channel that is read on this node. Its ring serves most readers. The first reader that waits subscribes to the bells
 * of the channel; from then on, the ring grows by itself while the feed is live, and is compared with Redis now and then.
 */
final class Feed {
  /** How long a reader waits for Redis. */
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  private static final long READ_BYTES = 1024 * 1024; // about what one read brings
  private static final int READ_EVENTS = 512;

  /** What a feed needs from its node. Nothing here blocks. */
  interface Node {
    void ask(Question question);

    void follow(Feed feed);

    String whyAway(Feed feed);

    /** Returns the period of contact to the server that has the log; empty during an outage. */
    Optional<Contact.Period> period(Feed feed);
  }

  private final Duration patience;
  private final Keys keys;
  private final Node node;
  private final LongAdder hits;
  private final LongAdder misses;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile Ring ring; // null if nothing is known; set under lock
  private volatile Optional<Contact.Period> compared = Optional.empty(); // when the ring was last compared; set under lock
  private long unannounced; // the number of an event whose bell has not come; 0 if there is none; guarded by lock
  private volatile long seen; // the last number that a caller may know; set under lock
  private boolean confirmed; // whether Redis sends the bells; guarded by lock
  private long confirmedAt; // guarded by lock
  private volatile boolean live; // whether confirmed, and the ring was complete after that; set under lock
  private volatile boolean followed; // whether bells are wanted; set under lock
  private final Map<String, Inquiry> pending = new HashMap<>(2); // not yet sent; guarded by lock
  private final Set<String> underWay = new HashSet<>(2); // keys of those that have been sent; guarded by lock
  private final Set<Thread> waiting = ConcurrentHashMap.newKeySet();
  private final AtomicInteger readers = new AtomicInteger(); // grows only in the map of the feeds
  private volatile long left = System.nanoTime(); // when a reader left
  private volatile long waitedAt = System.nanoTime(); // when a reader waited
  private volatile int eventBytes = 1024; // average

  Feed(Keys keys, Node node, LongAdder hits, LongAdder misses) {
    this(keys, node, hits, misses, PATIENCE);
  }

  Feed(Keys keys, Node node, LongAdder hits, LongAdder misses, Duration patience) {
    this.patience = patience;
    this.keys = keys;
    this.node = node;
    this.hits = hits;
    this.misses = misses;
  }

  Keys keys() {
    return keys;
  }

  boolean isFollowed() {
    return followed;
  }

  // Reading.

  /** Reads as {@link dev.tidings.EventLog#read} does. */
  Reading read(String after, int most, Duration wait) throws InterruptedException {
    long limit = TimeUnit.NANOSECONDS.convert(wait);
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    if (limit == 0) {
      return readNow(after, most);
    }
    waiting.add(Thread.currentThread()); // before follow, see unfollow
    try {
      follow();
      return await(after, most, limit);
    } finally {
      waitedAt = System.nanoTime();
      waiting.remove(Thread.currentThread());
    }
  }

  private Reading readNow(String after, int most) throws InterruptedException {
    long begin = System.nanoTime();
    if (ring != null && !isCompared(period())) {
      await(inquire(Optional.empty(), 1).answer(), begin); // one comparison serves all readers
    }
    var now = ring;
    var events = held(after, now, most, period()).orElse(List.of());
    boolean isWhole = events.size() == most || !events.isEmpty() && now.last() >= seen;
    return isWhole ? hit(after, events) : ask(after, most, begin);
  }

  /** Returns the period of contact; a ring that was compared in another one may hold events that Redis has lost. */
  Optional<Contact.Period> period() {
    return node.period(this);
  }

  private boolean isCompared(Optional<Contact.Period> now) {
    return now.isPresent() && now.equals(compared);
  }

  private Optional<List<Event>> held(String after, Ring ring, int most, Optional<Contact.Period> period) {
    return ring == null || !isCompared(period) ? Optional.empty() : Place.parse(after).flatMap(place -> ring.after(place, most));
  }

  private Reading hit(String after, List<Event> events) {
    hits.increment();
    return Reading.covered(after, events);
  }

  private Reading await(String after, int most, long limit) throws InterruptedException {
    long begin = System.nanoTime();
    boolean asked = false;
    Ring askedAt = null; // the ring when Redis was asked
    var askedIn = Optional.<Contact.Period>empty();
    while (true) {
      boolean bells = live;
      var period = period();
      var now = ring;
      var events = held(after, now, most, period);
      if (events.isPresent() && !events.get().isEmpty()) {
        return hit(after, events.get());
      }
      boolean isAtEnd = bells && events.isPresent();
      if (!isAtEnd && !(asked && askedAt == now && askedIn.equals(period))) {
        asked = true;
        askedIn = period;
        var reading = ask(after, most, System.nanoTime());
        if (!reading.covered() || !reading.events().isEmpty()) {
          return reading;
        }
        var learned = ring; // perhaps from this answer; then it is no reason to ask again
        askedAt = held(after, learned, most, period).isPresent() ? learned : now;
        continue;
      }
      long left = limit - (System.nanoTime() - begin);
      if (left <= 0) {
        // Bells need time, and a lost one is noticed later. So after a short wait, only Redis can say "nothing".
        boolean isSure = asked || limit >= PATIENCE.toNanos();
        return isSure ? Reading.covered(after, List.of()) : ask(after, most, System.nanoTime());
      }
      if (now == ring && bells == live) {
        LockSupport.parkNanos(this, left);
      }
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  private Reading ask(String after, int most, long begin) throws InterruptedException {
    misses.increment();
    String known = Place.parse(after).isPresent() ? after : ""; // no text of clients that is not an id is kept
    var reading = await(inquire(Optional.of(known), most).answer(), begin).reading().orElseThrow();
    return known.equals(after) || !reading.covered() ? reading : Reading.covered(after, reading.events());
  }

  /** Returns the status, asked for after this call began. */
  Status status() throws InterruptedException {
    return await(inquire(Optional.empty(), 1).answer(), System.nanoTime()).status();
  }

  /** Returns the place before the first event of this time. */
  String since(long millis) throws InterruptedException {
    var search = new Search(this, millis);
    node.ask(search);
    return await(search.answer(), System.nanoTime());
  }

  /** Waits for an answer until a reader that came at this time has no more patience. */
  private <T> T await(CompletableFuture<T> answer, long begin) throws InterruptedException {
    try {
      return answer.get(patience.toNanos() - (System.nanoTime() - begin), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new RedisFailure("no answer within " + patience.toMillis() + " ms for " + keys + ": " + node.whyAway(this));
    } catch (ExecutionException e) {
      throw new RedisFailure(e.getCause().getMessage(), e.getCause());
    }
  }

  /** Returns an inquiry that has not been sent. Of those with the same question, one at a time is under way. */
  private Inquiry inquire(Optional<String> after, int most) {
    int count = Math.min(most, READ_EVENTS);
    String key = after.map(id -> id + " " + count).orElse("");
    Inquiry inquiry;
    lock.lock();
    try {
      inquiry = pending.get(key);
      if (inquiry != null) {
        return inquiry;
      }
      inquiry = new Inquiry(this, key, after, count);
      pending.put(key, inquiry);
      if (underWay.contains(key)) {
        return inquiry;
      }
    } finally {
      lock.unlock();
    }
    node.ask(inquiry);
    return inquiry;
  }

  /** Notes that an inquiry is sent. Returns the end of the ring before that. */
  Optional<Place> sending(Inquiry inquiry) {
    lock.lock();
    try {
      pending.remove(inquiry.key(), inquiry);
      underWay.add(inquiry.key());
      return ring == null ? Optional.empty() : Optional.of(ring.end());
    } finally {
      lock.unlock();
    }
  }

  /** Notes that an inquiry has been answered or has failed. Sends the next one with this question. */
  void ended(Inquiry inquiry) {
    Inquiry next;
    lock.lock();
    try {
      underWay.remove(inquiry.key());
      pending.remove(inquiry.key(), inquiry); // if it was never sent
      next = pending.get(inquiry.key());
    } finally {
      lock.unlock();
    }
    if (next != null) {
      node.ask(next);
    }
  }

  /** Notes that an event with this id has been appended here. */
  void appended(String id) {
    long number = Place.parse(id).map(Place::number).orElse(0L);
    if (number > seen) {
      lock.lock();
      try {
        seen = Math.max(seen, number);
      } finally {
        lock.unlock();
      }
    }
  }

  /** Returns how many events of the average size may be asked for. */
  int most(int wanted) {
    return Math.clamp(READ_BYTES / Math.max(1, eventBytes), 1, wanted);
  }

  // Following.

  private void follow() {
    waitedAt = System.nanoTime();
    if (!followed) {
      lock.lock();
      try {
        if (followed) {
          return;
        }
        followed = true;
      } finally {
        lock.unlock();
      }
      node.follow(this);
    }
  }

  /** Stops following if nobody has waited for this time. Returns whether it did. For one thread. */
  boolean unfollow(Duration idle) {
    if (!followed || !waiting.isEmpty() || System.nanoTime() - waitedAt < idle.toNanos()) {
      return false;
    }
    lock.lock();
    try {
      followed = false;
      if (!waiting.isEmpty()) { // a reader came that may have seen that the channel was followed
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
      refresh();
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
    wake();
  }

  /** Asks for what the ring lacks. Does not wait. */
  void refresh() {
    var held = ring;
    inquire(held == null ? Optional.empty() : Optional.of(held.end().id()), READ_EVENTS);
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
      refresh();
      return false;
    }
    int[] spaces = new int[3];
    for (int i = 0, found = 0; i < message.length && found < 3; i++) {
      if (message[i] == ' ') {
        spaces[found++] = i;
      }
    }
    if (spaces[2] == 0) {
      refresh();
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
      refresh();
    }
    return true;
  }

  private boolean isSince(long heard) {
    return period().map(now -> now.hasBegunBy(heard)).orElse(false);
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
    wake();
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
      boolean isCurrent = inquiry.period().isPresent() && inquiry.period().equals(period());
      boolean isComplete = isCurrent && take(inquiry, status, start, events); // else Redis may have been restarted since
      if (isComplete && confirmed && inquiry.begun() - confirmedAt > 0) {
        live = true;
      }
      more = followed && confirmed && !isComplete && (before != ring || !isCurrent);
    } finally {
      lock.unlock();
    }
    wake();
    if (more) {
      refresh();
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
      measure(events);
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

  private void measure(List<Event> events) {
    if (!events.isEmpty()) {
      long total = events.stream().mapToLong(Fields::size).sum();
      eventBytes = Math.clamp((eventBytes + 3 * (total / events.size())) / 4, 1, Integer.MAX_VALUE);
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
    lock.lock();
    try {
      isDeaf = unannounced > 0 && live;
      unannounced = same || status.isEmpty() || !live ? 0 : status.get().last(); // its bell may be on the way
      if (same) {
        ring = ring == null ? null : ring.without(Math.min(status.get().base(), ring.last()));
        compared = ring != null && ring.after(end.get(), 1).isPresent() ? period : compared;
        live |= confirmed && asked - confirmedAt > 0;
      }
    } finally {
      lock.unlock();
    }
    if (same) {
      wake();
    } else {
      refresh();
    }
    return isDeaf;
  }

  Optional<Place> end() {
    lock.lock(); // so that no bell of an earlier period is added after this
    try {
      return ring == null ? Optional.empty() : Optional.of(ring.end());
    } finally {
      lock.unlock();
    }
  }

  private void wake() {
    waiting.forEach(LockSupport::unpark);
  }

  // Lifetime, in the map of the feeds.

  void entered() {
    readers.incrementAndGet();
  }

  void left() {
    left = System.nanoTime();
    readers.decrementAndGet();
  }

  boolean isIdle(Duration idle) {
    return !followed && System.nanoTime() - left >= idle.toNanos();
  }

  boolean retire(Duration idle) {
    return readers.get() == 0 && isIdle(idle);
  }
}
