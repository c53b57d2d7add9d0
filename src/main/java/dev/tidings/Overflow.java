package dev.tidings;

import java.util.Objects;
import java.util.function.Function;

/**
 * The policy for events that do not fit into the outbox of a stream. {@code offer} and {@code broadcast} apply the
 * policy at once; {@code send} first waits for room, and applies the policy after the write deadline. Events of
 * channels wait for room, and are never dropped.
 */
public final class Overflow {

  /** The reaction to a full outbox. */
  enum Choice {
    DISCONNECT,
    DROP_OLDEST,
    DROP_NEWEST,
    KEEP_LATEST
  }

  private final Choice choice;
  private final Function<? super Event, ?> key;

  private Overflow(Choice choice, Function<? super Event, ?> key) {
    this.choice = choice;
    this.key = Objects.requireNonNull(key, "key");
  }

  /**
   * Ends the stream as {@link Ending#OVERFLOW}, or as {@link Ending#TOO_SLOW} after {@code send} has waited. This is
   * the default, because clients can catch up after a reconnect, but cannot detect dropped events.
   *
   * @return the policy
   */
  public static Overflow disconnect() {
    return new Overflow(Choice.DISCONNECT, event -> null);
  }

  /**
   * Drops the oldest queued events to make room for the new event. If that does not make enough room, because events of
   * channels are queued, drops the new event.
   *
   * @return the policy
   */
  public static Overflow dropOldest() {
    return new Overflow(Choice.DROP_OLDEST, event -> null);
  }

  /**
   * Drops the new event.
   *
   * @return the policy
   */
  public static Overflow dropNewest() {
    return new Overflow(Choice.DROP_NEWEST, event -> null);
  }

  /**
   * Drops queued events with the key of the new event; if that does not make enough room, also drops the oldest events.
   * Suitable if only the latest value matters, such as for prices or positions.
   *
   * @param key returns the key of an event, or null if it has none. Called once per event on the sending thread,
   *     without locks; the sending method throws its exceptions. The key's {@code equals} method is called under
   *     the lock of a full outbox, so it must neither block nor throw
   * @return the policy
   */
  public static Overflow keepLatest(Function<? super Event, ?> key) {
    return new Overflow(Choice.KEEP_LATEST, key);
  }

  Choice choice() {
    return choice;
  }

  /** Returns the key of an event, or null if it has none. */
  Object key(Event event) {
    return key.apply(event);
  }
}
