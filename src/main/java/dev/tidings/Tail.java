package dev.tidings;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * The live end of a channel: one thread that follows the log, encodes each event once and offers it to
 * all who have read as far. It exists while there are such. Who has no room falls back to reading for
 * itself, so nobody delays another.
 *
 * <p>Handing over needs the order of two ids, which only the log knows. Who has read to the end at the
 * id P is either where the tail is, or behind it, or before it. The tail remembers the last ids it
 * passed, and counts: if it passed fewer than it remembers since before that reading, which found
 * nothing after P, then it passed P only if it remembers P. Otherwise P is still to come.
 */
final class Tail {
  static final int REMEMBERED = 256;
  private static final int BATCH_EVENTS = 128;
  private static final Duration WAIT = Duration.ofSeconds(2); // and so long it outlives the last one

  private final LogReader reader;
  private final ThreadFactory threads;
  private final ReentrantLock lock = new ReentrantLock();
  // What follows is guarded by lock.
  private final Set<Subscriber> live = new HashSet<>(); // all at the tail's position
  private final Map<Subscriber, String> awaiting = new HashMap<>(); // by the position still to come
  private final ArrayDeque<String> recent = new ArrayDeque<>();
  private final Set<String> recentIds = new HashSet<>(); // the same
  private long passed;
  private String position; // null before the first one
  private Thread thread; // null while nobody is live
  private boolean closed;

  Tail(LogReader reader, ThreadFactory threads) {
    this.reader = reader;
    this.threads = threads;
  }

  /** How many events it passed; to be asked before reading to the end. */
  long passed() {
    lock.lock();
    try {
      return passed;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes who has read to the end; false if it has to read again.
   *
   * @param since what had been passed before that reading
   */
  boolean take(Subscriber subscriber, long since) {
    lock.lock();
    try {
      String at = subscriber.position();
      if (closed || !subscriber.isIn()) {
        return true; // there is nothing more for it
      }
      if (thread == null) {
        start(at);
      }
      if (at.equals(position)) {
        live.add(subscriber);
      } else if (recentIds.contains(at) || passed - since >= REMEMBERED) {
        return false;
      } else {
        awaiting.put(subscriber, at);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** The first one to be live says from where; whatever was counted before means nothing then. */
  private void start(String at) {
    recent.clear();
    recentIds.clear();
    remember(at);
    passed += REMEMBERED;
    var started = threads.newThread(() -> run(at));
    started.start();
    thread = started; // once it runs: without a thread, the next one tries again
  }

  void drop(Subscriber subscriber) {
    lock.lock();
    try {
      live.remove(subscriber);
      awaiting.remove(subscriber);
    } finally {
      lock.unlock();
    }
  }

  void close() {
    lock.lock();
    try {
      closed = true;
      live.clear();
      awaiting.clear();
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

  /** How many have read further than the tail. */
  int awaiting() {
    lock.lock();
    try {
      return awaiting.size();
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
      return !live.isEmpty() || !awaiting.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** False if the log has forgotten what would come next. */
  private boolean follow(String start) throws InterruptedException {
    for (String at = start; ; ) {
      var reading = reader.read(at, BATCH_EVENTS, WAIT, this::hasAnybody);
      if (!reading.covered()) {
        return false;
      }
      var entries = reading.events().stream().map(Entry::new).toList();
      if (!pass(entries, wanted(entries))) {
        return true;
      }
      at = entries.isEmpty() ? at : entries.getLast().id();
    }
  }

  /** What those with a filter want, asked before the lock is taken. */
  private Map<Subscriber, boolean[]> wanted(List<Entry> entries) {
    var wanted = new HashMap<Subscriber, boolean[]>();
    if (!entries.isEmpty()) {
      for (Subscriber subscriber : filtering()) {
        var answers = new boolean[entries.size()];
        for (int i = 0; i < answers.length; i++) {
          answers[i] = subscriber.isWanted() && subscriber.passes(entries.get(i).event());
        }
        wanted.put(subscriber, answers);
      }
    }
    return wanted;
  }

  private List<Subscriber> filtering() {
    lock.lock();
    try {
      return Stream.concat(live.stream(), awaiting.keySet().stream())
          .filter(Subscriber::hasFilter)
          .toList();
    } finally {
      lock.unlock();
    }
  }

  /** Delivers to all; false if nobody is there any more. */
  private boolean pass(List<Entry> entries, Map<Subscriber, boolean[]> wanted) {
    var all = new boolean[entries.size()];
    Arrays.fill(all, true);
    lock.lock();
    try {
      live.removeIf(subscriber -> !deliver(subscriber, entries, 0, all, wanted));
      for (int i = 0; i < entries.size(); i++) {
        remember(entries.get(i).id());
      }
      meet(entries, all, wanted);
      if (live.isEmpty() && awaiting.isEmpty()) {
        thread = null;
      }
      return thread != null;
    } finally {
      lock.unlock();
    }
  }

  /** Those whose position is among these are live from there on. */
  private void meet(List<Entry> entries, boolean[] all, Map<Subscriber, boolean[]> wanted) {
    if (awaiting.isEmpty()) {
      return;
    }
    var places = new HashMap<String, Integer>();
    for (int i = 0; i < entries.size(); i++) {
      places.put(entries.get(i).id(), i);
    }
    for (Iterator<Map.Entry<Subscriber, String>> i = awaiting.entrySet().iterator(); i.hasNext(); ) {
      var next = i.next();
      Integer place = places.get(next.getValue());
      if (place != null) {
        i.remove();
        if (deliver(next.getKey(), entries, place + 1, all, wanted)) {
          live.add(next.getKey());
        }
      }
    }
  }

  /** False if it falls back: without room, or come so late that its filter was not asked. */
  private static boolean deliver(
      Subscriber subscriber,
      List<Entry> entries,
      int first,
      boolean[] all,
      Map<Subscriber, boolean[]> wanted) {
    var its = subscriber.hasFilter() && !entries.isEmpty() ? wanted.get(subscriber) : all;
    boolean stays = its != null && subscriber.deliver(entries, first, its);
    if (!stays) {
      subscriber.fallBack();
    }
    return stays;
  }

  private void remember(String id) {
    position = id;
    passed++;
    recent.add(id);
    recentIds.add(id);
    if (recent.size() > REMEMBERED) {
      recentIds.remove(recent.remove());
    }
  }

  /** The log has forgotten what would come next: everybody sees for himself what is left. */
  private void end() {
    lock.lock();
    try {
      thread = null;
      if (!closed) {
        live.forEach(Subscriber::fallBack);
        awaiting.keySet().forEach(Subscriber::fallBack);
      }
      live.clear();
      awaiting.clear();
    } finally {
      lock.unlock();
    }
  }
}
