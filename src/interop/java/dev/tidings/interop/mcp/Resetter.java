package dev.tidings.interop.mcp;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Forwards connections to a server, and resets them on demand. */
final class Resetter implements AutoCloseable {
  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final URI target;

  Resetter(URI target) throws IOException {
    this.target = target;
    Thread.ofVirtual().name("resetter").start(this::accept);
  }

  /** Returns the address of the target, behind this. */
  URI uri() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort() + target.getPath());
  }

  private void accept() {
    try {
      while (true) {
        var client = listener.accept();
        var server = new Socket(InetAddress.getLoopbackAddress(), target.getPort());
        open.add(client);
        open.add(server);
        Thread.ofVirtual().start(() -> forward(client, server));
        Thread.ofVirtual().start(() -> forward(server, client));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private void forward(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException e) {
      reset(from);
      reset(to);
    }
  }

  /** Resets all connections, towards the clients and towards the server. */
  void reset() {
    open.forEach(Resetter::reset);
    open.clear();
  }

  private static void reset(Socket socket) {
    try (socket) {
      socket.setSoLinger(true, 0); // so that closing resets the connection
    } catch (IOException e) {
      // it is closed
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    reset();
  }
}
