package dev.tidings.interop.networks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import dev.tidings.interop.networks.NetworkServer.Ended;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/** Tests a loss of the network. It happens once, for all machines; each test checks some of its effects. */
@Timeout(60)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LostNetworkTest {
  private static LostNetwork lost;
  private static String kernel;

  @BeforeAll
  static void lose() throws Exception {
    kernel = System.getProperty("os.version").replaceAll("^(\\d+\\.\\d+).*", "$1");
    lost = LostNetwork.lose();
  }

  @AfterAll
  static void close() {
    if (lost != null) {
      lost.close();
    }
  }

  @Test
  void othersGoOnAsEver() throws Exception {
    var delays = new ArrayList<String>();
    for (var client : both(LostNetwork.WELL, "crowd")) {
      client.awaitAfter(lost.awaitBack());
      client.count();
      assertTrue(client.longestDelay().compareTo(LostNetwork.DEADLINE.dividedBy(2)) < 0, client.toString());
      delays.add(client.longestDelay().toMillis() + " ms");
    }
    passed(
        "broadcasts go to clients whose network is lost and to one whose network is not: that one receives each event at once",
        "within " + String.join(" and ", delays),
        "");
  }

  @Test
  void nothingIsLostWhenTheNetworkIsBackInTime() throws Exception {
    String blinked =
        goesOn(
            lost.withDeadline(LostNetwork.BLINK, "idle"),
            lost.withDeadline(LostNetwork.BLINK, "busy"),
            lost.withDeadline(LostNetwork.BLINK, "crowd"));
    passed(
        "the link is up again before the write deadline: idle and busy streams continue, exactly once and in order",
        seconds(LostNetwork.BLINKED) + " down; " + blinked,
        "");
    String away =
        goesOn(
            lost.withDeadline(LostNetwork.BACK, "idle"),
            lost.withoutDeadline(LostNetwork.BACK, "idle"),
            lost.withoutDeadline(LostNetwork.BACK, "busy"),
            lost.withoutDeadline(LostNetwork.BACK, "crowd"));
    passed(
        "the link is up again before the kernel gives up: an idle stream continues, and without the deadline also a busy"
            + " one, exactly once and in order",
        seconds(lost.after(lost.awaitBack())) + " down; " + away,
        "");
  }

  private static String goesOn(NetworkClient... clients) throws Exception {
    var longest = Duration.ZERO;
    for (var client : clients) {
      client.awaitAfter(lost.awaitBack());
      client.count();
      assertTrue(client.isOpenAtServer(), client.toString());
      longest = client.longestSilence().compareTo(longest) > 0 ? client.longestSilence() : longest;
    }
    return "silent for up to " + seconds(longest);
  }

  @Test
  void theWriteDeadlineEndsABusyStream() throws Exception {
    var measured = new ArrayList<String>();
    for (String kind : List.of("busy", "crowd")) {
      var end = lost.withDeadline(LostNetwork.GONE, kind).awaitEnd();
      assertEquals("TOO_SLOW", end.ending());
      var after = lost.after(end.nanos());
      assertTrue(after.compareTo(LostNetwork.DEADLINE) > 0, after.toString());
      assertTrue(after.compareTo(LostNetwork.DEADLINE.multipliedBy(3)) < 0, after.toString());
      measured.add(after(end) + ", when the kernel had buffered " + end.bytes() / 1000 + " KB");
    }
    passed(
        "the link of busy streams stays down: each ends as TOO_SLOW, one write deadline after the kernel's buffer is"
            + " full",
        "deadline " + seconds(LostNetwork.DEADLINE) + "; " + measured.getFirst() + "; with broadcasts "
            + measured.getLast(),
        "");
  }

  @Test
  @Order(1)
  void aServerStopsInTimeAllTheSame() throws Exception {
    var kinds = List.of("idle", "busy", "crowd");
    lost.withDeadline(LostNetwork.GONE, "busy").awaitEnd(); // by now the writes of the others block, too
    for (String kind : kinds) {
      assertTrue(lost.ofStopping(LostNetwork.GONE, kind).isOpenAtServer());
    }
    var took = lost.stop();
    assertTrue(took.compareTo(Duration.ofSeconds(2)) < 0, took.toString());
    for (String kind : kinds) {
      assertEquals("STOPPING", lost.ofStopping(LostNetwork.GONE, kind).awaitEnd().ending());
    }
    passed(
        "a server whose links are down and whose writes block is closed, with a write deadline of a day: it does not wait"
            + " for the kernel, and each stream ends as STOPPING",
        seconds(took),
        "");
  }

  @Test
  void withoutTheDeadlineABusyStreamLastsLonger() throws Exception {
    var broadcast = lost.withoutDeadline(LostNetwork.GONE, "crowd").awaitEnd();
    assertEquals("OVERFLOW", broadcast.ending());
    var sent = lost.withoutDeadline(LostNetwork.GONE, "busy").awaitEnd();
    assertEquals("CLIENT_GONE", sent.ending());
    assertTrue(sent.nanos() > broadcast.nanos());
    passed(
        "the link of busy streams stays down, with a write deadline of a day: a stream with broadcasts ends as OVERFLOW"
            + " when its queue is full, one with a blocked send as CLIENT_GONE when the kernel gives up",
        after(broadcast) + "; " + after(sent) + " with tcp_retries2=" + LostNetwork.RETRIES,
        "");
  }

  @Test
  void anIdleStreamLastsUntilTheKernelGivesUp() throws Exception {
    var measured = new ArrayList<String>();
    for (var client : both(LostNetwork.GONE, "idle")) {
      var end = client.awaitEnd();
      assertEquals("CLIENT_GONE", end.ending());
      assertTrue(lost.after(end.nanos()).compareTo(LostNetwork.DEADLINE.multipliedBy(3)) > 0, end.toString());
      assertTrue(end.sent() > 5, end.toString());
      measured.add(after(end) + ", " + end.sent() + " pings");
    }
    passed(
        "the link of idle streams stays down: the kernel buffers pings until it gives up, and the stream ends as"
            + " CLIENT_GONE",
        "with tcp_retries2=" + LostNetwork.RETRIES + ": " + String.join("; ", measured),
        "a write deadline does not help, because no write blocks; with tcp_retries2=15, the default, it takes about 15"
            + " minutes, which is not tested");
  }

  @Test
  void aClientIsCutAsSoonAsTheNetworkIsBack() throws Exception {
    var client = lost.withDeadline(LostNetwork.BACK, "busy");
    assertEquals("TOO_SLOW", client.awaitEnd().ending());
    String words = client.awaitOver();
    assertTrue(words.startsWith("curl: (18)"), words);
    passed(
        "the link is up again after the write deadline has ended a busy stream: the client receives the events that the"
            + " kernel had buffered, in order, and then the connection is aborted",
        "silent for " + seconds(client.longestSilence()) + "; " + client.count() + " events in total",
        "");
  }

  @Test
  void aMachineThatLostItsPowerIsKnownToBeGoneWhenItIsBack() throws Exception {
    var measured = new ArrayList<String>();
    var clients = new ArrayList<>(both(LostNetwork.DEAD, "idle"));
    clients.add(lost.withoutDeadline(LostNetwork.DEAD, "busy"));
    for (var client : clients) {
      var end = client.awaitEnd();
      assertEquals("CLIENT_GONE", end.ending());
      var after = lost.after(end.nanos()).minus(LostNetwork.OFF);
      assertTrue(!after.isNegative() && after.compareTo(LostNetwork.HEARTBEAT.multipliedBy(5)) < 0, after.toString());
      measured.add(seconds(after));
    }
    passed(
        "the client's machine loses power and restarts: the stream ends as CLIENT_GONE, regardless of the deadline",
        "restarted after " + seconds(LostNetwork.OFF) + "; noticed " + String.join(", ", measured) + " later",
        "");
  }

  @Test
  @Order(Integer.MAX_VALUE - 1)
  void noClientLearnsThatItsNetworkIsGone() throws Exception {
    for (String kind : List.of("idle", "busy", "crowd")) {
      for (var client : both(LostNetwork.GONE, kind)) {
        client.awaitEnd();
        assertFalse(client.isOver(), client.toString());
      }
    }
    var since = lost.after(System.nanoTime());
    passed(
        "a client whose link stays down keeps waiting after the server has ended its stream",
        "for " + since.toMillis() / LostNetwork.HEARTBEAT.toMillis() + " heartbeats",
        "a client that only reads gets no error: it can only notice that no heartbeat arrives");
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void nothingIsLeft() throws Exception {
    lost.awaitForgotten(LostNetwork.GONE);
    String books = lost.leave();
    passed(
        "afterwards the servers have no stream, writer, handler or connection left, and as many sockets and files as"
            + " before; their kernel has no connection with the lost machine",
        books.substring("books: ".length()),
        "");
  }

  private static List<NetworkClient> both(String machine, String kind) {
    return List.of(lost.withDeadline(machine, kind), lost.withoutDeadline(machine, kind));
  }

  private static String after(Ended end) {
    return "after " + seconds(lost.after(end.nanos()));
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0);
  }

  private static void passed(String check, String measured, String deviation) {
    Results.passed(Part.NETWORKS, "Linux", kernel, check, measured, deviation);
  }
}
