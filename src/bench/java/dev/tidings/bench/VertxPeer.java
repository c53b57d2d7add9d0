package dev.tidings.bench;

import io.vertx.core.AbstractVerticle;
import io.vertx.core.Context;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Vert.x: a verticle per core, each with the chunked responses of its own event loop. Events that a client
 * does not read are queued in its channel, without a bound.
 */
final class VertxPeer implements Peer {
  private final LongAdder opened = new LongAdder();
  private final List<Loop> loops = new CopyOnWriteArrayList<>();

  private final class Loop extends AbstractVerticle {
    private final int port;
    private final Duration ping;
    private final Set<HttpServerResponse> responses = new LinkedHashSet<>(); // of the event loop

    Loop(int port, Duration ping) {
      this.port = port;
      this.ping = ping;
    }

    @Override
    public void start(Promise<Void> started) {
      loops.add(this);
      if (ping.isPositive()) {
        vertx.setPeriodic(ping.toMillis(), timer -> write(Buffer.buffer(":\n\n")));
      }
      var options =
          new HttpServerOptions()
              .setHost("127.0.0.1")
              .setPort(port)
              .setTcpNoDelay(true)
              .setAcceptBacklog(4096);
      vertx
          .createHttpServer(options)
          .requestHandler(this::handle)
          .listen()
          .<Void>mapEmpty()
          .onComplete(started);
    }

    private void handle(HttpServerRequest request) {
      var response = request.response().setChunked(true);
      response.putHeader("Content-Type", "text/event-stream");
      if (request.path().equals("/many")) {
        new Many(Payload.Many.of(request.query()), response).go();
        return;
      }
      response.closeHandler(nothing -> responses.remove(response));
      response.exceptionHandler(e -> responses.remove(response));
      response.writeHead();
      responses.add(response);
      opened.increment();
    }

    void write(Buffer buffer) {
      for (var response : responses) {
        response.write(buffer);
      }
    }

    Context loop() {
      return context;
    }
  }

  /** Writes as many events as the response accepts, and more when it is drained. */
  private static final class Many {
    private final Payload.Many many;
    private final Payload payload;
    private final HttpServerResponse response;
    private int sent;

    Many(Payload.Many many, HttpServerResponse response) {
      this.many = many;
      this.payload = new Payload(many.size());
      this.response = response;
    }

    void go() {
      while (sent < many.count()) {
        if (response.writeQueueFull()) {
          response.drainHandler(nothing -> go());
          return;
        }
        response.write(event(payload.stamped(++sent)));
      }
      response.end();
    }
  }

  private static Buffer event(String data) {
    return Buffer.buffer("data: " + data + "\n\n");
  }

  @Override
  public void start(int port, Duration ping) throws Exception {
    int cores = Runtime.getRuntime().availableProcessors();
    Vertx.vertx()
        .deployVerticle(
            () -> new Loop(port, ping), new DeploymentOptions().setInstances(cores))
        .toCompletionStage()
        .toCompletableFuture()
        .get(20, TimeUnit.SECONDS);
  }

  @Override
  public void publish(String data) {
    var event = event(data);
    for (var loop : loops) {
      loop.loop().runOnContext(nothing -> loop.write(event));
    }
  }

  @Override
  public long opened() {
    return opened.sum();
  }
}
