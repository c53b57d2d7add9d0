package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;

/** Reads the body of a request, within a bound and under the write deadline. */
final class RequestBody {
  private static final int MOST_DISCARDED = 16 * 1024 * 1024; // bytes
  private static final long LONGEST_DISCARD = Duration.ofSeconds(5).toNanos();

  private RequestBody() {}

  /** Runs I/O that may block on the client. */
  interface Reading {
    void run(Deadlines.Blocking io) throws IOException;
  }

  /** Returns whether the request has a body: without these headers there is none (RFC 9112, 6.3). */
  static boolean isPresent(HttpExchange exchange) {
    var headers = exchange.getRequestHeaders();
    return headers.containsKey("Content-Length") || headers.containsKey("Transfer-Encoding");
  }

  /** Returns whether the request has a body that is not empty. */
  static boolean hasBytes(HttpExchange exchange) {
    return isPresent(exchange) && !"0".equals(exchange.getRequestHeaders().getFirst("Content-Length"));
  }

  /** Reads and discards the rest in one blocking call. Returns whether it was within the limit. */
  static boolean drain(HttpExchange exchange, Deadlines.Guard guard, int limit) throws IOException {
    var within = new boolean[1];
    guard.run(
        () ->
            within[0] =
                copy(exchange, limit, 2048, OutputStream.nullOutputStream(), Deadlines.Blocking::run));
    return within[0];
  }

  /** Reads the whole body. Each read is a blocking call of its own. Throws a 413 if the body is too large. */
  static byte[] read(HttpExchange exchange, int limit, Reading reading) throws IOException {
    var body = new ByteArrayOutputStream();
    if (!copy(exchange, limit, 8192, body, reading)) {
      throw tooLarge(limit);
    }
    return body.toByteArray();
  }

  /** Refuses a request whose body is larger than this limit. */
  static StatusException tooLarge(int limit) {
    return new StatusException(413, "request body is larger than " + limit + " bytes");
  }

  /**
   * Reads and discards the rest of the request before the exchange is closed. A connection that is closed with
   * unread bytes is reset, and the client may never see the response (RFC 9112, 9.6). Limited in size and time;
   * failures are only logged.
   */
  static void discard(HttpExchange exchange, Deadlines deadlines) {
    if (!isPresent(exchange) || deadlines.isClosed()) {
      return;
    }
    var guard = deadlines.newGuard();
    guard.finishWithin(LONGEST_DISCARD);
    try {
      drain(exchange, guard, MOST_DISCARDED);
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "reading the rest of a request: " + Quoted.java(e));
    }
  }

  /** Copies the body. Returns false as soon as it exceeds the limit. */
  private static boolean copy(
      HttpExchange exchange, int limit, int portion, OutputStream to, Reading reading)
      throws IOException {
    var in = exchange.getRequestBody();
    var buffer = new byte[portion];
    long left = limit;
    var count = new int[1];
    while (count[0] >= 0) {
      int most = (int) Math.min(buffer.length, left + 1);
      reading.run(() -> count[0] = in.read(buffer, 0, most));
      left -= Math.max(0, count[0]);
      if (left < 0) {
        return false;
      }
      to.write(buffer, 0, Math.max(0, count[0]));
    }
    return true;
  }
}
