package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What has to be known of the JDK's server: the system properties that it reads once, when the first
 * server of the JVM is created, and the thread on which no handler may wait.
 */
final class JdkServer {
  private static final String NODELAY = "sun.net.httpserver.nodelay";
  private static final String MAX_REQ_TIME = "sun.net.httpserver.maxReqTime";
  private static final String MAX_RSP_TIME = "sun.net.httpserver.maxRspTime";
  private static final String DISPATCHER = "HTTP-Dispatcher";

  private static final AtomicBoolean WARNED = new AtomicBoolean(); // as the properties: for the JVM

  private JdkServer() {}

  /** To be called before a server is created; sets what the user did not. */
  static void prepare() {
    if (System.getProperty(NODELAY) == null) {
      if (isServerRunning()) {
        Log.warning(
            "a server was running before this one could set "
                + NODELAY
                + "=true: events may be held back by 40 ms; set it on the command line");
      }
      System.setProperty(NODELAY, "true");
    }
    if (System.getProperty(MAX_REQ_TIME) == null) {
      System.setProperty(MAX_REQ_TIME, "30"); // seconds, whatever the documentation says
    }
    // The server formats a date for each response. If the JVM were out of file descriptors at the
    // first one, the data for it could not be loaded, and no later response would work.
    DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss zzz", Locale.US)
        .withZone(ZoneId.of("GMT"))
        .format(Instant.now());
  }

  static void warnOnce() {
    if (!WARNED.get() && WARNED.compareAndSet(false, true)) {
      warnings().forEach(Log::warning);
    }
  }

  /** What is set so that streams suffer. */
  static List<String> warnings() {
    var warnings = new ArrayList<String>();
    if (System.getProperty(NODELAY) == null) {
      warnings.add(
          NODELAY
              + " is not set: events may be held back by 40 ms; set it to true before the first"
              + " HttpServer is created");
    }
    String maxRspTime = System.getProperty(MAX_RSP_TIME);
    if (Long.getLong(MAX_RSP_TIME, -1) > 0) {
      warnings.add(
          MAX_RSP_TIME + "=" + maxRspTime + " cuts every stream after that many seconds; unset it");
    }
    return warnings;
  }

  static void requireExecutor(HttpExchange exchange) {
    boolean onDispatcher = Thread.currentThread().getName().equals(DISPATCHER);
    if (onDispatcher || exchange.getHttpContext().getServer().getExecutor() == null) {
      var error =
          new IllegalStateException(
              "the server has no executor, so this stream would stop the whole server; before"
                  + " start(), call"
                  + " server.setExecutor(Executors.newVirtualThreadPerTaskExecutor())");
      Log.failure("opening a stream", error); // the server would swallow it
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
