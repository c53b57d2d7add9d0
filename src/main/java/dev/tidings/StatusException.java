package dev.tidings;

import java.util.Objects;

/**
 * Thrown to refuse a request with a status code. If a handler or a {@link StreamId} throws this exception before the
 * headers are sent, the response has this status and text. If a handler throws it later, an open stream is aborted, as
 * for any other exception. It is logged at DEBUG, because the client caused it.
 *
 * <p>The library throws it with status 400 for an invalid query or a missing query parameter, 413 for a body that
 * is too large, and 415 for an unknown charset.
 */
public final class StatusException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** The status code of the response. */
  private final int status;

  /**
   * Creates an exception.
   *
   * @param status the status code, 200 to 599
   * @param text the body of the response, sent to the client as {@code text/plain} in UTF-8 with a line break at the
   *     end; not sent for HEAD, 204, 205 and 304
   * @throws IllegalArgumentException if the status is not in this range
   */
  public StatusException(int status, String text) {
    super(Objects.requireNonNull(text, "text"));
    this.status = Checks.requireStatus(status);
  }

  /**
   * Returns the status code.
   *
   * @return 200 to 599
   */
  public int status() {
    return status;
  }
}
