package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;

/** Sends a response that is not a stream, and closes the exchange. */
final class ShortResponse {
  private ShortResponse() {}

  /**
   * Sends the response, reads and discards the rest of the request, and closes the exchange.
   *
   * @param headOnly whether the response has no body
   * @param unread whether the request has a body that may not have been read to its end
   * @param io runs each part that may block on the client
   */
  static void send(
      HttpExchange exchange,
      int status,
      byte[] body,
      boolean headOnly,
      boolean unread,
      Deadlines deadlines,
      RequestBody.Reading io)
      throws IOException {
    if (headOnly || body.length == 0 && !RequestBody.isPresent(exchange)) {
      RequestBody.discard(exchange, deadlines); // first, because the head is the end of the response
      io.run(
          () -> {
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
          });
    } else {
      if (unread) {
        JdkServer.closeAfterEarlyResponse(exchange);
      }
      io.run(
          () -> {
            exchange.sendResponseHeaders(status, body.length); // if the length is 0, the response is chunked
            exchange.getResponseBody().write(body);
            exchange.getResponseBody().flush(); // before anything that waits for the rest of the request
          });
      RequestBody.discard(exchange, deadlines);
      io.run(
          () -> {
            exchange.getResponseBody().close(); // otherwise the server would count a failed exchange as active
            exchange.close();
          });
    }
  }
}
