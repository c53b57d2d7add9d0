package dev.tidings.bench;

import com.sun.net.httpserver.Authenticator;
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpPrincipal;
import com.sun.net.httpserver.HttpServer;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;

/** A GET without a network. The bytes of its response are counted and discarded. */
final class FakeExchange extends HttpExchange {
  private static final InetSocketAddress CLIENT =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
  private static final URI ROOT = URI.create("/");
  private static final HttpContext CONTEXT = new Context(new Server());

  private final Headers request = new Headers();
  private final Headers response = new Headers();
  private final Body body;
  private final CountDownLatch closed;
  private int status = -1;
  private boolean isClosed; // guarded by this

  /**
   * Creates an exchange that counts down latches.
   *
   * @param wanted the number of bytes of the response after which {@code written} is counted down
   * @param written counted down after these bytes
   * @param closed counted down when the exchange is closed
   */
  FakeExchange(long wanted, CountDownLatch written, CountDownLatch closed) {
    this.body = new Body(wanted, written);
    this.closed = closed;
  }

  /** Creates an exchange for a response that no test waits for. */
  FakeExchange(CountDownLatch closed) {
    this(Long.MAX_VALUE, new CountDownLatch(0), closed);
  }

  FakeExchange lastEventId(String id) {
    request.set("Last-Event-ID", id);
    return this;
  }

  /** Returns the number of bytes of the response. Call it only after the response has ended. */
  long written() {
    return body.count;
  }

  /** Counts its bytes. It has one writer at a time. */
  private static final class Body extends OutputStream {
    private final long wanted;
    private final CountDownLatch written;
    private long count;

    Body(long wanted, CountDownLatch written) {
      this.wanted = wanted;
      this.written = written;
    }

    @Override
    public void write(int b) {
      add(1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) {
      add(length);
    }

    private void add(int length) {
      long before = count;
      count += length;
      if (before < wanted && count >= wanted) {
        written.countDown();
      }
    }
  }

  @Override
  public Headers getRequestHeaders() {
    return request;
  }

  @Override
  public Headers getResponseHeaders() {
    return response;
  }

  @Override
  public URI getRequestURI() {
    return ROOT;
  }

  @Override
  public String getRequestMethod() {
    return "GET";
  }

  @Override
  public HttpContext getHttpContext() {
    return CONTEXT;
  }

  @Override
  public synchronized void close() {
    if (!isClosed) {
      isClosed = true;
      closed.countDown();
    }
  }

  @Override
  public InputStream getRequestBody() {
    return InputStream.nullInputStream();
  }

  @Override
  public OutputStream getResponseBody() {
    return body;
  }

  @Override
  public void sendResponseHeaders(int code, long length) {
    status = code;
  }

  @Override
  public InetSocketAddress getRemoteAddress() {
    return CLIENT;
  }

  @Override
  public int getResponseCode() {
    return status;
  }

  @Override
  public InetSocketAddress getLocalAddress() {
    return CLIENT;
  }

  @Override
  public String getProtocol() {
    return "HTTP/1.1";
  }

  @Override
  public Object getAttribute(String name) {
    return null;
  }

  @Override
  public void setAttribute(String name, Object value) {}

  @Override
  public void setStreams(InputStream in, OutputStream out) {
    throw new UnsupportedOperationException();
  }

  @Override
  public HttpPrincipal getPrincipal() {
    return null;
  }

  /** A server that has only the executor that a stream requires. */
  private static final class Server extends HttpServer {
    @Override
    public void bind(InetSocketAddress address, int backlog) {}

    @Override
    public void start() {}

    @Override
    public void setExecutor(Executor executor) {}

    @Override
    public Executor getExecutor() {
      return Runnable::run;
    }

    @Override
    public void stop(int delay) {}

    @Override
    public HttpContext createContext(String path, HttpHandler handler) {
      throw new UnsupportedOperationException();
    }

    @Override
    public HttpContext createContext(String path) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void removeContext(String path) {}

    @Override
    public void removeContext(HttpContext context) {}

    @Override
    public InetSocketAddress getAddress() {
      return CLIENT;
    }
  }

  private static final class Context extends HttpContext {
    private final HttpServer server;

    Context(HttpServer server) {
      this.server = server;
    }

    @Override
    public HttpHandler getHandler() {
      return exchange -> {};
    }

    @Override
    public void setHandler(HttpHandler handler) {}

    @Override
    public String getPath() {
      return "/";
    }

    @Override
    public HttpServer getServer() {
      return server;
    }

    @Override
    public Map<String, Object> getAttributes() {
      return Map.of();
    }

    @Override
    public List<Filter> getFilters() {
      return List.of();
    }

    @Override
    public Authenticator setAuthenticator(Authenticator authenticator) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Authenticator getAuthenticator() {
      return null;
    }
  }
}
