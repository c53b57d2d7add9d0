package dev.tidings;

/** A listener of the application. Each registration is an object of its own, because an action may be added twice. */
final class Listener<T> {
  /** Called without locks held; may block and throw. */
  interface Action<T> {
    void run(T what);
  }

  private final Action<T> action;
  private volatile boolean removed;

  Listener(Action<T> action) {
    this.action = action;
  }

  /** Runs the action, unless the listener was removed before its thread could run. */
  void tell(T what) {
    if (!removed) {
      action.run(what);
    }
  }

  void remove() {
    removed = true;
  }
}
