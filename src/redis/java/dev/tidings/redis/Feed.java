package dev.tidings.redis;

import dev.tidings.Event;
import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
 * A channel that is read on this node. Its mirror serves most readers; for the others, Redis is asked, once for all that
 * have the same question. The first reader that waits subscribes to the bells of the channel.
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
  private final Mirror mirror =
      new Mirror(
          new Mirror.Owner() {
            @Override
            public Optional<Contact.Period> period() {
              return Feed.this.period();
            }

            @Override
            public void changed() {
              waiting.forEach(LockSupport::unpark);
            }

            @Override
            public void refresh() {
              Feed.this.refresh();
            }
          });
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

  /** Returns the end of the log in memory. */
  Mirror mirror() {
    return mirror;
  }

  boolean isFollowed() {
    return mirror.isFollowed();
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
    var now = mirror.view();
    if (now.ring() != null && !now.compared()) {
      await(inquire(Optional.empty(), 1).answer(), begin); // one comparison serves all readers
      now = mirror.view();
    }
    var events = now.after(after, most).orElse(List.of());
    boolean isWhole = events.size() == most || !events.isEmpty() && now.ring().last() >= now.seen();
    return isWhole ? hit(after, events) : ask(after, most, begin);
  }

  /** Returns the period of contact to the server; empty during an outage. */
  Optional<Contact.Period> period() {
    return node.period(this);
  }

  private Reading hit(String after, List<Event> events) {
    hits.increment();
    return Reading.covered(after, events);
  }

  private Reading await(String after, int most, long limit) throws InterruptedException {
    long begin = System.nanoTime();
    Mirror.View asked = null; // what was found when Redis was asked
    while (true) {
      var now = mirror.view();
      var events = now.after(after, most);
      if (events.isPresent() && !events.get().isEmpty()) {
        return hit(after, events.get());
      }
      boolean isAtEnd = now.live() && events.isPresent();
      if (!isAtEnd && !now.isAs(asked)) {
        var reading = ask(after, most, System.nanoTime());
        if (!reading.covered() || !reading.events().isEmpty()) {
          return reading;
        }
        var learned = mirror.view(); // perhaps from this answer; then it is no reason to ask again
        asked = learned.after(after, most).isPresent() ? learned : now;
        continue;
      }
      long left = limit - (System.nanoTime() - begin);
      if (left <= 0) {
        // Bells need time, and a lost one is noticed later. So after a short wait, only Redis can say "nothing".
        boolean isSure = asked != null || limit >= PATIENCE.toNanos();
        return isSure ? Reading.covered(after, List.of()) : ask(after, most, System.nanoTime());
      }
      if (mirror.isAs(now)) {
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

  /** Notes that an inquiry is sent. */
  void sending(Inquiry inquiry) {
    lock.lock();
    try {
      pending.remove(inquiry.key(), inquiry);
      underWay.add(inquiry.key());
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
    Place.parse(id).map(Place::number).ifPresent(mirror::appended);
  }

  /** Returns how many events of the average size may be asked for. */
  int most(int wanted) {
    return Math.clamp(READ_BYTES / Math.max(1, eventBytes), 1, wanted);
  }

  // Following.

  private void follow() {
    waitedAt = System.nanoTime();
    if (mirror.follow()) {
      node.follow(this);
    }
  }

  /** Stops following if nobody has waited for this time. Returns whether it did. For one thread. */
  boolean unfollow(Duration idle) {
    boolean isIdle = isFollowed() && waiting.isEmpty() && System.nanoTime() - waitedAt >= idle.toNanos();
    return isIdle && mirror.unfollow(() -> !waiting.isEmpty());
  }

  /** Asks for what the ring lacks. Does not wait. */
  void refresh() {
    inquire(mirror.lately().map(Place::id), READ_EVENTS);
  }

  /**
   * Takes what an inquiry found.
   *
   * @param start the number after which the events are; -1 if only the status was asked for
   */
  void learn(Inquiry inquiry, Status status, long start, List<Event> events) {
    measure(events);
    mirror.learn(inquiry, status, start, events);
  }

  private void measure(List<Event> events) {
    if (!events.isEmpty()) {
      long total = events.stream().mapToLong(Fields::size).sum();
      eventBytes = Math.clamp((eventBytes + 3 * (total / events.size())) / 4, 1, Integer.MAX_VALUE);
    }
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
    return !isFollowed() && System.nanoTime() - left >= idle.toNanos();
  }

  boolean retire(Duration idle) {
    return readers.get() == 0 && isIdle(idle);
  }
}
