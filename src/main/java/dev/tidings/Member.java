package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.util.Optional;
import java.util.function.Predicate;

/** A stream, with the data that its registry keeps about it. */
final class Member implements Lifecycle.Owner {

  /** The registry, called on the same threads and under the same rules as {@link Lifecycle.Owner}. */
  interface Registry {
    void admitted();

    void opened(EventSource stream);

    void left(Member member);

    void ended(Ending why, boolean wasOpen);

    void tellEnded(EventSource stream, Ending why);

    void closed(Member member, boolean wasOpen);

    String route(HttpExchange exchange);
  }

  private final Registry registry;
  private final HttpExchange exchange;
  private final Optional<String> identifier;
  private final Object client; // the application's object for the limit per client; null for no limit
  private final EventSource stream;
  private boolean placed; // guarded by the lock of Capacity
  private long number; // in the index; set when the exchange is claimed
  private long namesake; // its number among the streams of its identifier; guarded by the index

  Member(
      Registry registry,
      Engine engine,
      HttpExchange exchange,
      Optional<String> identifier,
      Object client,
      Optional<Predicate<? super EventSource>> recheck) {
    this.registry = registry;
    this.exchange = exchange;
    this.identifier = identifier;
    this.client = client;
    this.stream = new EventSource(engine, exchange, identifier, this, recheck);
  }

  EventSource stream() {
    return stream;
  }

  HttpExchange exchange() {
    return exchange;
  }

  Optional<String> identifier() {
    return identifier;
  }

  Object client() {
    return client;
  }

  boolean isPlaced() {
    return placed;
  }

  /** Sets whether the stream has a place. Called under the lock of Capacity. */
  void place(boolean placed) {
    this.placed = placed;
  }

  long number() {
    return number;
  }

  void number(long number) {
    this.number = number;
  }

  long namesake() {
    return namesake;
  }

  void namesake(long namesake) {
    this.namesake = namesake;
  }

  @Override
  public void admitted() {
    registry.admitted();
  }

  @Override
  public void opened() {
    registry.opened(stream);
  }

  @Override
  public void left() {
    registry.left(this);
  }

  @Override
  public void ended(Ending why, boolean wasOpen) {
    registry.ended(why, wasOpen);
  }

  @Override
  public void tellEnded(Ending why) {
    registry.tellEnded(stream, why);
  }

  @Override
  public void closed(boolean wasOpen) {
    registry.closed(this, wasOpen);
  }

  @Override
  public String route() {
    return registry.route(exchange);
  }
}
