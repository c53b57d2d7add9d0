package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Reads the body of a request, within a bound and under the write deadline. */
final class RequestBody {
  private RequestBody() {}

  /** Runs a read that may block on the client. */
  interface Reading {
    void run(Deadlines.Blocking read) throws IOException;
  }

  /** Whether the request came with a body: without these headers there is none (RFC 9112, 6.3). */
  static boolean isPresent(HttpExchange exchange) {
    var headers = exchange.getRequestHeaders();
    return headers.containsKey("Content-Length") || headers.containsKey("Transfer-Encoding");
  }

  /** Reads the rest and throws it away, as one blocking call; whether that was no more than the limit. */
  static boolean drain(HttpExchange exchange, Deadlines.Guard guard, int limit) throws IOException {
    var within = new boolean[1];
    guard.run(
        () ->
            within[0] =
                copy(exchange, limit, 2048, OutputStream.nullOutputStream(), Deadlines.Blocking::run));
    return within[0];
  }

  /** Reads all of it, each read as a blocking call of its own; the client's fault if that is too much. */
  static byte[] read(HttpExchange exchange, int limit, Reading reading) throws IOException {
    var body = new ByteArrayOutputStream();
    if (!copy(exchange, limit, 8192, body, reading)) {
      throw new StatusException(413, "request body is larger than " + limit + " bytes");
    }
    return body.toByteArray();
  }

  /** False as soon as there is more than the limit. */
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
