package dev.tidings;

import java.util.Objects;
import java.util.function.Function;

/**
 * What happens to a stream whose outbox is full when one more event is offered. {@code send} waits
 * for room first and comes here only after the write deadline; {@code offer} and {@code broadcast}
 * come here at once.
 */
public sealed interface Overflow {

  /**
   * The stream ends, as {@link Ending#OVERFLOW} or, after {@code send} has waited, as {@link
   * Ending#TOO_SLOW}: a client that reconnects beats one that silently misses events. The default.
   *
   * @return the choice
   */
  static Overflow disconnect() {
    return new Disconnect();
  }

  /**
   * The oldest waiting events make room for the new one.
   *
   * @return the choice
   */
  static Overflow dropOldest() {
    return new DropOldest();
  }

  /**
   * The new event is not taken.
   *
   * @return the choice
   */
  static Overflow dropNewest() {
    return new DropNewest();
  }

  /**
   * Waiting events with the new one's key make room for it, and where these are not enough, the
   * oldest do: for values of which only the latest counts, such as prices or positions.
   *
   * @param key what an event is about; a null key is nobody's. Called once for each event on the
   *     sending thread, outside all locks; the {@code equals} of what it returns is called under the
   *     lock of a full outbox, so it must neither block nor throw
   * @return the choice
   */
  static Overflow keepLatest(Function<? super Event, ?> key) {
    return new KeepLatest(key);
  }

  /** See {@link #disconnect()}. */
  record Disconnect() implements Overflow {}

  /** See {@link #dropOldest()}. */
  record DropOldest() implements Overflow {}

  /** See {@link #dropNewest()}. */
  record DropNewest() implements Overflow {}

  /**
   * See {@link #keepLatest(Function)}.
   *
   * @param key what an event is about
   */
  record KeepLatest(Function<? super Event, ?> key) implements Overflow {
    /** Requires a function. */
    public KeepLatest {
      Objects.requireNonNull(key, "key");
    }
  }
}
