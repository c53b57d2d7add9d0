package dev.tidings;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.function.Supplier;

/**
 * The log of the library. A disconnect is logged at DEBUG, an unexpected exception of the application's code at
 * ERROR. No method throws, whatever the application's log handlers do, since writers and timers depend on the code
 * after a log call. Messages contain text from outside only through {@link Quoted}.
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

  /** Names only the exception's class; the logger prints the exception's own text. */
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

  /** Prints to standard error: the log failed, and no warning or error may be lost. */
  private static void lastResort(Level level, Supplier<String> message, Throwable why) {
    try {
      System.err.println(
          level + " dev.tidings: " + message.get() + " (the log threw " + why.getClass().getName() + ")");
    } catch (Throwable e) {
      // No output is left to report this to.
    }
  }
}
