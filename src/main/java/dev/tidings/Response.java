package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * The response of one exchange: the head, the bytes, an end. All that may block is under the guard. The
 * head goes out with the first bytes.
 *
 * <p>The head is held until it is committed, after which no header can be added, or until it is replaced by
 * that of another answer. The monitor of this guards these changes, and what has to happen in one step with
 * them.
 */
final class Response implements Outbox.Sink {
  private static final Set<String> OWN_HEADERS =
      Set.of("connection", "content-length", "content-type", "transfer-encoding");
  /** Of no more use once they are sent, and 110 bytes of heap each for as long as the stream is open. */
  private static final List<String> SENT_HEADERS =
      List.of("Connection", "Cache-Control", "X-Accel-Buffering");

  private enum Head {
    HELD,
    COMMITTED,
    REPLACED
  }

  private static final long SLOW = Duration.ofMillis(100).toNanos();

  private final HttpExchange exchange;
  private final Deadlines.Guard guard;
  private final Deadlines deadlines;
  private volatile Head head = Head.HELD; // set under the monitor of this
  private int status = 200; // set before the writer begins
  private OutputStream body; // owned by the writer; null until the head is sent
  private boolean slow; // owned by the writer: whether its last write had to wait

  Response(HttpExchange exchange, Deadlines deadlines) {
    this.exchange = exchange;
    this.deadlines = deadlines;
    this.guard = deadlines.newGuard();
  }

  void prepare() {
    var headers = exchange.getResponseHeaders();
    headers.set("Content-Type", WireFormat.MEDIA_TYPE + "; charset=utf-8");
    headers.set("Cache-Control", "no-store, no-transform");
    headers.set("X-Accel-Buffering", "no");
    if (JdkServer.canCloseConnection(exchange)) {
      // Otherwise a dead connection would go to the server's few places for idle ones, and a
      // connection that an interrupt closed would never leave the server's books.
      headers.set("Connection", "close");
    }
  }

  Deadlines.Guard guard() {
    return guard;
  }

  boolean isHeld() {
    return head == Head.HELD;
  }

  boolean isReplaced() {
    return head == Head.REPLACED;
  }

  /** No header can be added any more; does nothing if the head is replaced. */
  synchronized void commit() {
    head = head == Head.HELD ? Head.COMMITTED : head;
  }

  /** Answers with this instead of a stream, unless the head is committed; whether it will. */
  synchronized boolean replace(Refusal refusal) {
    if (head != Head.HELD) {
      return false;
    }
    refuse(refusal);
    head = Head.REPLACED;
    return true;
  }

  boolean isHeadOnly() {
    return exchange.getRequestMethod().equals("HEAD");
  }

  /** The head must be held, and the caller have the monitor of this. */
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

  /** Whether somebody began to answer; some servers behind the API say 0 where the JDK's says -1. */
  static boolean isBegun(HttpExchange exchange) {
    return exchange.getResponseCode() > 0;
  }

  /** Gives the head of this answer; before anything is written. */
  void refuse(Refusal refusal) {
    status = refusal.status();
    refusal.addRetryAfter(exchange.getResponseHeaders());
    if (status == 204) {
      exchange.getResponseHeaders().remove("Content-Type");
    } else if (status != 200) {
      exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
    }
  }

  @Override
  public void write(List<Frame> batch) throws IOException {
    if (isEmpty(batch)) {
      return; // somebody waits for what was written before; nothing goes out, the head neither
    }
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
    slow = deadlines.now() - start > SLOW;
  }

  private static boolean isEmpty(List<Frame> batch) {
    for (Frame frame : batch) { // and no stream of Java's: this is done for each write
      if (frame.bytes().length > 0) {
        return false;
      }
    }
    return true;
  }

  /** Each part has the write deadline for itself, and leaves as one system call. */
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
      exchange.sendResponseHeaders(status, isHeadOnly() || status == 204 ? -1 : 0);
      body = exchange.getResponseBody();
      SENT_HEADERS.forEach(exchange.getResponseHeaders()::remove);
    }
    return body;
  }

  /** Ends politely, unless that could block where no guard helps. */
  @Override
  public void finish() throws IOException {
    // The server's only dispatcher thread says goodbye on TLS, and would wait for this client.
    boolean stuckServer = slow && JdkServer.isTls(exchange);
    // A close waits for what is left of a request, and after the end nobody cuts that off.
    boolean stuckRequest = deadlines.isClosed() && RequestBody.isPresent(exchange);
    if (stuckServer || stuckRequest) {
      guard.run(() -> body().flush());
      abort();
      return;
    }
    guard.run(
        () -> {
          body().close(); // the last chunk, before anything that may wait for the request's rest
          exchange.close();
        });
  }

  /** Ends at once: the first attempt to write makes the interrupt close the socket. */
  @Override
  public void abort() {
    Thread.currentThread().interrupt();
    try {
      // An exchange that closes without a head would be counted as active for ever, and what is left
      // of a request would be read before the end of the response.
      body().close();
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "aborted: " + Quoted.java(e));
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
