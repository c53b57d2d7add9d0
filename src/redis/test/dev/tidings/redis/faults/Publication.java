package dev.tidings.redis.faults;

/**
 * A payload that a publisher sent, and the answer.
 *
 * @param publisher the number of the publisher
 * @param number the number of the payload among those of the publisher
 * @param id the id, if acknowledged; otherwise empty
 * @param begun when it was sent, by {@link System#nanoTime}
 * @param ended when it was answered
 */
record Publication(int publisher, int number, Outcome outcome, String id, long begun, long ended) {
  enum Outcome {
    /** It has been appended. */
    ACKED,
    /** It may have been appended. */
    UNKNOWN,
    /** It has certainly not been appended. */
    REFUSED
  }

  static String payload(int publisher, int number) {
    return publisher + ":" + number;
  }

  /** Returns a payload without what makes it longer. */
  static String withoutPadding(String data) {
    int end = data.indexOf('#');
    return end < 0 ? data : data.substring(0, end);
  }

  String payload() {
    return payload(publisher, number);
  }
}
