package dev.tidings;

import java.io.IOException;

/** The client's own fault, with the status that says so: answered if that can be, never an error. */
final class StatusException extends IOException {
  private static final long serialVersionUID = 1;

  private final int status;

  StatusException(int status, String message) {
    super(message);
    this.status = status;
  }

  StatusException(int status, String message, Throwable cause) {
    super(message, cause);
    this.status = status;
  }

  int status() {
    return status;
  }
}
