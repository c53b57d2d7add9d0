package dev.tidings.redis;

import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** The channels that somebody reads. A channel without readers is forgotten after a while. */
final class Feeds {
  private final ConcurrentHashMap<Keys, Feed> feeds = new ConcurrentHashMap<>();
  private final Function<Keys, Feed> creation;

  Feeds(Function<Keys, Feed> creation) {
    this.creation = creation;
  }

  /** Returns the feed of a channel, for one reader who leaves it. */
  Feed enter(Keys keys) {
    return feeds.compute(
        keys,
        (key, known) -> {
          var feed = known == null ? creation.apply(key) : known;
          feed.entered();
          return feed;
        });
  }

  /** Notes that an event has been appended by this process. */
  void appended(Keys keys, String id) {
    var feed = feeds.get(keys);
    if (feed != null) {
      feed.appended(id);
    }
  }

  Collection<Feed> all() {
    return feeds.values();
  }

  /** Forgets channels that nobody has read for this time. */
  void sweep(Duration idle) {
    feeds.forEach(
        (keys, feed) -> {
          if (feed.isIdle(idle)) {
            feeds.computeIfPresent(keys, (key, current) -> current.retire(idle) ? null : current);
          }
        });
  }
}
