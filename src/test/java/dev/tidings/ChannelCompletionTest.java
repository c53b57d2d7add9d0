package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A channel that is completed completes its streams. */
class ChannelCompletionTest {
  private static final Duration HOUR = Duration.ofHours(1);

  private final EventLog log = EventLog.inMemory();
  private final Channel channel = Channel.create("news", log);
  private final Channel other = Channel.create("other", EventLog.inMemory());
  private Site site;

  @AfterEach
  void close() {
    channel.close();
    other.close();
    if (site != null) {
      site.close();
    }
  }

  private void serve(Site.Body body) throws Exception {
    site = new Site(EventSources.create(Settings.defaults().withHeartbeat(HOUR)), body);
  }

  private void serve() throws Exception {
    serve(stream -> {
      channel.join(stream);
      return stream.keepAlive();
    });
  }

  /** Reads to the end, and returns the data of all messages before the completion. */
  private static List<String> rest(Client client) throws Exception {
    var data = new ArrayList<String>();
    for (var message = client.next(); !message.type().equals("tidings:completed"); message = client.next()) {
      data.add(message.data());
    }
    assertEquals(WireFormat.COMPLETED_ID, client.parser().lastEventId());
    assertNull(client.next());
    return data;
  }

  private List<String> publish(int from, int to) {
    return IntStream.range(from, to).mapToObj(Integer::toString).peek(channel::publish).toList();
  }

  @Test
  void liveStreamsReceiveTheRestAndAreCompleted() throws Exception {
    serve();
    var clients = new ArrayList<Client>();
    for (int i = 0; i < 20; i++) {
      clients.add(Client.get(site.uri()).awaitText("id: "));
    }
    var published = publish(0, 300);
    channel.complete();
    for (var client : clients) {
      assertEquals(published, rest(client));
      client.close();
      assertEquals(Ending.COMPLETED, site.ending());
    }
    assertEquals(0, channel.count());
    Await.until("the tail has ended", () -> !channel.tail().isRunning());
  }

  @Test
  void soAreLatecomersWithAndWithoutAnId() throws Exception {
    String first = channel.publish("first");
    var published = publish(0, 2000);
    String last = channel.position();
    channel.complete();
    serve();
    try (var client = Client.get(site.uri(), "Last-Event-ID: " + first)) {
      assertEquals(published, rest(client));
    }
    try (var client = Client.get(site.uri(), "Last-Event-ID: " + last)) {
      assertEquals(List.of(), rest(client));
    }
    try (var client = Client.get(site.uri())) {
      assertEquals(List.of(), rest(client));
    }
    try (var client = Client.get(site.uri(), "Last-Event-ID: unknown")) {
      assertEquals(2002, rest(client).size(), "a gap, and all events");
    }
  }

  @Test
  void aFilterDoesNotHideTheCompletion() throws Exception {
    serve(stream -> {
      channel.join(stream, event -> false);
      return stream.keepAlive();
    });
    try (var live = Client.get(site.uri()).awaitText("id: ")) {
      publish(0, 10);
      channel.complete();
      assertEquals(List.of(), rest(live));
    }
    try (var late = Client.get(site.uri())) {
      assertEquals(List.of(), rest(late));
    }
  }

  @Test
  void aSlowStreamReceivesAllOfIt() throws Exception {
    serve();
    String large = "x".repeat(100_000);
    try (var client = Client.get(site.uri(), 4096).awaitText("id: ")) {
      for (int i = 0; i < 60; i++) { // more than the outbox and the buffers of the kernel hold
        channel.publish(large + i);
      }
      channel.complete();
      var data = rest(client);
      assertEquals(60, data.size());
      assertEquals(large + 59, data.getLast());
    }
  }

  /** All of it is in the queue of the stream, or was read from the log, and the channel is completed. */
  @Test
  void aClientThatLosesItsConnectionBeforeTheCompletionGetsTheRest() throws Exception {
    serve();
    String large = "x".repeat(100_000);
    String before = channel.publish("before");
    for (boolean late : new boolean[] {false, true}) {
      String id;
      var data = new ArrayList<String>();
      try (var client = Client.get(site.uri(), 4096, "Last-Event-ID: " + before)) {
        if (!late) {
          client.awaitText(":\n\n"); // its opening
          for (int i = 0; i < 60; i++) { // more than the outbox and the buffers of the kernel hold
            channel.publish(large + i);
          }
          channel.complete();
        }
        data.addAll(client.data(20));
        id = client.parser().lastEventId();
        client.reset();
      }
      try (var client = Client.get(site.uri(), "Last-Event-ID: " + id)) {
        data.addAll(rest(client));
      }
      assertEquals(
          IntStream.range(0, 60).mapToObj(Integer::toString).toList(),
          data.stream().map(one -> one.substring(large.length())).toList());
    }
    Await.until("all have left", () -> channel.count() == 0);
  }

  @Test
  void nothingCanBePublishedAfterItOnAnyServer() {
    channel.publish("last");
    channel.complete();
    assertEquals("the channel has been completed",
        assertThrows(NotAppendedException.class, () -> channel.publish("late")).getMessage());
    try (var elsewhere = Channel.create("news", log)) {
      assertThrows(NotAppendedException.class, () -> elsewhere.publish("late"));
      assertThrows(NotAppendedException.class, () -> elsewhere.publish(Event.of("late"), "key"));
      elsewhere.complete();
    }
    channel.complete();
  }

  @Test
  void ofSeveralChannelsTheLastOneCompletesTheStream() throws Exception {
    serve(stream -> {
      Channel.joinAll(stream, channel, other);
      return stream.keepAlive();
    });
    String id;
    try (var client = Client.get(site.uri())) {
      client.awaitText("id: ");
      channel.publish("n");
      assertEquals("n", client.next().data());
      channel.complete();
      Await.until("it has left", () -> channel.count() == 0);
      other.publish("o");
      var message = client.next();
      assertEquals("o", message.data());
      id = message.lastEventId();
    }
    // The id still has the position in the completed channel.
    try (var client = Client.get(site.uri(), "Last-Event-ID: " + id)) {
      other.publish("p");
      assertEquals("p", client.next().data());
      Await.until("it has left again", () -> channel.count() == 0);
      other.complete();
      assertEquals(List.of(), rest(client));
    }
    try (var client = Client.get(site.uri(), "Last-Event-ID: " + id)) {
      assertEquals(List.of("p"), rest(client));
    }
  }

  /** The close delivers what was published before, and the client may come back. */
  @Test
  void aStreamThatIsClosedMeanwhileEndsAsItsHandlerSaid() throws Exception {
    serve(stream -> {
      channel.join(stream);
      channel.publish("last");
      channel.complete();
      stream.close();
      return stream.ending().orElseThrow();
    });
    try (var client = Client.get(site.uri())) {
      assertEquals("last", client.next().data());
      client.toEnd();
      assertTrue(List.of(Ending.CLOSED, Ending.COMPLETED).contains(site.ending()));
    }
  }

  /** The client has to come back for the event between the close and the completion. */
  @Test
  void aStreamThatIsClosedBeforeTheCompletionIsNotCompletedByIt() throws Exception {
    var reading = new CountDownLatch(1);
    var asked = new CountDownLatch(1);
    var hold = new CountDownLatch(1);
    var held = new ForwardingLog(log) {
      @Override
      public Reading read(String after, int most, Duration wait) throws InterruptedException {
        reading.countDown();
        hold.await();
        return super.read(after, most, wait);
      }

      @Override
      public String latest() {
        String latest = super.latest();
        asked.countDown();
        return latest;
      }
    };
    String before = channel.publish("before");
    publish(0, 3);
    try (var room = Channel.create("news", held)) {
      serve(stream -> {
        room.join(stream);
        Await.latch("the replay", reading);
        stream.close();
        return stream.ending().orElseThrow();
      });
      String id;
      try (var client = Client.get(site.uri(), "Last-Event-ID: " + before)) {
        Await.latch("the log is asked for its end", asked);
        Await.until("the end is known", () -> VirtualThreads.named("tidings-replay").size() == 1);
        channel.publish("3");
        channel.complete();
        hold.countDown();
        assertEquals(List.of("0", "1", "2"), client.data(3));
        assertNull(client.next());
        assertEquals(Ending.CLOSED, site.ending());
        id = client.parser().lastEventId();
      }
      site.close();
      serve();
      try (var client = Client.get(site.uri(), "Last-Event-ID: " + id)) {
        assertEquals(List.of("3"), rest(client));
      }
    } finally {
      hold.countDown();
    }
  }

  @Test
  void aCompletionWhileTheLogIsAwayReachesTheStreamsLater() throws Exception {
    var away = new AtomicBoolean();
    var log = new ForwardingLog(EventLog.inMemory()) {
      @Override
      public Reading read(String after, int most, Duration wait) throws InterruptedException {
        if (away.get()) {
          throw new UncheckedIOException(new java.io.IOException("away"));
        }
        var reading = super.read(after, most, wait.isZero() ? wait : Duration.ofMillis(20));
        if (away.get()) {
          throw new UncheckedIOException(new java.io.IOException("away"));
        }
        return reading;
      }
    };
    try (var room = new Channel("", log, "gap", Duration.ofMillis(20)); var _ = new LogRecords()) {
      serve(stream -> {
        room.join(stream);
        return stream.keepAlive();
      });
      try (var client = Client.get(site.uri()).awaitText("id: ")) {
        away.set(true);
        room.publish("last");
        room.complete();
        away.set(false);
        assertEquals(List.of("last"), rest(client));
      }
    }
  }

  @Test
  void aLogThatForgetsItsCompletionGoesOn() throws Exception {
    var elapsed = new long[1];
    var short1 = new MemoryEventLog(10, 1000, Duration.ofSeconds(1), java.time.InstantSource.system(), () -> elapsed[0], 0);
    try (var room = Channel.create(short1)) {
      room.publish("last");
      String before = room.position();
      room.complete();
      assertThrows(NotAppendedException.class, () -> room.publish("late"));
      elapsed[0] = Duration.ofSeconds(1).toNanos() + 1;
      String id = room.publish("again");
      assertEquals(id, room.position());
      var reading = short1.read(before, 10, Duration.ZERO);
      assertEquals(List.of(id), reading.events().stream().map(event -> event.id().orElseThrow()).toList());
    }
  }

  @Test
  void reservedNamesAreRefused() {
    for (String name : List.of("tidings:completed", "tidings:position", "tidings:")) {
      var error = assertThrows(IllegalArgumentException.class, () -> channel.publish(name, "x"));
      assertEquals("event names that begin with tidings: are reserved: \"" + name + "\"", error.getMessage());
      assertThrows(IllegalArgumentException.class, () -> channel.publish(Event.of(name, "x"), "key"));
      assertThrows(IllegalArgumentException.class, () -> channel.publishAll(List.of(Event.of("x"), Event.of(name, "x"))));
    }
    assertEquals(channel.position(), log.latest());
    channel.publish("tidings", "x");
  }

  @Test
  void aClosedChannelCannotBeCompleted() {
    channel.close();
    assertThrows(IllegalStateException.class, channel::complete);
    assertThrows(IllegalStateException.class, channel::position);
    assertThrows(IllegalStateException.class, () -> channel.publishAll(List.of()));
  }
}
