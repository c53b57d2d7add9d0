package dev.tidings.redis;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.function.Supplier;

/**
 * The log of the adapter. It does not throw, whatever the application's log handlers do, since connections and readers
 * depend on the code after a log call. The library's own guard is not public.
 */
final class Log {
  private static final Logger LOGGER = System.getLogger("dev.tidings.redis");

  private Log() {}

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
      System.err.println(level + " dev.tidings.redis: " + message.get() + " (the log threw " + why.getClass().getName() + ")");
    } catch (Throwable e) {
      // No output is left to report this to.
    }
  }
}
