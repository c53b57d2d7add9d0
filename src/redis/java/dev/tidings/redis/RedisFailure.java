package dev.tidings.redis;

import java.io.IOException;
import java.io.UncheckedIOException;

/** Thrown if Redis cannot be reached, or does not answer as expected. */
final class RedisFailure extends UncheckedIOException {
  private static final long serialVersionUID = 1;

  RedisFailure(String message) {
    super(message, new IOException(message));
  }

  RedisFailure(String message, Throwable cause) {
    super(message, new IOException(Quoted.reason(cause), cause));
  }

  /** Returns whether there is no answer, rather than one that has no sense. */
  boolean isSilence() {
    return getCause().getCause() == null;
  }
}
