package dev.tidings;

import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A channel that a stream joins, the position at which the delivery begins, and a filter: the argument of
 * {@link Channel#joinAll(EventSource, Subscription...)}. Immutable.
 */
public final class Subscription {
  private final Channel channel;
  private final From from;
  private final Optional<Predicate<? super Event>> filter;

  /** Creates a subscription. */
  Subscription(Channel channel, From from, Optional<Predicate<? super Event>> filter) {
    this.channel = channel;
    this.from = Objects.requireNonNull(from, "from");
    this.filter = filter;
  }

  /**
   * Returns a subscription that begins at this position (default: {@link From#live()}).
   *
   * @param from the position
   * @return a subscription with the same channel and filter
   */
  public Subscription withFrom(From from) {
    return new Subscription(channel, from, filter);
  }

  /**
   * Returns a subscription for the events that match this filter (default: all events).
   *
   * @param filter called as {@link Channel#join(EventSource, From, Predicate)} describes
   * @return a subscription with the same channel and position
   */
  public Subscription withFilter(Predicate<? super Event> filter) {
    return new Subscription(channel, from, Optional.of(filter));
  }

  Channel channel() {
    return channel;
  }

  From from() {
    return from;
  }

  Optional<Predicate<? super Event>> filter() {
    return filter;
  }
}
