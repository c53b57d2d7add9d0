package dev.tidings.bench;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Opens streams and reads them, on the calling thread. */
final class LoadClient implements AutoCloseable {
  private static final int CONNECTING = 512; // at a time; the backlog of each server is larger
  private static final int RETURNING = 4_000; // the library's backlog
  private static final long MILLISECOND = 1_000_000;
  private static final int STALLED_BUFFER = 4096;

  private final Selector selector;
  private final InetSocketAddress server;
  private final SocketChannel acks;
  private final ByteBuffer ack = ByteBuffer.allocateDirect(Long.BYTES);
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(256 * 1024);
  private final byte[] bytes = new byte[256 * 1024];
  private final Ledger ledger = new Ledger(this::acknowledge);
  private final List<Stream> readers = new ArrayList<>();
  private final List<SocketChannel> channels = new ArrayList<>();
  private final List<SocketChannel> stalled = new ArrayList<>();
  private final ByteBuffer request;
  private final int connecting; // the most at a time
  private Companion companion = () -> {};
  private boolean accompanied;
  private long attended; // System.nanoTime
  private int heads;
  private int pending; // connecting, or waiting for the head
  private int cut; // readers whose stream the server ended
  private IOException failure;

  /** Another task of the same thread, which also runs while there is much to read. */
  interface Companion {
    /** Runs the tasks that are due, without waiting. */
    void poll() throws IOException;
  }

  LoadClient(int port, SocketChannel acks, String path) throws IOException {
    this(port, acks, path, "", CONNECTING);
  }

  /** Creates clients that reconnect with this last event id, all at once. */
  static LoadClient returning(int port, SocketChannel acks, String lastEventId) throws IOException {
    return new LoadClient(
        port, acks, "/events", "Last-Event-ID: " + lastEventId + "\r\n", RETURNING);
  }

  private LoadClient(int port, SocketChannel acks, String path, String headers, int connecting)
      throws IOException {
    this.server = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    this.acks = acks;
    this.connecting = connecting;
    this.selector = Selector.open();
    String head =
        "GET " + path + " HTTP/1.1\r\nHost: localhost:" + port
            + "\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n" + headers + "\r\n";
    this.request = ByteBuffer.wrap(head.getBytes(US_ASCII));
  }

  Ledger ledger() {
    return ledger;
  }

  int readers() {
    return readers.size();
  }

  int cut() {
    return cut;
  }

  List<Stream> streams() {
    return readers;
  }

  void accompany(Companion companion) {
    this.companion = companion;
    this.accompanied = true;
  }

  /** Opens this many streams, which expect this event next. Returns when all heads have arrived. */
  void connect(int count, long expected, long deadline) throws IOException {
    int wanted = heads + count;
    int left = count;
    while (heads < wanted) {
      for (; left > 0 && pending < connecting; left--) {
        readers.add(begin(expected));
        attend(System.nanoTime());
      }
      turn();
      if (System.nanoTime() > deadline) {
        throw new IOException("after the time limit " + (wanted - heads) + " have no head yet");
      }
    }
  }

  /** Begins to open a stream. */
  Stream begin(long expected) throws IOException {
    var channel = open();
    var stream = new Stream(ledger, expected, channel);
    channels.add(channel);
    channel.register(selector, SelectionKey.OP_CONNECT, stream);
    channel.connect(server);
    pending++;
    return stream;
  }

  /** Opens streams that are never read. */
  void connectStalled(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      var channel = SocketChannel.open();
      channel.setOption(StandardSocketOptions.SO_RCVBUF, STALLED_BUFFER);
      channel.connect(server);
      channel.write(request.duplicate());
      channel.configureBlocking(false);
      stalled.add(channel);
    }
  }

  /** Returns how many bytes a socket on this machine accepts for a client that does not read. */
  static long capacity() throws IOException {
    try (var listener = java.nio.channels.ServerSocketChannel.open();
        var reader = SocketChannel.open()) {
      listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      reader.setOption(StandardSocketOptions.SO_RCVBUF, STALLED_BUFFER);
      reader.connect(listener.getLocalAddress());
      try (var writer = listener.accept()) {
        writer.configureBlocking(false);
        var block = ByteBuffer.allocateDirect(65536);
        long taken = 0;
        for (int full = 0; full < 20; ) {
          int count = writer.write(block.clear());
          taken += count;
          if (count == 0) {
            full++;
            java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
          }
        }
        return taken;
      }
    }
  }

  /** Reads the stalled streams to their ends, and returns how many of them the server had ended. */
  int endedOfStalled(long nanos) throws IOException {
    int ended = 0;
    long deadline = System.nanoTime() + nanos;
    while (System.nanoTime() < deadline) {
      boolean idle = true;
      for (var i = stalled.iterator(); i.hasNext(); ) {
        var channel = i.next();
        int count;
        try {
          count = channel.read(buffer.clear());
        } catch (IOException e) {
          count = -1; // reset
        }
        idle &= count == 0;
        if (count < 0) {
          ended++;
          channel.close();
          i.remove();
        }
      }
      if (idle) {
        java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
      }
    }
    return ended;
  }

  private SocketChannel open() throws IOException {
    var channel = SocketChannel.open();
    channel.configureBlocking(false);
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    return channel;
  }

  /** Reads until the condition holds, which is checked before each turn. Returns false after the deadline. */
  boolean readUntil(BooleanSupplier done, long deadline) throws IOException {
    while (!done.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      turn();
    }
    return true;
  }

  /** Reads available bytes, or waits briefly for some. */
  void turn() throws IOException {
    selector.select(this::handle, accompanied ? 1 : 5);
    attend(System.nanoTime());
    fail();
  }

  /** Reads available bytes. */
  void poll() throws IOException {
    selector.selectNow(this::handle);
    fail();
  }

  private void fail() throws IOException {
    if (failure != null) {
      throw failure;
    }
  }

  private void attend(long now) throws IOException {
    if (now - attended >= MILLISECOND) {
      attended = now;
      companion.poll();
    }
  }

  private void handle(SelectionKey key) {
    var channel = (SocketChannel) key.channel();
    var stream = (Stream) key.attachment();
    try {
      if (key.isConnectable()) {
        channel.finishConnect();
        channel.write(request.duplicate());
        key.interestOps(SelectionKey.OP_READ);
        attend(System.nanoTime());
      } else {
        read(channel, stream);
      }
    } catch (IOException e) {
      failure = e;
    }
  }

  private void read(SocketChannel channel, Stream stream) throws IOException {
    buffer.clear();
    int count = channel.read(buffer);
    if (count < 0) {
      if (!stream.isOver()) {
        stream.end();
        cut++;
      }
      channel.close();
      return;
    }
    ledger.read();
    boolean hadHead = stream.hasHead();
    buffer.get(0, bytes, 0, count);
    long now = System.nanoTime();
    stream.read(bytes, count, now);
    if (!hadHead && stream.hasHead()) {
      heads++;
      pending--;
    }
    attend(now);
  }

  private void acknowledge(long number) {
    try {
      acks.write(ack.clear().putLong(number).flip());
    } catch (IOException e) {
      failure = e;
    }
  }

  /** Closes all streams, and reads no more. */
  @Override
  public void close() throws IOException {
    for (var channel : channels) {
      channel.close();
    }
    for (var channel : stalled) {
      channel.close();
    }
    selector.close();
  }
}
