package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** Updates a registry when a stream opens, ends or is closed, and runs the registry's listeners. */
final class Membership implements Member.Registry {

  /** Names the routes of requests in warnings and recordings. */
  interface Naming {
    /** Called on the handler's thread; must neither block nor throw. */
    String route(HttpExchange exchange);
  }

  /** Observes the streams of the registry, for a cluster. */
  interface Observer {
    /** Called on the opening thread, before the listeners of the application. Must neither block nor throw. */
    void opened(EventSource stream);

    /** Called on any thread when an open stream leaves the registry. Must neither block nor throw. */
    void left(EventSource stream);
  }

  private static final Observer NOBODY =
      new Observer() {
        @Override
        public void opened(EventSource stream) {}

        @Override
        public void left(EventSource stream) {}
      };

  /** The end of a stream, for the listeners of endings. */
  private record Ended(EventSource stream, Ending why) {}

  private final Engine engine;
  private final Capacity capacity;
  private final StreamIndex index;
  private final Totals totals = new Totals();
  private final List<Listener<EventSource>> openListeners = new CopyOnWriteArrayList<>();
  private final List<Listener<Ended>> endListeners = new CopyOnWriteArrayList<>();
  private final AtomicReference<Observer> observer = new AtomicReference<>(NOBODY);
  private volatile Naming naming = exchange -> exchange.getHttpContext().getPath();

  Membership(Engine engine, Capacity capacity, StreamIndex index) {
    this.engine = engine;
    this.capacity = capacity;
    this.index = index;
  }

  Registration onOpen(Consumer<? super EventSource> listener) {
    return add(openListeners, new Listener<>(listener::accept));
  }

  Registration onEnd(BiConsumer<? super EventSource, ? super Ending> listener) {
    return add(endListeners, new Listener<>(end -> listener.accept(end.stream(), end.why())));
  }

  private static <T> Registration add(List<Listener<T>> listeners, Listener<T> listener) {
    listeners.add(listener);
    return () -> {
      listener.remove();
      listeners.remove(listener);
    };
  }

  /** Must be called before the first warning. */
  void nameRoutes(Naming naming) {
    this.naming = naming;
  }

  /** Sets the observer. Returns false if there is one. */
  boolean observe(Observer newcomer) {
    return observer.compareAndSet(NOBODY, newcomer);
  }

  void unobserve(Observer present) {
    observer.compareAndSet(present, NOBODY);
  }

  Stats stats() {
    return totals.stats(capacity.count(), index.streams());
  }

  @Override
  public void admitted() {
    totals.opened();
  }

  @Override
  public void opened(EventSource stream) {
    observer.get().opened(stream);
    openListeners.forEach(
        listener -> UserCode.run("a listener of openings", () -> listener.tell(stream)));
  }

  @Override
  public void left(Member member) {
    index.leave(member);
    capacity.leave(member);
    observer.get().left(member.stream());
  }

  @Override
  public void ended(Ending why, boolean wasOpen) {
    if (wasOpen) {
      totals.ended(why);
    } else if (why == Ending.REFUSED) {
      totals.refused();
    }
  }

  @Override
  public void tellEnded(EventSource stream, Ending why) {
    endListeners.forEach(
        listener -> engine.tell("a listener of endings", () -> listener.tell(new Ended(stream, why))));
  }

  @Override
  public void closed(Member member, boolean wasOpen) {
    totals.release(member.stream(), () -> index.release(member));
    if (wasOpen) {
      capacity.gate().leave();
    }
  }

  @Override
  public String route(HttpExchange exchange) {
    return naming.route(exchange);
  }
}
