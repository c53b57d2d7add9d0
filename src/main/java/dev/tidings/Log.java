package dev.tidings;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.function.Supplier;

/**
 * What the library says: a client that goes is DEBUG, an exception of the user's code never hides. No
 * method throws, whatever the application's log handlers do, since writers and timers depend on what
 * comes after a line of the log. Text from outside stands in it only through {@link Quoted}.
 */
final class Log {
  private static final Logger LOGGER = System.getLogger("dev.tidings");

  private Log() {}

  static void debug(Supplier<String> message) {
    log(Level.DEBUG, message, null);
  }

  static void warning(String message) {
    log(Level.WARNING, () -> message, null);
  }

  /** The text of what was thrown is the logger's to print. */
  static void failure(String where, Throwable thrown) {
    log(Level.ERROR, () -> where + " threw " + thrown.getClass().getName(), thrown);
  }

  private static void log(Level level, Supplier<String> message, Throwable thrown) {
    try {
      if (LOGGER.isLoggable(level)) {
        LOGGER.log(level, message.get(), thrown);
      }
    } catch (Throwable e) {
      if (level != Level.DEBUG) {
        lastResort(level, message, e);
      }
    }
  }

  /** The log is out of order, and nothing is to be swallowed. */
  private static void lastResort(Level level, Supplier<String> message, Throwable why) {
    try {
      System.err.println(
          level + " dev.tidings: " + message.get() + " (the log threw " + why.getClass().getName() + ")");
    } catch (Throwable e) {
      // There is nobody left to tell.
    }
  }
}
