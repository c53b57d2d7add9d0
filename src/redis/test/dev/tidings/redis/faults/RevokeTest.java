package dev.tidings.redis.faults;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Commands that end streams on all nodes. */
@Timeout(180)
final class RevokeTest {
  private static final Duration BOUND = Duration.ofSeconds(20);

  /** A stream that is not opened again. */
  private static final class Once implements AutoCloseable {
    private final Socket socket = new Socket();
    private volatile boolean opened;
    private volatile boolean ended;

    Once(InetSocketAddress node, String id) throws IOException {
      socket.connect(node, 3_000);
      String request = "GET /events?channel=news&id=" + id + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      Thread.ofVirtual().start(this::read);
    }

    private void read() {
      var buffer = new byte[4096];
      try {
        while (socket.getInputStream().read(buffer) >= 0) {
          opened = true;
        }
      } catch (IOException e) {
        // ended
      }
      ended = true;
    }

    boolean isOpen() {
      return opened && !ended;
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void aNodeThatIsCutOffEndsAStreamWhenItIsBack() throws Exception {
    try (var network = Network.create();
        var redis = RedisServer.startAt(network.rightHost(), network.onRight());
        var site = new Site(Plan.of(2).withoutFronts().withCluster())) {
      var left = site.launch(redis.url(), network.leftHost(), network.onLeft());
      var right = site.launch(redis.url(), network.rightHost(), network.onRight());
      site.open();
      try (var user = new Once(left.address(), "user");
          var other = new Once(left.address(), "other")) {
        Program.await(() -> user.isOpen() && other.isOpen(), "streams");
        network.cut();
        Thread.sleep(1_000);
        assertEquals(200, Publisher.Http.post(right.address(), "/drop?id=user", "", 10_000).status());
        Thread.sleep(3_000);
        assertTrue(user.isOpen(), "the node is cut off");
        long healed = System.nanoTime();
        network.heal();
        Program.await(() -> !user.isOpen(), "the end of the stream", BOUND);
        double seconds = (System.nanoTime() - healed) / 1e9;
        assertTrue(other.isOpen());
        assertTrue(seconds < 9, seconds + " s");
        Results.passed(
            Fault.REVOKED, "", String.format(Locale.ROOT, "%.1f", seconds));
      }
    }
  }

  @Test
  void oneOfTwoDuplicatesLives() throws Exception {
    try (var redis = RedisServer.start("--appendonly", "yes", "--appendfsync", "always");
        var site = new Site(redis.url(), Plan.of(2).withoutFronts().withCluster())) {
      var nodes = site.nodes().stream().map(SiteNode::address).toList();
      try (var a = new Once(nodes.get(0), "one");
          var b = new Once(nodes.get(1), "one")) {
        double seconds = awaitOne(a, b);
        redis.kill();
        try (var c = new Once(nodes.get(0), "two");
            var d = new Once(nodes.get(1), "two")) {
          Program.await(() -> c.isOpen() && d.isOpen(), "both are open while Redis is away");
          Thread.sleep(2_500);
          assertTrue(c.isOpen() && d.isOpen(), "both are open while Redis is away");
          redis.restart();
          double later = awaitOne(c, d);
          Results.passed(
              Fault.DUPLICATES,
              String.format(Locale.ROOT, "one is left after %.1f s; after an outage, %.1f s after its end", seconds, later),
              "");
        }
      }
    }
  }

  private static double awaitOne(Once a, Once b) throws InterruptedException {
    long begin = System.nanoTime();
    Program.await(() -> a.ended || b.ended, "one ends", BOUND);
    double seconds = (System.nanoTime() - begin) / 1e9;
    Thread.sleep(1_500);
    assertEquals(1, Stream.of(a, b).filter(Once::isOpen).count(), "streams that live");
    assertFalse(a.ended && b.ended);
    return seconds;
  }
}
