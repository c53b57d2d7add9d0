package dev.tidings.bench;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;

/**
 * The simplest code that works on the JDK's server: exchanges in a list, and a loop that writes to each one
 * and flushes it. The handlers return and leave their exchanges open. In a variant, they park.
 */
final class JdkPeer implements Peer {
  private static final byte[] PING = ":\n\n".getBytes(US_ASCII);
  private static final byte[] SECOND_WRITE = ":\n".getBytes(US_ASCII);

  private final boolean parks;
  private final CountDownLatch never = new CountDownLatch(1);
  private List<HttpExchange> exchanges = new ArrayList<>(); // guarded by this
  private long opened; // guarded by this

  JdkPeer(boolean parks) {
    this.parks = parks;
  }

  @Override
  public void start(int port, Duration ping) throws IOException {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    var server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 4096);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/events", this::open);
    server.createContext("/many", JdkPeer::many);
    server.start();
    Every.start(ping, this::ping);
  }

  /** Pings in two writes, like the library: a closed connection fails only at the second write. */
  private void ping() throws InterruptedException {
    write(PING);
    Thread.sleep(Duration.ofMillis(500));
    write(SECOND_WRITE);
  }

  private void open(HttpExchange exchange) throws IOException {
    head(exchange);
    exchange.getResponseBody().write(PING);
    exchange.getResponseBody().flush();
    synchronized (this) {
      exchanges.add(exchange);
      opened++;
    }
    if (parks) {
      try {
        never.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Writes in a buffered loop that flushes only at the end. */
  private static void many(HttpExchange exchange) throws IOException {
    head(exchange);
    try (exchange;
        var out = exchange.getResponseBody()) {
      Payload.Many.of(exchange.getRequestURI().getQuery())
          .each(data -> out.write(bytes(data)));
    } catch (IOException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static void head(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.getResponseHeaders().set("Connection", "close");
    exchange.sendResponseHeaders(200, 0);
  }

  private static byte[] bytes(String data) {
    return ("data: " + data + "\n\n").getBytes(US_ASCII);
  }

  @Override
  public void publish(String data) {
    write(bytes(data));
  }

  private synchronized void write(byte[] bytes) {
    var gone = new ArrayList<HttpExchange>();
    for (var exchange : exchanges) {
      try {
        exchange.getResponseBody().write(bytes);
        exchange.getResponseBody().flush();
      } catch (IOException e) {
        exchange.close();
        gone.add(exchange);
      }
    }
    if (!gone.isEmpty()) {
      exchanges.removeAll(java.util.Set.copyOf(gone));
    }
  }

  @Override
  public synchronized long opened() {
    return opened;
  }
}
