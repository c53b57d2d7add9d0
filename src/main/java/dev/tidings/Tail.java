package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
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
 * The live end of a channel: it follows the log while subscribers are live or wait to be, and delivers each event,
 * usually encoded once, to all live subscribers. One thread at a time does so, see {@link Following}. A subscriber that
 * has no room falls back to reading the log by itself, so that no subscriber delays another. If the log has dropped the
 * next events, all live subscribers receive one gap event in their place.
 *
 * <p>The tail remembers the events that it has delivered. If the log is in memory, which is read as quickly, it does so
 * only while there are replays.
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
 * up to which events were delivered to them.
 */
final class Tail {
  private static final int BATCH_EVENTS = 128;
  private static final int FEW = 64; // subscribers, to which a thread that publishes may deliver
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
  private final Optional<MemoryEventLog> memory; // the log, if it is in memory
  private final ThreadFactory threads;
  private final LogEntry.Gaps gaps;
  private final EntryCache cache;
  private final ReentrantLock lock = new ReentrantLock();
  // The fields below are guarded by lock, under which nothing is delivered and no application code runs.
  private final Map<Writers, Roster<Subscriber>> live = new LinkedHashMap<>(); // all at the tail's position
  private final Map<Subscriber, Ahead> ahead = new LinkedHashMap<>();
  private final Set<Subscriber> filtering = new HashSet<>(); // live or waiting, with a filter
  private int subscribers; // number of live and waiting ones
  private final Remembered remembered = new Remembered(); // the tail's position, and what was delivered before
  private Run run; // null without subscribers; an earlier one does nothing any more
  private boolean reading; // whether a thread of the channel reads the log, and may be interrupted
  private boolean closed;

  /** Creates the live end of a channel, whose subscribers share the entries of this cache while they catch up. */
  Tail(LogReader reader, ThreadFactory threads, LogEntry.Gaps gaps, EntryCache cache) {
    this.reader = reader;
    this.memory = reader.memory();
    this.threads = threads;
    this.gaps = gaps;
    this.cache = cache;
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
      if (run == null) {
        return Optional.empty();
      }
      if (remembered.isAt(at)) {
        enter(subscriber);
        add(subscriber);
      }
      return remembered.after(at);
    } finally {
      lock.unlock();
    }
  }

  private void enter(Subscriber subscriber) {
    subscribers++;
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
      if (run == null) {
        start(at);
      }
      boolean here = remembered.isAt(at);
      if (!here && remembered.knows(at)) {
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
      boolean waits = ahead.get(wait.subscriber) == wait;
      if (waits) {
        remove(wait.subscriber);
        retireIfEmpty();
      }
      return waits;
    } finally {
      lock.unlock();
    }
  }

  /** Begins to follow the log at the position of the first subscriber. */
  private void start(String at) {
    var started = new Run(at);
    memory.ifPresent(log -> log.watch(started.following)); // before the first read, so that no append is missed
    try {
      started.following.start();
      run = started; // only now: if no thread can start, the next subscriber tries again
      remembered.begin(at);
    } finally {
      if (run != started) {
        memory.ifPresent(log -> log.unwatch(started.following));
      }
    }
  }

  /** Ends the run; the next one starts over. */
  private void forget() {
    memory.ifPresent(log -> log.unwatch(run.following));
    run = null;
    reading = false;
    remembered.forget();
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

  /** Ends the run if no subscriber is left. A thread that is delivering or filtering ends after that. */
  private void retireIfEmpty() {
    if (run != null && subscribers == 0) {
      if (reading) {
        run.following.interrupt();
      }
      forget();
    }
  }

  private void remove(Subscriber subscriber) {
    boolean live = subscriber.number() != NOT_LIVE;
    if (ahead.remove(subscriber) != null || live) {
      subscribers--;
      filtering.remove(subscriber);
    }
    if (live) {
      this.live.computeIfPresent(
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
      return run == null || remembered.isAt(at);
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
      clear();
      if (run != null) {
        run.following.interrupt();
        forget();
      }
    } finally {
      lock.unlock();
    }
  }

  private void clear() {
    live.clear();
    ahead.clear();
    filtering.clear();
    subscribers = 0;
  }

  /** Returns whether a subscriber is live or waits to be. */
  boolean isRunning() {
    lock.lock();
    try {
      return run != null;
    } finally {
      lock.unlock();
    }
  }

  /** Returns the position up to which events were delivered to all live subscribers; empty if there are none. */
  Optional<String> passed() {
    lock.lock();
    try {
      return Optional.ofNullable(run).map(its -> its.at);
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

  /**
   * One period in which there are subscribers. After its end, for any reason, its subscribers catch up by themselves.
   */
  private final class Run implements Following.Work {
    private final Following following = new Following(this, threads);
    private volatile String at; // the position up to which events were delivered; set by the thread that delivers

    Run(String at) {
      this.at = at;
    }

    /** Thousands of replays use the lock, with virtual threads that may have to wait for a carrier. */
    @Override
    public boolean isQuiet() {
      return !cache.isUsed();
    }

    @Override
    public Following.Result deliver(int most) {
      if (memory.isEmpty()) {
        return Following.Result.WAIT;
      }
      lock.lock();
      try {
        if (run != this) {
          return Following.Result.OVER;
        }
        if (subscribers > FEW || !filtering.isEmpty()) {
          return Following.Result.WAIT;
        }
      } finally {
        lock.unlock();
      }
      int limit = Math.min(most, BATCH_EVENTS);
      var reading = memory.get().readNow(at, limit);
      if (reading.isAnswer()) {
        at = pass(this, at, reading, entries -> Map.of()); // a filter that came meanwhile must not run on this thread
      }
      if (isLeft(this)) {
        return Following.Result.OVER;
      }
      return reading.events().size() < limit ? Following.Result.END : Following.Result.MORE;
    }

    @Override
    public Following.Result await() throws InterruptedException {
      at = pass(this, at, read(this, at), Tail.this::wanted);
      return isLeft(this) ? Following.Result.OVER : Following.Result.MORE;
    }

    @Override
    public void failed() {
      end(this);
    }
  }

  /** Returns whether this run has not ended. */
  private boolean isCurrent(Run its) {
    lock.lock();
    try {
      return run == its;
    } finally {
      lock.unlock();
    }
  }

  private Reading read(Run its, String at) throws InterruptedException {
    var longest = reader.isHere() ? WAIT_HERE : WAIT;
    var wait = isAnyUntold() ? WAIT_UNTOLD : longest;
    boolean current = setReading(its, true);
    try {
      if (current) {
        var reading = reader.read(at, BATCH_EVENTS, wait, () -> isCurrent(its));
        current = setReading(its, false);
        if (current) {
          return reading;
        }
      }
      throw new InterruptedException("no subscriber is left");
    } finally {
      setReading(its, false);
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

  /** Returns false if this run has ended. */
  private boolean setReading(Run its, boolean reads) {
    lock.lock();
    try {
      boolean current = run == its;
      if (current) {
        reading = reads;
      }
      return current;
    } finally {
      lock.unlock();
    }
  }

  /** Runs filters. */
  private interface Filtering {
    /** Returns the entries that match each filter that was called; other subscribers with filters fall back. */
    Map<Subscriber, boolean[]> wanted(List<LogEntry> entries);
  }

  /** Delivers the events that were read after this id, and returns the last id that was delivered. */
  private String pass(Run its, String at, Reading reading, Filtering filters) {
    var entries = new ArrayList<LogEntry>(reading.events().size() + 1);
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
      pass(its, entries, filters.wanted(entries));
    }
    if (completed) {
      complete(its);
    }
    return entries.isEmpty() ? at : entries.getLast().id();
  }

  /** Completes the channel for the live subscribers, which have received all events. */
  private void complete(Run its) {
    var live = new ArrayList<Subscriber>();
    List<Subscriber> waiting;
    lock.lock();
    try {
      if (run != its) {
        return; // the live subscribers are those of another run, and may be at an earlier position
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

  /** Returns whether no subscriber is left, so that this run ends. */
  private boolean isLeft(Run its) {
    lock.lock();
    try {
      if (run == its) {
        if (!reader.isHere()) {
          reader.know(its.at);
        }
        retireIfEmpty();
      }
      return run != its;
    } finally {
      lock.unlock();
    }
  }

  /** Returns the entries that match each filter. All filters run before anything is delivered. */
  private Map<Subscriber, boolean[]> wanted(List<LogEntry> entries) {
    var filters = filtering();
    if (filters.isEmpty()) {
      return Map.of(); // the usual case, for each event
    }
    var wanted = new HashMap<Subscriber, boolean[]>();
    for (Subscriber subscriber : filters) {
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
  private void pass(Run its, List<LogEntry> entries, Map<Subscriber, boolean[]> wanted) {
    var groups = new ArrayList<Group>();
    List<Met> met;
    var lost = List.<Subscriber>of();
    boolean remembers = memory.isEmpty() || cache.isUsed();
    lock.lock();
    try {
      if (run != its) {
        return;
      }
      if (entries.getFirst().isGap()) { // earlier positions need not be followed by the same events
        remembered.lose();
        lost = leaveAhead();
      }
      for (LogEntry entry : entries) {
        if (remembers) {
          remembered.add(entry);
        } else {
          remembered.skip(entry); // a replay that begins later finds it in the log as quickly
        }
      }
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

  /** Ends a run that has failed. Each subscriber then catches up by itself. */
  private void end(Run its) {
    var left = new ArrayList<Subscriber>();
    lock.lock();
    try {
      if (run != its) {
        return;
      }
      forget();
      live.values().forEach(roster -> roster.forEach(left::add));
      left.addAll(ahead.keySet());
      left.forEach(this::remove);
      clear();
    } finally {
      lock.unlock();
    }
    left.forEach(Subscriber::fallBack);
  }
}
