package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;

/** Runs the handler of one request. Ensures that the request gets one response and that its exchange is closed. */
final class Handling {
  private final HttpExchange exchange;
  private final Engine engine;
  private final SseRequest request;

  Handling(HttpExchange exchange, Engine engine, SseRequest.Opener opener) {
    this.exchange = exchange;
    this.engine = engine;
    this.request = new SseRequest(exchange, engine, opener);
  }

  SseRequest request() {
    return request;
  }

  /** Runs the handler, and ends its stream or its response. Throws if the connection is broken. */
  void run(SseHandler handler) throws IOException {
    try {
      request.peer().watch(exchange.getHttpContext().getServer().getClass().getPackageName());
      handler.handle(request);
      finish();
    } catch (StatusException e) {
      Log.debug(() -> request + ": " + e.status() + " " + Quoted.java(e.getMessage()));
      fail(e.status(), e.getMessage());
    } catch (Throwable e) {
      failed(e);
    } finally {
      engine.loops().acquit(); // this thread has finished with its stream
      close();
    }
    if (request.isBroken()) {
      // The JDK releases some broken connections only if the handler throws.
      throw new IOException("the client is gone");
    }
  }

  private void finish() throws IOException {
    if (request.stream().isPresent()) {
      request.stream().get().life().returned();
    } else if (request.isBroken()) {
      fail(400, Peer.GONE); // the handler noticed, and could not respond
    } else if (!Response.isBegun(exchange)) {
      Log.warning("no response from the handler of " + request);
      request.respond(500, "text/plain", "the handler sent no response\n");
    }
  }

  /**
   * Ends the stream or responds after an exception. The exception is logged as a failure of the handler, unless
   * the client is gone or a stop has interrupted the handler.
   */
  private void failed(Throwable thrown) {
    var peer = request.peer();
    if (peer.isBehind(thrown)) {
      Log.debug(() -> request + ": " + Peer.GONE + ": " + Quoted.java(thrown));
      request.stream().ifPresent(stream -> stream.life().end(Ending.CLIENT_GONE));
      fail(400, Peer.GONE);
      return;
    }
    boolean interrupted = thrown instanceof InterruptedException || peer.isInterruptBehind(thrown);
    if (interrupted && engine.isStopping()) {
      Log.debug(() -> "interrupted: the handler of " + request);
      if (request.stream().isEmpty() && !Response.isBegun(exchange)) {
        refuseNow();
      }
    } else {
      Log.failure("the handler of " + request, thrown);
    }
    fail(500, "the handler failed");
  }

  private void refuseNow() {
    try {
      refuse(request);
      finish();
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "no refusal: " + Quoted.java(e));
    }
  }

  /** Refuses the request because of a stop. */
  void refuse(SseRequest request) throws IOException {
    var refusal = Refusal.forNow(exchange, engine.jitter().reconnect());
    if (refusal.isStream()) {
      request.getEventSource(); // which the registry refuses
      return;
    }
    if (JdkServer.canCloseConnection(exchange)) {
      exchange.getResponseHeaders().set("Connection", "close");
    }
    refusal.addRetryAfter(exchange.getResponseHeaders());
    request.respond(refusal.status(), "text/plain", "server is stopping\n");
  }

  private void fail(int status, String text) {
    if (request.stream().isPresent()) {
      request.stream().get().life().fail(Refusal.with(status, text));
    } else if (!Response.isBegun(exchange)) {
      try {
        request.respond(status, "text/plain", Refusal.line(text));
      } catch (IOException | RuntimeException e) {
        Log.debug(() -> "no response " + status + ": " + Quoted.java(e));
      }
    }
  }

  /** Closes the exchange. That may read the rest of the request, and may write. */
  private void close() {
    var guard = engine.deadlines().newGuard();
    guard.finishWithin(engine.closeWithin());
    try {
      guard.run(exchange::close);
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "closing an exchange: " + Quoted.java(e));
    }
  }
}
