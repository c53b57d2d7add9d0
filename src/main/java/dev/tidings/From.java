package dev.tidings;

import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/**
 * The position at which the delivery of a {@link Channel} to a stream begins. Except for {@link #exactly}, it applies to
 * clients that have no position yet: a client that returns an id of the channel in {@code Last-Event-ID} continues
 * there.
 */
public final class From {

  /** Finds a position in a log. */
  private interface Search {
    /** Returns the id of the position. May block while the log is read. */
    String in(EventLog log) throws InterruptedException;
  }

  private static final From LIVE = new From("live()", EventLog::latest, false);
  private static final From START = new From("start()", log -> log.read("", 1, Duration.ZERO).from(), false);

  private final String text;
  private final Search search;
  private final boolean exact;

  private From(String text, Search search, boolean exact) {
    this.text = text;
    this.search = search;
    this.exact = exact;
  }

  /**
   * Returns the end of the log: only events that are published later are delivered. This is the default.
   *
   * @return the position
   */
  public static From live() {
    return LIVE;
  }

  /**
   * Returns the start of the log: all events that it holds are delivered.
   *
   * @return the position
   */
  public static From start() {
    return START;
  }

  /**
   * Returns the position before the last events: at most this many events of the log are delivered, and then new ones.
   *
   * @param events the number of events, 0 or more
   * @return the position
   * @throws IllegalArgumentException if the number is negative
   */
  public static From last(int events) {
    Checks.requireAtLeast("events", events, 0);
    return new From("last(" + events + ")", log -> log.beforeLast(events), false);
  }

  /**
   * Returns the position before the first event that was published at this time or later, by the clock of the log. Not
   * every log stores times ({@link EventLog#since}).
   *
   * @param time the time
   * @return the position
   */
  public static From since(Instant time) {
    Objects.requireNonNull(time, "time");
    return new From("since(" + time + ")", log -> log.since(time), false);
  }

  /**
   * Returns a given position, at which the delivery always begins, even if the client returns an id. To send a state
   * and then all changes to it, call {@link Channel#position()}, read and send the state, and join from that position.
   * A change that was published in between may then be part of both, but no change is missing.
   *
   * {@snippet file="Resume.java" region="state"}
   *
   * @param position an id of the log, from {@link Channel#position()} or {@link Channel#publish(Event)}; one that the
   *     log no longer covers is a gap
   * @return the position
   * @throws IllegalArgumentException if {@link EventLog} does not allow the id
   */
  public static From exactly(String position) {
    WireFormat.checkLogId(position);
    return new From("exactly(" + Quoted.java(position) + ")", log -> position, true);
  }

  /** Returns whether the id of the client is ignored, and no log is needed. */
  boolean isExact() {
    return exact;
  }

  boolean isLive() {
    return this == LIVE;
  }

  /** Returns the position in this log. Blocks while the log is read. */
  String in(EventLog log) {
    try {
      String id = search.in(log);
      WireFormat.checkLogId(id);
      return id;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(new InterruptedIOException("interrupted while reading a log"));
    }
  }

  /** Returns a description for debugging. */
  @Override
  public String toString() {
    return "From." + text;
  }
}
