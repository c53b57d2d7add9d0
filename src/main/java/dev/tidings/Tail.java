package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
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
 * The live end of a channel: one thread that follows the log and delivers each event, usually encoded once, to all
 * live subscribers. The thread exists while subscribers are live or wait to be. A subscriber that has no room falls
 * back to reading the log by itself, so that no subscriber delays another. If the log has dropped the next events, all
 * live subscribers receive one gap event in their place.
 *
 * <p>A subscriber becomes live as follows. It is at event P, and the tail is at T. If P is T, it is live. If
 * the tail remembers P, the subscriber sends the entries after P up to T and tries again; that is faster than
 * events are published, however many subscribers do so at once. Otherwise the subscriber reads the log. At the
 * end of the log, it begins to wait for P, and only then reads once more after P. If the log has more events,
 * the tail may have passed P, so the subscriber stops waiting and starts over, unless the tail has just
 * reached P. If the log has no more events, T was not after P when the wait began, because each read of a log
 * sees all events that earlier reads have returned. So the tail has yet to deliver P, and finds the subscriber
 * waiting for it.
 *
 * <p>The class is long because live and waiting subscribers change under one lock, together with the position
 * of the thread that delivers to them.
 */
final class Tail {
  static final int REMEMBERED = 2048; // entries; more than a subscriber reads at a time
  private static final long REMEMBERED_CHARS = 1024 * 1024; // of their data
  private static final int BATCH_EVENTS = 128;
  private static final Duration WAIT = Duration.ofHours(1);
  private static final Duration WAIT_HERE = ChronoUnit.FOREVER.getDuration(); // without a timer for each event
  private static final Duration WAIT_UNTOLD = Duration.ofSeconds(2); // while clients do not know their positions
  static final long NOT_LIVE = -1;

  /** One wait of a subscriber for the tail to reach its position. */
  static final class Ahead {
    private final Subscriber subscriber;
    private final String position;
    private final boolean passed;

    private Ahead(Subscriber subscriber, String position, boolean passed) {
      this.subscriber = subscriber;
      this.position = position;
      this.passed = passed;
    }

    /** Returns whether the tail has already passed that position, so that there is no wait. */
    boolean isPassed() {
      return passed;
    }
  }

  /** A subscriber that waited, and the index of the first entry that it lacks. */
  private record Met(Subscriber subscriber, int first) {}

  /** The live subscribers of one registry whose numbers are below a limit, and the writers that deliver to them. */
  private record Group(Writers writers, Iterable<Subscriber> members) {}

  private final LogReader reader;
  private final ThreadFactory threads;
  private final LogEntry.Gaps gaps;
  private final ReentrantLock lock = new ReentrantLock();
  // The fields below are guarded by lock, under which nothing is delivered and no application code runs.
  private final Map<Writers, Roster<Subscriber>> live = new LinkedHashMap<>(); // all at the tail's position
  private final Map<Subscriber, Ahead> ahead = new LinkedHashMap<>();
  private final Set<Subscriber> filtering = new HashSet<>(); // live or waiting, with a filter
  private final ArrayDeque<LogEntry> recent = new ArrayDeque<>(); // the latest entries that were delivered
  private final Map<String, Long> numbers = new HashMap<>(); // of these entries and of the start, by id
  private long last; // the number of the tail's position
  private long recentChars; // of data, in recent
  private String position; // null before the first one
  private String passed; // the last event that was delivered to all; null before the first
  private Thread thread; // null without subscribers; an earlier thread does nothing any more
  private boolean reading; // whether the thread reads the log, and may be interrupted
  private boolean closed;

  Tail(LogReader reader, ThreadFactory threads, LogEntry.Gaps gaps) {
    this.reader = reader;
    this.threads = threads;
    this.gaps = gaps;
  }

  /**
   * Makes a subscriber at this position live, if the tail is there.
   *
   * @return an empty list if the subscriber is live or gone; the entries that it lacks, if the tail remembers
   *     them; otherwise empty
   */
  Optional<List<LogEntry>> join(Subscriber subscriber, String at) {
    lock.lock();
    try {
      if (closed || !subscriber.isIn()) {
        return Optional.of(List.of()); // nothing more is delivered
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
   * Makes a subscriber that has read to the end of the log, at this position, live or waiting.
   *
   * @return empty if the subscriber is live or gone; otherwise its wait, during which it has to read the
   *     log once more, unless the tail has passed the position
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

  /** Ends a wait. Returns false if it has already ended: the subscriber is live or gone, or the tail has ended. */
  boolean withdraw(Ahead wait) {
    lock.lock();
    try {
      boolean waits = ahead.remove(wait.subscriber, wait);
      if (waits) {
        filtering.remove(wait.subscriber);
        retireIfEmpty();
      }
      return waits;
    } finally {
      lock.unlock();
    }
  }

  /** Starts the thread at the position of the first subscriber. */
  private void start(String at) {
    var started = threads.newThread(() -> run(at));
    started.start();
    thread = started; // only now: if it cannot start, the next subscriber tries again
    position = at;
    numbers.put(at, last);
  }

  /** Moves the tail to this entry. */
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

  /** Ends the thread; the next one starts over. */
  private void forget() {
    thread = null;
    reading = false;
    forgetEntries();
  }

  private void forgetEntries() {
    recent.clear();
    recentChars = 0;
    numbers.clear();
  }

  private void add(Subscriber subscriber) {
    subscriber.number(
        live.computeIfAbsent(subscriber.writers(), key -> new Roster<>()).add(subscriber));
  }

  /** Removes a subscriber that has left the channel or has fallen behind. */
  void drop(Subscriber subscriber) {
    lock.lock();
    try {
      remove(subscriber);
      retireIfEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Ends the thread if no subscriber is left. If it is delivering or filtering, it ends after that. */
  private void retireIfEmpty() {
    if (thread != null && isEmpty()) {
      if (reading) {
        thread.interrupt();
      }
      forget();
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

  /** Returns whether a subscriber at this position would be live. */
  boolean isAt(String at) {
    lock.lock();
    try {
      return thread == null || at.equals(position);
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether the subscriber is live, or waits to be. */
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

  /** Returns whether a subscriber is live or waits to be. */
  boolean isRunning() {
    lock.lock();
    try {
      return thread != null;
    } finally {
      lock.unlock();
    }
  }

  /** Returns the id of the last event that was delivered to all live subscribers; null before the first. */
  String passed() {
    lock.lock();
    try {
      return passed;
    } finally {
      lock.unlock();
    }
  }

  /** Returns the number of subscribers that wait for the tail. */
  int ahead() {
    lock.lock();
    try {
      return ahead.size();
    } finally {
      lock.unlock();
    }
  }

  /** Follows the log. Whatever ends this thread, its subscribers then catch up by themselves. */
  private void run(String start) {
    try {
      follow(start);
    } catch (InterruptedException e) {
      Log.debug(() -> "a channel was closed, or its last stream has left");
    } catch (Throwable e) {
      Log.failure("the thread of a channel", e);
    } finally {
      end();
    }
  }

  /** Returns whether this thread has not been retired. */
  private boolean isCurrent() {
    lock.lock();
    try {
      return thread == Thread.currentThread();
    } finally {
      lock.unlock();
    }
  }

  private boolean isEmpty() {
    return live.isEmpty() && ahead.isEmpty();
  }

  /** Returns when no subscriber is left. */
  private void follow(String start) throws InterruptedException {
    String at = start;
    do {
      at = pass(at, read(at));
    } while (!isLeft());
  }

  private Reading read(String at) throws InterruptedException {
    var longest = reader.isHere() ? WAIT_HERE : WAIT;
    var wait = isAnyUntold() ? WAIT_UNTOLD : longest;
    boolean current = setReading(true);
    try {
      if (current) {
        var reading = reader.read(at, BATCH_EVENTS, wait, this::isCurrent);
        current = setReading(false);
        if (current) {
          return reading;
        }
      }
      throw new InterruptedException("no subscriber is left");
    } finally {
      setReading(false);
    }
  }

  private boolean isAnyUntold() {
    for (Subscriber subscriber : liveFilters()) { // no java.util.stream: this runs for each event
      if (subscriber.isUntold()) {
        return true;
      }
    }
    return false;
  }

  /** Returns false if this thread has been retired. */
  private boolean setReading(boolean reads) {
    lock.lock();
    try {
      boolean current = thread == Thread.currentThread();
      if (current) {
        reading = reads;
      }
      return current;
    } finally {
      lock.unlock();
    }
  }

  /** Delivers what was read after this id, and returns the last id that was delivered. */
  private String pass(String at, Reading reading) {
    var entries = new ArrayList<LogEntry>();
    boolean completed = false;
    if (!reading.covered()) {
      entries.add(gaps.entry(at, reading));
    }
    for (Event event : reading.events()) {
      completed |= EventLog.isCompletion(event);
      if (!completed) {
        entries.add(new LogEntry(event));
      }
    }
    if (entries.isEmpty()) {
      liveFilters().forEach(subscriber -> subscriber.tellIfFar(subscriber.writers()));
    } else {
      pass(entries, wanted(entries));
    }
    if (completed) {
      complete();
    }
    return entries.isEmpty() ? at : entries.getLast().id();
  }

  /** Completes the channel for the live subscribers, which have received all events. */
  private void complete() {
    var live = new ArrayList<Subscriber>();
    List<Subscriber> waiting;
    lock.lock();
    try {
      if (thread != Thread.currentThread()) {
        return; // the live subscribers are those of another thread, and may be at an earlier position
      }
      this.live.values().forEach(roster -> roster.forEach(live::add));
      waiting = leaveAhead();
    } finally {
      lock.unlock();
    }
    try {
      live.forEach(Subscriber::complete);
    } finally {
      waiting.forEach(Subscriber::fallBack);
    }
  }

  /** Removes the waiting subscribers, whose positions the tail may never reach. They catch up by themselves. */
  private List<Subscriber> leaveAhead() {
    var waiting = List.copyOf(ahead.keySet());
    waiting.forEach(this::remove);
    return waiting;
  }

  /** Returns whether no subscriber is left, so that this thread ends. */
  private boolean isLeft() {
    lock.lock();
    try {
      boolean current = thread == Thread.currentThread();
      if (current) {
        passed = position;
        reader.know(position);
      }
      if (current && isEmpty()) {
        forget();
      }
      return thread != Thread.currentThread();
    } finally {
      lock.unlock();
    }
  }

  /** Returns the entries that match each filter. All filters run before anything is delivered. */
  private Map<Subscriber, boolean[]> wanted(List<LogEntry> entries) {
    var wanted = new HashMap<Subscriber, boolean[]>();
    for (Subscriber subscriber : filtering()) {
      var answers = new boolean[entries.size()];
      for (int i = 0; i < answers.length; i++) {
        var entry = entries.get(i);
        answers[i] = entry.isGap() || subscriber.isWanted() && subscriber.passes(entry.event());
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

  /** Returns the live subscribers that have a filter. Only this thread delivers to them. */
  private List<Subscriber> liveFilters() {
    lock.lock();
    try {
      return filtering.isEmpty()
          ? List.of()
          : filtering.stream().filter(subscriber -> subscriber.number() != NOT_LIVE).toList();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Advances past these entries, and delivers them to all live subscribers and to those that wait for one of
   * them.
   */
  private void pass(List<LogEntry> entries, Map<Subscriber, boolean[]> wanted) {
    var groups = new ArrayList<Group>();
    List<Met> met;
    var lost = List.<Subscriber>of();
    lock.lock();
    try {
      if (thread != Thread.currentThread()) {
        return;
      }
      if (entries.getFirst().isGap()) { // earlier positions need not be followed by the same events
        forgetEntries();
        lost = leaveAhead();
      }
      entries.forEach(this::remember);
      // Subscribers that become live from now on are past these entries.
      live.forEach((writers, roster) -> groups.add(new Group(writers, roster.until(roster.next()))));
      met = meet(entries);
    } finally {
      lock.unlock();
    }
    try {
      deliver(entries, wanted, groups, met);
    } finally {
      lost.forEach(Subscriber::fallBack);
    }
  }

  private void deliver(
      List<LogEntry> entries, Map<Subscriber, boolean[]> wanted, List<Group> groups, List<Met> met) {
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

  /** Makes the subscribers live that wait for one of these entries. */
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

  /** Delivers to one subscriber, and returns whether it stays live. If not, adds it to {@code behind}. */
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
      // A subscriber that came too late for its filter to be called catches up by itself.
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

  /**
   * Called when this thread ends. If it failed and the channel is open, each subscriber then catches up by itself.
   */
  private void end() {
    var left = new ArrayList<Subscriber>();
    lock.lock();
    try {
      if (thread != Thread.currentThread()) {
        return;
      }
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
