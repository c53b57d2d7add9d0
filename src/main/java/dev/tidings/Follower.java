package dev.tidings;

import dev.tidings.EventLog.Reading;
import java.time.Duration;
import java.util.Optional;

/** Follows the control log of a cluster, and passes on its commands in order. */
final class Follower {
  private static final Duration WAIT = Duration.ofSeconds(1);
  private static final int BATCH = 512; // commands

  /** The node that applies the commands. Called on the follower's thread, without locks. Must not block. */
  interface Node {
    /** Called after each successful access to the log. */
    void reached();

    /** Called if commands are missing before this position, which may be the first one. */
    void gap(String position);

    /** Applies a command, which has this id in the log. */
    void apply(String id, Command command);
  }

  private final LogReader reader;

  Follower(LogReader reader) {
    this.reader = reader;
  }

  /**
   * Follows the log until the reader is closed.
   *
   * @param first the id of the end of the log when the node joined; empty if the log could not be reached
   */
  void run(Optional<String> first, Node node) {
    String position = first.orElse(null);
    while (!reader.isClosed()) {
      try {
        if (position == null) {
          position = reader.find(From.live(), () -> true).orElseThrow();
          node.gap(position);
        }
        position = apply(position, reader.read(position, BATCH, WAIT, () -> true), node);
      } catch (InterruptedException e) {
        // The reader is closed, or the interrupt came from the log.
      } catch (Throwable e) {
        Log.failure("following the control log of a cluster", e);
        reader.pause();
      }
    }
  }

  private static String apply(String after, Reading reading, Node node) {
    String position = after;
    node.reached();
    if (!reading.covered()) {
      position = reading.from();
      node.gap(position);
    }
    for (Event event : reading.events()) {
      position = event.id().orElseThrow();
      apply(position, Command.decode(event), node);
    }
    return position;
  }

  /** Applies one command. A failure must not keep the node from the other commands. */
  private static void apply(String id, Command command, Node node) {
    try {
      node.apply(id, command);
    } catch (Throwable e) {
      Log.failure("applying a command of a cluster", e);
    }
  }
}
