package dev.tidings.interop;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports for programs that cannot choose a free port themselves. No port is returned twice. The ports are
 * outside the range that the operating system assigns to connections, because a connection could otherwise
 * take a port before the program does.
 */
public final class Ports {
  private static final int FIRST = 20_000;
  private static final int COUNT = 12_000; // below the range of Linux, 32768 to 60999
  private static final AtomicInteger NEXT = new AtomicInteger(ThreadLocalRandom.current().nextInt(COUNT));

  private Ports() {}

  public static int free() throws IOException {
    IOException taken = null;
    for (int i = 0; i < 100; i++) {
      int port = FIRST + NEXT.getAndIncrement() % COUNT;
      try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (IOException e) {
        taken = e;
      }
    }
    throw taken;
  }
}
