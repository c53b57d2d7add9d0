package dev.tidings.redis.faults;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports for programs that cannot choose one themselves: outside the range of the system, no port twice, and a range of
 * its own for each JVM that runs tests.
 */
final class Ports {
  private static final int FIRST = 12_000; // the bus of a cluster is 10,000 above
  private static final int EACH = 200;
  private static final AtomicInteger NEXT =
      new AtomicInteger((int) (ProcessHandle.current().pid() * EACH % 10_000));

  private Ports() {}

  static int free() throws IOException {
    for (int i = 0; i < 1_000; i++) {
      int port = FIRST + NEXT.getAndIncrement() % 10_000;
      try (var _ = new ServerSocket(port, 1, InetAddress.ofLiteral("0.0.0.0"));
          var _ = new ServerSocket(port + 10_000, 1, InetAddress.ofLiteral("0.0.0.0"))) {
        return port;
      } catch (IOException e) {
        // taken
      }
    }
    throw new IOException("no free port");
  }
}
