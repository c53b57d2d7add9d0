package dev.tidings;

import java.util.function.IntPredicate;

/** Binary search in sorted elements. */
final class Bisection {

  private Bisection() {}

  /** Returns the first index for which this is true, as it then is for all later ones; {@code size} if there is none. */
  static int first(int size, IntPredicate isTrue) {
    int low = 0;
    int high = size;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (isTrue.test(middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
