package dev.tidings;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Detects handlers that keep sending after their stream has ended: {@code while (true) { sse.send(…); … }}.
 * Nothing else reveals them. Only the thread that opened a stream is suspected, and only until it sends to an
 * open stream.
 */
final class EndlessLoops {

  /** A stream to which its own handler sends. Called on the handler's thread; never blocks. */
  interface Looping {
    Optional<Ending> ending();

    /** Returns the route of its handler, for warnings. */
    String route();
  }

  private static final int REFUSALS = 100;
  private static final long TIME = Duration.ofSeconds(5).toNanos();
  private static final long SILENCE = Duration.ofMinutes(1).toNanos();
  private static final int MOST = 1000; // suspects, and routes with a warning

  private final Ticker ticker;
  private final ConcurrentHashMap<Long, Suspect> suspects = new ConcurrentHashMap<>(); // by thread id
  private final Set<String> warned = ConcurrentHashMap.newKeySet();

  /** A thread whose sends to its own stream are refused. Other threads read only {@code last}. */
  private static final class Suspect {
    final WeakReference<Looping> stream;
    final long since;
    volatile long last;
    int refusals;

    Suspect(Looping stream, long since) {
      this.stream = new WeakReference<>(stream);
      this.since = since;
      this.last = since;
    }
  }

  EndlessLoops(Ticker ticker) {
    this.ticker = ticker;
  }

  /** Counts a send that failed because the stream has ended. Called on the thread of the stream's handler. */
  void refused(Looping stream) {
    long thread = Thread.currentThread().threadId();
    var suspect = suspects.get(thread);
    if (suspect == null || !suspect.stream.refersTo(stream)) {
      if (suspects.size() >= MOST && !forgetSilent()) {
        return;
      }
      suspect = new Suspect(stream, ticker.now());
      suspects.put(thread, suspect);
    }
    suspect.refusals++;
    suspect.last = ticker.now();
    if (suspect.refusals >= REFUSALS && ticker.now() - suspect.since >= TIME) {
      suspects.remove(thread);
      warn(stream);
    }
  }

  /** Removes suspects that have not sent for a minute. Returns whether there were any. */
  private boolean forgetSilent() {
    long now = ticker.now();
    return suspects.values().removeIf(suspect -> now - suspect.last > SILENCE);
  }

  private void warn(Looping stream) {
    String route = stream.route();
    if (warned.size() < MOST && warned.add(route)) {
      Log.warning(
          "the handler of "
              + Quoted.java(route)
              + " goes on sending although its stream has ended ("
              + stream.ending().map(Ending::name).orElse("open")
              + "): loop while (sse.send(…)), or until isOpen() is false");
    }
  }

  /** Clears the suspicion against this thread, which has sent to an open stream or has finished with its own. */
  void acquit() {
    if (!suspects.isEmpty()) {
      suspects.remove(Thread.currentThread().threadId());
    }
  }
}
