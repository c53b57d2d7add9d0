package dev.tidings;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The listeners of the end of one stream. Each runs exactly once, on a thread of its own, even if it is added late,
 * unless it is removed first.
 */
final class EndListeners {
  private final Engine engine;
  private final AtomicReference<List<Listener<Ending>>> waiting =
      new AtomicReference<>(List.of()); // null once they are started
  private volatile Ending why; // set before waiting is null

  EndListeners(Engine engine) {
    this.engine = engine;
  }

  /** Adds a listener; closing the registration removes it. */
  Registration add(Listener.Action<Ending> action) {
    var listener = new Listener<>(action);
    var before = waiting.getAndUpdate(list -> list == null ? null : with(list, listener));
    if (before == null) {
      tell(listener);
    }
    return () -> {
      listener.remove();
      waiting.updateAndGet(list -> list == null ? null : without(list, listener));
    };
  }

  private static List<Listener<Ending>> with(List<Listener<Ending>> list, Listener<Ending> listener) {
    var more = new ArrayList<>(list);
    more.add(listener);
    return List.copyOf(more);
  }

  private static List<Listener<Ending>> without(
      List<Listener<Ending>> list, Listener<Ending> listener) {
    return list.stream().filter(other -> other != listener).toList();
  }

  /** Starts the listeners, once. Does not block. */
  void tell(Ending why) {
    this.why = why;
    var told = waiting.getAndSet(null);
    if (told != null) {
      told.forEach(this::tell);
    }
  }

  private void tell(Listener<Ending> listener) {
    engine.tell("a listener of a stream", () -> listener.tell(why));
  }
}
