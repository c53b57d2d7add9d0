package dev.tidings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Appends the claims of a node to the control log, in batches, on a thread of its own, because an append may block. The
 * node first reads the log to its end, so that it does not claim an identifier that another node has just claimed.
 */
final class Claiming implements Claims.Appending {
  private static final int BATCH = 256; // claims
  private static final int MOST_PENDING = 10_000;

  private final EventLog log;
  private final LogReader reader;
  private final LinkedBlockingQueue<Bid> pending;
  // The fields below are owned by the thread.
  private final List<Bid> taken = new ArrayList<>(); // from pending
  private List<Bid> unknown = List.of(); // may have been appended
  private boolean failing; // whether the last append failed; the first failure is logged

  Claiming(EventLog log, LogReader reader) {
    this(log, reader, MOST_PENDING);
  }

  Claiming(EventLog log, LogReader reader, int mostPending) {
    this.log = log;
    this.reader = reader;
    this.pending = new LinkedBlockingQueue<>(mostPending);
  }

  @Override
  public boolean offer(Bid bid) {
    return pending.offer(bid);
  }

  /** Appends claims until the reader is closed. */
  void run(Claims claims) {
    while (!reader.isClosed()) {
      try {
        appendSome(claims);
      } catch (InterruptedException e) {
        // The reader is closed, or the interrupt came from the log.
      }
    }
  }

  private void appendSome(Claims claims) throws InterruptedException {
    if (unknown.isEmpty() && taken.isEmpty()) {
      taken.add(pending.take());
    }
    pending.drainTo(taken, Math.max(0, BATCH - taken.size() - unknown.size()));
    readToEnd(claims);
    var batch = new ArrayList<>(unknown);
    batch.addAll(taken);
    var commands = claims.begin(taken, unknown);
    taken.clear();
    unknown = append(commands, claims) ? List.of() : batch;
    if (!unknown.isEmpty()) {
      reader.pause();
    }
  }

  /** Waits until the node has applied all commands that are in the log at some time during this call. */
  private void readToEnd(Claims claims) throws InterruptedException {
    while (true) {
      String position = claims.awaitPosition("");
      var reading = reader.read(position, 1, Duration.ZERO, () -> true);
      if (reading.covered() && reading.events().isEmpty()) {
        return;
      }
      claims.awaitPosition(position);
    }
  }

  /** Returns whether it is known which of these claims have been appended. */
  private boolean append(List<Command.Claim> commands, Claims claims) {
    if (commands.isEmpty()) {
      return true;
    }
    try {
      log.appendAll(commands.stream().map(Command::encode).toList());
      failing = false;
      return true;
    } catch (NotAppendedException e) {
      failed(e);
      claims.rejected(commands.subList(e.index(), commands.size()));
      return true;
    } catch (Throwable e) {
      Thread.interrupted(); // the log may have set it
      failed(e);
      return false;
    }
  }

  private void failed(Throwable why) {
    if (!failing && !reader.isClosed()) {
      failing = true;
      reader.failed(why);
    }
  }
}
