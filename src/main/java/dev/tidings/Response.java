package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * The response of one exchange: its head, its bytes and its end. All calls that may block run under the guard.
 * The head is sent with the first bytes.
 *
 * <p>The head is held until it is committed or replaced by that of another response. Once it is committed, no
 * header can be added. The monitor of this object guards these changes, and the actions that must be atomic
 * with them.
 */
final class Response implements Outbox.Sink {
  private static final Set<String> OWN_HEADERS =
      Set.of("connection", "content-length", "content-type", "transfer-encoding");
  /** Headers that are removed once they are sent: each takes 110 bytes of heap while the stream is open. */
  private static final List<String> SENT_HEADERS =
      List.of("Connection", "Cache-Control", "X-Accel-Buffering");

  private enum Head {
    HELD,
    COMMITTED,
    REPLACED
  }

  private static final long SLOW = Duration.ofMillis(100).toNanos();
  /** The pause before an abort, so that a script can read the last event: fetch discards unread data on failure. */
  private static final long READING = Duration.ofMillis(100).toNanos();
  private static final long CHUNKED = 0; // in sendResponseHeaders
  private static final long EMPTY = -1;

  private final HttpExchange exchange;
  private final Optional<String> identifier;
  private final Deadlines.Guard guard;
  private final Deadlines deadlines;
  private volatile Head head = Head.HELD; // set under the monitor of this
  private int status = 200; // set before the writer begins
  private long length = CHUNKED; // of the body, for sendResponseHeaders; set before the writer begins
  private OutputStream body; // owned by the writer; null until the head is sent
  private boolean slow; // owned by the writer: whether its last write had to wait
  private volatile Proof proof; // null unless a proof that the client is connected is awaited

  Response(HttpExchange exchange, Optional<String> identifier, Deadlines deadlines) {
    this.exchange = exchange;
    this.identifier = identifier;
    this.deadlines = deadlines;
    this.guard = deadlines.newGuard();
  }

  void prepare() {
    var headers = exchange.getResponseHeaders();
    headers.set("Content-Type", WireFormat.MEDIA_TYPE + "; charset=utf-8");
    headers.set("Cache-Control", "no-store, no-transform");
    headers.set("X-Accel-Buffering", "no");
    if (JdkServer.canCloseConnection(exchange)) {
      // Otherwise a dead connection would occupy one of the server's few slots for idle connections, and the server
      // would never forget a connection that an interrupt closed.
      headers.set("Connection", "close");
    }
  }

  Deadlines.Guard guard() {
    return guard;
  }

  boolean isHeld() {
    return head == Head.HELD;
  }

  /** Reports the writes from now on to this proof; null for none. */
  void prove(Proof proof) {
    this.proof = proof;
  }

  boolean isReplaced() {
    return head == Head.REPLACED;
  }

  /** Commits the head: no more headers can be added. Does nothing if the head is replaced. */
  synchronized void commit() {
    head = head == Head.HELD ? Head.COMMITTED : head;
  }

  /** Replaces the stream with this refusal if the head is held. Returns whether it was. */
  synchronized boolean replace(Refusal refusal) {
    if (head != Head.HELD) {
      return false;
    }
    setHead(refusal);
    head = Head.REPLACED;
    return true;
  }

  /** Returns whether the client may be an EventSource, which reconnects after a normal end. */
  boolean isGet() {
    return exchange.getRequestMethod().equals("GET") || isHeadOnly();
  }

  boolean isHeadOnly() {
    return exchange.getRequestMethod().equals("HEAD");
  }

  /** Adds a header. The head must be held, and the caller must own the monitor of this. */
  void addHeader(String name, String value) {
    checkHeader(name, value);
    exchange.getResponseHeaders().add(name, value);
  }

  static void checkHeader(String name, String value) {
    Checks.requireHeader(name, value);
    if (OWN_HEADERS.contains(name.toLowerCase(Locale.ROOT))) {
      throw new IllegalArgumentException("the stream itself sets this header: " + name);
    }
  }

  /** Returns whether a response has begun. Before that, the code is -1 in the JDK's server, and 0 in some others. */
  static boolean isBegun(HttpExchange exchange) {
    return exchange.getResponseCode() > 0;
  }

  private void setHead(Refusal refusal) {
    status = refusal.status();
    refusal.addRetryAfter(exchange.getResponseHeaders());
    if (!refusal.isStream()) {
      length = refusal.body().map(body -> (long) body.bytes().length).orElse(EMPTY);
      if (Refusal.hasContent(status)) {
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
      } else {
        exchange.getResponseHeaders().remove("Content-Type");
      }
    }
  }

  @Override
  public void write(List<Frame> batch) throws IOException {
    if (isEmpty(batch)) {
      return; // the batch has only marks: nothing is sent, not even the head
    }
    var record = Recorder.CURRENT.beginWrite();
    try {
      writeAll(batch);
    } finally {
      if (record != null) { // also if the client did not read until the deadline
        record.end(identifier, size(batch));
      }
    }
  }

  private static long size(List<Frame> batch) {
    long size = 0;
    for (Frame frame : batch) {
      size += frame.bytes().length;
    }
    return size;
  }

  private void writeAll(List<Frame> batch) throws IOException {
    long start = deadlines.now();
    if (batch.size() == 1 && batch.getFirst().bytes().length > Outbox.BATCH_BYTES) {
      writeInParts(batch.getFirst().bytes());
    } else {
      guard.run(
          () -> {
            var out = body();
            for (Frame frame : batch) {
              out.write(frame.bytes());
            }
            out.flush();
          });
    }
    long end = deadlines.now();
    slow = end - start > SLOW;
    var awaited = proof;
    if (awaited != null) {
      awaited.wrote(start, end);
    }
  }

  private static boolean isEmpty(List<Frame> batch) {
    for (Frame frame : batch) { // without java.util.stream, since this runs for each write
      if (frame.bytes().length > 0) {
        return false;
      }
    }
    return true;
  }

  /** Writes a large event in parts. Each part has its own write deadline, and is sent with one system call. */
  private void writeInParts(byte[] bytes) throws IOException {
    for (int i = 0; i < bytes.length; i += Outbox.BATCH_BYTES) {
      int start = i;
      int length = Math.min(Outbox.BATCH_BYTES, bytes.length - start);
      guard.run(
          () -> {
            body().write(bytes, start, length);
            body().flush();
          });
    }
  }

  private OutputStream body() throws IOException {
    if (body == null) {
      exchange.sendResponseHeaders(status, isHeadOnly() ? EMPTY : length);
      body = exchange.getResponseBody();
      SENT_HEADERS.forEach(exchange.getResponseHeaders()::remove);
    }
    return body;
  }

  /** Ends the response normally if it is whole and nothing can block without a guard; otherwise aborts it. */
  @Override
  public void finish(boolean whole) throws IOException {
    // On TLS the server's only dispatcher thread sends the close_notify, and would wait for this client.
    boolean stuckServer = slow && JdkServer.isTls(exchange);
    // A close waits for the rest of a request, and no guard aborts the wait once the deadlines are closed.
    boolean stuckRequest = deadlines.isClosed() && RequestBody.isPresent(exchange);
    if (!whole || stuckServer || stuckRequest) {
      if (body == null) {
        guard.run(() -> body().flush()); // all else has been flushed
      }
      LockSupport.parkNanos(whole ? 0 : READING);
      abort();
      return;
    }
    if (isUnread()) {
      guard.run(() -> body().flush());
      RequestBody.discard(exchange, deadlines);
    }
    guard.run(
        () -> {
          body().close(); // the last chunk, before any wait for the rest of the request
          exchange.close();
        });
  }

  /** Returns whether the request's body was too large, and so was not read to its end. */
  private boolean isUnread() {
    return status == 413;
  }

  /** Aborts the response at once: the interrupt makes the first write close the socket. */
  @Override
  public void abort() {
    Thread.currentThread().interrupt();
    try {
      // An exchange that is closed without a head would stay counted as active, and the rest of the
      // request would be read before the end of the response.
      body().close();
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "aborting a response: " + Quoted.java(e));
    }
    try {
      exchange.close();
    } catch (RuntimeException e) {
      Log.debug(() -> "closing an aborted exchange: " + Quoted.java(e)); // other servers behind the API throw
    } finally {
      Thread.interrupted();
    }
  }
}
