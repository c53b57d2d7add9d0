package dev.tidings;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A plain server whose one handler opens a stream, passes it to the test and runs the body on it; the test
 * also gets the ending.
 */
final class Site implements AutoCloseable {
  /** The work of the handler on its stream. */
  interface Body {
    Ending run(EventSource stream) throws Exception;
  }

  final EventSources sources;
  private final HttpServer http;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final BlockingQueue<EventSource> opened = new LinkedBlockingQueue<>();
  private final BlockingQueue<Ending> endings = new LinkedBlockingQueue<>();
  private final BlockingQueue<AssertionError> wrong = new LinkedBlockingQueue<>(); // thrown in handlers

  Site(EventSources sources, Body body) throws IOException {
    this.sources = sources;
    http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
    http.setExecutor(executor);
    http.createContext(
        "/",
        exchange -> {
          String id = exchange.getRequestURI().getQuery();
          try (var stream = id == null ? sources.open(exchange) : sources.open(exchange, id)) {
            opened.add(stream);
            endings.add(body.run(stream));
          } catch (IOException | RuntimeException e) {
            throw e;
          } catch (AssertionError e) {
            wrong.add(e);
            throw e;
          } catch (Exception e) {
            throw new IOException(e);
          }
        });
    http.start();
  }

  /** Uses the default settings and real time. */
  static Site keepingAlive() throws IOException {
    return new Site(EventSources.create(), EventSource::keepAlive);
  }

  URI uri() {
    return URI.create("http://localhost:" + http.getAddress().getPort() + "/");
  }

  URI uri(String identifier) {
    return URI.create(uri() + "?" + identifier);
  }

  HttpServer http() {
    return http;
  }

  EventSource opened() throws InterruptedException {
    return Await.next("a stream to open", opened);
  }

  Ending ending() throws InterruptedException {
    return Await.next("a handler to return", endings);
  }

  /** Fails if an assertion failed in a handler. */
  @Override
  public void close() {
    sources.close();
    executor.shutdown();
    try {
      if (!executor.awaitTermination(10, TimeUnit.SECONDS)) {
        throw new AssertionError("a handler did not return");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    http.stop(0);
    if (!wrong.isEmpty()) {
      throw wrong.remove();
    }
  }
}
