package dev.tidings;

/** The registration of a listener. */
@FunctionalInterface
public interface Registration extends AutoCloseable {

  /**
   * Removes the listener, so that it is not called again. A call in progress continues. Does not block. Idempotent. May
   * be called from any thread.
   */
  @Override
  void close();
}
