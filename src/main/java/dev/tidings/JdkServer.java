package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsServer;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Adapts to the JDK's server. That server reads its system properties only once, when the first server of the
 * JVM is created, and has one dispatcher thread, on which no handler may wait.
 */
final class JdkServer {
  private static final String PACKAGE = "sun.net.httpserver"; // of its implementation
  private static final String NODELAY = "sun.net.httpserver.nodelay";
  private static final String MAX_REQ_TIME = "sun.net.httpserver.maxReqTime";
  private static final String MAX_RSP_TIME = "sun.net.httpserver.maxRspTime";
  private static final String MAX_REQ_HEADER_SIZE = "sun.net.httpserver.maxReqHeaderSize";
  private static final String DISPATCHER = "HTTP-Dispatcher";

  private static final AtomicBoolean WARNED = new AtomicBoolean(); // per JVM, like the properties
  private static final AtomicBoolean WARNED_OF_POOL = new AtomicBoolean();
  private static final AtomicBoolean WARNED_OF_CUT = new AtomicBoolean();

  private JdkServer() {}

  /** Sets the system properties that the user did not set. Called before a server is created. */
  static void prepare() {
    if (System.getProperty(NODELAY) == null) {
      if (isServerRunning()) {
        Log.warning(
            "a server was running before this one could set "
                + NODELAY
                + "=true: events may be delayed by 40 ms; set it on the command line");
      }
      System.setProperty(NODELAY, "true");
    }
    if (System.getProperty(MAX_REQ_TIME) == null) {
      System.setProperty(MAX_REQ_TIME, "600"); // seconds, despite the documentation; limits uploads too
    }
    if (System.getProperty(MAX_REQ_HEADER_SIZE) == null) {
      System.setProperty(MAX_REQ_HEADER_SIZE, "32768"); // bytes; the head is kept while a stream is open
    }
    // The server formats a date for each response. If the JVM had no file descriptors left when it formatted
    // the first one, it could not load the data for dates, and no later response would work.
    DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss zzz", Locale.US)
        .withZone(ZoneId.of("GMT"))
        .format(Instant.now());
  }

  /**
   * Returns whether {@code Connection: close} may be sent. The JDK's server supports only HTTP/1, whatever version
   * the request line names. Another server may support HTTP/2, where that header is an error. HTTP/2 has no
   * request line, so there the protocol does not come from the client.
   */
  static boolean canCloseConnection(HttpExchange exchange) {
    // Not the exchange's own class, since a filter may have wrapped it.
    Class<?> server = exchange.getHttpContext().getServer().getClass();
    return server.getPackageName().equals(PACKAGE)
        || exchange.getProtocol().regionMatches(true, 0, "HTTP/1", 0, "HTTP/1".length());
  }

  static boolean isTls(HttpExchange exchange) {
    return exchange.getHttpContext().getServer() instanceof HttpsServer; // again, the exchange may be wrapped
  }

  /**
   * Closes the connection after a response that is sent before the rest of the request is read. On TLS, the JDK's server
   * overlooks the next request if it arrives together with the end of this one, and would answer it only once the client
   * sends more. No client sends the next request before it has the response.
   */
  static void closeAfterEarlyResponse(HttpExchange exchange) {
    if (isTls(exchange) && canCloseConnection(exchange)) {
      exchange.getResponseHeaders().set("Connection", "close");
    }
  }

  static void warnOnce() {
    if (!WARNED.get() && WARNED.compareAndSet(false, true)) {
      warnings().forEach(Log::warning);
    }
    if (!Thread.currentThread().isVirtual()
        && !WARNED_OF_POOL.get()
        && WARNED_OF_POOL.compareAndSet(false, true)) {
      Log.warning(
          "a stream was opened on a platform thread: an executor of n threads is used up by n open"
              + " streams, and every other request then waits; before start(), call"
              + " server.setExecutor(Executors.newVirtualThreadPerTaskExecutor())");
    }
  }

  /** Warns once if the server probably aborted an upload that took too long; nothing else reports the reason. */
  static void warnIfCut(Duration sinceBegin) {
    long limit = Long.getLong(MAX_REQ_TIME, -1);
    // The server's clock started a little earlier, with the first byte of the head.
    boolean cut = limit > 0 && sinceBegin.plusSeconds(1).toSeconds() >= limit;
    if (cut && WARNED_OF_CUT.compareAndSet(false, true)) { // otherwise clients could fill the log
      Log.warning(
          "a request whose body was not read after "
              + sinceBegin.toSeconds()
              + " s was aborted by "
              + MAX_REQ_TIME
              + "="
              + limit
              + " (seconds, for all servers of this JVM; read when the first one is created)");
    }
  }

  /** Returns a warning for each property setting that harms streams. */
  static List<String> warnings() {
    var warnings = new ArrayList<String>();
    if (System.getProperty(NODELAY) == null) {
      warnings.add(
          NODELAY
              + " is not set: events may be delayed by 40 ms; set it to true before the first"
              + " HttpServer is created");
    }
    String maxRspTime = System.getProperty(MAX_RSP_TIME);
    if (Long.getLong(MAX_RSP_TIME, -1) > 0) {
      warnings.add(
          MAX_RSP_TIME + "=" + maxRspTime + " aborts every stream after that many seconds; unset it");
    }
    return warnings;
  }

  static void requireExecutor(HttpExchange exchange) {
    boolean onDispatcher = Thread.currentThread().getName().equals(DISPATCHER);
    if (onDispatcher || exchange.getHttpContext().getServer().getExecutor() == null) {
      var error =
          new IllegalStateException(
              "the server has no executor, so this stream would block the whole server; before"
                  + " start(), call"
                  + " server.setExecutor(Executors.newVirtualThreadPerTaskExecutor())");
      Log.failure("opening a stream", error); // the server would swallow the error
      throw error;
    }
  }

  private static boolean isServerRunning() {
    var group = Thread.currentThread().getThreadGroup();
    while (group.getParent() != null) {
      group = group.getParent();
    }
    var threads = new Thread[group.activeCount() + 16];
    int count = group.enumerate(threads);
    for (int i = 0; i < count; i++) {
      if (threads[i].getName().equals(DISPATCHER)) {
        return true;
      }
    }
    return false;
  }
}
