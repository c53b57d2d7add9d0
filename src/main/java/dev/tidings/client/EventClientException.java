package dev.tidings.client;

import java.util.OptionalInt;

/**
 * Thrown when a client cannot open or continue its stream, because of the response, a limit of the client, or a failure
 * after which the client does not reconnect. The client has ended, and each further call that waits for an event throws
 * again.
 */
public final class EventClientException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** The status of the response; 0 for none. */
  private final int status;

  /** The beginning of the body of that response. */
  private final String body;

  EventClientException(String message, Throwable cause) {
    this(message, cause, 0, "");
  }

  EventClientException(String message, Throwable cause, int status, String body) {
    super(message, cause);
    this.status = status;
    this.body = body;
  }

  /** Returns a copy with the stack of this call, since each caller receives the failure. */
  EventClientException again() {
    return new EventClientException(getMessage(), this, status, body);
  }

  /**
   * Returns the status of the response that caused this exception.
   *
   * @return the status; empty if there was no response, or if its status was not the cause
   */
  public OptionalInt status() {
    return status == 0 ? OptionalInt.empty() : OptionalInt.of(status);
  }

  /**
   * Returns the beginning of the body of that response, decoded as UTF-8: at most 4,000 bytes. The server chose this
   * text, so do not print it without escaping.
   *
   * @return the text; empty if there is none
   */
  public String body() {
    return body;
  }
}
