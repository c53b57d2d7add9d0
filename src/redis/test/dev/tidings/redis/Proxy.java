package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

/** A TCP proxy in front of a Redis: it can lead elsewhere, and lose the rest of a request or reply. */
final class Proxy implements AutoCloseable {
  private final ServerSocket listener;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private volatile int target;
  private final AtomicInteger requestBytes = new AtomicInteger(-1); // until the cut of the next script; -1 for no cut
  private final AtomicInteger replyBytes = new AtomicInteger(-1);
  private final AtomicInteger cuts = new AtomicInteger();
  private volatile UnaryOperator<String> replies = text -> text;
  private volatile boolean dropsBells;

  Proxy(int target) throws IOException {
    this.target = target;
    this.listener = new ServerSocket(0, 200, InetAddress.getByName("127.0.0.1"));
    Thread.ofVirtual().start(this::accept);
  }

  String url() {
    return "redis://127.0.0.1:" + listener.getLocalPort();
  }

  int port() {
    return listener.getLocalPort();
  }

  /** Leads to another port from now on. */
  void target(int port) {
    target = port;
  }

  /** Forwards so many bytes of the next script that is called, then closes the connection. */
  void cutRequest(int bytes) {
    requestBytes.set(bytes);
  }

  /** Forwards so many bytes of the reply to the next script that is called, then closes the connection. */
  void cutReply(int bytes) {
    replyBytes.set(bytes);
  }

  int cuts() {
    return cuts.get();
  }

  /** Changes what the server sends; the length must stay the same. */
  void replies(UnaryOperator<String> change) {
    replies = change;
  }

  /** Loses what the server sends on connections that have subscribed, so that the client notices nothing. */
  void dropBells(boolean drops) {
    dropsBells = drops;
  }

  /** Closes all connections. */
  void disconnect() {
    sockets.forEach(Proxy::close);
  }

  private void accept() {
    try {
      while (true) {
        var client = listener.accept();
        Thread.ofVirtual().start(() -> serve(client));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private final class Line {
    private volatile boolean subscribed;
    private volatile int left = -1; // bytes of the reply until the cut
  }

  private void serve(Socket client) {
    sockets.add(client);
    try (var server = new Socket("127.0.0.1", target)) {
      sockets.add(server);
      client.setTcpNoDelay(true);
      server.setTcpNoDelay(true);
      var line = new Line();
      Thread.ofVirtual().start(() -> {
        try {
          reply(line, server.getInputStream(), client.getOutputStream());
        } catch (IOException e) {
          // closed
        } finally {
          close(client);
          close(server);
        }
      });
      request(line, client.getInputStream(), server.getOutputStream());
    } catch (IOException e) {
      // closed
    } finally {
      close(client);
    }
  }

  private void request(Line line, InputStream in, OutputStream out) throws IOException {
    var buffer = new byte[1 << 20];
    for (int count; (count = in.read(buffer)) > 0; ) {
      String text = new String(buffer, 0, count, ISO_8859_1);
      line.subscribed |= text.contains("SUBSCRIBE");
      if (text.contains("EVALSHA")) {
        line.left = replyBytes.getAndSet(-1);
        int cut = requestBytes.getAndSet(-1);
        if (cut >= 0 && cut < count) {
          out.write(buffer, 0, cut);
          out.flush();
          cuts.incrementAndGet();
          return;
        }
      }
      out.write(buffer, 0, count);
      out.flush();
    }
  }

  private void reply(Line line, InputStream in, OutputStream out) throws IOException {
    var buffer = new byte[1 << 16];
    for (int count; (count = in.read(buffer)) > 0; ) {
      if (dropsBells && line.subscribed) {
        continue;
      }
      byte[] bytes = replies.apply(new String(buffer, 0, count, ISO_8859_1)).getBytes(ISO_8859_1);
      int left = line.left;
      if (left >= 0 && left < bytes.length) {
        out.write(bytes, 0, left);
        out.flush();
        cuts.incrementAndGet();
        return;
      }
      out.write(bytes);
      out.flush();
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // it is closed
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    disconnect();
  }
}
