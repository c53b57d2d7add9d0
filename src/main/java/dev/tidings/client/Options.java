package dev.tidings.client;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest.BodyPublisher;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The options of a client, which its builder has checked. */
record Options(
    URI uri,
    String method,
    Optional<BodyPublisher> body,
    List<Header> headers,
    Optional<HttpClient> client,
    String lastEventId,
    Duration connectTimeout,
    Duration responseTimeout,
    Duration maxSilence,
    Duration retry,
    Duration maxRetry,
    int maxAttempts,
    Duration maxOutage,
    boolean reconnect,
    int maxEventBytes) {

  /** A header that the application has set. */
  record Header(String name, String value) {}

  /** Returns whether the request may be sent again once the server may have seen it. */
  boolean isRepeatable() {
    return method.equals("GET") && body.isEmpty();
  }
}
