package dev.tidings;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;

/**
 * Thrown by a log that cannot be reached and has logged this itself, for example because many logs share a connection.
 * Channels then log the failure at DEBUG. The log is retried as after any other failure.
 */
public final class LogAwayException extends UncheckedIOException {
  private static final long serialVersionUID = 1;

  /**
   * Creates an exception.
   *
   * @param message the reason
   */
  public LogAwayException(String message) {
    this(message, null);
  }

  /**
   * Creates an exception with a cause.
   *
   * @param message the reason
   * @param cause the cause, or null
   */
  public LogAwayException(String message, Throwable cause) {
    super(Objects.requireNonNull(message, "message"), new IOException(message, cause));
  }
}
