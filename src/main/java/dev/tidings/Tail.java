package dev.tidings;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The live end of a channel: one thread that follows the log, encodes each event once and delivers it to
 * all that have read as far. It exists while there are such. One that has no room falls back to reading for
 * itself, so none delays another.
 *
 * <p>How a subscriber becomes live. It is at an event P, and the tail is at T. If P is T, it is live. If the
 * tail remembers P, the subscriber gets the entries between them and comes again; however many come at once,
 * that is quicker than events are published. Otherwise it reads the log. At the end of that it says that it
 * waits for P, and only then looks once more whether the log has anything after P. If it has, the tail may have
 * passed: the subscriber waits no more, unless the tail has just come by, and begins anew. If it has nothing,
 * then T was not after P when the subscriber began to wait, since each read of a log sees what any read before
 * it has returned; so the tail has yet to deliver P, and finds the subscriber waiting for it.
 *
 * <p>It is long since those that are live and those that wait change under one lock, together with the place
 * of the thread that delivers to them.
 */
final class Tail {
  static final int REMEMBERED = 512; // entries
  private static final long REMEMBERED_CHARS = 1024 * 1024; // of their data
  private static final int BATCH_EVENTS = 128;
  private static final Duration WAIT = Duration.ofSeconds(2); // and so long it outlives the last one
  static final long NOT_LIVE = -1;

  /** A subscriber that waits for the tail to come to its position; told apart from its other waits. */
  static final class Ahead {
    private final Subscriber subscriber;
    private final String position;
    private final boolean passed;

    private Ahead(Subscriber subscriber, String position, boolean passed) {
      this.subscriber = subscriber;
      this.position = position;
      this.passed = passed;
    }

    /** Whether the tail has passed that position already, so that nothing is waited for. */
    boolean isPassed() {
      return passed;
    }
  }

  /** One that waited, and the first of the entries that it has not got. */
  private record Met(Subscriber subscriber, int first) {}

  /** The live ones of one registry, whose writers deliver to them; those with smaller numbers. */
  private record Group(Writers writers, Iterable<Subscriber> members) {}

  private final LogReader reader;
  private final ThreadFactory threads;
  private final ReentrantLock lock = new ReentrantLock();
  // What follows is guarded by lock, under which nothing is delivered and no code of the application runs.
  private final Map<Writers, Roster<Subscriber>> live = new LinkedHashMap<>(); // all at the tail's position
  private final Map<Subscriber, Ahead> ahead = new LinkedHashMap<>();
  private final Set<Subscriber> filtering = new HashSet<>(); // those of both that have a filter
  private final ArrayDeque<LogEntry> recent = new ArrayDeque<>(); // the last that were delivered
  private final Map<String, Long> numbers = new HashMap<>(); // of these and of the start, by id
  private long last; // the number of the tail's position
  private long recentChars; // of data, in recent
  private String position; // null before the first one
  private String passed; // the last event that was delivered to all; null before the first
  private Thread thread; // null while nobody is here
  private boolean closed;

  Tail(LogReader reader, ThreadFactory threads) {
    this.reader = reader;
    this.threads = threads;
  }

  /**
   * Takes one that is at this position, if the tail is there.
   *
   * @return no entries if it is live, or gone; the entries that it lacks, if the tail has passed it not long
   *     ago; empty if the position is not known
   */
  Optional<List<LogEntry>> join(Subscriber subscriber, String at) {
    lock.lock();
    try {
      if (closed || !subscriber.isIn()) {
        return Optional.of(List.of()); // there is nothing more for it
      }
      Long number = thread == null ? null : numbers.get(at);
      if (number == null) {
        return Optional.empty();
      }
      long lacking = last - number;
      if (lacking == 0) {
        enter(subscriber);
        add(subscriber);
      }
      return lacking > recent.size()
          ? Optional.empty()
          : Optional.of(recent.stream().skip(recent.size() - lacking).toList());
    } finally {
      lock.unlock();
    }
  }

  private void enter(Subscriber subscriber) {
    if (subscriber.hasFilter()) {
      filtering.add(subscriber);
    }
  }

  /**
   * Takes one that has read to the end of the log, at this position.
   *
   * @return empty if it is live, or gone; otherwise its wait, after which it has to look once more, unless the
   *     tail has passed just now
   */
  Optional<Ahead> await(Subscriber subscriber, String at) {
    lock.lock();
    try {
      if (closed || !subscriber.isIn()) {
        return Optional.empty();
      }
      if (thread == null) {
        start(at);
      }
      boolean here = at.equals(position);
      if (!here && numbers.containsKey(at)) {
        return Optional.of(new Ahead(subscriber, at, true));
      }
      enter(subscriber);
      if (here) {
        add(subscriber);
        return Optional.empty();
      }
      var wait = new Ahead(subscriber, at, false);
      ahead.put(subscriber, wait);
      return Optional.of(wait);
    } finally {
      lock.unlock();
    }
  }

  /** Ends a wait; false if it has ended already, since the subscriber is live, or gone. */
  boolean withdraw(Ahead wait) {
    lock.lock();
    try {
      boolean waits = ahead.remove(wait.subscriber, wait);
      if (waits) {
        filtering.remove(wait.subscriber);
      }
      return waits;
    } finally {
      lock.unlock();
    }
  }

  /** The first one says from where. */
  private void start(String at) {
    var started = threads.newThread(() -> run(at));
    started.start();
    thread = started; // once it runs: without a thread, the next one tries again
    position = at;
    numbers.put(at, last);
  }

  /** The tail has come to this entry. */
  private void remember(LogEntry entry) {
    position = entry.id();
    last++;
    recent.add(entry);
    recentChars += entry.chars();
    numbers.put(position, last);
    while (recent.size() > REMEMBERED || recentChars > REMEMBERED_CHARS) {
      var oldest = recent.remove();
      recentChars -= oldest.chars();
      numbers.remove(oldest.id());
    }
  }

  /** Its thread ends; the next one begins anew. */
  private void forget() {
    thread = null;
    recent.clear();
    recentChars = 0;
    numbers.clear();
  }

  private void add(Subscriber subscriber) {
    subscriber.number(
        live.computeIfAbsent(subscriber.writers(), key -> new Roster<>()).add(subscriber));
  }

  /** The stream has left the channel. */
  void drop(Subscriber subscriber) {
    lock.lock();
    try {
      remove(subscriber);
    } finally {
      lock.unlock();
    }
  }

  private void remove(Subscriber subscriber) {
    ahead.remove(subscriber);
    filtering.remove(subscriber);
    if (subscriber.number() != NOT_LIVE) {
      live.computeIfPresent(
          subscriber.writers(),
          (key, roster) -> {
            roster.remove(subscriber.number());
            return roster.size() == 0 ? null : roster;
          });
      subscriber.number(NOT_LIVE);
    }
  }

  /** Whether it is live, or waits to be. */
  boolean has(Subscriber subscriber) {
    lock.lock();
    try {
      return subscriber.number() != NOT_LIVE || ahead.containsKey(subscriber);
    } finally {
      lock.unlock();
    }
  }

  void close() {
    lock.lock();
    try {
      closed = true;
      live.clear();
      ahead.clear();
      filtering.clear();
      if (thread != null) {
        thread.interrupt();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether there is anybody who is live, or was a moment ago. */
  boolean isRunning() {
    lock.lock();
    try {
      return thread != null;
    } finally {
      lock.unlock();
    }
  }

  /** The last event that was delivered to all that are live; null before the first. */
  String passed() {
    lock.lock();
    try {
      return passed;
    } finally {
      lock.unlock();
    }
  }

  /** How many wait for the tail. */
  int ahead() {
    lock.lock();
    try {
      return ahead.size();
    } finally {
      lock.unlock();
    }
  }

  /** Whatever ends this thread, nobody is left to it. */
  private void run(String start) {
    boolean left = false; // whether nobody was there any more
    try {
      left = follow(start);
    } catch (InterruptedException e) {
      Log.debug(() -> "a channel was closed, or nobody is left in it");
    } catch (Throwable e) {
      Log.failure("the thread of a channel", e);
    } finally {
      if (!left) {
        end();
      }
    }
  }

  private boolean hasAnybody() {
    lock.lock();
    try {
      return !isEmpty();
    } finally {
      lock.unlock();
    }
  }

  private boolean isEmpty() {
    return live.isEmpty() && ahead.isEmpty();
  }

  /** False if the log has forgotten what would come next. */
  private boolean follow(String start) throws InterruptedException {
    for (String at = start; ; ) {
      var reading = reader.read(at, BATCH_EVENTS, WAIT, this::hasAnybody);
      if (!reading.covered()) {
        return false;
      }
      var entries = reading.events().stream().map(LogEntry::new).toList();
      if (entries.isEmpty()) {
        liveFilters().forEach(subscriber -> subscriber.tellIfFar(subscriber.writers()));
      } else {
        pass(entries, wanted(entries));
        at = entries.getLast().id();
      }
      if (isLeft()) {
        return true;
      }
    }
  }

  /** Whether nobody is there any more, so that this thread is done. */
  private boolean isLeft() {
    lock.lock();
    try {
      passed = position;
      boolean left = isEmpty();
      if (left) {
        forget();
      }
      return left;
    } finally {
      lock.unlock();
    }
  }

  /** The entries that those with a filter want, asked before anything is delivered. */
  private Map<Subscriber, boolean[]> wanted(List<LogEntry> entries) {
    var wanted = new HashMap<Subscriber, boolean[]>();
    for (Subscriber subscriber : filtering()) {
      var answers = new boolean[entries.size()];
      for (int i = 0; i < answers.length; i++) {
        answers[i] = subscriber.isWanted() && subscriber.passes(entries.get(i).event());
      }
      wanted.put(subscriber, answers);
    }
    return wanted;
  }

  private List<Subscriber> filtering() {
    lock.lock();
    try {
      return List.copyOf(filtering);
    } finally {
      lock.unlock();
    }
  }

  /** Those that no thread but this one sends to. */
  private List<Subscriber> liveFilters() {
    lock.lock();
    try {
      return filtering.stream().filter(subscriber -> subscriber.number() != NOT_LIVE).toList();
    } finally {
      lock.unlock();
    }
  }

  /** Moves on past these, and delivers them to all that are at the place where they begin, or within. */
  private void pass(List<LogEntry> entries, Map<Subscriber, boolean[]> wanted) {
    var groups = new ArrayList<Group>();
    List<Met> met;
    lock.lock();
    try {
      entries.forEach(this::remember);
      // Those that become live from now on are past these entries.
      live.forEach((writers, roster) -> groups.add(new Group(writers, roster.until(roster.next()))));
      met = meet(entries);
    } finally {
      lock.unlock();
    }
    var behind = new ArrayList<Subscriber>();
    for (Group group : groups) {
      group.writers.deliver(
          group.members,
          (Subscriber subscriber, Outbox.Starter to) ->
              deliver(subscriber, entries, 0, wanted, to, behind));
    }
    for (Met one : met) {
      one.subscriber
          .writers()
          .deliver(
              List.of(one.subscriber),
              (Subscriber subscriber, Outbox.Starter to) ->
                  deliver(subscriber, entries, one.first, wanted, to, behind));
    }
    behind.forEach(this::leaveBehind);
  }

  /** Those whose position is among these are live from there on. */
  private List<Met> meet(List<LogEntry> entries) {
    if (ahead.isEmpty()) {
      return List.of();
    }
    var places = new HashMap<String, Integer>();
    for (int i = 0; i < entries.size(); i++) {
      places.put(entries.get(i).id(), i);
    }
    var met = new ArrayList<Met>();
    for (var wait : List.copyOf(ahead.values())) {
      Integer place = places.get(wait.position);
      if (place != null) {
        ahead.remove(wait.subscriber);
        add(wait.subscriber);
        met.add(new Met(wait.subscriber, place + 1));
      }
    }
    return met;
  }

  /** Whether it stays live; if not, it is put to those that fall behind. */
  private static boolean deliver(
      Subscriber subscriber,
      List<LogEntry> entries,
      int first,
      Map<Subscriber, boolean[]> wanted,
      Outbox.Starter writers,
      List<Subscriber> behind) {
    boolean stays = false;
    try {
      var its = subscriber.hasFilter() ? wanted.get(subscriber) : null;
      // One that came so late that its filter was not asked sees for itself.
      boolean asked = its != null || !subscriber.hasFilter();
      stays = asked && subscriber.deliver(entries, first, its, writers);
    } finally {
      if (!stays) {
        behind.add(subscriber);
      }
    }
    return stays;
  }

  private void leaveBehind(Subscriber subscriber) {
    drop(subscriber);
    subscriber.fallBack();
  }

  /** The log has forgotten what would come next: each sees for itself what is left. */
  private void end() {
    var left = new ArrayList<Subscriber>();
    lock.lock();
    try {
      forget();
      if (!closed) {
        live.values().forEach(roster -> roster.forEach(left::add));
        left.addAll(ahead.keySet());
      }
      left.forEach(this::remove);
      live.clear();
      ahead.clear();
      filtering.clear();
    } finally {
      lock.unlock();
    }
    left.forEach(Subscriber::fallBack);
  }
}
