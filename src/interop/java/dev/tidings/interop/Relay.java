package dev.tidings.interop;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Forwards the bytes of connections to another port of this machine, and can abort all connections. */
public final class Relay implements AutoCloseable {
  private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final int upstream;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();

  private Relay(int upstream) throws IOException {
    this.upstream = upstream;
  }

  public static Relay start(int upstream) throws IOException {
    var relay = new Relay(upstream);
    Thread.ofVirtual().name("relay").start(relay::accept);
    return relay;
  }

  private void accept() {
    while (true) {
      Socket client;
      try {
        client = listening.accept();
      } catch (IOException e) {
        return; // closed
      }
      accepted.incrementAndGet();
      try {
        var server = new Socket(InetAddress.getLoopbackAddress(), upstream);
        open.add(client);
        open.add(server);
        Thread.ofVirtual().name("relay-request").start(() -> forward(client, server));
        Thread.ofVirtual().name("relay-response").start(() -> forward(server, client));
      } catch (IOException e) {
        reset(client);
      }
    }
  }

  private void forward(Socket from, Socket to) {
    try (from; to) {
      from.setTcpNoDelay(true);
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // The other direction ends, too.
    } finally {
      open.remove(from);
      open.remove(to);
    }
  }

  public int port() {
    return listening.getLocalPort();
  }

  /** Returns the number of connections so far. */
  public int accepted() {
    return accepted.get();
  }

  /** Resets all connections. New ones are accepted. */
  public void cut() {
    open.forEach(Relay::reset);
  }

  private static void reset(Socket socket) {
    try (socket) {
      socket.setSoLinger(true, 0);
    } catch (IOException e) {
      // It was closed meanwhile.
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
    cut();
  }
}
