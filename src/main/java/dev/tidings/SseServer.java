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
import java.util.Optional;
import java.util.Random;
import java.util.random.RandomGenerator;
import javax.net.ssl.SSLContext;

/**
 * A JDK {@link HttpServer} for streams, with a virtual thread for each request, routes by method and path, a
 * registry of streams, and a stop with a time limit.
 *
 * <p>All methods may be called from any thread.
 *
 * {@snippet file="Hello.java"}
 *
 * <p>If the server listens on a loopback address, or {@link Builder#hosts} was called, a {@link HostGuard} protects its
 * routes from pages of other sites. It is the first of the filters of {@link #context()}.
 *
 * @implNote Before this class creates a server, it sets the system properties {@code sun.net.httpserver.nodelay} to
 *     true, {@code sun.net.httpserver.maxReqTime} to 600 (seconds) and {@code sun.net.httpserver.maxReqHeaderSize} to
 *     32768 (bytes), unless they are set. The JDK reads these properties once, when the first server of the JVM is
 *     created; they apply to all servers of the JVM.
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
  private final ExitHook hook = new ExitHook(new Exiting());

  private SseServer(
      HttpServer http, String scheme, Settings settings, Optional<HostGuard> guard, RandomGenerator random) {
    this.http = http;
    this.scheme = scheme;
    var ticker = Ticker.system(threads); // needed until the last request is answered
    this.sources = new EventSources(settings, ticker, threads, random, false);
    this.stop = new Shutdown(ticker, threads, new Stopping());
    http.setExecutor(handlers);
    context = http.createContext("/", this::handle);
    guard.ifPresent(filter -> context.getFilters().add(filter.under(sources.engine().deadlines())));
    sources.nameRoutes(this::route);
  }

  /**
   * Creates and binds a server on the loopback address, with the defaults of {@link Builder}. The server handles
   * requests after {@link #start}.
   *
   * @param port 0 to 65535; 0 for any free port
   * @return the server
   * @throws IllegalArgumentException if the port is out of range
   * @throws IOException if the port cannot be bound
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

  /** Whether a server has a host guard. */
  private enum Guarding {
    IF_LOOPBACK,
    ALWAYS,
    NEVER
  }

  /** Configures a server before it is bound. Not thread-safe. */
  public static final class Builder {
    private InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private int backlog = 4096;
    private SSLContext tls;
    private Settings settings = Settings.defaults();
    private HostGuard guard = HostGuard.loopback();
    private Guarding guarding = Guarding.IF_LOOPBACK;

    private Builder() {}

    /**
     * Sets the port on the loopback address (default: 0, any free port).
     *
     * @param port 0 to 65535
     * @return this builder
     * @throws IllegalArgumentException if the port is out of range
     */
    public Builder port(int port) {
      return address(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    }

    /**
     * Sets the address to listen on (default: loopback, any free port).
     *
     * @param address {@code new InetSocketAddress(port)} means all addresses of the machine
     * @return this builder
     */
    public Builder address(InetSocketAddress address) {
      this.address = Objects.requireNonNull(address, "address");
      return this;
    }

    /**
     * Sets how many connections may wait to be accepted (default: 4096). The operating system may reduce this number
     * ({@code net.core.somaxconn}).
     *
     * @param backlog 1 or more
     * @return this builder
     * @throws IllegalArgumentException if the value is less than 1
     */
    public Builder backlog(int backlog) {
      Checks.requireAtLeast("backlog", backlog, 1);
      this.backlog = backlog;
      return this;
    }

    /**
     * Serves HTTPS (default: plain HTTP).
     *
     * @param context provides the certificate and the key
     * @return this builder
     */
    public Builder tls(SSLContext context) {
      this.tls = Objects.requireNonNull(context, "context");
      return this;
    }

    /**
     * Sets limits, timeouts and policies of the streams (default: {@link Settings#defaults()}).
     *
     * @param settings the settings
     * @return this builder
     */
    public Builder settings(Settings settings) {
      this.settings = Objects.requireNonNull(settings, "settings");
      return this;
    }

    /**
     * Allows requests for these hosts, and from pages on them, in addition to the loopback names (default: only the
     * loopback names if the server listens on a loopback address, and any host otherwise). Also needed behind a proxy
     * that passes {@code Host}, and for POST requests of the server's own pages behind any proxy, because their
     * {@code Origin} has the public name. Repeated calls add hosts. {@link HostGuard} describes the rules.
     *
     * @param hosts as for {@link HostGuard#hosts}, for example {@code "example.com"}
     * @return this builder
     * @throws IllegalArgumentException if no host is given, or if one does not have the required form
     */
    public Builder hosts(String... hosts) {
      guard = guard.hosts(hosts);
      guarding = Guarding.ALWAYS;
      return this;
    }

    /**
     * Turns the {@link HostGuard} off, unless {@link #hosts} is called later. Dangerous on a loopback address and in a
     * private network: any page that a user of this machine visits can then use the server with DNS rebinding, as if
     * it were a page of the server. Use it only if every request is authenticated by other means than the network.
     *
     * @return this builder
     */
    public Builder anyHost() {
      guarding = Guarding.NEVER;
      return this;
    }

    /**
     * Creates and binds the server. The server handles requests after {@link SseServer#start}.
     *
     * @return the server
     * @throws IOException if the address cannot be bound
     */
    public SseServer build() throws IOException {
      return build(new Random());
    }

    /** Creates the server with this generator, which must be thread-safe. */
    SseServer build(RandomGenerator random) throws IOException {
      JdkServer.prepare();
      if (tls == null) {
        var http = HttpServer.create(address, backlog);
        return new SseServer(http, "http", settings, guard(http), random);
      }
      var https = HttpsServer.create(address, backlog);
      https.setHttpsConfigurator(new HttpsConfigurator(tls));
      return new SseServer(https, "https", settings, guard(https), random);
    }

    private Optional<HostGuard> guard(HttpServer bound) {
      boolean guarded =
          switch (guarding) {
            case IF_LOOPBACK -> bound.getAddress().getAddress().isLoopbackAddress();
            case ALWAYS -> true;
            case NEVER -> false;
          };
      return guarded ? Optional.of(guard) : Optional.empty();
    }
  }

  /**
   * Answers GET and HEAD requests on a path. The handler opens a stream or sends a short text.
   *
   * @param path the path, in which segments such as <code>{id}</code> are placeholders
   * @param handler answers the requests
   * @return this server
   * @throws IllegalArgumentException under the conditions that {@link #route(String, String, SseHandler) route} lists
   */
  public SseServer get(String path, SseHandler handler) {
    return route("GET", path, handler);
  }

  /**
   * Answers POST requests on a path. The handler opens a stream or sends a short text.
   *
   * @param path the path, in which segments such as <code>{id}</code> are placeholders
   * @param handler answers the requests
   * @return this server
   * @throws IllegalArgumentException under the conditions that {@link #route(String, String, SseHandler) route} lists
   */
  public SseServer post(String path, SseHandler handler) {
    return route("POST", path, handler);
  }

  /**
   * Answers requests for the given method and path. The handler opens a stream or sends a short text. The server
   * responds to an unknown path with 404, and to an unknown method on a known path with 405 and {@code Allow}. A
   * handler for GET also receives HEAD requests, unless the path has one for HEAD.
   *
   * <p>A path is compared exactly with the decoded path of the request. A segment <code>{name}</code> is a placeholder:
   * it matches one whole segment, which is not empty and which {@link SseRequest#path(String)} returns. In it, an
   * encoded slash ({@code %2F}) is part of the segment. If several routes match, the first segment in which they differ
   * decides, and a literal segment precedes a placeholder: {@code /rooms/new} precedes <code>/rooms/{id}</code>. The
   * order in which routes are added has no effect. Only the methods of that route are allowed. A segment at a
   * placeholder that is not UTF-8 is answered with 400.
   *
   * {@snippet file="Rooms.java" region="join"}
   *
   * @param method in capitals, as in the request line
   * @param path the path, in which segments such as <code>{id}</code> are placeholders
   * @param handler answers the requests
   * @return this server
   * @throws IllegalArgumentException if the method is not a token, or is a standard method that is not in capitals; if
   *     the path does not start with a slash or has a lone surrogate; if a brace is not that of a placeholder, or the name
   *     of a placeholder is repeated or has other characters than ASCII letters, digits and {@code _}; if this method and
   *     path already have a handler; or if the path differs from another one in the names of placeholders only
   */
  public SseServer route(String method, String path, SseHandler handler) {
    routes.add(method, path, Objects.requireNonNull(handler, "handler"));
    return this;
  }

  /**
   * Answers GET and HEAD requests on a path with streams that have no identifier.
   *
   * @param path the path, in which segments such as <code>{id}</code> are placeholders
   * @param handler sends the events; {@link RequestHandler} describes the details
   * @return this server
   * @throws IllegalArgumentException under the conditions that {@link #route(String, String, SseHandler) route} lists
   */
  public SseServer stream(String path, StreamHandler handler) {
    Objects.requireNonNull(handler, "handler");
    return stream(path, (request, sse) -> handler.handle(sse));
  }

  /**
   * Answers GET and HEAD requests on a path with streams that have no identifier.
   *
   * @param path the path, in which segments such as <code>{id}</code> are placeholders
   * @param handler sends the events; {@link RequestHandler} describes the details
   * @return this server
   * @throws IllegalArgumentException under the conditions that {@link #route(String, String, SseHandler) route} lists
   */
  public SseServer stream(String path, RequestHandler handler) {
    return stream("GET", path, handler);
  }

  /**
   * Answers requests for the given method and path with streams that have no identifier. The server reads the body of
   * each request, opens a stream, runs the handler, and closes the stream.
   *
   * @param method in capitals, as in the request line
   * @param path the path, in which segments such as <code>{id}</code> are placeholders
   * @param handler sends the events; {@link RequestHandler} describes the details
   * @return this server
   * @throws IllegalArgumentException under the conditions that {@link #route(String, String, SseHandler) route} lists
   */
  public SseServer stream(String method, String path, RequestHandler handler) {
    return route(method, path, StreamRoute.of(handler));
  }

  /**
   * Answers GET and HEAD requests on a path with streams that have an identifier.
   *
   * @param path the path, in which segments such as <code>{id}</code> are placeholders
   * @param id chooses the identifier, or refuses the request
   * @param handler sends the events; {@link RequestHandler} describes the details
   * @return this server
   * @throws IllegalArgumentException under the conditions that {@link #route(String, String, SseHandler) route} lists
   */
  public SseServer stream(String path, StreamId id, RequestHandler handler) {
    return stream("GET", path, id, handler);
  }

  /**
   * Answers requests for the given method and path with streams that have an identifier. For each request, the server
   * reads the body, calls {@code id}, opens a stream, runs the handler, and closes the stream.
   *
   * @param method in capitals, as in the request line
   * @param path the path, in which segments such as <code>{id}</code> are placeholders
   * @param id chooses the identifier, or refuses the request
   * @param handler sends the events; {@link RequestHandler} describes the details
   * @return this server
   * @throws IllegalArgumentException under the conditions that {@link #route(String, String, SseHandler) route} lists
   */
  public SseServer stream(String method, String path, StreamId id, RequestHandler handler) {
    return route(method, path, StreamRoute.of(id, handler));
  }

  /**
   * Starts the server. Does not block.
   *
   * @return this server
   * @throws IllegalStateException if the server has been started or stopped before
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
    hook.join(stop::join);
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
   * Returns the underlying JDK server, to which you can add contexts of your own. They have none of the filters of
   * {@link #context()}: add a {@link HostGuard} to the filters of each.
   *
   * @return always the same server; stop it only by {@link #stop} or {@link #close}
   */
  public HttpServer httpServer() {
    return http;
  }

  /**
   * Returns the context of all routes, to which you can add filters and an authenticator. Its first filter is the
   * {@link HostGuard}, if the server has one.
   *
   * @return always the same
   */
  public HttpContext context() {
    return context;
  }

  /**
   * Returns the port of the server.
   *
   * @return the bound port, even if 0 was requested
   */
  public int port() {
    return http.getAddress().getPort();
  }

  /**
   * Returns the URI of the server for clients on this machine.
   *
   * @return scheme, host, port, and the path {@code /}
   */
  public URI uri() {
    var address = http.getAddress().getAddress();
    var host = address.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : address;
    String name = host.getHostAddress();
    String literal = name.contains(":") ? "[" + name + "]" : name;
    return URI.create(scheme + "://" + literal + ":" + port() + "/");
  }

  /** Returns the path of the route, with placeholders, or, in other contexts, the path of the context. */
  private String route(HttpExchange exchange) {
    var its = exchange.getHttpContext();
    return its == context ? routes.pathOf(exchange.getRequestURI()).orElse(its.getPath()) : its.getPath();
  }

  private void handle(HttpExchange exchange) throws IOException {
    handlers.begin();
    var handling = sources.handling(exchange);
    var request = handling.request();
    handling.run(
        stop.hasBegun() ? handling::refuse : routes.find(request.method(), exchange.getRequestURI()));
  }

  /** Stops the server with a grace period of zero ({@link #stop}). */
  @Override
  public void close() {
    stop(Duration.ZERO);
  }

  /**
   * Stops the server. New requests for its routes are refused: GET requests that accept {@code text/event-stream}
   * receive a stream that consists of a {@code retry:}, such HEAD requests receive its headers, and all others receive
   * {@code 503} with {@code Retry-After}. Each open stream is sent the {@link Settings#withFarewell farewell} event and
   * a {@code retry:} from the range of {@link Settings#withReconnect}. Handlers have the grace period to finish, and
   * can check {@link EventSource#isStopping()}. Then the remaining streams end as {@link Ending#STOPPING}: accepted
   * events are flushed within 0.8 s, handlers that do not return within 0.5 s are interrupted, and all connections are
   * closed.
   *
   * <p>Blocks until the stop is complete, at most for the grace period plus one second, unless a handler ignores its
   * interrupt. The grace period ends early once the handlers of all earlier requests have returned; requests whose head
   * is incomplete do not count. Idempotent: a second call waits for the same stop, and shortens the grace period if its
   * own is shorter. An interrupt ends the grace period; the interrupt status stays set. A call from a handler returns
   * at once, and the stop continues.
   *
   * @param grace zero or more; {@code ChronoUnit.FOREVER.getDuration()} means no time limit
   * @throws IllegalArgumentException if the grace period is negative
   */
  public void stop(Duration grace) {
    Checks.requireNotNegative("grace", grace);
    beginStop(grace);
    if (!handlers.isInside()) {
      stop.await();
    }
  }

  private void beginStop(Duration grace) {
    sources.refuse();
    stop.begin(grace);
  }

  /**
   * Stops the server when the JVM exits: on SIGTERM, which Kubernetes and systemd send, on SIGINT, when
   * {@link System#exit} is called, or when the last thread that is not a daemon has ended. The JVM then exits within
   * the grace period plus one second, even if handlers do not return. It does not wait for a handler that calls
   * {@code System.exit}.
   *
   * <p>Threads that are in {@link #join}, or call it during the stop, have the remaining time after the stop to finish,
   * at most one second, so that a {@code try} block can close a log. The JVM runs all its hooks at the same time. Other
   * hooks should not close resources that handlers need. The hook of {@code java.util.logging} removes its handlers, so
   * messages that are logged during the stop may be lost.
   *
   * <p>A second call replaces the grace period. Does nothing after the server has stopped, which removes the hook.
   * A server that is not stopped is kept in memory by its hook.
   *
   * {@snippet file="Deploy.java" region="stop"}
   *
   * @param grace the grace period of {@link #stop}; zero or more
   * @return this server
   * @throws IllegalArgumentException if the grace period is negative
   */
  public SseServer stopOnExit(Duration grace) {
    hook.set(Checks.requireNotNegative("grace", grace));
    return this;
  }

  private final class Exiting implements ExitHook.Server {
    @Override
    public void beginStop(Duration grace) {
      SseServer.this.beginStop(grace);
    }

    @Override
    public boolean awaitStop(long nanos) throws InterruptedException {
      return stop.await(nanos);
    }

    @Override
    public void exiting() {
      handlers.abandon();
    }
  }

  private final class Stopping implements Shutdown.Steps {
    private final Shutdown.Steps streams = sources.steps();

    @Override
    public void sayFarewell() {
      streams.sayFarewell();
    }

    /** Waits for handlers only, because every stream and every other response has a handler. */
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
      hook.withdraw();
    }
  }
}
