package dev.tidings;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.function.Supplier;

/** What the library says: a client that goes is DEBUG, an exception of the user's code never hides. */
final class Log {
  private static final Logger LOGGER = System.getLogger("dev.tidings");

  private Log() {}

  static void debug(Supplier<String> message) {
    LOGGER.log(Level.DEBUG, message);
  }

  static void warning(String message) {
    LOGGER.log(Level.WARNING, message);
  }

  static void failure(String where, Throwable thrown) {
    LOGGER.log(Level.ERROR, where + " threw " + thrown, thrown);
  }
}
