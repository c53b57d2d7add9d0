package dev.tidings.client;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.function.Supplier;

/**
 * The log of the client. It does not throw, whatever the application's log handlers do, since a thread that waits for an
 * event would end in the middle of a step. The library's own guard is not public.
 */
final class ClientLog {
  private static final Logger LOGGER = System.getLogger("dev.tidings.client");

  private ClientLog() {}

  static void log(Level level, Supplier<String> message) {
    try {
      LOGGER.log(level, message);
    } catch (Throwable e) {
      if (level != Level.DEBUG) {
        lastResort(level, message, e);
      }
    }
  }

  /** Prints to standard error: the log failed, and no warning may be lost. */
  private static void lastResort(Level level, Supplier<String> message, Throwable why) {
    try {
      System.err.println(level + " dev.tidings.client: " + message.get() + " (the log threw " + why.getClass().getName() + ")");
    } catch (Throwable e) {
      // No output is left to report this to.
    }
  }
}
