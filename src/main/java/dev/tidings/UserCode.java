package dev.tidings;

import java.util.function.BooleanSupplier;

/**
 * Calls the application's listeners, filters and checks so that nothing they throw harms the library:
 * checked exceptions too, which other languages and generated code let out of methods that declare none.
 */
final class UserCode {
  private UserCode() {}

  /** Runs the code on the application's own thread, whose interrupt status is its own. */
  static void run(String what, Runnable code) {
    test(
        what,
        () -> {
          code.run();
          return true;
        },
        false);
  }

  /** Runs the code on a thread of the library's, which it leaves with a clean interrupt status. */
  static void runOnOwnThread(String what, Runnable code) {
    try {
      run(what, code);
    } finally {
      Thread.interrupted();
    }
  }

  /** Asks on a thread of the library's, which is left with a clean interrupt status. */
  static boolean testOnOwnThread(String what, BooleanSupplier code, boolean ifItThrows) {
    try {
      return test(what, code, ifItThrows);
    } finally {
      Thread.interrupted();
    }
  }

  private static boolean test(String what, BooleanSupplier code, boolean ifItThrows) {
    try {
      return code.getAsBoolean();
    } catch (Throwable e) {
      Log.failure(what, e);
      return ifItThrows;
    }
  }
}
