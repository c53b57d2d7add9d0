package dev.tidings.bench;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.LongAdder;

/**
 * The baseline: writes the same bytes as the JDK's server, including chunked framing, to plain sockets. One
 * thread per core writes each event to its share of the sockets; one thread accepts connections. There is no
 * queue for a socket: a client whose socket is full is dropped.
 */
final class RawPeer implements Peer {
  private static final String HEAD =
      """
      HTTP/1.1 200 OK
      Date: Thu, 01 Jan 2026 00:00:00 GMT
      Connection: close
      Content-type: text/event-stream
      Transfer-encoding: chunked

      """
          .replace("\n", "\r\n");

  private final LongAdder opened = new LongAdder();
  private final List<Worker> workers = new ArrayList<>();

  private static final class Worker implements Runnable {
    private final BlockingQueue<ByteBuffer> events = new LinkedBlockingQueue<>();
    private final List<SocketChannel> channels = new ArrayList<>(); // guarded by this

    synchronized void add(SocketChannel channel) {
      channels.add(channel);
    }

    @Override
    public void run() {
      try {
        while (true) {
          write(events.take());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private synchronized void write(ByteBuffer event) {
      var gone = new ArrayList<SocketChannel>();
      var bytes = event.duplicate();
      for (var channel : channels) {
        bytes.rewind();
        try {
          channel.write(bytes);
        } catch (IOException e) {
          gone.add(channel);
          continue;
        }
        if (bytes.hasRemaining()) {
          gone.add(channel);
        }
      }
      if (!gone.isEmpty()) {
        gone.forEach(RawPeer::close);
        channels.removeAll(java.util.Set.copyOf(gone));
      }
    }
  }

  @Override
  public void start(int port, Duration ping) throws IOException {
    var server = ServerSocketChannel.open();
    server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 4096);
    int cores = Runtime.getRuntime().availableProcessors();
    for (int i = 0; i < cores; i++) {
      var worker = new Worker();
      workers.add(worker);
      Thread.ofPlatform().daemon().name("raw-" + i).start(worker);
    }
    Thread.ofPlatform().daemon().name("raw-accept").start(() -> accept(server));
    Every.start(ping, () -> write(chunk(":\n\n")));
  }

  private void accept(ServerSocketChannel server) {
    var request = ByteBuffer.allocateDirect(2048);
    try {
      for (int i = 0; ; i++) {
        var channel = server.accept();
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        String head = head(channel, request);
        channel.write(ByteBuffer.wrap(HEAD.getBytes(US_ASCII)));
        if (head.contains("/many?")) {
          String query = head.substring(head.indexOf('?') + 1, head.indexOf(" HTTP"));
          Thread.ofPlatform().daemon().start(() -> many(channel, query));
          continue;
        }
        channel.configureBlocking(false);
        workers.get(i % workers.size()).add(channel);
        opened.increment();
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Reads the request head. The client sends it at once, so this blocks only briefly. */
  private static String head(SocketChannel channel, ByteBuffer request) throws IOException {
    request.clear();
    String head;
    do {
      if (channel.read(request) < 0) {
        return "";
      }
      head = US_ASCII.decode(request.duplicate().flip()).toString();
    } while (!head.endsWith("\r\n\r\n"));
    return head;
  }

  /** Writes full buffers of 8 KiB. */
  private static void many(SocketChannel channel, String query) {
    var buffer = ByteBuffer.allocateDirect(8192);
    try (channel) {
      Payload.Many.of(query)
          .each(
              data -> {
                var event = chunk("data: " + data + "\n\n");
                if (buffer.remaining() < event.remaining()) {
                  drain(channel, buffer);
                }
                buffer.put(event);
              });
      drain(channel, buffer);
      channel.write(ByteBuffer.wrap("0\r\n\r\n".getBytes(US_ASCII)));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static void drain(SocketChannel channel, ByteBuffer buffer) throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }

  private static ByteBuffer chunk(String event) {
    String chunk = Integer.toHexString(event.length()) + "\r\n" + event + "\r\n";
    return ByteBuffer.allocateDirect(chunk.length()).put(chunk.getBytes(US_ASCII)).flip();
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void publish(String data) {
    write(chunk("data: " + data + "\n\n"));
  }

  private void write(ByteBuffer event) {
    workers.forEach(worker -> worker.events.add(event));
  }

  @Override
  public long opened() {
    return opened.sum();
  }
}
