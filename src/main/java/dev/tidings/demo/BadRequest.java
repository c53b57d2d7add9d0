package dev.tidings.demo;

/** Thrown to respond with 400 and this message, which names the value and the rule. */
final class BadRequest extends Exception {
  private static final long serialVersionUID = 1;

  BadRequest(String message) {
    super(message);
  }

  BadRequest(IllegalArgumentException cause) {
    super(cause.getMessage(), cause);
  }
}
