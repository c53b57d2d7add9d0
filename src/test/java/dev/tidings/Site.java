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
 * A plain server whose one handler opens a stream, gives it to the test and waits on it; the test gets
 * the ending too.
 */
final class Site implements AutoCloseable {
  /** What a handler does with its stream. */
  interface Body {
    Ending run(EventSource stream) throws Exception;
  }

  final EventSources sources;
  private final HttpServer http;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final BlockingQueue<EventSource> opened = new LinkedBlockingQueue<>();
  private final BlockingQueue<Ending> endings = new LinkedBlockingQueue<>();

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
          } catch (Exception e) {
            throw new IOException(e);
          }
        });
    http.start();
  }

  /** With the default settings on real time. */
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
    return Await.next("a handler to go on", endings);
  }

  @Override
  public void close() {
    sources.close();
    executor.shutdown();
    try {
      if (!executor.awaitTermination(10, TimeUnit.SECONDS)) {
        throw new AssertionError("a handler did not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    http.stop(0);
  }
}
