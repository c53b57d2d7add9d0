package dev.tidings;

import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Detects clients that reconnect after {@code tidings:completed}, and so replace each other on several nodes endlessly.
 * Used by one thread.
 */
final class Hops {
  private static final int SUSPICIOUS = 5; // replacements of one identifier
  private static final long TIME = Duration.ofMinutes(10).toNanos();
  private static final int MOST = 1000; // identifiers

  private record Count(long since, int replacements) {}

  private final Ticker ticker;
  private final Map<String, Count> counts = new LinkedHashMap<>(); // oldest first
  private final Set<String> warned = new HashSet<>();

  Hops(Ticker ticker) {
    this.ticker = ticker;
  }

  /** Counts a stream that a stream of another node has replaced. */
  void replaced(String identifier) {
    long now = ticker.now();
    counts.values().removeIf(count -> now - count.since() > TIME);
    int replacements =
        counts.merge(identifier, new Count(now, 1), (old, one) -> new Count(old.since(), old.replacements() + 1))
            .replacements();
    if (replacements >= SUSPICIOUS) {
      counts.remove(identifier);
      if (warned.size() < MOST && warned.add(identifier)) {
        Log.warning(
            "streams with the identifier " + Quoted.java(identifier) + " replace each other on several nodes: their"
                + " clients reconnect although they are told not to");
      }
    } else if (counts.size() > MOST) {
      counts.remove(counts.keySet().iterator().next());
    }
  }
}
