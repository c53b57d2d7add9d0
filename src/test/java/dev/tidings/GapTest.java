package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.WhatwgParser.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A log that loses events while streams are live. */
class GapTest {
  private static final Duration HOUR = Duration.ofHours(1);

  /** A log that keeps one event. While it is held, the tail does not read, so that it misses events. */
  private static final class LossyLog extends ForwardingLog {
    private final AtomicReference<CountDownLatch> hold = new AtomicReference<>(new CountDownLatch(0));
    private final AtomicInteger replays = new AtomicInteger(); // reads without a wait

    LossyLog() {
      super(EventLog.inMemory(1, 1_000_000, HOUR));
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      if (wait.isZero()) {
        replays.incrementAndGet();
        return super.read(after, most, wait);
      }
      while (true) {
        var held = hold.get();
        held.await();
        var reading = super.read(after, most, Duration.ofMillis(5));
        if (held == hold.get() && (!reading.covered() || !reading.events().isEmpty())) {
          return reading;
        }
      }
    }

    CountDownLatch hold() {
      var latch = new CountDownLatch(1);
      hold.set(latch);
      return latch;
    }
  }

  private final LossyLog log = new LossyLog();
  private final Channel channel = Channel.create("news", log);
  private Site site;

  @AfterEach
  void close() {
    channel.close();
    if (site != null) {
      site.close();
    }
  }

  private void serve(Site.Body body) throws Exception {
    site = new Site(EventSources.create(Settings.defaults().withHeartbeat(HOUR)), body);
  }

  private List<Client> connect(int count) throws Exception {
    var clients = new ArrayList<Client>();
    for (int i = 0; i < count; i++) {
      clients.add(Client.get(site.uri()).awaitText("id: "));
    }
    Await.until("all are live", () -> VirtualThreads.named("tidings-replay").isEmpty());
    return clients;
  }

  @Test
  void allLiveStreamsAreToldByOneGapAndNoneReadsForItself() throws Exception {
    serve(stream -> {
      channel.join(stream);
      return stream.keepAlive();
    });
    var clients = connect(50);
    String before = channel.publish("before");
    for (var client : clients) {
      assertEquals("before", client.next().data());
    }
    int replays = log.replays.get();
    var held = log.hold();
    channel.publish("lost 1");
    String lost = channel.publish("lost 2");
    String kept = channel.publish("kept");
    held.countDown();
    for (var client : clients) {
      assertEquals(
          new Message("gap", "{\"channel\":\"news\",\"after\":\"" + before + "\",\"from\":\"" + lost + "\",\"missed\":2}", lost), client.next());
      assertEquals(new Message("message", "kept", kept), client.next());
    }
    channel.publish("after");
    for (var client : clients) {
      assertEquals("after", client.next().data());
      client.close();
    }
    assertEquals(replays, log.replays.get());
  }

  @Test
  void noFilterHidesAGap() throws Exception {
    serve(stream -> {
      channel.join(stream, event -> false);
      return stream.keepAlive();
    });
    try (var client = connect(1).getFirst()) {
      var held = log.hold();
      channel.publish("lost");
      channel.publish("kept");
      held.countDown();
      assertEquals("gap", client.next().type());
    }
  }

  /** What the tail remembers from before a gap need not be followed by what came after it, and filters may skip gaps. */
  @Test
  void aStreamFromBeforeTheGapReadsTheLog() throws Exception {
    serve(stream -> {
      if (stream.identifier().isPresent()) {
        channel.join(stream, event -> event.data().equals(Optional.of("kept")));
      } else {
        channel.join(stream);
      }
      return stream.keepAlive();
    });
    try (var live = connect(1).getFirst()) {
      String earlier = channel.publish("earlier");
      assertEquals("earlier", live.next().data());
      String before = channel.publish("before");
      assertEquals("before", live.next().data());
      var held = log.hold();
      String lost = channel.publish("lost");
      channel.publish("kept");
      held.countDown();
      assertEquals("gap", live.next().type());
      assertEquals("kept", live.next().data());
      for (String position : List.of(earlier, before)) {
        for (var uri : List.of(site.uri(), site.uri("filtered"))) {
          try (var back = Client.get(uri, "Last-Event-ID: " + position)) {
            assertEquals("{\"channel\":\"news\",\"after\":\"" + position + "\",\"from\":\"" + lost + "\",\"missed\":"
                + (position.equals(earlier) ? 2 : 1) + "}", back.next().data());
            assertEquals("kept", back.next().data());
          }
        }
      }
    }
  }

  /** The end of the log when the stream was closed may be inside the gap. */
  @Test
  void aStreamThatIsClosingArrivesDespiteTheGap() throws Exception {
    var closes = new CountDownLatch(1);
    serve(stream -> {
      channel.join(stream);
      stream.flush();
      Await.latch("the loss", closes);
      stream.close();
      return stream.ending().orElseThrow();
    });
    try (var client = connect(1).getFirst()) {
      var held = log.hold();
      channel.publish("lost");
      closes.countDown();
      Await.until("the stream is closing", () -> site.sources.stats().open() == 0);
      channel.publish("kept");
      held.countDown();
      assertEquals("gap", client.next().type());
      client.toEnd();
      assertEquals(Ending.CLOSED, site.ending());
    }
  }

  @Test
  void severalLossesAreSeveralGaps() throws Exception {
    serve(stream -> {
      channel.join(stream);
      return stream.keepAlive();
    });
    try (var client = connect(1).getFirst()) {
      for (int i = 0; i < 5; i++) {
        var held = log.hold();
        channel.publish("lost");
        channel.publish("lost, too");
        channel.publish("kept " + i);
        held.countDown();
        assertEquals("gap", client.next().type());
        assertEquals("kept " + i, client.next().data());
      }
    }
  }
}
