package dev.tidings;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A node's access to a shared log, which can be away, slow, lose replies, reject events and have a gap. */
final class FaultyLog extends ForwardingLog {
  final List<Event> appended = new CopyOnWriteArrayList<>(); // through this object
  final AtomicInteger failures = new AtomicInteger(); // calls while the log was away
  private final EventLog shared;
  private volatile boolean away;
  private volatile boolean losing;
  private volatile boolean rejecting;
  private volatile boolean gap;
  private volatile CountDownLatch appends = new CountDownLatch(0);
  private volatile CountDownLatch reads = new CountDownLatch(0);
  private volatile CountDownLatch inAppend = new CountDownLatch(1);

  FaultyLog(EventLog shared) {
    super(shared);
    this.shared = shared;
  }

  /** Makes all calls fail, or succeed again. */
  void away(boolean away) {
    this.away = away;
  }

  /** Makes each append succeed and then throw, or return again. */
  void loseReplies(boolean losing) {
    this.losing = losing;
  }

  /** Makes the log reject each append, or accept it again. */
  void reject(boolean rejecting) {
    this.rejecting = rejecting;
  }

  /** Makes the next read report that events are missing, up to the end of the log. */
  void loseCommands() {
    gap = true;
  }

  /** Delays appends before they reach the log, until the latch is counted down. */
  CountDownLatch holdAppends() {
    inAppend = new CountDownLatch(1);
    return appends = new CountDownLatch(1);
  }

  /** Delays the results of reads, until the latch is counted down. */
  CountDownLatch holdReads() {
    return reads = new CountDownLatch(1);
  }

  /** Returns whether an append has begun since the last call of {@link #holdAppends}. */
  boolean isAppending() {
    return inAppend.getCount() == 0;
  }

  private void check() {
    if (away) {
      failures.incrementAndGet();
      throw new UncheckedIOException(new IOException("the log is away"));
    }
  }

  @Override
  public String append(Event event) {
    check();
    inAppend.countDown();
    hold(appends);
    check();
    if (rejecting) {
      throw new NotAppendedException("the log is full");
    }
    String id = super.append(event);
    appended.add(event);
    if (losing) {
      throw new UncheckedIOException(new IOException("the reply is lost"));
    }
    return id;
  }

  private static void hold(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(new IOException("interrupted"));
    }
  }

  @Override
  public Reading read(String after, int most, Duration wait) throws InterruptedException {
    check();
    var reading = super.read(after, most, wait);
    reads.await();
    check();
    if (gap && !wait.isZero()) {
      gap = false;
      return Reading.gap(shared.latest(), List.of(), OptionalLong.empty());
    }
    return reading;
  }

  @Override
  public String latest() {
    check();
    return super.latest();
  }

  /** Returns the claims that were appended through this object, for this identifier. */
  List<Command.Claim> claims(String identifier) {
    var claims = new ArrayList<Command.Claim>();
    for (Event event : appended) {
      if (Command.decode(event) instanceof Command.Claim claim && claim.identifier().equals(identifier)) {
        claims.add(claim);
      }
    }
    return claims;
  }
}
