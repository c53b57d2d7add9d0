package dev.tidings;

import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Objects;
import java.util.Random;
import java.util.random.RandomGenerator;
import javax.net.ssl.SSLContext;

/**
 * A JDK {@link HttpServer} with what streams need around it: a virtual thread for each request, routes
 * by method and exact path, a registry of streams, and an end that cannot hang.
 *
 * <p>All methods may be called from any thread.
 *
 * {@snippet file="Hello.java"}
 *
 * @implNote Before it creates its server, it sets the system properties {@code
 *     sun.net.httpserver.nodelay} to true, {@code sun.net.httpserver.maxReqTime} to 600 (seconds) and
 *     {@code sun.net.httpserver.maxReqHeaderSize} to 32768 (bytes), unless they are set. The JDK reads
 *     them once, when the first server of the JVM is created, and they hold for all servers of the JVM.
 */
public final class SseServer implements AutoCloseable {
  private final HttpServer http;
  private final String scheme;
  private final HttpContext context;
  private final EventSources sources;
  private final Routes routes = new Routes();
  private final Threads threads = new Threads();
  private final InFlight handlers = new InFlight(threads);
  private final Shutdown stop;

  private SseServer(HttpServer http, String scheme, Settings settings, RandomGenerator random) {
    this.http = http;
    this.scheme = scheme;
    var ticker = Ticker.system(threads); // needed until the last request is answered
    this.sources = new EventSources(settings, ticker, threads, random, false);
    this.stop = new Shutdown(ticker, threads, new Stopping());
    http.setExecutor(handlers);
    context = http.createContext("/", this::handle);
    sources.nameRoutes(this::route);
  }

  /**
   * Creates a server on the loopback address with the defaults of {@link Builder}. It is bound, and
   * answers once it is started.
   *
   * @param port the port; 0 for any that is free
   * @return the server
   * @throws IllegalArgumentException if it is not 0 to 65535
   * @throws IOException if the port cannot be had
   */
  public static SseServer create(int port) throws IOException {
    return builder().port(port).build();
  }

  /**
   * Returns a builder for other addresses, TLS and settings.
   *
   * @return a builder with the defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  /** What a server can be told before it is there. Not thread-safe. */
  public static final class Builder {
    private InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private int backlog = 4096;
    private SSLContext tls;
    private Settings settings = Settings.defaults();

    private Builder() {}

    /**
     * Sets the port on the loopback address (default: 0, any that is free).
     *
     * @param port 0 to 65535
     * @return this builder
     * @throws IllegalArgumentException if there is no such port
     */
    public Builder port(int port) {
      return address(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    }

    /**
     * Sets the address to listen on (default: loopback, any free port).
     *
     * @param address the address; {@code new InetSocketAddress(port)} is every address of the machine
     * @return this builder
     */
    public Builder address(InetSocketAddress address) {
      this.address = Objects.requireNonNull(address, "address");
      return this;
    }

    /**
     * Sets how many connections may wait to be accepted (default: 4096). The operating system may lower
     * it ({@code net.core.somaxconn}).
     *
     * @param backlog 1 or more
     * @return this builder
     * @throws IllegalArgumentException if it is less than 1
     */
    public Builder backlog(int backlog) {
      Checks.requireAtLeast("backlog", backlog, 1);
      this.backlog = backlog;
      return this;
    }

    /**
     * Serves HTTPS (default: plain HTTP).
     *
     * @param context where certificate and key come from
     * @return this builder
     */
    public Builder tls(SSLContext context) {
      this.tls = Objects.requireNonNull(context, "context");
      return this;
    }

    /**
     * Sets what holds for the streams (default: {@link Settings#defaults()}).
     *
     * @param settings the settings
     * @return this builder
     */
    public Builder settings(Settings settings) {
      this.settings = Objects.requireNonNull(settings, "settings");
      return this;
    }

    /**
     * Creates the server. It is bound, and answers once it is started.
     *
     * @return the server
     * @throws IOException if the address cannot be had
     */
    public SseServer build() throws IOException {
      return build(new Random());
    }

    /** The generator has to be thread-safe. */
    SseServer build(RandomGenerator random) throws IOException {
      JdkServer.prepare();
      if (tls == null) {
        var http = HttpServer.create(address, backlog);
        return new SseServer(http, "http", settings, random);
      }
      var https = HttpsServer.create(address, backlog);
      https.setHttpsConfigurator(new HttpsConfigurator(tls));
      return new SseServer(https, "https", settings, random);
    }
  }

  /**
   * Answers GET, and HEAD, on a path.
   *
   * @param path compared exactly with the decoded path of the request
   * @param handler answers them
   * @return this server
   * @throws IllegalArgumentException as {@link #route}
   */
  public SseServer get(String path, SseHandler handler) {
    return route("GET", path, handler);
  }

  /**
   * Answers POST on a path.
   *
   * @param path compared exactly with the decoded path of the request
   * @param handler answers them
   * @return this server
   * @throws IllegalArgumentException as {@link #route}
   */
  public SseServer post(String path, SseHandler handler) {
    return route("POST", path, handler);
  }

  /**
   * Answers a method on a path. An unknown path is answered with 404, an unknown method on a known path
   * with 405 and {@code Allow}.
   *
   * @param method in capitals, as in the request line
   * @param path compared exactly with the decoded path of the request
   * @param handler answers them
   * @return this server
   * @throws IllegalArgumentException if the method is no token, or {@code get} and the like, if the path
   *     does not start with a slash or has a lone surrogate, as no decoded path has, or if there is a
   *     handler already for both
   */
  public SseServer route(String method, String path, SseHandler handler) {
    routes.add(method, path, Objects.requireNonNull(handler, "handler"));
    return this;
  }

  /**
   * Begins to answer.
   *
   * @return this server
   * @throws IllegalStateException if it was started or closed before
   */
  public SseServer start() {
    http.start();
    return this;
  }

  /**
   * Waits until the server has stopped.
   *
   * @throws InterruptedException if this thread is interrupted
   */
  public void join() throws InterruptedException {
    stop.join();
  }

  /**
   * Returns the registry of this server's streams.
   *
   * @return always the same
   */
  public EventSources eventSources() {
    return sources;
  }

  /**
   * Returns the JDK's server, for contexts of its own.
   *
   * @return always the same; to be stopped through {@link #stop} and {@link #close} only
   */
  public HttpServer httpServer() {
    return http;
  }

  /**
   * Returns the context of all routes, for filters and an authenticator.
   *
   * @return always the same
   */
  public HttpContext context() {
    return context;
  }

  /**
   * Returns the port.
   *
   * @return the one that was found free, if 0 was asked for
   */
  public int port() {
    return http.getAddress().getPort();
  }

  /**
   * Returns where a client on this machine finds the server.
   *
   * @return with scheme, host and port, and a slash at the end
   */
  public URI uri() {
    var address = http.getAddress().getAddress();
    var host = address.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : address;
    String name = host.getHostAddress();
    String literal = name.contains(":") ? "[" + name + "]" : name;
    return URI.create(scheme + "://" + literal + ":" + port() + "/");
  }

  /** In this context, paths that have handlers are equal to those of their routes. */
  private String route(HttpExchange exchange) {
    return exchange.getHttpContext() == context
        ? exchange.getRequestURI().getPath()
        : exchange.getHttpContext().getPath();
  }

  private void handle(HttpExchange exchange) throws IOException {
    handlers.begin();
    var request = new SseRequest(exchange, sources);
    try {
      request.peer().watch(http.getClass().getPackageName());
      SseHandler handler =
          stop.hasBegun() ? this::refuse : routes.find(request.method(), request.path());
      handler.handle(request);
      finish(request);
    } catch (StatusException e) {
      Log.debug(() -> request + ": " + e.status() + " " + Quoted.java(e.getMessage()));
      fail(request, e.status(), e.getMessage() + "\n");
    } catch (Throwable e) {
      failed(request, e);
    } finally {
      sources.engine().loops().acquit(); // this thread is done with its stream
      close(exchange);
    }
    if (request.isBroken()) {
      // Only what a handler throws makes the JDK forget a connection that broke in some ways.
      throw new IOException("the client is gone");
    }
  }

  /** What a handler threw is its failure, unless it only passed on that the client is gone. */
  private void failed(SseRequest request, Throwable thrown) {
    var peer = request.peer();
    if (peer.isBehind(thrown)) {
      Log.debug(() -> request + ": " + Peer.GONE + ": " + Quoted.java(thrown));
      request.stream().ifPresent(stream -> stream.life().end(Ending.CLIENT_GONE));
      fail(request, 400, Peer.GONE + "\n");
      return;
    }
    boolean interrupted = thrown instanceof InterruptedException || peer.isInterruptBehind(thrown);
    if (interrupted && sources.isStopping()) {
      Log.debug(() -> "interrupted: the handler of " + request);
    } else {
      Log.failure("the handler of " + request, thrown);
    }
    fail(request, 500, "the handler failed\n");
  }

  /** The answer to what comes after the stop began. */
  private void refuse(SseRequest request) throws IOException {
    var exchange = request.exchange();
    var refusal = Refusal.forNow(exchange, sources.engine().jitter().reconnect());
    if (refusal.isStream()) {
      request.getEventSource(); // which the registry refuses
      return;
    }
    if (JdkServer.canCloseConnection(exchange)) {
      exchange.getResponseHeaders().set("Connection", "close");
    }
    refusal.addRetryAfter(exchange.getResponseHeaders());
    request.respond(refusal.status(), "text/plain", "the server stops\n");
  }

  private void finish(SseRequest request) throws IOException {
    if (request.stream().isPresent()) {
      request.stream().get().close();
    } else if (request.isBroken()) {
      fail(request, 400, Peer.GONE + "\n"); // the handler noticed, and had nobody to answer
    } else if (!Response.isBegun(request.exchange())) {
      Log.warning("no answer from the handler of " + request);
      request.respond(500, "text/plain", "the handler gave no answer\n");
    }
  }

  private void fail(SseRequest request, int status, String text) {
    if (request.stream().isPresent()) {
      request.stream().get().life().fail();
    } else if (!Response.isBegun(request.exchange())) {
      try {
        request.respond(status, "text/plain", text);
      } catch (IOException | RuntimeException e) {
        Log.debug(() -> "no answer " + status + ": " + Quoted.java(e));
      }
    }
  }

  /** Closing an exchange may read what is left of its request, and write. */
  private void close(HttpExchange exchange) {
    try {
      sources.engine().deadlines().newGuard().run(exchange::close);
    } catch (IOException | RuntimeException e) {
      Log.debug(() -> "closing an exchange: " + Quoted.java(e));
    }
  }

  /**
   * Stops at once: as {@link #stop} without time of grace.
   */
  @Override
  public void close() {
    stop(Duration.ZERO);
  }

  /**
   * Stops the server, in a way that lets handlers come to their own end. At once, new requests are
   * refused, GET and HEAD that accept {@code text/event-stream} as by {@link
   * EventSources#open(HttpExchange, String)} and all others with {@code 503} and {@code Retry-After},
   * and each open stream is sent the {@link Settings#farewell farewell} event and a {@code retry:} from
   * the range of {@link Settings#reconnect}. Then the handlers have this time; they see {@link
   * EventSource#isStopping()}. When it is over, the streams that are left end as {@link
   * Ending#STOPPING}, what was accepted is handed over, who does not take it within 0.8 seconds is cut,
   * handlers that go on for half a second are interrupted, and every connection is closed.
   *
   * <p>Blocks until all that is done and every thread has ended: early if the handlers of all requests
   * that came before have, at the latest within the time of grace and a second, unless a handler does
   * not react to its interrupt. A request has come once its head is complete; half a head, or half a TLS
   * handshake, holds nothing up. Idempotent: a second call waits for the same stop, and shortens the
   * grace if its own is shorter. An interrupt ends the grace; the status stays. Called by a handler, it
   * returns at once, since it would wait for itself, and the stop goes on.
   *
   * {@snippet file="Deploy.java" region="stop"}
   *
   * @param grace zero or more; more than 292 years are until each stream has reached its own end
   * @throws IllegalArgumentException if it is negative
   */
  public void stop(Duration grace) {
    Checks.requireNotNegative("grace", grace);
    sources.refuse();
    stop.begin(grace);
    if (!handlers.isInside()) {
      stop.await();
    }
  }

  private final class Stopping implements Shutdown.Steps {
    private final Shutdown.Steps streams = sources.steps();

    @Override
    public void sayFarewell() {
      streams.sayFarewell();
    }

    /** Nothing is left once the handlers are: each has a stream, or answers otherwise. */
    @Override
    public void whenEmpty(Gate.Emptied emptied) {
      handlers.whenEmpty(emptied);
    }

    @Override
    public void endStreams(Duration limit) {
      streams.endStreams(limit);
    }

    @Override
    public void endHandlers(Duration limit) {
      handlers.shutDown();
      handlers.await(limit);
      handlers.interrupt();
    }

    @Override
    public void awaitStreams(Duration limit) {
      streams.awaitStreams(limit);
    }

    @Override
    public void awaitHandlers(Duration limit) {
      handlers.await(limit);
    }

    @Override
    public void close() {
      http.stop(0);
      sources.engine().close();
    }
  }
}
