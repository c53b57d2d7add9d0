package dev.tidings.redis.faults;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A network path to Redis that delays, swallows, and ends in the middle of an append. It is also an address that moves to
 * another server.
 */
final class TcpProxy implements AutoCloseable {
  private final ServerSocket listener;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private volatile InetSocketAddress target;
  private volatile long delay; // of each direction, in ms
  private volatile boolean swallows;
  private volatile boolean refuses;
  private volatile int connections;

  /** Where the next append is cut: after this many bytes of the request, or of its reply. */
  private record Cut(int request, int reply, boolean forLong) {}

  private Cut cut; // guarded by this; null if there is none
  private int lengthOfReply; // of the last append that was cut; guarded by this
  private int lengthOfRequest; // guarded by this

  TcpProxy(String host, int port) throws IOException {
    target = new InetSocketAddress(host, port);
    listener = new ServerSocket(0, 500, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().name("proxy").start(this::accept);
  }

  String url() {
    return "redis://127.0.0.1:" + listener.getLocalPort();
  }

  private void accept() {
    while (true) {
      try {
        var client = listener.accept();
        sockets.add(client);
        connections++;
        Thread.ofVirtual().start(() -> connect(client));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void connect(Socket client) {
    var server = new Socket();
    sockets.add(server);
    try {
      if (swallows) {
        return; // accepted by the kernel, and nothing more
      }
      if (refuses) {
        throw new IOException("refused");
      }
      client.setTcpNoDelay(true);
      server.setTcpNoDelay(true);
      server.connect(target, 1_000);
      var path = new Path(client, server);
      pump(client, server, path, true);
      pump(server, client, path, false);
    } catch (IOException e) {
      close(client, server);
    }
  }

  private void close(Socket... pair) {
    for (Socket socket : pair) {
      sockets.remove(socket);
      try {
        socket.close();
      } catch (IOException e) {
        // closed
      }
    }
  }

  /** A connection. */
  private static final class Path {
    final Socket client;
    final Socket server;
    volatile int left = -1; // bytes of the reply until it is cut; -1 if it is not
    volatile int passed; // bytes of the reply

    Path(Socket client, Socket server) {
      this.client = client;
      this.server = server;
    }
  }

  private record Chunk(byte[] bytes, long due) {}

  private void pump(Socket from, Socket to, Path path, boolean isRequest) {
    var chunks = new LinkedBlockingQueue<Chunk>();
    Thread.ofVirtual().start(() -> write(chunks, to, path, isRequest));
    Thread.ofVirtual().start(() -> {
      try {
        var buffer = new byte[64 * 1024];
        for (int read; (read = from.getInputStream().read(buffer)) >= 0; ) {
          chunks.add(new Chunk(Arrays.copyOf(buffer, read), System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(delay)));
        }
      } catch (IOException e) {
        // closed
      }
      chunks.add(new Chunk(new byte[0], System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(delay)));
    });
  }

  private void write(LinkedBlockingQueue<Chunk> chunks, Socket to, Path path, boolean isRequest) {
    try {
      while (true) {
        var chunk = chunks.take();
        TimeUnit.NANOSECONDS.sleep(chunk.due() - System.nanoTime());
        if (chunk.bytes().length == 0) {
          break;
        }
        if (swallows) {
          continue;
        }
        byte[] bytes = isRequest ? request(chunk.bytes(), path) : reply(chunk.bytes(), path);
        to.getOutputStream().write(bytes);
        if (bytes.length < chunk.bytes().length) {
          break; // cut
        }
      }
    } catch (IOException | InterruptedException e) {
      // closed
    }
    if (!swallows) {
      close(path.client, path.server);
    }
  }

  private synchronized byte[] request(byte[] bytes, Path path) {
    if (cut == null || !new String(bytes, ISO_8859_1).contains("EVALSHA")) {
      return bytes;
    }
    var its = cut;
    cut = null;
    refuses |= its.forLong();
    lengthOfRequest = bytes.length;
    notifyAll();
    if (its.request() >= 0) {
      return Arrays.copyOf(bytes, Math.min(its.request(), bytes.length - 1));
    }
    path.passed = 0;
    path.left = its.reply();
    return bytes;
  }

  private synchronized byte[] reply(byte[] bytes, Path path) {
    if (path.left < 0) {
      return bytes;
    }
    lengthOfReply = path.passed + bytes.length;
    int most = Math.min(path.left, bytes.length - 1);
    path.passed += bytes.length;
    path.left = -1;
    return Arrays.copyOf(bytes, Math.max(0, most));
  }

  /** Cuts the next append after this many bytes of the request. */
  synchronized void cutRequest(int bytes) {
    cut = new Cut(bytes, -1, false);
  }

  /** Cuts the reply to the next append after this many bytes. */
  synchronized void cutReply(int bytes) {
    cut = new Cut(-1, bytes, false);
  }

  /** Loses the reply to the next append, and refuses connections until {@link #heal}. */
  synchronized void cutReplyForLong() {
    cut = new Cut(-1, 0, true);
  }

  /** Returns whether the cut has been made. */
  synchronized boolean isCut() {
    return cut == null;
  }

  synchronized int lengthOfReply() {
    return lengthOfReply;
  }

  synchronized int lengthOfRequest() {
    return lengthOfRequest;
  }

  /** Delays each direction. */
  void delay(long millis) {
    delay = millis;
  }

  /** Passes nothing on, without ending a connection, until {@link #heal}. */
  void swallow() {
    swallows = true;
  }

  /** Ends all connections, and refuses others until {@link #heal}. */
  void refuse() {
    refuses = true;
    reset();
  }

  /** Passes new connections on again. Those of before stay dead, as behind a firewall that has forgotten them. */
  void heal() {
    swallows = false;
    refuses = false;
  }

  /** Moves to another server, and ends all connections. */
  void moveTo(String host, int port) {
    target = new InetSocketAddress(host, port);
    reset();
  }

  /** Ends all connections. */
  void reset() {
    close(sockets.toArray(Socket[]::new));
  }

  int connections() {
    return connections;
  }

  @Override
  public void close() throws IOException {
    listener.close();
    reset();
  }
}
