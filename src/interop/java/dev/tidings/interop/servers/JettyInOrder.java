package dev.tidings.interop.servers;

import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import com.sun.net.httpserver.spi.HttpServerProvider;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Jetty's provider, with executors as the API specifies them. If Jetty has an executor before its start, it
 * starts without a connector and never listens. It also runs its acceptor and its selectors on that executor,
 * which is then never idle and must not be shut down first. So this class gives Jetty its own virtual threads
 * after the start, and runs each handler on the executor that was set.
 */
public final class JettyInOrder extends HttpServerProvider {
  private static final String PROVIDER = "org.eclipse.jetty.http.spi.JettyHttpServerProvider";

  private final HttpServerProvider jetty;

  public JettyInOrder() throws ReflectiveOperationException {
    jetty = (HttpServerProvider) Class.forName(PROVIDER).getConstructor().newInstance();
  }

  @Override
  public HttpServer createHttpServer(InetSocketAddress address, int backlog) throws IOException {
    return new Server((HttpsServer) jetty.createHttpServer(address, backlog));
  }

  @Override
  public HttpsServer createHttpsServer(InetSocketAddress address, int backlog) throws IOException {
    return new Server(jetty.createHttpsServer(address, backlog));
  }

  /** A server for HTTPS and, like that of Jetty, also for HTTP. */
  private static final class Server extends HttpsServer {
    private final HttpsServer jetty;
    private Executor executor; // set before the start

    Server(HttpsServer jetty) {
      this.jetty = jetty;
    }

    @Override
    public void setExecutor(Executor executor) {
      this.executor = executor;
    }

    @Override
    public void start() {
      jetty.start();
      if (executor != null) {
        jetty.setExecutor(Executors.newVirtualThreadPerTaskExecutor()); // this restarts Jetty
      }
    }

    @Override
    public Executor getExecutor() {
      return executor;
    }

    @Override
    public void bind(InetSocketAddress address, int backlog) throws IOException {
      jetty.bind(address, backlog);
    }

    @Override
    public void stop(int delay) {
      jetty.stop(delay);
    }

    @Override
    public HttpContext createContext(String path, HttpHandler handler) {
      return jetty.createContext(path, exchange -> handle(handler, exchange));
    }

    /** Runs a handler on the executor. Jetty's thread waits, and passes on an interrupt. */
    private void handle(HttpHandler handler, HttpExchange exchange) throws IOException {
      if (executor == null) {
        handler.handle(exchange);
        return;
      }
      var task = new FutureTask<Void>(
          () -> {
            handler.handle(exchange);
            return null;
          });
      var thread = new AtomicReference<Thread>();
      var ended = new CountDownLatch(1);
      executor.execute(
          () -> {
            thread.set(Thread.currentThread());
            task.run();
            ended.countDown();
          });
      await(ended, thread);
      try {
        task.resultNow();
      } catch (IllegalStateException _) {
        throw task.exceptionNow() instanceof IOException e ? e : new IOException(task.exceptionNow());
      }
    }

    private static void await(CountDownLatch ended, AtomicReference<Thread> thread) {
      boolean over = false;
      while (!over) {
        try {
          ended.await();
          over = true;
        } catch (InterruptedException e) {
          thread.get().interrupt();
        }
      }
    }

    @Override
    public HttpContext createContext(String path) {
      return jetty.createContext(path);
    }

    @Override
    public void removeContext(String path) {
      jetty.removeContext(path);
    }

    @Override
    public void removeContext(HttpContext context) {
      jetty.removeContext(context);
    }

    @Override
    public InetSocketAddress getAddress() {
      return jetty.getAddress();
    }

    @Override
    public void setHttpsConfigurator(HttpsConfigurator configurator) {
      jetty.setHttpsConfigurator(configurator);
    }

    @Override
    public HttpsConfigurator getHttpsConfigurator() {
      return jetty.getHttpsConfigurator();
    }
  }
}
