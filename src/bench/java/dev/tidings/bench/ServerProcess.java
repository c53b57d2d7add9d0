package dev.tidings.bench;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A server in its own process, with queries for both. */
final class ServerProcess implements AutoCloseable {
  /** The same for all servers. */
  static final List<String> FLAGS = List.of("-Xmx3g", "-XX:+UseG1GC");

  private final JavaProcess process;
  private final SocketChannel acks;
  private final int port;
  private long nextEvent = 1;

  ServerProcess(String peer, Duration ping, Path log) throws IOException {
    JavaProcess started = null;
    try (var listener = ServerSocketChannel.open();
        var probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      port = probe.getLocalPort();
      probe.close();
      int ackPort = ((InetSocketAddress) listener.getLocalAddress()).getPort();
      started = start(peer, ping, ackPort, log);
      process = started;
      process.await("ready", Duration.ofSeconds(30));
      acks = listener.accept();
      acks.setOption(java.net.StandardSocketOptions.TCP_NODELAY, true);
    } catch (IOException | RuntimeException e) {
      if (started != null) {
        started.close();
      }
      throw new IOException(peer + " did not start, see " + log, e);
    }
  }

  private JavaProcess start(String peer, Duration ping, int ackPort, Path log) throws IOException {
    var flags = new ArrayList<>(FLAGS);
    String more = System.getProperty("flags", "").strip();
    if (!more.isEmpty()) {
      flags.addAll(List.of(more.split(" ")));
    }
    return new JavaProcess(
        ServerMain.class,
        flags,
        before(peer),
        List.of(Peer.plain(peer), Integer.toString(port), Long.toString(ping.toMillis()), Integer.toString(ackPort)),
        log);
  }

  /** Returns the entries that this peer has before the others on its class path. */
  private static String before(String peer) {
    if (peer.equals(Peer.ROBAHO)) {
      return Path.of(System.getProperty("target", "target"), "robaho", "*") + File.pathSeparator;
    }
    return Old.classes(peer).map(directory -> directory + File.pathSeparator).orElse("");
  }

  void order(String line) {
    process.order(line);
  }

  /** Returns the words of the answer after the first one, or null if there is no answer yet. */
  String[] poll(String first) throws IOException {
    return process.poll(first);
  }

  String[] await(String first, Duration limit) throws IOException {
    return process.await(first, limit);
  }

  /** Sends an order, and returns the words of the answer. */
  String[] ask(String order, Duration limit) throws IOException {
    return process.ask(order, limit);
  }

  long ask(String what) throws IOException {
    return Long.parseLong(process.ask(what, Duration.ofSeconds(30))[0]);
  }

  /** Returns the last event id of a client that has all events so far. */
  String position() throws IOException {
    return process.ask("position", Duration.ofSeconds(30))[0];
  }

  /** Creates channels with one event of this size each. */
  void createChannels(int count, int size) throws IOException {
    process.ask("channels " + count + " " + size, Duration.ofSeconds(60));
  }

  /** Returns the bytes that are live after this many collections. */
  long heap(int collections) throws IOException {
    return Long.parseLong(process.ask("heap " + collections, Duration.ofSeconds(60))[0]);
  }

  /** Checks that both processes read the same clock: one publishes an event, the other receives it. */
  void checkClock() throws IOException {
    long before = System.nanoTime();
    long there = ask("clock");
    long after = System.nanoTime();
    if (there < before || there > after) {
      throw new IOException("System.nanoTime differs between processes on this machine");
    }
  }

  /** Returns the number of the next event. Numbers are never reused, so old acknowledgements do not count. */
  long nextEvent() {
    return nextEvent;
  }

  void published(long last) {
    nextEvent = last + 1;
  }

  int port() {
    return port;
  }

  SocketChannel acks() {
    return acks;
  }

  Duration processorTime() {
    return process.processorTime();
  }

  long status(String name) {
    return process.status(name);
  }

  @Override
  public void close() throws IOException {
    acks.close();
    process.close();
  }
}
