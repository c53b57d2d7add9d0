package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.LogAwayException;
import dev.tidings.NotAppendedException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** A log in Redis. */
final class RedisEventLog implements EventLog {
  private static final int MOST_FIELDS = 1_000;
  private static final int MOST_KEY = 256; // characters

  private final Keys keys;
  private final Append.Limits limits;
  private final int largestEvent;
  private final AppendQueue queue;
  private final Feeds feeds;
  private final Predicate<RedisFailure> isLogged;

  /**
   * Creates a log.
   *
   * @param isLogged returns whether the outage that a failure is part of has been logged
   */
  RedisEventLog(
      Keys keys, Append.Limits limits, int largestEvent, AppendQueue queue, Feeds feeds, Predicate<RedisFailure> isLogged) {
    this.keys = keys;
    this.limits = limits;
    this.largestEvent = largestEvent;
    this.queue = queue;
    this.feeds = feeds;
    this.isLogged = isLogged;
  }

  @Override
  public int maxIdLength() {
    return Place.LONGEST;
  }

  // Appending.

  @Override
  public String append(Event event) {
    return append(List.of(item(event, Optional.empty()))).getFirst();
  }

  @Override
  public String append(Event event, String key) {
    if (key.isEmpty() || key.length() > MOST_KEY || !UTF_8.newEncoder().canEncode(key)) {
      throw new IllegalArgumentException(
          "key must be 1 to " + MOST_KEY + " characters, without a lone surrogate: " + Quoted.text(key));
    }
    return append(List.of(item(event, Optional.of(key)))).getFirst();
  }

  private List<String> append(List<Append.Item> items) {
    var ids = queue.append(keys, items, limits);
    feeds.appended(keys, ids.getLast());
    return ids;
  }

  private Append.Item item(Event event, Optional<String> key) {
    var fields = Fields.of(event);
    long size = Fields.size(fields);
    if (size > largestEvent) {
      throw new NotAppendedException(
          "not appended to " + keys + ": the event has " + size + " bytes, and at most " + largestEvent
              + " are allowed: publish a link instead, or see withLargestEvent");
    }
    if (fields.size() / 2 > MOST_FIELDS) {
      throw new NotAppendedException(
          "not appended to " + keys + ": the event has " + fields.size() / 2 + " fields, and at most " + MOST_FIELDS + " are allowed");
    }
    return new Append.Item(fields, key, EventLog.isCompletion(event));
  }

  @Override
  public List<String> appendAll(List<Event> events) {
    var ids = new ArrayList<String>(events.size());
    var items = new ArrayList<Append.Item>();
    long bytes = 0;
    for (Event event : events) {
      Append.Item item;
      try {
        item = item(event, Optional.empty());
      } catch (NotAppendedException e) {
        append(items, ids);
        throw e.at(ids.size());
      }
      long size = Fields.size(item.fields());
      boolean fits = items.size() < Batch.MOST_EVENTS && bytes + size <= Batch.MOST_BYTES;
      if (!items.isEmpty() && (!fits || items.getLast().completes())) {
        append(items, ids);
        bytes = 0;
      }
      items.add(item);
      bytes += size;
    }
    append(items, ids);
    return ids;
  }

  /** Appends a batch, adds its ids, and clears it. */
  private void append(List<Append.Item> items, List<String> ids) {
    if (items.isEmpty()) {
      return;
    }
    try {
      ids.addAll(append(List.copyOf(items)));
    } catch (NotAppendedException e) {
      throw e.at(ids.size() + e.index());
    }
    items.clear();
  }

  // Reading.

  /** A call that waits for Redis. */
  private interface Call<T> {
    T of(Feed feed) throws InterruptedException;
  }

  private <T> T read(Call<T> call) throws InterruptedException {
    var feed = feeds.enter(keys);
    try {
      return call.of(feed);
    } catch (RedisFailure e) {
      throw isLogged.test(e) ? new LogAwayException(e.getMessage(), e) : e;
    } finally {
      feed.left();
    }
  }

  private <T> T ask(Call<T> call) {
    try {
      return read(call);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      String message = "interrupted while reading " + keys;
      throw new RedisFailure(message, new InterruptedIOException(message));
    }
  }

  @Override
  public Reading read(String after, int most, Duration wait) throws InterruptedException {
    RedisOptions.requirePositive("most", most);
    if (wait.isNegative()) {
      throw new IllegalArgumentException("wait must not be negative: " + wait);
    }
    java.util.Objects.requireNonNull(after, "after");
    return read(feed -> feed.read(after, most, wait));
  }

  @Override
  public String latest() {
    var status = ask(Feed::status);
    return status.place(status.end()).id();
  }

  @Override
  public String beforeLast(int events) {
    if (events < 0) {
      throw new IllegalArgumentException("events must be at least 0: " + events);
    }
    var status = ask(Feed::status);
    return status.place(Math.max(status.end() - events, Math.min(status.base(), status.end()))).id();
  }

  @Override
  public String since(Instant time) {
    long millis =
        time.isBefore(Instant.EPOCH)
            ? 0
            : time.isAfter(Instant.ofEpochMilli(Long.MAX_VALUE)) ? Long.MAX_VALUE : time.toEpochMilli();
    return ask(feed -> feed.since(millis));
  }

  @Override
  public String toString() {
    return keys.toString();
  }
}
