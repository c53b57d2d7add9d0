package dev.tidings;

import java.util.function.BooleanSupplier;

/**
 * Calls the application's listeners and filters so that no exception harms the library. That includes
 * checked exceptions, which other languages and generated code throw from methods that declare none.
 */
final class UserCode {
  private static final ScopedValue<Boolean> FILTER = ScopedValue.newInstance();

  private UserCode() {}

  /** Runs the code on a thread of the application, whose interrupt status is left alone. */
  static void run(String what, Runnable code) {
    test(
        what,
        () -> {
          code.run();
          return true;
        });
  }

  /** Runs the code on a thread of the library, and clears the interrupt status afterwards. */
  static void runOnOwnThread(String what, Runnable code) {
    try {
      run(what, code);
    } finally {
      Thread.interrupted();
    }
  }

  /**
   * Evaluates a filter on a thread of the library, and clears the interrupt status afterwards, since the thread
   * delivers to other streams, too. A filter that throws does not match.
   */
  static boolean testFilter(String what, BooleanSupplier filter) {
    try {
      return ScopedValue.where(FILTER, true).call(() -> test(what, filter));
    } finally {
      Thread.interrupted();
    }
  }

  /** Returns whether this thread runs a filter. */
  static boolean isFilter() {
    return FILTER.isBound();
  }

  private static boolean test(String what, BooleanSupplier code) {
    try {
      return code.getAsBoolean();
    } catch (Throwable e) {
      Log.failure(what, e);
      return false;
    }
  }
}
