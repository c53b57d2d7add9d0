package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** History is sent at the speed of its client, whatever that is, and delays no other client. */
class ReplayTest {
  private static final Duration HOUR = Duration.ofHours(1);
  private static final String KILOBYTE = "x".repeat(1000);

  private static List<String> publish(Channel channel, int from, int to, String text) {
    return IntStream.range(from, to).mapToObj(i -> channel.publish(i + ":" + text)).toList();
  }

  @Test
  void aThousandThatReturnAtOnceDoNotHoldAThousandHistories() throws Exception {
    int streams = 1000;
    int history = 200;
    int live = 50;
    var mayWrite = new CountDownLatch(1);
    var settings = Settings.defaults().withWriteDeadline(Duration.ofMinutes(5)).withHeartbeat(HOUR);
    try (var sources = EventSources.create(settings);
        var channel = Channel.create(EventLog.inMemory(1_000_000, Long.MAX_VALUE, HOUR))) {
      String start = channel.publish("first");
      publish(channel, 0, history, KILOBYTE);
      var all = new ArrayList<EventSource>();
      for (int i = 0; i < streams; i++) {
        all.add(sources.open(stuckExchange(start, mayWrite)));
      }
      try {
        all.forEach(channel::join);
        all.forEach(stream -> Thread.ofVirtual().start(stream::keepAlive)); // as their handlers would
        Await.until("each has a batch", () -> all.stream().allMatch(stream -> stream.traffic().waiting() > 60));
        publish(channel, history, history + live, KILOBYTE); // does not wait for the clients, which are all stuck
        long most = all.stream().mapToLong(stream -> stream.traffic().waiting()).max().orElseThrow();
        assertTrue(most <= Replay.BATCH_BYTES / 1000 + 1, "waiting: " + most);
      } finally {
        mayWrite.countDown();
      }
      for (int i = 0; i < 10; i++) { // a timeout for each share, since a busy machine takes long for all
        long share = (i + 1L) * (history + live) / 10;
        Await.until("all have " + share, () -> all.stream().allMatch(stream -> stream.traffic().sent() >= share));
      }
    }
  }

  /** Mocks a client that reads nothing before the latch opens; a thousand real ones take gigabytes of the kernel. */
  private static HttpExchange stuckExchange(String lastEventId, CountDownLatch mayWrite) {
    var request = new Headers();
    request.set("Last-Event-ID", lastEventId);
    return MockExchange.with(request, new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        try {
          mayWrite.await();
        } catch (InterruptedException e) {
          throw new InterruptedIOException();
        }
      }
    });
  }

  @Test
  void aStalledReplayerIsCutAndDelaysNobody() throws Exception {
    var endings = new LinkedBlockingQueue<Ending>();
    var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(4));
    try (var channel = Channel.create(EventLog.inMemory(1_000_000, Long.MAX_VALUE, HOUR));
        var site = new Site(EventSources.create(settings), stream -> {
          channel.join(stream);
          return stream.keepAlive();
        })) {
      String start = channel.publish("first");
      publish(channel, 0, 400, "x".repeat(50_000));
      try (var healthy = Client.get(site.uri()); var stalled = Client.get(site.uri(), 4096, "Last-Event-ID: " + start)) {
        healthy.awaitText("id: ");
        var streams = List.of(site.opened(), site.opened());
        streams.forEach(stream -> stream.onEnd(endings::add));
        Await.until("it is stuck", () -> streams.stream().anyMatch(stream -> stream.traffic().waiting() > 0));
        for (int i = 0; i < 100; i++) {
          channel.publish("live " + i);
          assertEquals("live " + i, healthy.next().data());
        }
        assertEquals(List.of(), List.copyOf(endings), "no wait for the stalled one, which has not ended yet");
        assertEquals(Ending.TOO_SLOW, Await.next("the end of the stalled stream", endings));
        Await.until("it left the channel", () -> channel.count() == 1);
        channel.publish("still there");
        assertEquals("still there", healthy.next().data());
        stalled.toEndOrCut();
      }
    }
  }

  @Test
  void aSlowReplayerIsPacedAndGetsEverything() throws Exception {
    var settings = Settings.defaults().withWriteDeadline(Duration.ofSeconds(2));
    try (var channel = Channel.create(EventLog.inMemory(1_000_000, Long.MAX_VALUE, HOUR));
        var site = new Site(EventSources.create(settings), stream -> {
          channel.join(stream);
          return stream.keepAlive();
        })) {
      String start = channel.publish("first");
      publish(channel, 0, 8000, KILOBYTE);
      var most = new AtomicLong();
      try (var client = Client.get(site.uri(), 4096, "Last-Event-ID: " + start)) {
        var stream = site.opened();
        for (int i = 0; i < 8100; i++) {
          if (i < 100) {
            channel.publish(8000 + i + ":" + KILOBYTE);
          }
          assertEquals(i + ":" + KILOBYTE, client.next().data());
          if (i % 50 == 0) {
            LockSupport.parkNanos(20_000_000);
            long waiting = stream.traffic().waiting();
            most.accumulateAndGet(waiting, Math::max);
          }
        }
        assertTrue(stream.isOpen());
        assertTrue(most.get() > 0 && most.get() <= Replay.BATCH_BYTES / 1000 + 1, () -> "waiting: " + most);
      }
    }
  }
}
